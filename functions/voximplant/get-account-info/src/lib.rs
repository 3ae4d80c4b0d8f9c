//! `GetAccountInfo`: the caller's own account (reference/voximplant.md §3.4). No role needed.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::ids::AccountId;
use shared::ledger::Money;
use shared::prelude::*;
use shared::store::voximplant::accounts;
use shared::voximplant::Refusal;
use shared::wire::voximplant::{Bool, Error};

/// The method.
#[derive(Debug)]
pub struct GetAccountInfo;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Whether to return the live balance: here live and fixed balance are the same.
    #[allow(dead_code, reason = "read for its form only")]
    return_live_balance: Option<Bool>,
}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// The account.
    result: AccountInfo,
    /// The host to send further requests to.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_address: Option<String>,
}

/// An account, the essentials of `AccountInfoType`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountInfo {
    /// Id.
    account_id: AccountId,
    /// Short name.
    account_name: String,
    /// The owner's e-mail address.
    account_email: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    created: String,
    /// Always true.
    active: bool,
    /// Always false.
    frozen: bool,
    /// The account's money.
    balance: Money,
    /// Current money: the same.
    live_balance: Money,
    /// Committed money: the same.
    fixed_balance: Money,
    /// Always 0: accounts here cannot owe.
    credit_limit: Money,
    /// Of every balance of the account.
    currency: String,
    /// Of messages.
    language_code: String,
    /// Time zone of statements.
    location: String,
}

impl Method for GetAccountInfo {
    type Family = Voximplant;
    const NAME: &'static str = "GetAccountInfo";
    const SUMMARY: &'static str = "Gets the account's info.";
    const ACCESS: Access = Access::Any;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[accounts::FIND_WITH_BALANCE];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(ctx: &Ctx, caller: &Tenant, _: Request) -> Result<Response, Error> {
        let found = accounts::find_with_balance(ctx.store(), caller.account()).await?;
        let (account, balance) = found.ok_or(Refusal::AuthorizationFailed("the account does not exist."))?;
        let result = AccountInfo {
            account_id: account.id,
            account_name: account.name.as_str().to_owned(),
            account_email: account.email,
            created: account.created.wire(),
            active: true,
            frozen: false,
            balance,
            live_balance: balance,
            fixed_balance: balance,
            credit_limit: Money::ZERO,
            currency: account.currency.to_string(),
            language_code: "en".into(),
            location: "Etc/GMT".into(),
        };
        Ok(Response { result, api_address: ctx.host().map(str::to_owned) })
    }
}
