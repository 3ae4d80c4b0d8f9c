//! Values on the command line.

use crate::console::ApiKeys;
use shared::ids::{AccountId, PhoneUserId, UserId};
use shared::ledger::{Money, Rate};
use shared::stepchat::{Scope, TokenName};
use shared::voximplant::{AcdStatus, ApiKeyName, Currency, Role};

pub(crate) fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| "an account id is a positive number, as `account list` shows it".to_owned())
}

pub(crate) fn user_id(text: &str) -> Result<PhoneUserId, String> {
    PhoneUserId::parse(text).ok_or_else(|| "a user id is a positive number".to_owned())
}

/// A StepChat user's id.
pub fn stepchat_id(text: &str) -> Result<UserId, String> {
    UserId::parse(text).ok_or_else(|| "a user id is a positive number".to_owned())
}

pub(super) fn money(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|error| error.to_string())
}

pub(super) fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| "a currency has three capital letters, such as USD".to_owned())
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).ok_or_else(|| "a rate is a positive decimal number, such as 1.0837".to_owned())
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    let plain = |text: &str| text.to_ascii_lowercase().replace([' ', '-', '_'], "");
    let known = Role::ALL.into_iter().find(|role| plain(role.name()) == plain(text));
    known.ok_or_else(|| format!("the roles are: {}", Role::ALL.map(Role::name).join(", ")))
}

pub(super) fn acd_status(text: &str) -> Result<AcdStatus, String> {
    serde_json::from_value(text.into()).map_err(|_| {
        "the states are: OFFLINE, ONLINE, READY, BANNED, IN_SERVICE, AFTER_SERVICE, TIMEOUT, DND".to_owned()
    })
}

pub(super) fn admin_id(text: &str) -> Result<UserId, String> {
    UserId::parse(text).ok_or_else(|| "an admin's id is a positive number".to_owned())
}

pub(super) fn token_name(text: &str) -> Result<TokenName, String> {
    let rule = "a token's name has 1 to 40 lower-case letters, digits and hyphens and begins with a letter or digit";
    TokenName::parse(text).ok_or_else(|| rule.to_owned())
}

pub(super) fn api_key_name(text: &str) -> Result<ApiKeyName, String> {
    let rule = "a key's name has 1 to 32 lower-case letters, digits and hyphens and begins with a letter or digit";
    let name = ApiKeyName::parse(text).ok_or_else(|| rule.to_owned())?;
    if ApiKeys::is_reserved(&name) {
        return Err("names that begin with switchboard-console- are the console's own".to_owned());
    }
    Ok(name)
}

pub(super) fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "the scopes are: read, write".to_owned())
}
