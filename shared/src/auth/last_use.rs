//! When the credentials that an operator hands out were last used: noted once every few minutes, in parallel with what
//! is left of the call's own work (docs/adr/0023).

use crate::context::Ctx;
use crate::limits::{MAX_NOTE_MILLIS, USE_NOTED_MILLIS};
use crate::store::auth::IssuedCredential;
use crate::timestamp::Timestamp;
use std::time::Duration;

/// The credential of this call, if its use is to be noted: the last note is some minutes old, or there is none.
pub(super) fn to_note(ctx: &Ctx, used_at: Option<Timestamp>, credential: IssuedCredential) -> Option<IssuedCredential> {
    let lately = used_at.is_some_and(|used| used >= before(ctx) && used.is_possible(ctx.now()));
    (!lately).then_some(credential)
}

/// A use before this moment is noted again.
fn before(ctx: &Ctx) -> Timestamp {
    ctx.now().plus_millis(-USE_NOTED_MILLIS)
}

/// Notes a use. If this fails or takes too long, the call does not fail: the next use is noted instead.
pub(super) async fn note(ctx: &Ctx, credential: Option<&IssuedCredential>) {
    if let Some(credential) = credential {
        let noted = ctx.store().note_use(credential, ctx.now(), before(ctx));
        let _ = tokio::time::timeout(Duration::from_millis(MAX_NOTE_MILLIS), noted).await;
    }
}
