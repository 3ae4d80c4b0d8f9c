//! `get-user-extra`: the extras of a user, or the bare value of one (page "get-user-extra"; reference/stepchat.md §3.1).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::DetailRow;
use shared::prelude::*;
use shared::stepchat::Slug;
use shared::store::stepchat::{presence, users};
use shared::wire::stepchat::{Answer, Error, TextOrFalse, UserRef};

/// The method.
#[derive(Debug)]
pub struct GetUserExtra;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
    /// One extra; without it all are returned.
    #[serde(default)]
    slug: TextOrFalse,
    /// What to answer, as it was sent, if the user has no such extra. Default: false.
    #[serde(default)]
    default: TextOrFalse,
}

/// All extras, the value of one, or what stands for its absence.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Extras {
    /// All extras, by slug.
    All(Vec<DetailRow>),
    /// The value of one, or the caller's default.
    One(String),
    /// `false`.
    None(bool),
}

impl Method for GetUserExtra {
    type Family = Stepchat;
    const NAME: &'static str = "get-user-extra";
    /// The page's own misprint (decision D5).
    const ALIASES: &'static [&'static str] = &["get-userp-extra"];
    const SUMMARY: &'static str = "Returns the extras of a user.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[users::LOAD, users::FIND_PROFILE, presence::DETAIL];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<Extras>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let slug = request.slug.get().map(Slug::parse);
        let default = request.default.get().map_or(Extras::None(false), |text| Extras::One(text.to_owned()));
        let Some(id) = request.user_id.0 else {
            return Ok(Answer::new(if slug.is_some() { default } else { Extras::None(false) }));
        };
        let Some(slug) = slug else {
            let stored = users::load(ctx.store(), id).await?;
            let rows = stored.map_or_else(Vec::new, |stored| stored.details.iter().map(DetailRow::from).collect());
            return Ok(Answer::new(Extras::All(rows)));
        };
        let Some(slug) = slug else { return Ok(Answer::new(default)) };
        // Extras of a deleted user may still wait for their purge.
        let (user, detail) = try_join!(users::find_profile(ctx.store(), id), presence::detail(ctx.store(), id, &slug))?;
        let found = detail.filter(|_| user.is_some()).map(|placed| placed.detail);
        Ok(Answer::new(found.map_or(default, |detail| Extras::One(detail.value.as_str().to_owned()))))
    }
}
