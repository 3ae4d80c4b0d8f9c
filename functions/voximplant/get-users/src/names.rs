//! The names of skills and queues beside their users.

use shared::ids::{AccountId, QueueId, SkillId};
use shared::prelude::*;
use shared::store::voximplant::{queues, skills, users};
use shared::store::{Store, StoreError};
use shared::voximplant::PhoneUser;
use shared::wire::voximplant::{QueueOfUser, SkillInfo};
use std::collections::{BTreeSet, HashMap};

/// The names of everything a page of users shows.
#[derive(Debug, Default)]
pub(super) struct Names {
    skills: Option<HashMap<SkillId, String>>,
    queues: Option<HashMap<QueueId, String>>,
}

impl Names {
    pub(super) async fn read(
        store: &Store,
        account: AccountId,
        rows: &[users::Row],
        with_skills: bool,
        with_queues: bool,
    ) -> Result<Self, StoreError> {
        let of_skills = async {
            let ids: BTreeSet<SkillId> = rows.iter().flat_map(|row| row.user.skills.iter().copied()).collect();
            let ids: Vec<SkillId> = ids.into_iter().collect();
            if with_skills { Ok::<_, StoreError>(Some(skills::names(store, account, &ids).await?)) } else { Ok(None) }
        };
        let of_queues = async {
            let links = rows.iter().flat_map(|row| &row.user.queues);
            let ids: BTreeSet<QueueId> = links.map(|link| link.queue).collect();
            let ids: Vec<QueueId> = ids.into_iter().collect();
            if with_queues { Ok::<_, StoreError>(Some(queues::names(store, account, &ids).await?)) } else { Ok(None) }
        };
        let (skills, queues) = try_join!(of_skills, of_queues)?;
        Ok(Self { skills, queues })
    }

    pub(super) fn skills_of(&self, user: &PhoneUser, showing: Option<u64>) -> Option<Vec<SkillInfo>> {
        let names = self.skills.as_ref()?;
        let shown = user.skills.iter().filter(|skill| showing.is_none_or(|showing| showing == skill.get()));
        let infos = shown.filter_map(|skill| {
            let skill_name = names.get(skill)?.clone();
            Some(SkillInfo { skill_id: *skill, skill_name })
        });
        Some(infos.collect())
    }

    pub(super) fn queues_of(&self, user: &PhoneUser) -> Option<Vec<QueueOfUser>> {
        let names = self.queues.as_ref()?;
        let infos = user.queues.iter().filter_map(|link| {
            let acd_queue_name = names.get(&link.queue)?.clone();
            Some(QueueOfUser { acd_queue_id: link.queue, acd_queue_name, auto_link: link.auto })
        });
        Some(infos.collect())
    }
}
