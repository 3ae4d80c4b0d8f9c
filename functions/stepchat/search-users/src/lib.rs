//! `search-users`: every user a text finds, newest first (page "search-users"; reference/stepchat.md §3.2).

use shared::auth::stepchat::Admin;
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::{Search, UserType};
use shared::store::stepchat::lists::{self, Column};
use shared::store::stepchat::people;
use shared::wire::stepchat::{Access, Answer, Error, Filled, Stepchat, Text, UserCursor, UserRow, matching};

/// The method.
#[derive(Debug)]
pub struct SearchUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Words to search for in names, and the first of them in e-mail addresses and extras; nothing finds everybody.
    search: Text,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: UserCursor,
}

/// Users looked at together.
const CHUNK: usize = 200;

impl Method for SearchUsers {
    type Family = Stepchat;
    const NAME: &'static str = "search-users";
    const SUMMARY: &'static str = "Searches for users.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[lists::CREATED, lists::DETAILS, people::FIND];
    type Request = Request;
    type Response = Answer<Vec<UserRow>>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let (search, cursor) = (Search::parse(request.search.as_str()), request.cursor.read()?);
        let mut walk = lists::walk(ctx.store(), Column::CreationTime, true, &UserType::LISTED, None).await?;
        let mut started = cursor.is_none();
        let mut rows: Vec<(UserRow, String)> = Vec::new();
        loop {
            let mut chunk: Vec<UserId> = Vec::with_capacity(CHUNK);
            let mut ended = false;
            while chunk.len() < CHUNK && !ended {
                match walk.next().await? {
                    Some(id) if started => chunk.push(id),
                    Some(id) => started = Some(id) == cursor,
                    None => ended = true,
                }
            }
            let users = lists::profiles(ctx.store(), &chunk).await?;
            let found = matching(ctx, users, &search).await?;
            rows.extend(found.iter().map(|user| (UserRow::new(ctx, user), user.id.to_string())));
            let filled = Filled::new(rows, false);
            if ended || filled.next_cursor.is_some() {
                return Ok(Answer::with_cursor(filled.rows, filled.next_cursor));
            }
            rows = filled.rows.into_iter().map(|row| (row.clone(), row.id)).collect();
        }
    }
}
