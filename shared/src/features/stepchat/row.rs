//! A user as answers show it: ids and numbers as strings, moments in wire form (reference/stepchat.md §1.3, §2).

use crate::context::Ctx;
use crate::stepchat::{Detail, User};
use crate::store::stepchat::users::Stored;
use schemars::JsonSchema;
use serde::Serialize;

/// The standard row of lists and of `get-user-by`: ten fields in the original's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UserRow {
    /// Id, as text.
    pub id: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Address of the picture.
    pub profile_image: String,
    /// visitor, lead, user, agent, admin or bot.
    pub user_type: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub creation_time: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub last_activity: String,
    /// Department number, as text.
    pub department: Option<String>,
    /// The user's token: 40 hex digits; empty for staff if the deployment hides staff tokens (decision D44), and to
    /// callers with an API token.
    pub token: String,
}

impl UserRow {
    /// The row of a user.
    #[must_use]
    pub fn new(ctx: &Ctx, user: &User) -> Self {
        let config = &ctx.config().stepchat;
        let hidden = user.user_type.is_staff() && !ctx.shows_staff_tokens();
        let image = user.profile_image.as_ref().map_or(config.default_profile_image.as_str(), |image| image.as_str());
        Self {
            id: user.id.to_string(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            email: user.email.as_ref().map(|email| email.as_str().to_owned()),
            profile_image: image.to_owned(),
            user_type: user.user_type.to_string(),
            creation_time: user.creation_time.wire(),
            last_activity: user.last_activity.wire(),
            department: user.department.map(|department| department.get().to_string()),
            token: if hidden { String::new() } else { ctx.tokens().of(user.id, user.token_version) },
        }
    }
}

/// One extra of `details`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DetailRow {
    /// Slug.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Text.
    pub value: String,
}

impl From<&Detail> for DetailRow {
    fn from(detail: &Detail) -> Self {
        Self {
            slug: detail.slug.as_str().to_owned(),
            name: detail.name.clone(),
            value: detail.value.as_str().to_owned(),
        }
    }
}

/// The row of `get-user`: the password is always empty (decision D13), details only when asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UserDetails {
    /// The standard row.
    #[serde(flatten)]
    pub row: UserRow,
    /// Always empty.
    pub password: String,
    /// The extras, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Vec<DetailRow>>,
}

impl UserDetails {
    /// The profile alone.
    #[must_use]
    pub fn profile(ctx: &Ctx, user: &User) -> Self {
        Self { row: UserRow::new(ctx, user), password: String::new(), details: None }
    }

    /// Profile and extras.
    #[must_use]
    pub fn with_extras(ctx: &Ctx, stored: &Stored) -> Self {
        let details = stored.details.iter().map(DetailRow::from).collect();
        Self { details: Some(details), ..Self::profile(ctx, &stored.user) }
    }
}
