//! `get-avatar`: the address of a picture of somebody's initials (page "get-avatar"; reference/stepchat.md §3.5).

pub mod drawing;
pub mod fonts;
pub mod initials;

use drawing::Avatar;
use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::method::Family as _;
use shared::prelude::*;
use shared::store::files;
use shared::wire::stepchat::{Answer, Error, Text};

/// The method.
#[derive(Debug)]
pub struct GetAvatar;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// First name.
    first_name: Text,
    /// Last name.
    #[serde(default)]
    last_name: Text,
}

impl Method for GetAvatar {
    type Family = Stepchat;
    const NAME: &'static str = "get-avatar";
    const SUMMARY: &'static str = "Returns the address of a picture of somebody's initials.";
    const ACCESS: Access = Access::Admin;
    // The same name gives the same picture, and an existing file stays.
    const EFFECT: Effect = Effect::Repeatable;
    const GRANTS: Grants = &[files::DRAW];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<String>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let (first, last) = (request.first_name.as_str().trim(), request.last_name.as_str().trim());
        // A visitor called `User #29938` has no name; the original shows the default picture as well.
        let nameless = first.is_empty() || last.starts_with('#');
        let avatar = if nameless { None } else { Avatar::of(first, last) };
        let drawn = avatar.and_then(|avatar| Some((avatar.key()?, avatar.draw()?)));
        let Some((key, picture)) = drawn else {
            return Ok(Answer::new(ctx.config().stepchat.default_profile_image.clone()));
        };
        ctx.files().create(&key, picture.into()).await?;
        Ok(Answer::new(Stepchat::address(ctx, key.as_str())))
    }
}
