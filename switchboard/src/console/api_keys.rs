//! The API keys that the page calls with: one an account, made when the page first shows it.

use crate::operator::Operator;
use anyhow::{Context as _, Result};
use shared::auth::Secret;
use shared::ids::AccountId;
use shared::voximplant::{Account, ApiKeyName};
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// The keys of one console.
#[derive(Debug)]
pub struct ApiKeys {
    name: ApiKeyName,
    keys: Mutex<BTreeMap<AccountId, Key>>,
}

#[derive(Debug)]
struct Key {
    text: Secret,
    /// Made for this console, so it ends with it.
    made: bool,
}

impl ApiKeys {
    /// None yet; those that will be made are called by this name, which no other console of the deployment has.
    #[must_use]
    pub fn named(name: ApiKeyName) -> Self {
        Self { name, keys: Mutex::default() }
    }

    /// Knows a key of an account that was there before, and stays.
    #[must_use]
    pub fn knowing(mut self, account: AccountId, key: &str) -> Self {
        self.keys.get_mut().insert(account, Key { text: Secret::new(key), made: false });
        self
    }

    /// The key of an account. One of the same name that an earlier console has left behind is revoked: its text is lost.
    pub(super) async fn of(&self, operator: &Operator, account: &Account) -> Result<Secret> {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.get(&account.id) {
            return Ok(key.text.clone());
        }
        operator.revoke_api_key(account.id, self.name.as_str()).await?;
        let text = Secret::new(&operator.create_named_api_key(account, &self.name).await?);
        keys.insert(account.id, Key { text: text.clone(), made: true });
        Ok(text)
    }

    /// Revokes what was made.
    pub(crate) async fn revoke(&self, operator: &Operator) -> Result<()> {
        let mut keys = self.keys.lock().await;
        for (account, key) in std::mem::take(&mut *keys) {
            if key.made {
                let revoked = operator.revoke_api_key(account, self.name.as_str()).await;
                revoked.with_context(|| format!("account {account} still has the API key {}: revoke it", self.name))?;
            }
        }
        Ok(())
    }
}
