//! `get-online-users`: who was active within the presence window, the bot aside (page "get-online-users"; decision D16).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserRow;
use shared::prelude::*;
use shared::stepchat::UserType;
use shared::store::stepchat::lists::{self, SortOrder};
use shared::store::stepchat::{people, presence};
use shared::wire::stepchat::{Answer, Error, Flag, PlaceCursor, Sorting, UserRefs};

/// The method.
#[derive(Debug)]
pub struct GetOnlineUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Users to leave out.
    #[serde(default)]
    exclude_id: UserRefs,
    /// The column to sort by, descending unless a direction is named. Default: `creation_time`.
    #[serde(default)]
    sorting: Sorting,
    /// Whether to return agents and admins only.
    #[serde(default)]
    agents: Flag,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: PlaceCursor,
}

impl Method for GetOnlineUsers {
    type Family = Stepchat;
    const NAME: &'static str = "get-online-users";
    const SUMMARY: &'static str = "Returns the users who are online.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[lists::ACTIVE, people::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Vec<UserRow>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let types: &[UserType] = if request.agents.0 { &UserType::STAFF } else { &UserType::LISTED };
        let after = ctx.online_after();
        let Sorting { column, descending } = request.sorting;
        let order = SortOrder { column, descending, after: request.cursor.read()? };
        let ids = lists::active_since(ctx.store(), types, after).await?;
        let mut users = lists::profiles(ctx.store(), &ids).await?;
        // The index may lag behind the profiles.
        users
            .retain(|user| presence::is_active(user, after, ctx.now()) && !request.exclude_id.ids().contains(&user.id));
        users.retain(|user| order.holds(user));
        order.sort(&mut users);
        Ok(Answer::list(users.iter().map(|user| (UserRow::new(ctx, user), order.place(user).text()))))
    }
}
