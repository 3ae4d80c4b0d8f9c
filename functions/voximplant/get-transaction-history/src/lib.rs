//! `GetTransactionHistory`: what happened to the account's and its users' money (reference/voximplant.md §3.4).

mod types;

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::ids::{AccountId, PhoneUserId};
use shared::ledger::Money;
use shared::limits::MAX_LISTED;
use shared::prelude::*;
use shared::store::ledger::history::{self, Line, Wanted};
use shared::store::voximplant::accounts;
use shared::timestamp::Timestamp;
use shared::voximplant::{Parameter, Refusal, Role};
use shared::wire::voximplant::{Bool, Count, Cursor, Error, Ids, Moment, SemicolonList, Text};

const DEFAULT_COUNT: usize = 20;
const MOST: usize = 1_000;
const FARTHEST: usize = 10_000;
/// "One month back by default."
const MONTH_MILLIS: i64 = 31 * 24 * 60 * 60 * 1000;
/// A date in a request means the whole second: this is added to `to_date`.
const REST_OF_SECOND_MILLIS: i64 = 999;

/// The method.
#[derive(Debug)]
pub struct GetTransactionHistory;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// `YYYY-MM-DD HH:MM:SS` in UTC, or any other usual form. Default: a month before `to_date`.
    from_date: Option<Moment>,
    /// `YYYY-MM-DD HH:MM:SS` in UTC, or any other usual form. Default: now.
    to_date: Option<Moment>,
    /// Only these transactions, separated by semicolons.
    transaction_id: Option<SemicolonList<Ids>>,
    /// Only these types, separated by semicolons. Of the documented ones `adjustment` and `user_money_transfer` occur here.
    transaction_type: Option<SemicolonList<Text>>,
    /// Only transactions of these users' own balances, separated by semicolons.
    user_id: Option<SemicolonList<Ids>>,
    /// Only transactions of users' own balances. Default: false.
    users_transactions_only: Option<Bool>,
    /// Newest first. Default: false.
    desc_order: Option<Bool>,
    /// Whether to count all transactions found. With `user_id` or `transaction_id` that reads them all. Default: true.
    with_total_count: Option<Bool>,
    /// Records to return at most: up to 1,000. Default: 20.
    count: Option<Count>,
    /// Records to skip: up to 10,000. Default: 0.
    offset: Option<Count>,
    /// Continues behind an answer that ended with `next_cursor`.
    cursor: Option<Cursor>,
}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// The transactions.
    result: Vec<TransactionInfo>,
    /// Records in this answer.
    count: usize,
    /// Records that match, before offset and count.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_count: Option<u64>,
    /// Of every date in the answer: always UTC.
    timezone: &'static str,
    /// Present when more records follow: ask again with it as `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A transaction, `TransactionInfoType`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransactionInfo {
    /// A small whole number, rising along the statement: whoever has read up to one has missed nothing before it.
    transaction_id: u64,
    /// The account, as text.
    account_id: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    performed_at: String,
    /// Positive came, negative went.
    amount: Money,
    /// The account's currency.
    currency: String,
    /// What kind of transaction.
    transaction_type: &'static str,
    /// The description.
    transaction_description: String,
}

impl Request {
    fn wanted(self, account: AccountId, now: Timestamp) -> Result<Wanted, Refusal> {
        let to = self.to_date.map_or(now, |to| to.second().plus_millis(REST_OF_SECOND_MILLIS));
        let from = self.from_date.map_or_else(|| to.plus_millis(-MONTH_MILLIS), Moment::second);
        if from > to {
            return Err(Refusal::InvalidDateRange);
        }
        let offset = self.offset.map_or(0, |offset| offset.0);
        if offset > FARTHEST {
            return Err(Refusal::Invalid(Parameter("offset")));
        }
        let on = |flag: Option<Bool>, default: bool| flag.map_or(default, |flag| flag.0);
        let users = ids(self.user_id, "user_id")?.into_iter().filter_map(PhoneUserId::new).collect();
        Ok(Wanted {
            account,
            from,
            to,
            users,
            users_only: on(self.users_transactions_only, false),
            kinds: types::wanted(listed(self.transaction_type, "transaction_type")?)?,
            ids: ids(self.transaction_id, "transaction_id")?,
            descending: on(self.desc_order, false),
            // With a cursor, the offset has been skipped already.
            offset: if self.cursor.is_some() { 0 } else { offset },
            after: self.cursor.map(|cursor| cursor.0),
            count: self.count.map_or(DEFAULT_COUNT, |count| count.0).min(MOST),
            total: on(self.with_total_count, true),
        })
    }
}

/// The values of a list; refused if there are more than one call may name.
fn listed<T>(list: Option<SemicolonList<T>>, name: &'static str) -> Result<Vec<T>, Refusal> {
    let values = list.map_or_else(Vec::new, |list| list.0);
    if values.len() > MAX_LISTED { Err(Refusal::ListTooLong(name)) } else { Ok(values) }
}

/// The ids of a list, each once.
fn ids(list: Option<SemicolonList<Ids>>, name: &'static str) -> Result<Vec<u64>, Refusal> {
    let mut ids: Vec<u64> = listed(list, name)?.into_iter().filter_map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

impl Method for GetTransactionHistory {
    type Family = Voximplant;
    const NAME: &'static str = "GetTransactionHistory";
    const SUMMARY: &'static str = "Gets the transaction history.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Accountant, Role::Payer]);
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[accounts::FIND, history::FIND];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Response, Error> {
        let (store, id) = (ctx.store(), caller.account());
        let wanted = request.wanted(id, ctx.now())?;
        let (account, found) = try_join!(accounts::find(store, id), history::find(store, &wanted))?;
        let account = account.ok_or(Refusal::AuthorizationFailed("the account does not exist."))?;
        let next = found.lines.last().filter(|_| found.more).map(|line| Cursor::seal(&line.place));
        let shown = |line: Line| TransactionInfo {
            transaction_id: line.id,
            account_id: id.to_string(),
            performed_at: line.at.wire(),
            amount: line.amount,
            currency: account.currency.to_string(),
            transaction_type: line.kind.as_str(),
            transaction_description: line.text,
        };
        let result: Vec<TransactionInfo> = found.lines.into_iter().map(shown).collect();
        Ok(Response { count: result.len(), result, total_count: found.total, timezone: "Etc/GMT", next_cursor: next })
    }
}
