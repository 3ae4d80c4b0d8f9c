//! `search-users`: every user a text finds, newest first (page "search-users"; reference/stepchat.md §3.2).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserRow;
use shared::prelude::*;
use shared::stepchat::{Search, UserType};
use shared::store::stepchat::finding;
use shared::store::stepchat::lists::{self, Column, SortOrder};
use shared::wire::FilledPage;
use shared::wire::stepchat::{Answer, Error, PlaceCursor, Text};

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
    cursor: PlaceCursor,
}

impl Method for SearchUsers {
    type Family = Stepchat;
    const NAME: &'static str = "search-users";
    const SUMMARY: &'static str = "Searches for users.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[lists::CREATED, finding::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Vec<UserRow>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let search = Search::parse(request.search.as_str());
        let order = SortOrder { column: Column::CreationTime, descending: true, after: request.cursor.read()? };
        let mut found = finding::find(ctx.store(), &search, &UserType::LISTED, order.clone()).await?;
        let mut taken = FilledPage::default();
        while let Some(users) = found.more().await? {
            if !taken.take(users.iter().map(|user| (UserRow::new(ctx, user), order.place(user).text()))) {
                break;
            }
        }
        Ok(taken.into())
    }
}
