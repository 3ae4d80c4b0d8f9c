//! `GetUsers`: the users of the account or of some of its applications (page "GetUsers"; reference/voximplant.md §2.4,
//! decisions D4, D12 to D14).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::ApplicationFilter;
use shared::ids::PhoneUserId;
use shared::ledger::Money;
use shared::limits::MAX_COUNT;
use shared::prelude::*;
use shared::store::ledger;
use shared::store::voximplant::lists::{self, Filter, Listing, SortOrder};
use shared::store::voximplant::members;
use shared::store::voximplant::texts;
use shared::store::voximplant::{queues, skills};
use shared::text::Part;
use shared::voximplant::{AcdStatus, Role};
use shared::wire::FilledPage;
use shared::wire::voximplant::{Bool, Count, Cursor, Error, Ids, ListAnswer, SemicolonList, Text, UserInfo};

mod named;
mod names;

use named::{Members, Named};
use names::Names;

const DEFAULT_COUNT: usize = 20;

/// The method.
#[derive(Debug)]
pub struct GetUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Only users of this application.
    application_id: Option<Ids>,
    /// Only users of applications with this part in their full name.
    application_name: Option<Text>,
    /// Only this user.
    user_id: Option<Ids>,
    /// Part of the user name.
    user_name: Option<Text>,
    /// Part of the display name.
    user_display_name: Option<Text>,
    /// Only users that may log in, or only those that may not.
    user_active: Option<Bool>,
    /// Any of OFFLINE, ONLINE, READY, BANNED, `IN_SERVICE`, `AFTER_SERVICE`, TIMEOUT, DND, separated by semicolons.
    acd_status: Option<SemicolonList<AcdStatus>>,
    /// Only users with this skill.
    skill_id: Option<Ids>,
    /// Only users without this skill.
    excluded_skill_id: Option<Ids>,
    /// Only users that serve this queue.
    acd_queue_id: Option<Ids>,
    /// Only users that do not serve this queue.
    excluded_acd_queue_id: Option<Ids>,
    /// Shows only this skill in `skills`.
    showing_skill_id: Option<Ids>,
    /// Adds `skills`. Default: false.
    with_skills: Option<Bool>,
    /// Adds `acd_queues`. Default: false.
    with_queues: Option<Bool>,
    /// Records to return at most: up to 10,000. Default: 20.
    count: Option<Count>,
    /// Records to skip. Default: 0.
    offset: Option<Count>,
    /// Order of the records. Default: `user_name`.
    #[serde(default)]
    order_by: SortOrder,
    /// Continues after an answer that ended with `next_cursor`.
    cursor: Option<Cursor>,
    /// Whether `balance` is the live balance: here live and fixed balance are the same. Default: true.
    #[allow(dead_code, reason = "read for its form only")]
    return_live_balance: Option<Bool>,
}

impl Method for GetUsers {
    type Family = Voximplant;
    const NAME: &'static str = "GetUsers";
    const SUMMARY: &'static str = "Shows the users of the account.";
    const ACCESS: Access =
        Access::Roles(&[Role::Owner, Role::Admin, Role::Developer, Role::Supervisor, Role::UserManager]);
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[
        ApplicationFilter::RESOLVE,
        lists::LIST,
        texts::CANDIDATES,
        ledger::USER_BALANCES,
        skills::FIND,
        skills::NAMES,
        queues::NAMES,
        members::OF,
    ];
    type Caller = Tenant;
    type Request = Request;
    type Response = ListAnswer<UserInfo>;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Self::Response, Error> {
        let (store, account) = (ctx.store(), caller.account());
        let wanted = request.count.map_or(DEFAULT_COUNT, |count| count.0);
        let named = Named::of(&request);
        let applications = ApplicationFilter::new(request.application_id, request.application_name);
        let mut listing = Listing {
            applications: applications.only().into_iter().collect(),
            order: request.order_by,
            filter: Filter {
                id: request.user_id.and_then(|id| id.0).and_then(PhoneUserId::new),
                name_part: request.user_name.map(|part| Part::of(&part.0)),
                display_part: request.user_display_name.map(|part| Part::of(&part.0)),
                active: request.user_active.map(|flag| flag.0),
                acd_statuses: request.acd_status.map_or_else(Vec::new, |list| list.0),
                ..Filter::default()
            },
            after: request.cursor.map(|cursor| cursor.0),
            offset: request.offset.map_or(0, |offset| offset.0),
            count: wanted.min(MAX_COUNT),
        };
        let existing = applications.resolve(store, account);
        let members = Box::pin(named.members(store, account));
        let mut listed = if listing.applications.is_empty() || named.filters() {
            let (applications, Members { among, not_among }) = try_join!(existing, members)?;
            listing.applications = applications;
            (listing.filter.among, listing.filter.not_among) = (among, not_among);
            Box::pin(lists::list(store, account, &listing)).await?
        } else {
            // The users of one application are read while a check runs whether the application exists.
            let listed = async { Ok(lists::list(store, account, &listing).await?) };
            let (_, _, listed) = try_join!(existing, members, Box::pin(listed))?;
            listed
        };
        let with = |flag: Option<Bool>| flag.is_some_and(|flag| flag.0);
        let mut shown = Names::new(with(request.with_skills), with(request.with_queues));
        let mut taken = FilledPage::default();
        while let Some(rows) = Box::pin(listed.step(store)).await? {
            Box::pin(shown.read(store, account, &rows)).await?;
            let infos = rows.iter().map(|row| {
                let mut info = UserInfo::new(&row.user, row.balance.unwrap_or(Money::ZERO));
                info.skills = shown.skills_of(&row.user, named.showing());
                info.acd_queues = shown.queues_of(&row.user);
                (info, row.place.clone())
            });
            if !taken.take(infos) {
                break;
            }
        }
        Ok(ListAnswer::of(taken, listed.total, wanted > MAX_COUNT && listed.more))
    }
}
