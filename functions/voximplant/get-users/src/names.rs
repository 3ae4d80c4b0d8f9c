//! The names of the skills and queues that listed users have.

use shared::ids::{AccountId, QueueId, SkillId};
use shared::prelude::*;
use shared::store::voximplant::{lists, queues, skills};
use shared::store::{Store, StoreError};
use shared::voximplant::PhoneUser;
use shared::wire::voximplant::{QueueOfUser, SkillInfo};
use std::collections::{BTreeSet, HashMap};

/// The names of all skills and queues in a list of users.
#[derive(Debug, Default)]
pub(super) struct Names {
    skills: Option<HashMap<SkillId, String>>,
    queues: Option<HashMap<QueueId, String>>,
}

impl Names {
    pub(super) fn new(with_skills: bool, with_queues: bool) -> Self {
        Self { skills: with_skills.then(HashMap::new), queues: with_queues.then(HashMap::new) }
    }

    /// Reads the names that these users need and that are not known yet.
    pub(super) async fn read(
        &mut self,
        store: &Store,
        account: AccountId,
        rows: &[lists::Row],
    ) -> Result<(), StoreError> {
        let of_skills = async {
            let Some(known) = &mut self.skills else { return Ok(()) };
            let ids: BTreeSet<SkillId> = rows.iter().flat_map(|row| row.user.skills.iter().copied()).collect();
            let ids: Vec<SkillId> = ids.into_iter().filter(|id| !known.contains_key(id)).collect();
            known.extend(skills::names(store, account, &ids).await?);
            Ok::<_, StoreError>(())
        };
        let of_queues = async {
            let Some(known) = &mut self.queues else { return Ok(()) };
            let links = rows.iter().flat_map(|row| &row.user.queues);
            let ids: BTreeSet<QueueId> = links.map(|link| link.queue).collect();
            let ids: Vec<QueueId> = ids.into_iter().filter(|id| !known.contains_key(id)).collect();
            known.extend(queues::names(store, account, &ids).await?);
            Ok(())
        };
        try_join!(of_skills, of_queues).map(|_| ())
    }

    pub(super) fn skills_of(&self, user: &PhoneUser, showing: Option<SkillId>) -> Option<Vec<SkillInfo>> {
        let names = self.skills.as_ref()?;
        let shown = user.skills.iter().filter(|skill| showing.is_none_or(|showing| showing == **skill));
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
