//! `get-users-with-details`: who has these details, and their values (page "get-users-with-details"; decisions D22, D37).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::ids::UserId;
use shared::limits::MAX_DETAILS_PER_CALL;
use shared::prelude::*;
use shared::stepchat::{ProfileField, Refusal, Slug, UserType};
use shared::store::stepchat::{lists, people};
use shared::wire::FilledPage;
use shared::wire::stepchat::{Answer, Error, Names, UserCursor, UserSelection};
use std::collections::{BTreeMap, BTreeSet};

/// The method.
#[derive(Debug)]
pub struct GetUsersWithDetails;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Names of details: `first_name`, `last_name`, `email`, `profile_image`, `department`, or the slug of any extra.
    details: Names,
    /// Ids, or `agents` for agents and admins, or `all` or `false` for everybody. Default: everybody.
    #[serde(default)]
    user_ids: UserSelection,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: UserCursor,
}

/// A user and its value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Having {
    /// The user, as a number.
    id: UserId,
    /// The value.
    value: String,
}

/// Users whose values are put into the answer at once.
const CHUNK: usize = 500;

/// The field of the profile that a detail names. The type is none: an extra may have its name.
fn built_in(name: &str) -> Option<ProfileField> {
    let named = |field: &ProfileField| *field != ProfileField::UserType && name.eq_ignore_ascii_case(field.name());
    ProfileField::ALL.into_iter().find(named)
}

/// The users that are asked about; `None` is everybody.
async fn chosen(ctx: &Ctx, users: UserSelection) -> Result<Option<Vec<UserId>>, Error> {
    Ok(match users {
        UserSelection::Everybody => None,
        UserSelection::Staff => Some(lists::ids_of(ctx.store(), &UserType::STAFF).await?),
        UserSelection::Named(ids) => Some(ids),
    })
}

/// Each name once. Every extra needs its own look-up, so their number is limited.
fn names(details: Names) -> Result<Vec<String>, Refusal> {
    let names: BTreeSet<String> = details.0.into_iter().collect();
    if names.len() > MAX_DETAILS_PER_CALL { Err(Refusal::TooManyExtras) } else { Ok(names.into_iter().collect()) }
}

impl Method for GetUsersWithDetails {
    type Family = Stepchat;
    const NAME: &'static str = "get-users-with-details";
    const SUMMARY: &'static str = "Returns who has these details.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[lists::IDS, lists::WITH_DETAIL, people::FIND];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<BTreeMap<String, Vec<Having>>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let after = request.cursor.read()?;
        let behind = |id: &UserId| after.is_none_or(|after| *id > after);
        let among = chosen(ctx, request.user_ids).await?;
        let among = among.map(|ids| ids.into_iter().filter(behind).collect::<Vec<_>>());
        let names = names(request.details)?;
        let slugs = names.iter().filter(|name| built_in(name).is_none()).filter_map(|name| Slug::parse(name));
        let slugs: BTreeSet<Slug> = slugs.collect();
        // Of extras that users are not found by, there is no index of who has them: everybody is read.
        let among = match among {
            None if slugs.iter().any(|slug| !slug.finds_users()) => {
                let mut everybody = lists::ids_of(ctx.store(), &UserType::LISTED).await?;
                everybody.retain(behind);
                Some(everybody)
            }
            among => among,
        };
        let extras = lists::with_details(ctx.store(), slugs, among.as_deref()).await?;
        let mut ids: BTreeSet<UserId> = extras.values().flat_map(|users| users.keys().copied()).collect();
        if names.iter().any(|name| built_in(name).is_some()) {
            ids.extend(match among {
                Some(ids) => ids,
                None => lists::ids_of(ctx.store(), &UserType::LISTED).await?,
            });
        }
        let ids: Vec<UserId> = ids.into_iter().filter(behind).collect();
        let mut taken = FilledPage::default();
        for chunk in ids.chunks(CHUNK) {
            // The profile decides who exists: extras of a deleted user may be left for a while. No list shows the bot.
            let mut users = lists::profiles(ctx.store(), chunk).await?;
            users.retain(|user| user.user_type != UserType::Bot);
            let rows = users.iter().map(|user| {
                let value = |name: &str| match built_in(name) {
                    Some(field) => field.text(user),
                    None => extras.get(&Slug::parse(name)?)?.get(&user.id).cloned(),
                };
                let having = names.iter().filter_map(|name| Some((name, Having { id: user.id, value: value(name)? })));
                (having.collect::<Vec<_>>(), user.id.to_string())
            });
            if !taken.take(rows) {
                break;
            }
        }
        let taken = Answer::from(taken);
        let mut answer: BTreeMap<String, Vec<Having>> = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        for (name, having) in taken.response.into_iter().flatten() {
            answer.entry(name.clone()).or_default().push(having);
        }
        Ok(Answer::with_cursor(answer, taken.next_cursor))
    }
}
