//! Parameters that need reads before users are chosen: skills and queues, whose members are read, and parts of names.

use super::Request;
use futures_util::future::join_all;
use shared::ids::{AccountId, PhoneUserId, QueueId, SkillId};
use shared::prelude::*;
use shared::store::voximplant::members::{self, Group};
use shared::store::voximplant::texts;
use shared::store::voximplant::{queues, skills};
use shared::store::{Store, StoreError};
use shared::text::Part;
use shared::voximplant::{Parameter, Refusal};
use shared::wire::voximplant::{Error, Ids, Text};
use std::collections::HashSet;

/// What a named skill or queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Among,
    NotAmong,
    Showing,
}

/// A skill or queue that a parameter names.
#[derive(Debug, Clone, Copy)]
struct Mention {
    /// `None` if nothing can have the id.
    group: Option<Group>,
    field: &'static str,
    purpose: Use,
}

/// The skills, queues and parts of names that a request names.
#[derive(Debug)]
pub(super) struct Named {
    mentions: Vec<Mention>,
    name_part: Option<Part>,
    display_part: Option<Part>,
}

/// Which users may be listed and which may not, as far as that is known before users are read.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) among: Vec<HashSet<PhoneUserId>>,
    pub(super) not_among: Vec<HashSet<PhoneUserId>>,
}

impl Named {
    pub(super) fn of(request: &Request) -> Self {
        let skill = |id: u64| SkillId::new(id).map(Group::Skill);
        let queue = |id: u64| QueueId::new(id).map(Group::Queue);
        let mention = |ids: Option<Ids>, group: &dyn Fn(u64) -> Option<Group>, field, purpose| {
            ids.and_then(|ids| ids.0).map(|id| Mention { group: group(id), field, purpose })
        };
        let mentions = [
            mention(request.skill_id, &skill, "skill_id", Use::Among),
            mention(request.excluded_skill_id, &skill, "excluded_skill_id", Use::NotAmong),
            mention(request.acd_queue_id, &queue, "acd_queue_id", Use::Among),
            mention(request.excluded_acd_queue_id, &queue, "excluded_acd_queue_id", Use::NotAmong),
            mention(request.showing_skill_id, &skill, "showing_skill_id", Use::Showing),
        ];
        // A user who is named by id needs no search.
        let by_id = request.user_id.is_some_and(|id| id.0.is_some());
        let part = |text: &Option<Text>| text.as_ref().filter(|_| !by_id).map(|part| Part::of(&part.0));
        Self {
            mentions: mentions.into_iter().flatten().collect(),
            name_part: part(&request.user_name),
            display_part: part(&request.user_display_name),
        }
    }

    /// Whether anything must be read before users are chosen.
    pub(super) fn filters(&self) -> bool {
        let filters = self.mentions.iter().any(|mention| mention.purpose != Use::Showing);
        filters || self.name_part.is_some() || self.display_part.is_some()
    }

    /// The only skill to show, if the request names one.
    pub(super) fn showing(&self) -> Option<SkillId> {
        self.mentions.iter().find_map(|mention| match (mention.purpose, mention.group) {
            (Use::Showing, Some(Group::Skill(skill))) => Some(skill),
            _ => None,
        })
    }

    /// Reads the members of all named skills and queues at once; each must exist.
    pub(super) async fn members(&self, store: &Store, account: AccountId) -> Result<Members, Error> {
        let mentioned = async {
            Ok::<_, StoreError>(join_all(self.mentions.iter().map(|mention| mention.members(store, account))).await)
        };
        let (name, display) = (self.name_part.as_ref(), self.display_part.as_ref());
        let (mentioned, candidates) = try_join!(mentioned, texts::candidates(store, account, name, display))?;
        let mut found = Members { among: candidates.into_iter().collect(), ..Members::default() };
        // If several do not exist, the first in `mentions` is reported, whichever answer came first.
        for (mention, members) in self.mentions.iter().zip(mentioned) {
            let members = members?;
            match mention.purpose {
                Use::Among => found.among.push(members),
                Use::NotAmong => found.not_among.push(members),
                Use::Showing => {}
            }
        }
        Ok(found)
    }
}

impl Mention {
    /// The members; none are read if it is only to be shown.
    async fn members(self, store: &Store, account: AccountId) -> Result<HashSet<PhoneUserId>, Error> {
        let unknown = Refusal::Invalid(Parameter(self.field));
        let group = self.group.ok_or_else(|| unknown.clone())?;
        let exists = async {
            match group {
                Group::Skill(skill) => skills::exists(store, account, skill).await,
                Group::Queue(queue) => Ok(queues::find(store, account, queue).await?.is_some()),
            }
        };
        let members = async {
            match self.purpose {
                Use::Among | Use::NotAmong => members::of(store, account, group).await,
                Use::Showing => Ok(HashSet::new()),
            }
        };
        let (exists, members) = try_join!(exists, members)?;
        if exists { Ok(members) } else { Err(unknown.into()) }
    }
}
