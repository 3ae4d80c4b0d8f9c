//! `TransferMoneyToUser`: money between the account and its users (page `TransferMoneyToUser`;
//! reference/voximplant.md §2.5, decisions D6 to D11, D16).

mod request;

pub use request::Request;

use shared::auth::random_token;
use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::ApplicationRef;
use shared::ledger::Money;
use shared::prelude::*;
use shared::store::idempotency;
use shared::store::ledger::bulk;
use shared::store::ledger::operation::{self, Known, OperationId};
use shared::store::ledger::transfer::{self, Draft, Order};
use shared::store::voximplant::{accounts, applications, payees, rates};
use shared::store::{Attempts, CommitError, StoreError, Txn};
use shared::voximplant::{Refusal, Role};
use shared::wire::voximplant::Error;

/// The method.
#[derive(Debug)]
pub struct TransferMoneyToUser;

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    result: u8,
    /// The account's balance right after this transfer.
    balance: Money,
}

impl Method for TransferMoneyToUser {
    type Family = Voximplant;
    const NAME: &'static str = "TransferMoneyToUser";
    const SUMMARY: &'static str = "Transfers money from the account to users, or back.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::UserManager]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[
        ApplicationRef::RESOLVE,
        applications::LIST,
        accounts::FIND,
        rates::FIND,
        payees::FIND,
        transfer::DRAFT,
        bulk::DRIVE,
    ];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Response, Error> {
        let operation = match ctx.operation() {
            Some(operation) => OperationId::of(operation),
            None => OperationId::random(&random_token(16)?),
        };
        let account = caller.account();
        let known = match ctx.operation() {
            Some(_) => operation::known(ctx.store(), account, &operation, ctx.now()).await?,
            None => Known::New,
        };
        // Boxed: a large transfer's future is large, and every call would carry it.
        let balance = match known {
            Known::Done(balance) => balance,
            Known::Begun => Box::pin(bulk::drive_known(ctx.store(), account, &operation)).await?,
            Known::New => {
                let order = Box::pin(request::order(request, ctx, account, operation)).await?;
                Box::pin(happen(ctx, &order)).await?
            }
        };
        Ok(Response { result: 1, balance })
    }
}

/// Makes the transfer happen exactly once, however often the database leaves it open whether it did. Once it may have
/// happened, no failure says that it did not: callers without a key would ask for it anew.
async fn happen(ctx: &Ctx, order: &Order) -> Result<Money, Error> {
    let mut attempts = Attempts::default();
    let mut doubt = false;
    loop {
        let failure = match Box::pin(attempt(ctx, order)).await {
            Ok(balance) => return Ok(balance),
            Err(failure) => failure,
        };
        if failure != CommitError::Stale {
            // What is unknown to us is not unknown to the ledger; and a refusal may be of the order's own first effect.
            let known = operation::known(ctx.store(), order.account, &order.operation, order.now).await;
            match known.map_err(CommitError::in_doubt)? {
                Known::Done(balance) => return Ok(balance),
                Known::Begun => return Ok(Box::pin(bulk::finish(ctx.store(), order)).await?),
                Known::New => {}
            }
        }
        let again = match failure {
            CommitError::Stale => attempts.again().await,
            CommitError::Store(error @ StoreError::Unavailable(_)) => {
                doubt = true;
                attempts.again().await.map_err(|_| error)
            }
            CommitError::Store(error) => Err(error),
            // The ledger had begun it for another call with the key, and had to take it back: so it is tried anew.
            CommitError::AlreadyAnswered if is_unanswered(ctx).await? => attempts.again().await,
            // If the key is another method's, the pipeline says so.
            refused => return Err(refused.into()),
        };
        again.map_err(|error| if doubt { error.in_doubt() } else { error })?;
    }
}

/// Whether no call with this one's key has an answer.
async fn is_unanswered(ctx: &Ctx) -> Result<bool, StoreError> {
    match ctx.operation() {
        Some(operation) => Ok(matches!(ctx.store().known(operation, ctx.now()).await?, idempotency::Known::New)),
        None => Ok(true),
    }
}

async fn attempt(ctx: &Ctx, order: &Order) -> Result<Money, CommitError<Refusal>> {
    match transfer::draft(ctx.store(), order).await? {
        Draft::Small(txn, balance) => ctx.commit(txn, &Response { result: 1, balance }).await.map(|()| balance),
        Draft::Large(plan) => {
            let name = random_token(16)?;
            Box::pin(bulk::begin(ctx.store(), order, plan, &name)).await?;
            let balance = Box::pin(bulk::finish(ctx.store(), order)).await?;
            if ctx.operation().is_some() {
                // Only the shorter way to the answer: the ledger's own record is what counts.
                let _ = ctx.commit(Txn::<Refusal>::default(), &Response { result: 1, balance }).await;
            }
            Ok(balance)
        }
    }
}
