//! Commands whose work may be more than their call can do.

use crate::context::Ctx;
use crate::store::voximplant::deferred::DeferredWork;
use crate::store::{CommitError, StoreError, Txn};
use crate::voximplant::Refusal;
use crate::wire::voximplant::Done;

/// Commits the transaction that promises a task, together with the answer; then does what this call can of the task.
/// `background/jobs` does the rest.
pub async fn promised(ctx: &Ctx, txn: Txn<Refusal>, task: &DeferredWork) -> Result<Done, CommitError<Refusal>> {
    ctx.commit(txn, &Done::ANSWER).await?;
    task.prepare(ctx.store()).await.map_err(StoreError::in_doubt)?;
    // From here on a failure leaves work to `background/jobs`, not a call that did not happen.
    drop(task.begin(ctx.store(), ctx.now(), ctx.inline_until()).await);
    Ok(Done::ANSWER)
}
