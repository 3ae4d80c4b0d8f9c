//! `get-user-language`: two lower-case letters; `false` if unknown (page "get-user-language"; decision D21).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::language_code;
use shared::store::stepchat::users;
use shared::wire::stepchat::{Answer, Error, OrFalse, UserRef};

/// The method.
#[derive(Debug)]
pub struct GetUserLanguage;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The user.
    user_id: UserRef,
}

impl Method for GetUserLanguage {
    type Family = Stepchat;
    const NAME: &'static str = "get-user-language";
    const SUMMARY: &'static str = "Returns a user's language.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[users::LOAD];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<String>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Some(id) = request.user_id.0 else { return Ok(Answer::new(OrFalse::Missing)) };
        let stored = users::load(ctx.store(), id).await?;
        let language = stored.and_then(|stored| {
            let value = |slug: &str| stored.details.iter().find(|detail| detail.slug.as_str() == slug);
            // The user's own choice comes before the browser's, if it is a language.
            ["language", "browser_language"].iter().find_map(|slug| language_code(value(slug)?.value.as_str()))
        });
        Ok(Answer::new(language.into()))
    }
}
