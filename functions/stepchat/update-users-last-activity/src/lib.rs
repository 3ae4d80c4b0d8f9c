//! `update-users-last-activity`: the heartbeat (reference/stepchat.md §3.3): `true`, or `online` / `offline` for another user.

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::ids::UserId;
use shared::prelude::*;
use shared::store::stepchat::{presence, users};
use shared::wire::stepchat::{Answer, Error, OptionalUserRef, UserRef};

/// The method.
#[derive(Debug)]
pub struct UpdateUsersLastActivity;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user who is there.
    user_id: UserRef,
    /// Another user, of whom to answer `online` or `offline`.
    #[serde(default)]
    return_user_id: OptionalUserRef,
}

/// `true`, or the other user's presence.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Heartbeat {
    /// `true`.
    Noted(bool),
    /// `online` or `offline`.
    Presence(&'static str),
}

impl Method for UpdateUsersLastActivity {
    type Family = Stepchat;
    const NAME: &'static str = "update-users-last-activity";
    const SUMMARY: &'static str = "Notes that a user is there.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Repeatable;
    const GRANTS: Grants = &[users::FIND_PROFILE, presence::TOUCH];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Heartbeat>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let store = ctx.store();
        let find = async |id: Option<UserId>| match id {
            Some(id) => users::find_profile(store, id).await,
            None => Ok(None),
        };
        let other = request.return_user_id.0;
        let (user, seen) = try_join!(find(request.user_id.0), find(other.and_then(|other| other.0)))?;
        if let Some(user) = user {
            presence::touch(store, &user, ctx.now()).await?;
        }
        let online = seen.is_some_and(|seen| presence::is_active(&seen, ctx.online_after(), ctx.now()));
        Ok(Answer::new(match other {
            None => Heartbeat::Noted(true),
            Some(_) => Heartbeat::Presence(if online { "online" } else { "offline" }),
        }))
    }
}
