//! Records of answers, with exactly the keys the clients have been seen to get (reference/voximplant.md §2, §3).

use super::{Count, Cursor};
use crate::ids::{ApplicationId, PhoneUserId, QueueId, SkillId};
use crate::ledger::Money;
use crate::limits::MAX_COUNT;
use crate::voximplant::{AccountName, AcdStatus, Application, PhoneUser, Queue, ServiceProbability};
use crate::wire::filled_page::{FilledPage, fill_page};
use schemars::JsonSchema;
use serde::Serialize;

/// Records in an answer when the caller asks for no number.
const DEFAULT_COUNT: usize = 20;

/// `result` is always 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApplicationCreated {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    pub result: u8,
    /// The new application.
    pub application_id: ApplicationId,
    /// Its full name.
    pub application_name: String,
    /// As asked for.
    pub secure_record_storage: bool,
}

/// A list: records, how many, and how many there are.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ListAnswer<T> {
    /// The records.
    pub result: Vec<T>,
    /// Records in this answer.
    pub count: usize,
    /// Records that match, before offset and count.
    pub total_count: u64,
    /// Present when the answer was ended by its size: ask again with it as `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T: Serialize> ListAnswer<T> {
    /// The answer with the rows that have been taken; `cut` says that more records follow the last one although the
    /// caller asked for them. Nothing is left out silently: `next_cursor` leads to the rest.
    #[must_use]
    pub fn of(taken: FilledPage<T, String>, total_count: u64, cut: bool) -> Self {
        let FilledPage { rows: result, last, full, .. } = taken;
        let next_cursor = last.filter(|_| cut || full).map(|last| Cursor::seal(&last));
        Self { count: result.len(), result, total_count, next_cursor }
    }
}

/// The part of a list that a caller wants to see, for a list small enough to be read completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    wanted: usize,
    offset: usize,
    after: Option<String>,
}

impl Page {
    /// 20 records from the beginning, unless asked for others.
    #[must_use]
    pub fn new(count: Option<Count>, offset: Option<Count>, cursor: Option<Cursor>) -> Self {
        Self {
            wanted: count.map_or(DEFAULT_COUNT, |count| count.0),
            // The cursor already includes the offset.
            offset: if cursor.is_some() { 0 } else { offset.map_or(0, |offset| offset.0) },
            after: cursor.map(|cursor| cursor.0),
        }
    }

    /// The answer with the wanted ones of all `matches`, which come with their places in the order.
    #[must_use]
    pub fn of<T: Serialize>(&self, matches: Vec<(String, T)>) -> ListAnswer<T> {
        let total = u64::try_from(matches.len()).unwrap_or(u64::MAX);
        let behind = matches.into_iter().filter(|(place, _)| self.after.as_ref().is_none_or(|after| place > after));
        let mut behind = behind.skip(self.offset);
        let page: Vec<(String, T)> = behind.by_ref().take(self.wanted.min(MAX_COUNT)).collect();
        let cut = self.wanted > MAX_COUNT && behind.next().is_some();
        ListAnswer::of(fill_page(page.into_iter().map(|(place, record)| (record, place))), total, cut)
    }
}

/// The answer of a command that has nothing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Done {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    result: u8,
}

impl Done {
    /// It is done.
    pub const ANSWER: Self = Self { result: 1 };
}

/// An application, `ApplicationInfoType`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApplicationInfo {
    /// Id.
    pub application_id: ApplicationId,
    /// Full name.
    pub application_name: String,
    /// The full name again: the original adds the label of a node, and there are none here.
    pub extended_application_name: String,
    /// Whether records are kept in secure storage.
    pub secure_record_storage: bool,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub modified: String,
}

impl ApplicationInfo {
    /// The record of an application of this account.
    #[must_use]
    pub fn new(application: &Application, account: &AccountName) -> Self {
        let name = application.name.full(account);
        Self {
            application_id: application.id,
            application_name: name.clone(),
            extended_application_name: name,
            secure_record_storage: application.secure_record_storage,
            created: application.created.wire(),
            modified: application.modified.wire(),
        }
    }
}

/// A skill, `SkillInfoType`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SkillInfo {
    /// Id.
    pub skill_id: SkillId,
    /// Name.
    pub skill_name: String,
}

/// A queue that a user serves, `ACDQueueOperatorInfoType`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QueueOfUser {
    /// Id.
    pub acd_queue_id: QueueId,
    /// Name.
    pub acd_queue_name: String,
    /// Whether the user is bound by comparing skills; `false` is bound by hand.
    pub auto_link: bool,
}

/// A queue, `QueueInfoType`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QueueInfo {
    /// Id.
    pub acd_queue_id: QueueId,
    /// Name.
    pub acd_queue_name: String,
    /// The application it belongs to.
    pub application_id: ApplicationId,
    /// 0 is the highest.
    pub acd_queue_priority: u32,
    /// The share of calls to be served in time: 0.5 to 1.
    pub service_probability: ServiceProbability,
    /// Whether users are bound by comparing skills.
    pub auto_binding: bool,
    /// Minutes that a call may wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting_time: Option<u32>,
    /// Calls that may wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queue_size: Option<u32>,
    /// Seconds that serving a call takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_service_time: Option<u32>,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub modified: String,
    /// The skills its operators need; only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<SkillInfo>>,
    /// How many users serve it; only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operatorcount: Option<usize>,
}

impl QueueInfo {
    /// The record of a queue, without the fields that must be asked for.
    #[must_use]
    pub fn new(queue: &Queue) -> Self {
        Self {
            acd_queue_id: queue.id,
            acd_queue_name: queue.name.as_str().to_owned(),
            application_id: queue.application,
            acd_queue_priority: queue.priority,
            service_probability: queue.service_probability,
            auto_binding: queue.auto_binding,
            max_waiting_time: queue.max_waiting_time,
            max_queue_size: queue.max_queue_size,
            average_service_time: queue.average_service_time,
            created: queue.created.wire(),
            modified: queue.modified.wire(),
            skills: None,
            operatorcount: None,
        }
    }
}

/// A user, `UserInfoType`.
#[allow(clippy::struct_excessive_bools, reason = "the wire has them")]
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UserInfo {
    /// Id.
    pub user_id: PhoneUserId,
    /// Login name.
    pub user_name: String,
    /// Display name.
    pub user_display_name: String,
    /// Whether the user may log in.
    pub user_active: bool,
    /// Whether calls are paid from the account.
    pub parent_accounting: bool,
    /// The live balance, or the fixed one if `return_live_balance` is false.
    pub balance: Money,
    /// Current money.
    pub live_balance: Money,
    /// Last committed money: the same here, where no calls run up money in between.
    pub fixed_balance: Money,
    /// Any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_custom_data: Option<String>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_phone: Option<String>,
    /// State in call distribution.
    pub acd_status: AcdStatus,
    /// When that state last changed; missing for users never in call distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acd_status_change_time: Option<String>,
    /// Whether the platform's operator has blocked the user: never here.
    pub frozen: bool,
    /// Always false: two-factor authentication belonged to the 2018 generation.
    pub two_factor_auth_required: bool,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub modified: String,
    /// The user's skills; only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<SkillInfo>>,
    /// The queues the user serves; only if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acd_queues: Option<Vec<QueueOfUser>>,
}

impl UserInfo {
    /// The record of a user with this balance.
    #[must_use]
    pub fn new(user: &PhoneUser, balance: Money) -> Self {
        Self {
            user_id: user.id,
            user_name: user.name.as_str().to_owned(),
            user_display_name: user.display_name.as_str().to_owned(),
            user_active: user.active,
            parent_accounting: user.parent_accounting,
            balance,
            live_balance: balance,
            fixed_balance: balance,
            user_custom_data: user.custom_data.as_ref().map(|data| data.as_str().to_owned()),
            mobile_phone: user.mobile_phone.as_ref().map(|phone| phone.as_str().to_owned()),
            acd_status: user.acd_status,
            acd_status_change_time: user.acd_status_change_time.map(crate::timestamp::Timestamp::wire),
            frozen: false,
            two_factor_auth_required: false,
            created: user.created.wire(),
            modified: user.modified.wire(),
            skills: None,
            acd_queues: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_where_to_go_on_and_an_offset_beside_it_leaves_nothing_out() {
        let records = || (1..=9_u8).map(|n| (n.to_string(), n)).collect();
        let shown = |count, offset, cursor: Option<&str>| {
            let cursor = cursor.map(|place| Cursor(place.into()));
            Page::new(Some(Count(count)), Some(Count(offset)), cursor).of(records()).result
        };
        assert_eq!(shown(3, 2, None), [3, 4, 5]);
        assert_eq!(shown(3, 2, Some("5")), [6, 7, 8]);
        assert_eq!(shown(3, 0, Some("8")), [9]);
    }
}
