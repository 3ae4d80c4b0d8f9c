//! `current-url`: the page a user looks at, or sets it (page "current-url"; reference/stepchat.md §3.3).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::{Detail, DetailValue, Slug, User, check_details, display_name};
use shared::store::CommitError;
use shared::store::stepchat::{PlacedDetail, Position, presence, users};
use shared::wire::stepchat::{Answer, Error, UrlField, UserRef};

/// The method.
#[derive(Debug)]
pub struct CurrentUrl;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: Option<UserRef>,
    /// The address to set; empty removes it. Without it, or with `false`, the address is returned.
    #[serde(default)]
    url: UrlField,
}

/// An address, or whether one was set.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum CurrentAddress {
    /// The address.
    Url(String),
    /// `true`: set; `false`: none known, or no such user.
    Done(bool),
}

/// The address as an extra, in its position. If it is longer than the one before, all extras are read to check that the
/// user stays within the limits (decision E9); on most page views that is not needed.
async fn placed(
    ctx: &Ctx,
    user: &User,
    slug: Slug,
    value: DetailValue,
    before: Option<&PlacedDetail>,
) -> Result<PlacedDetail, Error> {
    let room = before.map_or(0, |before| before.detail.value.as_str().len());
    // A new extra comes after all that the user's last change added.
    let added = ctx.now().millis().max(user.version.saturating_add(1));
    let position = before.map_or_else(|| Position::added(added, 0), |before| before.position);
    let detail = Detail { name: display_name(&slug), slug, value };
    if before.is_none() || detail.value.as_str().len() > room {
        let stored = users::details(ctx.store(), user.id).await?;
        let others = stored.iter().filter(|other| other.slug != detail.slug).cloned();
        let after: Vec<Detail> = others.chain([detail.clone()]).collect();
        check_details(&stored, &after)?;
    }
    Ok(PlacedDetail { detail, position })
}

impl Method for CurrentUrl {
    type Family = Stepchat;
    const NAME: &'static str = "current-url";
    const SUMMARY: &'static str = "Gets or sets the page a user looks at.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants =
        &[users::FIND_PROFILE, users::LOAD, presence::DETAIL, presence::CHANGE_DETAIL, presence::TOUCH];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<CurrentAddress>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let done = |done| Ok(Answer::new(CurrentAddress::Done(done)));
        let Some(id) = request.user_id.and_then(|user| user.0) else { return done(false) };
        let slug = Slug::current_url();
        let store = ctx.store();
        let (user, before) = try_join!(users::find_profile(store, id), presence::detail(store, id, &slug))?;
        let Some(user) = user else { return done(false) };
        let Some(url) = request.url.get() else {
            let Some(known) = before else { return done(false) };
            return Ok(Answer::new(CurrentAddress::Url(known.detail.value.as_str().to_owned())));
        };
        let after = match DetailValue::parse(url)? {
            Some(value) => Some(placed(ctx, &user, slug.clone(), value, before.as_ref()).await?),
            None => None,
        };
        let answer = Answer::new(CurrentAddress::Done(true));
        match ctx.commit(presence::detail_change(id, &slug, after.as_ref())?, &answer).await {
            // The user was deleted in between.
            Err(CommitError::Stale) => done(false),
            Err(error) => Err(error.into()),
            Ok(()) => {
                presence::touch(store, &user, ctx.now()).await?;
                Ok(answer)
            }
        }
    }
}
