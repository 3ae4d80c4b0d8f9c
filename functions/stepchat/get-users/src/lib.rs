//! `get-users`: a page of 100 users, sorted and filtered (page "get-users"; reference/stepchat.md §3.2).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::ListedUser;
use shared::prelude::*;
use shared::stepchat::{Search, User};
use shared::store::StoreError;
use shared::store::stepchat::finding;
use shared::store::stepchat::lists::{self, SortOrder};
use shared::wire::stepchat::{Answer, Error, ExtraChoice, PageField, PlaceCursor, Sorting, Text, Types, UserRefs};

/// The method.
#[derive(Debug)]
pub struct GetUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Column and direction. Default: newest first.
    #[serde(default)]
    sorting: Sorting,
    /// Types to return. Default: all but the bot.
    #[serde(default)]
    user_types: Types,
    /// Words to search for.
    #[serde(default)]
    search: Text,
    /// The page, from 1. Default: 1, as for anything that is no page.
    #[serde(default)]
    pagination: PageField,
    /// Whether to add all extras, or the slugs of those to add.
    #[serde(default)]
    extra: ExtraChoice,
    /// Only these users.
    #[serde(default)]
    user_ids: UserRefs,
    /// Another name of `user_ids` (decision D15).
    #[serde(default)]
    users_id: UserRefs,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: PlaceCursor,
}

/// Users on a page.
const PAGE: usize = 100;

impl Request {
    /// How many users come before the page.
    fn skipped(&self) -> usize {
        self.pagination.0.saturating_sub(1).saturating_mul(PAGE)
    }

    /// The users on the page, in order.
    async fn page(&self, ctx: &Ctx, order: SortOrder) -> Result<Vec<User>, StoreError> {
        let (store, types, skip) = (ctx.store(), &self.user_types.0, self.skipped());
        let search = Search::parse(self.search.as_str());
        if let Some(ids) = self.user_ids.named().or(self.users_id.named()) {
            let mut users = lists::profiles(store, ids).await?;
            users.retain(|user| types.contains(&user.user_type));
            let mut users = finding::matching(store, users, &search).await?;
            order.sort(&mut users);
            return Ok(users.into_iter().skip(skip).take(PAGE).collect());
        }
        if search.finds_everybody() {
            let limit = i32::try_from(skip.saturating_add(PAGE).min(1_000)).ok();
            let mut walk = lists::walk(store, order, types, limit).await?;
            walk.skip(skip).await?;
            return lists::profiles(store, &walk.next_ids(PAGE).await?).await;
        }
        let mut found = finding::find(store, &search, types, order).await?;
        let (mut page, mut skipped): (Vec<User>, usize) = (Vec::with_capacity(PAGE), 0);
        while let Some(users) = found.more().await? {
            let before = skip.saturating_sub(skipped).min(users.len());
            skipped = skipped.saturating_add(before);
            page.extend(users.into_iter().skip(before).take(PAGE.saturating_sub(page.len())));
            if page.len() >= PAGE {
                break;
            }
        }
        Ok(page)
    }
}

impl Method for GetUsers {
    type Family = Stepchat;
    const NAME: &'static str = "get-users";
    const SUMMARY: &'static str = "Returns a page of users.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[lists::WALK, finding::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Vec<ListedUser>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Sorting { column, descending } = request.sorting;
        let rest = SortOrder { column, descending, after: request.cursor.read()? };
        let mut page = request.page(ctx, SortOrder::by(column, descending)).await?;
        page.retain(|user| rest.holds(user));
        // The index by last activity is not exact, so the page is sorted by the profiles.
        rest.sort(&mut page);
        let rows = ListedUser::rows(ctx, &page, &request.extra, &rest).await?;
        Ok(Answer::list(rows))
    }
}
