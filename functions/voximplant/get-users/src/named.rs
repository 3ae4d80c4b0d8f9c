//! The skills and queues that filters name.

use super::Request;
use shared::ids::{AccountId, PhoneUserId, QueueId, SkillId};
use shared::prelude::*;
use shared::store::Store;
use shared::store::voximplant::members::{self, Group};
use shared::store::voximplant::{queues, skills};
use shared::voximplant::{Parameter, Refusal};
use shared::wire::voximplant::{Error, Ids};
use std::collections::HashSet;

/// The skills and queues a request names; each must exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) skill: Option<u64>,
    excluded_skill: Option<u64>,
    queue: Option<u64>,
    excluded_queue: Option<u64>,
    pub(super) showing: Option<u64>,
}

impl Named {
    pub(super) fn of(request: &Request) -> Self {
        let id = |ids: Option<Ids>| ids.and_then(|ids| ids.0);
        Self {
            skill: id(request.skill_id),
            excluded_skill: id(request.excluded_skill_id),
            queue: id(request.acd_queue_id),
            excluded_queue: id(request.excluded_acd_queue_id),
            showing: id(request.showing_skill_id),
        }
    }

    /// Whether members of any have to be known before users are chosen.
    pub(super) fn filters(self) -> bool {
        [self.skill, self.excluded_skill, self.queue, self.excluded_queue].iter().any(Option::is_some)
    }

    /// The members of all of them: of the wanted ones and of the excluded ones.
    pub(super) async fn members(self, store: &Store, account: AccountId) -> Result<(Members, Members), Error> {
        // Read at once; of several that do not exist, the first is blamed, whichever answer comes first.
        let (skill, excluded_skill, queue, excluded_queue, showing) = try_join!(
            async { Ok::<_, Error>(with_skill(store, account, self.skill, "skill_id").await) },
            async { Ok(with_skill(store, account, self.excluded_skill, "excluded_skill_id").await) },
            async { Ok(serving(store, account, self.queue, "acd_queue_id").await) },
            async { Ok(serving(store, account, self.excluded_queue, "excluded_acd_queue_id").await) },
            async { Ok(existing(store, account, self.showing).await) },
        )?;
        let (skill, excluded_skill, queue, excluded_queue) = (skill?, excluded_skill?, queue?, excluded_queue?);
        showing?;
        Ok((skill.into_iter().chain(queue).collect(), excluded_skill.into_iter().chain(excluded_queue).collect()))
    }
}

pub(super) type Members = Vec<HashSet<PhoneUserId>>;

async fn with_skill(
    store: &Store,
    account: AccountId,
    id: Option<u64>,
    field: &'static str,
) -> Result<Option<HashSet<PhoneUserId>>, Error> {
    let Some(id) = id else { return Ok(None) };
    let unknown = Refusal::Invalid(Parameter(field));
    let skill = SkillId::new(id).ok_or(unknown.clone())?;
    let (exists, members) =
        try_join!(skills::exists(store, account, skill), members::of(store, account, Group::Skill(skill)))?;
    if exists { Ok(Some(members)) } else { Err(unknown.into()) }
}

async fn serving(
    store: &Store,
    account: AccountId,
    id: Option<u64>,
    field: &'static str,
) -> Result<Option<HashSet<PhoneUserId>>, Error> {
    let Some(id) = id else { return Ok(None) };
    let unknown = Refusal::Invalid(Parameter(field));
    let queue = QueueId::new(id).ok_or(unknown.clone())?;
    let (found, members) =
        try_join!(queues::find(store, account, queue), members::of(store, account, Group::Queue(queue)))?;
    if found.is_some() { Ok(Some(members)) } else { Err(unknown.into()) }
}

async fn existing(store: &Store, account: AccountId, skill: Option<u64>) -> Result<(), Error> {
    let Some(id) = skill else { return Ok(()) };
    let unknown = Refusal::Invalid(Parameter("showing_skill_id"));
    let skill = SkillId::new(id).ok_or(unknown.clone())?;
    if skills::exists(store, account, skill).await? { Ok(()) } else { Err(unknown.into()) }
}
