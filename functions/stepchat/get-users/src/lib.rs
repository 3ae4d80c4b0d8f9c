//! `get-users`: a page of 100 users, sorted and filtered (page "get-users"; reference/stepchat.md §3.2).

use shared::auth::stepchat::Admin;
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::Search;
use shared::store::stepchat::{lists, people};
use shared::wire::stepchat::{
    Access, Answer, Error, ExtraChoice, Filled, ListedUser, Sorting, Stepchat, Text, Types, UserRefs, matching,
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
}

impl Method for GetUsers {
    type Family = Stepchat;
    const NAME: &'static str = "get-users";
    const SUMMARY: &'static str = "Returns a page of users.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[lists::WALK, lists::DETAILS, people::FIND];
    type Request = Request;
    type Response = Answer<Vec<ListedUser>>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let skip = request.skipped();
        let search = Search::parse(request.search.as_str());
        let Sorting { column, descending } = request.sorting;
        let types = request.user_types.0;
        let wanted = skip.saturating_add(PAGE);
        let named = request.user_ids.or(request.users_id).map(|ids| ids.0).filter(|ids| !ids.is_empty());
        let page: Vec<UserId> = if let Some(ids) = named {
            let mut users = lists::profiles(ctx.store(), &ids).await?;
            users.retain(|user| types.contains(&user.user_type));
            let mut users = matching(ctx, users, &search).await?;
            lists::sort(&mut users, column, descending);
            users.iter().skip(skip).take(PAGE).map(|user| user.id).collect()
        } else {
            let limit = if search.is_empty() { i32::try_from(wanted.min(1_000)).ok() } else { None };
            let mut walk = lists::walk(ctx.store(), column, descending, &types, limit).await?;
            let (mut page, mut seen) = (Vec::new(), 0_usize);
            while page.len() < PAGE {
                let mut chunk = Vec::with_capacity(PAGE);
                while chunk.len() < PAGE {
                    let Some(id) = walk.next().await? else { break };
                    chunk.push(id);
                }
                let ended = chunk.len() < PAGE;
                let found: Vec<UserId> = if search.is_empty() {
                    chunk
                } else {
                    let users = lists::profiles(ctx.store(), &chunk).await?;
                    matching(ctx, users, &search).await?.iter().map(|user| user.id).collect()
                };
                for id in found {
                    if seen >= skip && page.len() < PAGE {
                        page.push(id);
                    }
                    seen = seen.saturating_add(1);
                }
                if ended {
                    break;
                }
            }
            page
        };
        let start = request.cursor.0.first().and_then(|last| page.iter().position(|id| id == last));
        let rest = page.get(start.map_or(0, |place| place + 1)..).unwrap_or_default();
        let users = lists::profiles(ctx.store(), rest).await?;
        let rows = ListedUser::rows(ctx, &users, &request.extra).await?;
        let filled = Filled::new(rows, false);
        Ok(Answer::with_cursor(filled.rows, filled.next_cursor))
    }
}
