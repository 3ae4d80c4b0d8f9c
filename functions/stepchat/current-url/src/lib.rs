//! `current-url`: the page a user looks at, or sets it (page "current-url"; reference/stepchat.md §3.3).

use shared::auth::stepchat::Admin;
use shared::prelude::*;
use shared::stepchat::{Detail, DetailValue, Slug, display_name};
use shared::store::CommitError;
use shared::store::stepchat::{presence, users};
use shared::wire::stepchat::{Access, Answer, Error, Stepchat, Text, UserRef};

/// The method.
#[derive(Debug)]
pub struct CurrentUrl;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: Option<UserRef>,
    /// The address to set; empty removes it. Without it, or with `false`, the address is returned.
    url: Option<Text>,
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

const SLUG: &str = "current_url";

impl Method for CurrentUrl {
    type Family = Stepchat;
    const NAME: &'static str = "current-url";
    const SUMMARY: &'static str = "Gets or sets the page a user looks at.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[users::FIND_PROFILE, presence::DETAIL, presence::CHANGE_DETAIL, presence::TOUCH];
    type Request = Request;
    type Response = Answer<CurrentAddress>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let done = |done| Ok(Answer::new(CurrentAddress::Done(done)));
        let (Some(id), Some(slug)) = (request.user_id.and_then(|user| user.0), Slug::parse(SLUG)) else {
            return done(false);
        };
        let store = ctx.store();
        let Some(url) = request.url.filter(|url| url.as_str() != "false") else {
            let (user, detail) = try_join!(users::find_profile(store, id), presence::detail(store, id, &slug))?;
            let Some(detail) = detail.filter(|_| user.is_some()) else { return done(false) };
            return Ok(Answer::new(CurrentAddress::Url(detail.value.as_str().to_owned())));
        };
        let Some(user) = users::find_profile(store, id).await? else { return done(false) };
        let value = DetailValue::parse(url.as_str())?;
        let detail = value.map(|value| Detail { name: display_name(&slug), slug: slug.clone(), value });
        let answer = Answer::new(CurrentAddress::Done(true));
        match ctx.commit(presence::detail_change(id, &slug, detail.as_ref())?, &answer).await {
            // The user has gone in between.
            Err(CommitError::Stale) => done(false),
            Err(error) => Err(error.into()),
            Ok(()) => {
                presence::touch(store, &user, ctx.now()).await?;
                Ok(answer)
            }
        }
    }
}
