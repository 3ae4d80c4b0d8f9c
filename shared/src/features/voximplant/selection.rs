//! How commands name the users, skills and queues they are about: a list of ids, a list of names, or `all`.

use crate::ids::{AccountId, ApplicationId, PhoneUserId, QueueId, SkillId};
use crate::limits::{MAX_BOUND_USERS, MAX_LISTED};
use crate::store::grants::{Action, Grant};
use crate::store::voximplant::applications;
use crate::store::voximplant::binding::{Binding, Work};
use crate::store::voximplant::queues::Routing;
use crate::store::voximplant::users::{self, Stored};
use crate::store::{Store, Table};
use crate::voximplant::{Parameter, Queue, Refusal, Skill, UserName};
use crate::wire::voximplant::{Error, IdList, SemicolonList, Text};
use std::collections::HashSet;
use std::hash::Hash;

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection<I> {
    /// Everything there is.
    All,
    /// These ids, each once.
    Ids(Vec<I>),
    /// These names, each once.
    Names(Vec<String>),
}

/// The parameters that name one kind of thing: by id, and by name.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    id: &'static str,
    name: &'static str,
    both: &'static str,
}

/// `application_id` and `application_name`.
pub const APPLICATIONS: Pair =
    Pair { id: "application_id", name: "application_name", both: "application_id, application_name" };
/// `user_id` and `user_name`.
pub const USERS: Pair = Pair { id: "user_id", name: "user_name", both: "user_id, user_name" };
/// `skill_id` and `skill_name`.
pub const SKILLS: Pair = Pair { id: "skill_id", name: "skill_name", both: "skill_id, skill_name" };
/// `acd_queue_id` and `acd_queue_name`.
pub const QUEUES: Pair = Pair { id: "acd_queue_id", name: "acd_queue_name", both: "acd_queue_id, acd_queue_name" };

impl Pair {
    /// Reads the pair, of which at most one may be given (code 458).
    pub fn read<I: Copy + Eq + Hash>(
        self,
        ids: Option<IdList>,
        names: Option<SemicolonList<Text>>,
        id: impl Fn(u64) -> Option<I>,
    ) -> Result<Option<Selection<I>>, Refusal> {
        let ids = ids.filter(|ids| *ids != IdList::Listed(Vec::new()));
        let names = names.filter(|names| !names.0.is_empty());
        match (ids, names) {
            (Some(_), Some(_)) => Err(Refusal::OnlyOneOf(self.both)),
            (Some(IdList::All), None) => Ok(Some(Selection::All)),
            (Some(IdList::Listed(ids)), None) => {
                let ids = ids.into_iter().map(id).collect::<Option<Vec<I>>>();
                let ids = ids.ok_or(Refusal::Invalid(Parameter(self.id)))?;
                Ok(Some(Selection::Ids(once(ids, self.id)?)))
            }
            (None, Some(names)) => {
                let names = names.0.into_iter().map(|name| name.0).collect();
                Ok(Some(Selection::Names(once(names, self.name)?)))
            }
            (None, None) => Ok(None),
        }
    }

    /// Reads a pair that must be given (code 485).
    pub fn required<I: Copy + Eq + Hash>(
        self,
        ids: Option<IdList>,
        names: Option<SemicolonList<Text>>,
        id: impl Fn(u64) -> Option<I>,
    ) -> Result<Selection<I>, Refusal> {
        self.read(ids, names, id)?.ok_or(Refusal::Missing(self.id))
    }
}

/// Each value once, in the order of their first mention.
fn once<T: Clone + Eq + Hash>(mut values: Vec<T>, field: &'static str) -> Result<Vec<T>, Refusal> {
    if values.len() > MAX_LISTED {
        return Err(Refusal::ListTooLong(field));
    }
    let mut seen = HashSet::with_capacity(values.len());
    values.retain(|value| seen.insert(value.clone()));
    Ok(values)
}

/// The selected ones of these things; each must exist.
fn select<I: Copy + Eq, T: Clone>(
    selection: &Selection<I>,
    things: &[T],
    pair: Pair,
    id: impl Fn(&T) -> I,
    name: impl Fn(&T) -> &str,
) -> Result<Vec<T>, Refusal> {
    let one = |found: Option<&T>, field| found.cloned().ok_or(Refusal::Invalid(Parameter(field)));
    match selection {
        Selection::All => Ok(things.to_vec()),
        Selection::Ids(ids) => {
            let found = ids.iter().map(|wanted| one(things.iter().find(|thing| id(thing) == *wanted), pair.id));
            found.collect()
        }
        Selection::Names(names) => {
            let found = names.iter().map(|wanted| one(things.iter().find(|thing| name(thing) == wanted), pair.name));
            found.collect()
        }
    }
}

impl Selection<SkillId> {
    /// The selected skills of the account; 222 for an unknown id.
    pub fn skills(&self, skills: &[Skill]) -> Result<Vec<SkillId>, Refusal> {
        let chosen = select(self, skills, SKILLS, |skill| skill.id, |skill| skill.name.as_str())?;
        Ok(chosen.iter().map(|skill| skill.id).collect())
    }
}

impl Selection<QueueId> {
    /// The selected queues of the account; 218 for an unknown id. With an application, `all` and names mean its queues
    /// only, and an id of another application's queue is refused (381). Without one, a name that queues of several
    /// applications have is refused (485).
    pub fn queues(&self, queues: &[Queue], application: Option<ApplicationId>) -> Result<Vec<Queue>, Refusal> {
        let inside = |queue: &Queue| application.is_none_or(|application| queue.application == application);
        let ours: Vec<Queue> = queues.iter().filter(|queue| inside(queue)).cloned().collect();
        if let Self::Names(names) = self {
            let several = |name: &String| ours.iter().filter(|queue| queue.name.as_str() == name).count() > 1;
            if names.iter().any(several) {
                return Err(Refusal::Missing("application_id"));
            }
        }
        let among = if matches!(self, Self::Ids(_)) { queues } else { &ours };
        let chosen = select(self, among, QUEUES, |queue| queue.id, |queue| queue.name.as_str())?;
        if chosen.iter().all(inside) { Ok(chosen) } else { Err(Refusal::QueueOfOtherApplication) }
    }
}

/// The users a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Users {
    /// Named one by one: already read, in the order in which they were named.
    Listed(Vec<Stored>),
    /// All users: by id, not yet read.
    All(Vec<PhoneUserId>),
}

impl Users {
    /// The work of changing them.
    #[must_use]
    pub fn work(self, account: AccountId, binding: Binding, routing: Routing) -> Work {
        match self {
            Self::Listed(users) => Work::new(account, binding, users, routing),
            Self::All(users) => Work::unread(account, binding, users, routing),
        }
    }
}

impl Selection<PhoneUserId> {
    /// What [`Selection::users`] needs.
    pub const USERS: &'static [Grant] = &[
        Grant::on(Table::Voximplant, Action::BatchGetItem),
        Grant::on(Table::Voximplant, Action::Query),
        Grant::query(Table::Voximplant, "app_by_id"),
    ];

    /// The selected users; 117 for an unknown id, 485 for names without an application, `stranger` for a user of
    /// another application.
    pub async fn users(
        &self,
        store: &Store,
        account: AccountId,
        application: Option<ApplicationId>,
        stranger: &Refusal,
    ) -> Result<Users, Error> {
        match self {
            Self::All => everybody(store, account, application).await.map(Users::All),
            Self::Ids(_) | Self::Names(_) => {
                self.listed(store, account, application, stranger).await.map(Users::Listed)
            }
        }
    }

    /// The users named one by one; `all` names nobody.
    pub async fn listed(
        &self,
        store: &Store,
        account: AccountId,
        application: Option<ApplicationId>,
        stranger: &Refusal,
    ) -> Result<Vec<Stored>, Error> {
        let (ids, missing) = match self {
            Self::All => return Ok(Vec::new()),
            Self::Ids(ids) => (ids.clone(), Refusal::Invalid(Parameter(USERS.id))),
            Self::Names(names) => {
                let application = application.ok_or(Refusal::Missing("application_id"))?;
                (users_by_name(store, account, application, names).await?, Refusal::Invalid(Parameter(USERS.name)))
            }
        };
        let mut found = users::find_all(store, account, &ids).await?;
        let users = ids.iter().map(|id| found.remove(id).ok_or_else(|| missing.clone()));
        let users = users.collect::<Result<Vec<_>, _>>()?;
        let inside = |stored: &Stored| application.is_none_or(|application| stored.user.application == application);
        if users.iter().all(inside) { Ok(users) } else { Err(stranger.clone().into()) }
    }
}

/// The users of these names in an application, every one of which must exist, in the order of the names.
pub async fn users_by_name(
    store: &Store,
    account: AccountId,
    application: ApplicationId,
    names: &[String],
) -> Result<Vec<PhoneUserId>, Error> {
    let unknown = Refusal::Invalid(Parameter(USERS.name));
    // A text that cannot be a name is no user's name.
    let names = names.iter().map(|name| UserName::parse(name).map_err(|_| unknown.clone()));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let ids = users::ids_by_names(store, account, application, &names).await?;
    if ids.len() == names.len() { Ok(ids) } else { Err(unknown.into()) }
}

async fn everybody(
    store: &Store,
    account: AccountId,
    application: Option<ApplicationId>,
) -> Result<Vec<PhoneUserId>, Error> {
    let applications = match application {
        Some(application) => vec![application],
        None => applications::list(store, account).await?.iter().map(|application| application.id).collect(),
    };
    let ids = users::ids(store, account, &applications, MAX_BOUND_USERS.saturating_add(1)).await?;
    if ids.len() > MAX_BOUND_USERS { Err(Refusal::TooManySelected(USERS.id).into()) } else { Ok(ids) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Node;
    use crate::wire::decode_field;

    fn ids(text: &str) -> Option<IdList> {
        decode_field(&Node::Text(text.into())).ok()
    }

    fn read(text: &str) -> Result<Option<Selection<PhoneUserId>>, Refusal> {
        USERS.read(ids(text), None, PhoneUserId::new)
    }

    #[test]
    fn lists_are_read_as_the_clients_write_them() {
        assert_eq!(ids("all"), Some(IdList::All));
        assert_eq!(ids("3;55"), Some(IdList::Listed(vec![3, 55])));
        assert_eq!(ids(";3;;"), Some(IdList::Listed(vec![3])));
        assert_eq!(ids("0"), Some(IdList::Listed(Vec::new())));
        for bad in ["all;1", "ALL", "1;0", "-1", "1,2", "1;x", "9223372036854775808"] {
            assert_eq!(ids(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_value_counts_once_and_nothing_is_not_given() {
        let [three, five] = [3, 5].map(|id| PhoneUserId::new(id).unwrap());
        assert_eq!(read("5;3;5"), Ok(Some(Selection::Ids(vec![five, three]))));
        assert_eq!(read("0"), Ok(None));
        assert_eq!(read(";"), Ok(None));
        assert_eq!(USERS.required(ids("0"), None, PhoneUserId::new), Err(Refusal::Missing("user_id")));
    }

    #[test]
    fn a_pair_is_given_one_way_and_a_list_has_its_bound() {
        let names = Some(SemicolonList(vec![Text("a".into())]));
        assert_eq!(USERS.read(ids("1"), names, PhoneUserId::new).unwrap_err().code(), 458);
        let long = "1;".repeat(MAX_LISTED + 1);
        assert_eq!(read(&long).unwrap_err().code(), 499);
        assert!(read(&"1;".repeat(MAX_LISTED)).is_ok());
    }
}
