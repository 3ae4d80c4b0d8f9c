//! Records of answers, with exactly the keys the clients have been seen to get (reference/voximplant.md §2, §3).

use super::Cursor;
use crate::ids::{ApplicationId, PhoneUserId};
use crate::ledger::Money;
use crate::limits::MAX_ANSWER_BYTES;
use crate::voximplant::{AcdStatus, PhoneUser};
use schemars::JsonSchema;
use serde::Serialize;

/// `result` is always 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApplicationCreated {
    /// Always 1.
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
    /// Takes records, each with its place in the order, until the answer is large enough; `cut` says that more records
    /// follow the last one although the caller asked for them. Nothing is left out silently: what is missing is behind
    /// `next_cursor`.
    pub fn fill<'a>(records: impl Iterator<Item = (T, &'a str)>, total_count: u64, cut: bool) -> Self {
        let mut result = Vec::new();
        let (mut bytes, mut last, mut full) = (0_usize, None, false);
        for (record, place) in records {
            // Inside a Lambda answer the body is a JSON text once more: quotes and backslashes count twice.
            let size = serde_json::to_vec(&record).map_or(0, |json| {
                json.len().saturating_add(json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count())
            });
            bytes = bytes.saturating_add(size);
            if bytes > MAX_ANSWER_BYTES && last.is_some() {
                full = true;
                break;
            }
            last = Some(place);
            result.push(record);
        }
        let next_cursor = last.filter(|_| cut || full).map(Cursor::seal);
        Self { count: result.len(), result, total_count, next_cursor }
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
        }
    }
}
