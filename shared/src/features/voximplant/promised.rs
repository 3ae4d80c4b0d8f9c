//! Commands whose work may be more than one call can do.

use crate::context::Ctx;
use crate::store::voximplant::deferred::DeferredWork;
use crate::store::{CommitError, StoreError, Txn};
use crate::voximplant::Refusal;
use crate::wire::voximplant::Done;

/// Commits the transaction that promises a task, together with the answer; then does as much of the task as this call
/// can. `background/jobs` does the rest.
pub async fn promised(ctx: &Ctx, txn: Txn<Refusal>, task: &DeferredWork) -> Result<Done, CommitError<Refusal>> {
    ctx.commit(txn, &Done::ANSWER).await?;
    task.prepare(ctx.store()).await.map_err(StoreError::in_doubt)?;
    // From here on the call has happened: a failure only leaves work to `background/jobs`.
    drop(task.begin(ctx.store(), ctx.now(), ctx.inline_until()).await);
    Ok(Done::ANSWER)
}
