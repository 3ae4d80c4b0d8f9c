//! The API keys that the page calls with: one for each account, created when the page first shows the account, and
//! revoked at the end.

use crate::operator::Operator;
use crate::stack;
use anyhow::{Context as _, Result, anyhow};
use shared::crypto::{Secret, random_token};
use shared::ids::AccountId;
use shared::voximplant::{Account, ApiKeyName};
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// The beginning of these keys' names. No other key may have such a name, since it would be revoked with them.
const PREFIX: &str = "switchboard-console-";

/// The keys of one console.
#[derive(Debug)]
pub struct ApiKeys {
    name: ApiKeyName,
    keys: Mutex<BTreeMap<AccountId, Key>>,
}

#[derive(Debug)]
struct Key {
    text: Secret,
    /// Whether the key was made for this console, and so is revoked at the end.
    made: bool,
}

impl ApiKeys {
    /// No keys yet. All keys that this console makes get the same name, which no other console of the deployment has.
    pub fn new() -> Result<Self> {
        let name = format!("{PREFIX}{}", random_token(4)?);
        Ok(Self { name: ApiKeyName::parse(&name).context("no name for an API key")?, keys: Mutex::default() })
    }

    /// Adds an account's key that existed before this console and is not revoked at the end.
    #[must_use]
    pub fn with_existing(mut self, account: AccountId, key: &str) -> Self {
        self.keys.get_mut().insert(account, Key { text: Secret::new(key), made: false });
        self
    }

    /// The name of the keys that this console makes.
    pub(super) fn name(&self) -> &ApiKeyName {
        &self.name
    }

    /// Whether only a console may give a key this name.
    pub(crate) fn is_reserved(name: &ApiKeyName) -> bool {
        name.as_str().starts_with(PREFIX)
    }

    /// The key of an account; a new one if none is known, or the known one has been revoked here or elsewhere.
    pub(super) async fn of(&self, operator: &Operator, account: &Account) -> Result<Secret> {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.get(&account.id)
            && operator.opens(account.id, &key.text).await?
        {
            return Ok(key.text.clone());
        }
        let text = Secret::new(&operator.create_named_api_key(account, &self.name).await?);
        keys.insert(account.id, Key { text: text.clone(), made: true });
        Ok(text)
    }

    /// Revokes the keys that this console has made.
    pub(crate) async fn revoke(&self, operator: &Operator) -> Result<()> {
        let keys = std::mem::take(&mut *self.keys.lock().await);
        let mut left = Vec::new();
        for (account, _) in keys.into_iter().filter(|(_, key)| key.made) {
            if operator.revoke_api_key(account, self.name.as_str()).await.is_err() {
                left.push(account.to_string());
            }
        }
        if left.is_empty() { Ok(()) } else { Err(self.unrevoked(&left)) }
    }

    fn unrevoked(&self, accounts: &[String]) -> anyhow::Error {
        let Self { name, .. } = self;
        let accounts = accounts.join(", ");
        let revoke = stack::command(&format!("operator api-key revoke --account ID {name}"));
        anyhow!("the API key {name} still opens account {accounts}: revoke it with `{revoke}`")
    }
}

/// Revokes the keys of earlier consoles that were killed before they could revoke them. Only for a deployment that has
/// at most one console at a time.
pub(crate) async fn revoke_left(operator: &Operator) -> Result<()> {
    for account in operator.accounts().await? {
        for key in operator.api_keys(account.id).await? {
            if ApiKeys::is_reserved(&key.name) {
                operator.revoke_api_key(account.id, key.name.as_str()).await?;
            }
        }
    }
    Ok(())
}
