//! `get-new-users`: users created after a moment or behind an id, newest first (page "get-new-users"; reference/stepchat.md
//! §3.2).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserRow;
use shared::prelude::*;
use shared::store::stepchat::{lists, people};
use shared::wire::FilledPage;
use shared::wire::stepchat::{Answer, Error, PlaceCursor, SinceField};

/// Users that are read together, until the answer is full.
const CHUNK: usize = 500;

/// The method.
#[derive(Debug)]
pub struct GetNewUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// An id, or a moment `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD` in UTC, or in any other usual form.
    datetime: SinceField,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: PlaceCursor,
}

impl Method for GetNewUsers {
    type Family = Stepchat;
    const NAME: &'static str = "get-new-users";
    const SUMMARY: &'static str = "Returns users created after a moment or an id.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[lists::SINCE, people::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Vec<UserRow>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let (since, after) = (request.datetime.read()?, request.cursor.read()?);
        let order = since.order(after);
        let mut walk = lists::since(ctx.store(), since, order.clone()).await?;
        let mut taken = FilledPage::default();
        loop {
            let ids = walk.next_ids(CHUNK).await?;
            let users = lists::profiles(ctx.store(), &ids).await?;
            let is_room = taken.take(users.iter().map(|user| (UserRow::new(ctx, user), order.place(user).text())));
            if !is_room || ids.len() < CHUNK {
                break;
            }
        }
        Ok(taken.into())
    }
}
