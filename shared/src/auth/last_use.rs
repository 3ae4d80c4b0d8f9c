//! When the credentials that an operator hands out were last used: noted once in some minutes, beside the call's own work,
//! so that it costs no time.

use crate::context::Ctx;
use crate::limits::{MAX_NOTE_MILLIS, USE_NOTED_MILLIS};
use crate::store::auth::HandedOut;
use crate::timestamp::Timestamp;
use std::time::Duration;

/// The credential of this call, if its last noted use is some minutes old.
pub(super) fn to_note(ctx: &Ctx, used_at: Option<Timestamp>, credential: HandedOut) -> Option<HandedOut> {
    let lately = used_at.is_some_and(|used| used >= before(ctx) && used.is_possible(ctx.now()));
    (!lately).then_some(credential)
}

/// A use before this moment is noted again.
fn before(ctx: &Ctx) -> Timestamp {
    ctx.now().plus_millis(-USE_NOTED_MILLIS)
}

/// Notes a use. That it fails or takes too long is no failure of the call: the next use is noted.
pub(super) async fn note(ctx: &Ctx, credential: Option<&HandedOut>) {
    if let Some(credential) = credential {
        let noted = ctx.store().note_use(credential, ctx.now(), before(ctx));
        let _ = tokio::time::timeout(Duration::from_millis(MAX_NOTE_MILLIS), noted).await;
    }
}
