//! What only the operator may do: accounts, keys, tokens, credit, the first admin.

use crate::stack;
use anyhow::{Context, Result, anyhow, bail};
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::{RsaPrivateKey, rand_core::OsRng};
use serde::{Deserialize, Serialize};
use shared::context::App;
use shared::crypto::{Secret, new_api_token, random_token};
use shared::ids::{AccountId, ApplicationId, PhoneUserId, UserId};
use shared::ledger::{Money, Rate};
use shared::limits::MAX_ATTEMPTS;
use shared::stepchat::{Name, NewUser, Refusal, Scope, TokenLabel, TokenName, User, UserType};
use shared::store::auth::{ApiKey, ServiceKey, TokenHash};
use shared::store::stepchat::api_tokens::{self, ApiToken, MintRefusal};
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::creation;
use shared::store::stepchat::users::{self, Secrets};
use shared::store::voximplant::credentials::ListedApiKey;
use shared::store::voximplant::{accounts, applications, changes, credentials, rates};
use shared::store::{CommitError, Sequence, Store, ledger};
use shared::voximplant::{Account, AccountName, AcdStatus, ApiKeyName, Application, ApplicationName, Currency, Role};
use std::sync::Arc;

const RSA_BITS: usize = 2048;
/// How many last characters of an API key lists show: enough to recognise the key, while 106 random bits stay unknown.
const SHOWN_CHARS: usize = 4;

/// The credentials file the official Voximplant clients load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// The account's e-mail address.
    pub account_email: String,
    /// The account.
    pub account_id: AccountId,
    /// The key's id.
    pub key_id: String,
    /// PKCS#8 PEM: the Java and .NET clients take nothing else.
    pub private_key: String,
}

/// The operator of a deployment.
#[derive(Debug, Clone)]
pub struct Operator {
    app: Arc<App>,
}

impl Operator {
    /// The operator of this deployment.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// The tables of the deployment.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// The oldest admin, if there is one.
    pub async fn admin(&self) -> Result<Option<User>> {
        Ok(users::first_admin(&self.app.store).await?)
    }

    /// The admin with this id, if there is one.
    pub async fn admin_with(&self, id: UserId) -> Result<Option<User>> {
        let user = users::find_profile(&self.app.store, id).await?;
        Ok(user.filter(|user| user.user_type == UserType::Admin))
    }

    /// The admin whose token opens the StepChat API: the oldest one, made if there is none.
    pub async fn first_admin(&self) -> Result<User> {
        self.first_admin_as(None).await
    }

    /// Like [`Self::first_admin`]. A new admin gets the id `wanted`, and later users get higher ids; an existing one
    /// must have this id.
    pub async fn first_admin_as(&self, wanted: Option<UserId>) -> Result<User> {
        if let Some(admin) = self.admin().await? {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != admin.id) {
                bail!(
                    "there is a first admin already, and this deployment's has {}: leave --admin-id {wanted} out, or begin with an empty deployment",
                    admin.id
                );
            }
            return Ok(admin);
        }
        let id = match wanted {
            Some(id) => {
                self.app.store.advance_sequence_past(Sequence::StepchatUser, id.get()).await?;
                id
            }
            None => self.app.store.next_id(Sequence::StepchatUser, UserId::new).await?,
        };
        let name = |text: &str| Name::parse(text).map_err(|refusal: Refusal| anyhow!(refusal));
        let new = NewUser {
            first_name: Some(name("Admin")?),
            last_name: Some(name("")?),
            user_type: Some(UserType::Admin),
            ..NewUser::default()
        };
        let admin = new.into_user(id, self.app.clock.now(), &name("Admin")?, 0);
        let secrets = Secrets { password: None, token: TokenHash::of(&self.token(&admin)) };
        let txn = creation::of(&admin, &[], &secrets, false, &LeadCounter::unread())?;
        self.app.store.commit(&txn).await.context("cannot create the first admin")?;
        Ok(admin)
    }

    /// The token of a StepChat user.
    #[must_use]
    pub fn token(&self, user: &User) -> String {
        self.app.tokens.of(user.id, user.token_version)
    }

    /// Mints an API token on behalf of an admin, by default the first one. Only a hash of the token is stored.
    pub async fn create_token(&self, name: TokenName, scope: Scope, admin: Option<UserId>) -> Result<String> {
        let owner = match admin {
            Some(admin) => admin,
            None => self.first_admin().await?.id,
        };
        let label = TokenLabel { owner, name };
        let token = new_api_token(&label)?;
        let TokenLabel { name, .. } = label;
        let created = self.app.clock.now();
        let minted = ApiToken { name, owner, scope, created, used_at: None, revoked_at: None };
        match api_tokens::mint(&self.app.store, &minted, &TokenHash::of(&token)).await {
            Ok(()) => Ok(token),
            Err(CommitError::Refused(MintRefusal::NameTaken)) => {
                bail!(
                    "there is a token {} already, or there was: no name is given twice. Choose another --name",
                    minted.name
                )
            }
            Err(CommitError::Refused(MintRefusal::NotAnAdmin)) => bail!("user {owner} is no admin"),
            Err(error) => bail!("cannot mint the token: {error}"),
        }
    }

    /// All API tokens, oldest first, without their secrets.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>> {
        Ok(api_tokens::list(&self.app.store).await?)
    }

    /// Revokes an API token at once; returns whether there is one of this name.
    pub async fn revoke_token(&self, name: &TokenName) -> Result<bool> {
        Ok(api_tokens::revoke(&self.app.store, name, self.app.clock.now()).await?)
    }

    /// Creates an account; its money is in this currency for ever.
    pub async fn create_account(
        &self,
        name: &str,
        email: &str,
        currency: &str,
        parent: Option<AccountId>,
    ) -> Result<Account> {
        let account = Account {
            name: AccountName::parse(name).context(
                "an account name has 3 to 50 lower-case letters, digits and hyphens and begins with a letter",
            )?,
            email: email.to_owned(),
            currency: Currency::parse(currency).context("a currency has three capital letters, such as USD")?,
            parent,
            id: self.app.store.next_id(Sequence::Account, AccountId::new).await?,
            created: self.app.clock.now(),
        };
        match accounts::create(&self.app.store, &account).await {
            Ok(()) => Ok(account),
            Err(CommitError::Refused(_)) => Err(anyhow!("an account with this name or e-mail address exists")),
            Err(error) => Err(anyhow!("cannot create the account: {error}")),
        }
    }

    /// An existing account.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>> {
        Ok(accounts::find(&self.app.store, id).await?)
    }

    /// The account of this name.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>> {
        match AccountName::parse(name) {
            Some(name) => Ok(accounts::find_by_name(&self.app.store, &name).await?),
            None => Ok(None),
        }
    }

    /// Makes a service-account key. The private half is not stored.
    pub async fn create_key(&self, account: &Account, roles: &[Role], description: &str) -> Result<Credentials> {
        let private = tokio::task::spawn_blocking(|| RsaPrivateKey::new(&mut OsRng, RSA_BITS)).await??;
        self.register_key(account, roles, description, &private).await
    }

    /// Registers a key whose private half was made elsewhere.
    pub async fn register_key(
        &self,
        account: &Account,
        roles: &[Role],
        description: &str,
        private: &RsaPrivateKey,
    ) -> Result<Credentials> {
        let key = ServiceKey {
            id: uuid(&random_token(16)?),
            account: account.id,
            public_key: private.to_public_key().to_pkcs1_der()?.as_bytes().to_vec(),
            roles: roles.to_vec(),
            description: description.to_owned(),
            created: self.app.clock.now(),
            used_at: None,
        };
        credentials::add(&self.app.store, &key).await?;
        Ok(Credentials {
            account_email: account.email.clone(),
            account_id: account.id,
            key_id: key.id,
            private_key: private.to_pkcs8_pem(LineEnding::LF)?.to_string(),
        })
    }

    /// Makes an API key of an account, named after its last characters. Only these and a hash of the key are stored.
    pub async fn create_api_key(&self, account: &Account) -> Result<String> {
        // Two keys have the same last characters once in 65,536 times.
        for _ in 0..MAX_ATTEMPTS {
            if let Some(key) = self.try_api_key(account, None).await? {
                return Ok(key);
            }
        }
        bail!("no name is free: give the key one")
    }

    /// Makes an API key of this name. Only its last characters and a hash of it are stored.
    pub async fn create_named_api_key(&self, account: &Account, name: &ApiKeyName) -> Result<String> {
        let made = self.try_api_key(account, Some(name)).await?;
        made.with_context(|| {
            let list = stack::command(&format!("operator api-key list --account {}", account.id));
            format!(
                "account {} has an API key {name} already, no new one was made: choose another --name, or see `{list}`",
                account.id
            )
        })
    }

    /// A new API key; `None` if its name is taken.
    async fn try_api_key(&self, account: &Account, name: Option<&ApiKeyName>) -> Result<Option<String>> {
        let key = uuid(&random_token(16)?);
        let last = key.get(key.len().saturating_sub(SHOWN_CHARS)..).unwrap_or_default().to_owned();
        let name = name.cloned().or_else(|| ApiKeyName::parse(&format!("key-{last}"))).context("no name")?;
        let owner = ApiKey {
            account: account.id,
            account_name: account.name.as_str().to_owned(),
            account_email: shared::text::fold(&account.email),
            used_at: None,
        };
        let listed = ListedApiKey { name, last, created: self.app.clock.now(), used_at: None };
        match credentials::add_api_key(&self.app.store, &TokenHash::of(&key), &owner, &listed).await {
            Ok(()) => Ok(Some(key)),
            Err(CommitError::Refused(credentials::NameTaken)) => Ok(None),
            Err(error) => bail!("cannot make the API key: {error}"),
        }
    }

    /// Whether an API key opens an account now.
    pub async fn opens(&self, account: AccountId, key: &Secret) -> Result<bool> {
        let found = self.app.store.api_key(&TokenHash::of(key.expose())).await?;
        Ok(found.is_some_and(|key| key.account == account))
    }

    /// The named API keys of an account, oldest first.
    pub async fn api_keys(&self, account: AccountId) -> Result<Vec<ListedApiKey>> {
        Ok(credentials::list_api_keys(&self.app.store, account).await?)
    }

    /// Credits an account, once per `name`; returns its balance.
    pub async fn credit(&self, account: AccountId, amount: Money, name: &str) -> Result<Money> {
        let credited = ledger::credit::credit(&self.app.store, account, amount, name).await;
        credited.map_err(|error| match error {
            CommitError::Refused(refusal) => anyhow!("cannot credit account {account}: {refusal}"),
            other => anyhow!("cannot credit account {account}: {other}"),
        })
    }

    /// Sets a user's state in call distribution, which on Voximplant the session of a call centre's operator would
    /// change.
    pub async fn set_acd_status(&self, account: AccountId, user: PhoneUserId, status: AcdStatus) -> Result<()> {
        let set = changes::set_acd_status(&self.app.store, account, user, status, self.app.clock.now()).await;
        match set {
            Ok(true) => Ok(()),
            Ok(false) => Err(anyhow!("account {account} has no user {user}")),
            Err(error) => Err(anyhow!("cannot set the state of user {user}: {error}")),
        }
    }

    /// All accounts, oldest first.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        Ok(accounts::list(&self.app.store).await?)
    }

    /// The service-account keys of an account, oldest first.
    pub async fn keys(&self, account: AccountId) -> Result<Vec<credentials::ListedKey>> {
        Ok(credentials::list(&self.app.store, account).await?)
    }

    /// Revokes a service-account key at once; returns whether the account had it.
    pub async fn revoke_key(&self, account: AccountId, id: &str) -> Result<bool> {
        Ok(credentials::revoke(&self.app.store, account, id).await?)
    }

    /// Revokes the API key of this name, or with this text, at once; returns whether the account had it.
    pub async fn revoke_api_key(&self, account: AccountId, name_or_text: &str) -> Result<bool> {
        let store = &self.app.store;
        Ok(match ApiKeyName::parse(name_or_text) {
            Some(name) => credentials::revoke_named_api_key(store, account, &name).await?,
            None => credentials::revoke_api_key(store, account, name_or_text).await?,
        })
    }

    /// The rate table: what one of the first currency is worth in the second.
    pub async fn rates(&self) -> Result<Vec<(Currency, Currency, Rate)>> {
        Ok(rates::list(&self.app.store).await?)
    }

    /// Sets a rate; without one, removes it.
    pub async fn set_rate(&self, given: &Currency, wanted: &Currency, rate: Option<Rate>) -> Result<()> {
        if given == wanted {
            bail!("one {given} is one {wanted}: a rate is between two currencies");
        }
        Ok(rates::set(&self.app.store, given, wanted, rate).await?)
    }

    /// Removes a rate that is set.
    pub async fn remove_rate(&self, given: &Currency, wanted: &Currency) -> Result<()> {
        if rates::find(&self.app.store, given, wanted).await?.is_none() {
            bail!("there is no rate from {given} to {wanted}: see `{}`", stack::command("operator rates list"));
        }
        self.set_rate(given, wanted, None).await
    }

    /// Replays the journal of an account and compares its balances; `progress` is called with how far the audit is.
    pub async fn audit(
        &self,
        account: AccountId,
        progress: impl FnMut(ledger::audit::Progress),
    ) -> Result<ledger::audit::Audited> {
        Ok(ledger::audit::audit(&self.app.store, account, progress).await?)
    }

    /// The application of this name, made if there is none.
    pub async fn application(&self, account: &Account, name: &str) -> Result<ApplicationId> {
        let name = ApplicationName::parse(name).map_err(|refusal| anyhow!(refusal))?;
        if let Some(id) = applications::id_by_name(&self.app.store, account.id, &name).await? {
            return Ok(id);
        }
        let now = self.app.clock.now();
        let id = self.app.store.next_id(Sequence::Application, ApplicationId::new).await?;
        let application = Application { id, name, secure_record_storage: false, created: now, modified: now };
        let txn = applications::creation(account.id, &application)?;
        self.app.store.commit(&txn).await.map_err(|error| anyhow!("cannot create the application: {error}"))?;
        Ok(id)
    }
}

/// 32 hex digits in the groups of a version 4 UUID: the form of key ids and API keys.
fn uuid(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
