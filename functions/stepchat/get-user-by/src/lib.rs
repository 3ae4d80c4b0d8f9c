//! `get-user-by`: the first user with this e-mail address, name, phone number or extra; `false` if there is none
//! (page "get-user-by"; reference/stepchat.md §3.1).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::UserRow;
use shared::prelude::*;
use shared::stepchat::{Email, Phone, Slug};
use shared::store::stepchat::users::{self, Attribute};
use shared::wire::stepchat::{Answer, Error, OrFalse, Text};

/// The method.
#[derive(Debug)]
pub struct GetUserBy;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// `email`, `first_name`, `last_name`, `phone`, or the slug of any extra.
    by: Text,
    /// The whole value, compared without case and accents.
    value: Text,
}

impl Request {
    /// The attribute to find a user by; `None` if no user can have it: its value or its name is empty.
    fn attribute(&self) -> Option<Attribute> {
        // Not trimmed: an unencoded `+7…` arrives with a leading blank.
        let value = self.value.non_blank().map(|_| self.value.as_str())?;
        let phone = || Phone::parse(value).map(Attribute::Phone);
        let exactly = |slug| Slug::parse(slug).map(|slug| Attribute::Detail(slug, value.trim().to_owned()));
        match self.by.non_blank()?.to_lowercase().as_str() {
            "email" => Email::parse(value).ok().map(Attribute::Email),
            "first_name" => Some(Attribute::FirstName(value.trim().to_owned())),
            "last_name" => Some(Attribute::LastName(value.trim().to_owned())),
            // A phone number without digits is compared like any other extra.
            slug @ Slug::PHONE => phone().or_else(|| exactly(slug)),
            slug => exactly(slug),
        }
    }
}

impl Method for GetUserBy {
    type Family = Stepchat;
    const NAME: &'static str = "get-user-by";
    const SUMMARY: &'static str = "Finds a user by an attribute.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::FIND_BY];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<UserRow>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Some(attribute) = request.attribute() else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let found = users::find_by(ctx.store(), &attribute).await?;
        Ok(Answer::new(found.map(|user| UserRow::new(ctx, &user)).into()))
    }
}
