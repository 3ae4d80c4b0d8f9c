//! What the old account's API answers, as far as it is imported (reference/voximplant.md §3; page "GetUsers").

use super::super::remote::Remote;
use anyhow::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::ledger::Money;
use shared::voximplant::{CustomData, DisplayName, MobilePhone, NewPhoneUser, Refusal, UserName};

/// Records asked for at once.
pub(super) const PAGE: usize = 1_000;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) result: Vec<T>,
    pub(super) total_count: u64,
}

impl<T> Page<T> {
    /// Whether this is the last page; `seen` counts the records of all pages up to this one.
    pub(super) fn is_last(&self, seen: usize) -> bool {
        self.result.is_empty() || u64::try_from(seen).is_ok_and(|seen| seen >= self.total_count)
    }
}

/// Reads a whole list.
pub(super) async fn list<T: DeserializeOwned>(
    remote: &Remote,
    method: &str,
    more: &[(&'static str, String)],
) -> Result<Vec<T>> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let mut fields = vec![("count", PAGE.to_string()), ("offset", all.len().to_string())];
        fields.extend_from_slice(more);
        let page: Page<T> = remote.call(method, &fields).await?;
        let last = page.is_last(all.len().saturating_add(page.result.len()));
        all.extend(page.result);
        if last {
            return Ok(all);
        }
    }
}

/// The account, as `GetAccountInfo` answers it.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
pub(super) struct Account {
    pub(super) account_id: u64,
    pub(super) currency: String,
    #[serde(flatten)]
    pub(super) balances: Balances,
}

/// A balance: the live one counts, or the fixed one if there is no live one.
#[derive(Debug, Deserialize)]
pub(super) struct Balances {
    #[serde(default)]
    live_balance: Value,
    #[serde(default)]
    balance: Value,
}

impl Balances {
    pub(super) fn money(&self) -> Option<Money> {
        let money = |value: &Value| Money::parse(&digits(value)?).ok();
        money(&self.live_balance).or_else(|| money(&self.balance))
    }
}

/// What `GetAccountInfo` answers.
#[derive(Debug, Deserialize)]
pub(super) struct AccountAnswer {
    pub(super) result: Account,
}

#[derive(Debug, Deserialize)]
pub(super) struct Application {
    pub(super) application_id: u64,
    pub(super) application_name: String,
}

impl Application {
    /// `shop` of `shop.acme.voximplant.com`.
    pub(super) fn short_name(&self) -> &str {
        self.application_name.split_once('.').map_or(&*self.application_name, |(short, _)| short)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Skill {
    pub(super) skill_id: u64,
    #[serde(default)]
    pub(super) skill_name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) acd_queue_id: u64,
    pub(super) acd_queue_name: String,
    pub(super) application_id: u64,
    pub(super) acd_queue_priority: Option<u32>,
    #[serde(default)]
    pub(super) service_probability: Value,
    #[serde(default = "yes")]
    pub(super) auto_binding: bool,
    pub(super) max_waiting_time: Option<u32>,
    pub(super) max_queue_size: Option<u32>,
    pub(super) average_service_time: Option<u32>,
    pub(super) created: Option<String>,
    #[serde(default)]
    pub(super) skills: Vec<Skill>,
}

#[derive(Debug, Deserialize)]
pub(super) struct QueueOfUser {
    pub(super) acd_queue_id: u64,
    #[serde(default)]
    pub(super) auto_link: bool,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
pub(super) struct User {
    pub(super) user_id: u64,
    pub(super) user_name: String,
    #[serde(default)]
    user_display_name: String,
    #[serde(default = "yes")]
    user_active: bool,
    #[serde(default = "yes")]
    pub(super) parent_accounting: bool,
    #[serde(flatten)]
    balances: Balances,
    user_custom_data: Option<String>,
    mobile_phone: Option<String>,
    pub(super) created: Option<String>,
    #[serde(default)]
    pub(super) skills: Vec<Skill>,
    #[serde(default)]
    pub(super) acd_queues: Vec<QueueOfUser>,
}

const fn yes() -> bool {
    true
}

/// A number as text, as methods expect it; a text stays as it is.
pub(super) fn digits(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

impl User {
    pub(super) fn read(&self) -> Result<NewPhoneUser, Refusal> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        // Not every user had a display name before the page made it mandatory.
        let display = if self.user_display_name.is_empty() { &self.user_name } else { &self.user_display_name };
        Ok(NewPhoneUser {
            name: UserName::parse(&self.user_name)?,
            display_name: DisplayName::parse(display)?,
            active: self.user_active,
            parent_accounting: self.parent_accounting,
            custom_data: given(&self.user_custom_data).as_deref().map(CustomData::parse).transpose()?,
            mobile_phone: given(&self.mobile_phone).as_deref().map(MobilePhone::parse).transpose()?,
        })
    }

    /// The money on the user's own balance; `None` if the user has no such balance or it is not positive.
    pub(super) fn money(&self) -> Option<Money> {
        self.balances.money().filter(|money| !self.parent_accounting && money.is_positive())
    }
}
