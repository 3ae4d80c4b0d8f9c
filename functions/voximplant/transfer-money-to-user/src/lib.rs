//! `TransferMoneyToUser`: money between the account and its users (page `TransferMoneyToUser`;
//! reference/voximplant.md §2.5, decisions D6 to D11, D16).

mod request;

pub use request::Request;

use shared::auth::voximplant::Tenant;
use shared::crypto::random_token;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::ApplicationRef;
use shared::ledger::Money;
use shared::prelude::*;
use shared::store::idempotency;
use shared::store::ledger::bulk;
use shared::store::ledger::operation::{self, OperationId, OperationState};
use shared::store::ledger::transfer::{self, Draft, TransferOrder};
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
        let operation = match ctx.idempotency_key() {
            Some(operation) => OperationId::of(operation),
            None => OperationId::random(&random_token(16)?),
        };
        let account = caller.account();
        let known = match ctx.idempotency_key() {
            Some(_) => operation::look_up(ctx.store(), account, &operation, ctx.now()).await?,
            None => OperationState::New,
        };
        // Boxed: a large transfer's future is large, and every call would carry it.
        let balance = match known {
            OperationState::Done(balance) => balance,
            OperationState::Begun => Box::pin(bulk::drive_known(ctx.store(), account, &operation)).await?,
            OperationState::New => {
                let order = Box::pin(request::order(request, ctx, account, operation)).await?;
                Box::pin(execute_once(ctx, &order)).await?
            }
        };
        Ok(Response { result: 1, balance })
    }
}

/// Makes the transfer happen exactly once, however often the database does not tell whether a write happened. Once it
/// may have happened, no error says that it did not: callers without an idempotency key would ask for it again.
async fn execute_once(ctx: &Ctx, order: &TransferOrder) -> Result<Money, Error> {
    let mut attempts = Attempts::default();
    let mut doubt = false;
    loop {
        let failure = match Box::pin(attempt(ctx, order)).await {
            Ok(balance) => return Ok(balance),
            Err(failure) => failure,
        };
        if failure != CommitError::Stale {
            // The ledger knows whether the order happened. An earlier attempt's success may be the cause of a refusal.
            let known = operation::look_up(ctx.store(), order.account, &order.operation, order.now).await;
            match known.map_err(CommitError::in_doubt)? {
                OperationState::Done(balance) => return Ok(balance),
                OperationState::Begun => return Ok(Box::pin(bulk::finish(ctx.store(), order)).await?),
                OperationState::New => {}
            }
        }
        let again = match failure {
            CommitError::Stale => attempts.again().await,
            CommitError::Store(error @ StoreError::Unavailable(_)) => {
                doubt = true;
                attempts.again().await.map_err(|_| error)
            }
            CommitError::Store(error) => Err(error),
            // Another call with this key had begun the transfer, and the ledger took it back: so it is tried again.
            CommitError::AlreadyAnswered if is_unanswered(ctx).await? => attempts.again().await,
            // If another method has used the key, the pipeline says so.
            refused => return Err(refused.into()),
        };
        again.map_err(|error| if doubt { error.in_doubt() } else { error })?;
    }
}

/// Whether no answer is recorded for this call's key.
async fn is_unanswered(ctx: &Ctx) -> Result<bool, StoreError> {
    match ctx.idempotency_key() {
        Some(key) => Ok(matches!(ctx.store().look_up(key, ctx.now()).await?, idempotency::Lookup::New)),
        None => Ok(true),
    }
}

async fn attempt(ctx: &Ctx, order: &TransferOrder) -> Result<Money, CommitError<Refusal>> {
    match transfer::draft(ctx.store(), order).await? {
        Draft::Small(txn, balance) => ctx.commit(txn, &Response { result: 1, balance }).await.map(|()| balance),
        Draft::Large(plan) => {
            let name = random_token(16)?;
            Box::pin(bulk::begin(ctx.store(), order, plan, &name)).await?;
            let balance = Box::pin(bulk::finish(ctx.store(), order)).await?;
            if ctx.idempotency_key().is_some() {
                // This only makes a repeated call faster: the ledger's own record is what counts.
                let _ = ctx.commit(Txn::<Refusal>::default(), &Response { result: 1, balance }).await;
            }
            Ok(balance)
        }
    }
}
