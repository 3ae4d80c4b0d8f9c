//! `get-users`: a page of 100 users, sorted and filtered (page "get-users"; reference/stepchat.md §3.2).

use shared::auth::stepchat::Admin;
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::{Search, User};
use shared::store::StoreError;
use shared::store::stepchat::finding::{self, Order};
use shared::store::stepchat::lists;
use shared::wire::stepchat::{
    Access, Answer, Error, ExtraChoice, Filled, ListedUser, Sorting, Stepchat, Text, Types, UserRefs,
};

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
    pagination: Text,
    /// Whether to add all extras, or the slugs of those to add.
    #[serde(default)]
    extra: ExtraChoice,
    /// Only these users.
    user_ids: Option<UserRefs>,
    /// Another name of `user_ids` (decision D15).
    users_id: Option<UserRefs>,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: UserRefs,
}

/// Users on a page.
const PAGE: usize = 100;

impl Request {
    /// How many users come before the page.
    fn skipped(&self) -> usize {
        let page = self.pagination.as_str().trim().parse::<usize>().unwrap_or(1).max(1);
        page.saturating_sub(1).saturating_mul(PAGE)
    }

    /// The users on the page, in order.
    async fn page(&self, ctx: &Ctx) -> Result<Vec<User>, StoreError> {
        let (store, types, skip) = (ctx.store(), &self.user_types.0, self.skipped());
        let Sorting { column, descending } = self.sorting;
        let search = Search::parse(self.search.as_str());
        let named = self.user_ids.as_ref().or(self.users_id.as_ref()).map(|ids| &ids.0).filter(|ids| !ids.is_empty());
        if let Some(ids) = named {
            let mut users = lists::profiles(store, ids).await?;
            users.retain(|user| types.contains(&user.user_type));
            let mut users = finding::matching(store, users, &search).await?;
            lists::sort(&mut users, column, descending);
            return Ok(users.into_iter().skip(skip).take(PAGE).collect());
        }
        if search.is_empty() {
            let limit = i32::try_from(skip.saturating_add(PAGE).min(1_000)).ok();
            let mut walk = lists::walk(store, column, descending, types, limit).await?;
            let mut ids: Vec<UserId> = Vec::with_capacity(PAGE);
            let mut skipped = 0_usize;
            while ids.len() < PAGE {
                let Some(id) = walk.next().await? else { break };
                if skipped < skip {
                    skipped = skipped.saturating_add(1);
                } else {
                    ids.push(id);
                }
            }
            return lists::profiles(store, &ids).await;
        }
        let mut found = finding::find(store, &search, types, Order { column, descending, after: None }).await?;
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
    type Request = Request;
    type Response = Answer<Vec<ListedUser>>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let page = request.page(ctx).await?;
        let start = request.cursor.0.first().and_then(|last| page.iter().position(|user| user.id == *last));
        let rest = page.get(start.map_or(0, |place| place + 1)..).unwrap_or_default();
        let rows = ListedUser::rows(ctx, rest, &request.extra).await?;
        let filled = Filled::new(rows, false);
        Ok(Answer::with_cursor(filled.rows, filled.next_cursor))
    }
}
