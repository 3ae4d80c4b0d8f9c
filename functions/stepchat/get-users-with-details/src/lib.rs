//! `get-users-with-details`: who has these details, and their values (page "get-users-with-details"; decisions D22, D37).

use shared::auth::stepchat::Admin;
use shared::ids::UserId;
use shared::prelude::*;
use shared::stepchat::{Slug, User, UserType};
use shared::store::stepchat::{lists, people};
use shared::wire::stepchat::{Access, Answer, Error, Stepchat, Texts};
use std::collections::BTreeMap;

/// The method.
#[derive(Debug)]
pub struct GetUsersWithDetails;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Names of details: `first_name`, `last_name`, `email`, `profile_image`, `department`, or the slug of any extra.
    details: Texts,
    /// Ids, or `agents` for agents and admins, or `all` or `false` for everybody. Default: everybody.
    #[serde(default)]
    user_ids: Texts,
}

/// A user and its value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Having {
    /// The user, as a number.
    id: UserId,
    /// The value.
    value: String,
}

/// The value of a built-in detail, if the user has it.
fn built_in(name: &str, user: &User) -> Option<String> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    match name {
        "first_name" => text(user.first_name.as_str()),
        "last_name" => text(user.last_name.as_str()),
        "email" => user.email.as_ref().map(|email| email.as_str().to_owned()),
        "profile_image" => user.profile_image.as_ref().map(|image| image.as_str().to_owned()),
        "department" => user.department.map(|department| department.get().to_string()),
        _ => None,
    }
}

const BUILT_IN: [&str; 5] = ["first_name", "last_name", "email", "profile_image", "department"];

/// The users that are asked about; `None` is everybody.
async fn chosen(ctx: &Ctx, ids: &Texts) -> Result<Option<Vec<UserId>>, Error> {
    match ids.0.as_slice() {
        [] => Ok(None),
        [one] if one.trim_start_matches('>') == "all" => Ok(None),
        [one] if one == "agents" => Ok(Some(lists::ids_of(ctx.store(), &[UserType::Agent, UserType::Admin]).await?)),
        many => Ok(Some(many.iter().filter_map(|id| UserId::parse(id)).collect())),
    }
}

impl Method for GetUsersWithDetails {
    type Family = Stepchat;
    const NAME: &'static str = "get-users-with-details";
    const SUMMARY: &'static str = "Returns who has these details.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[lists::IDS, lists::WITH_DETAIL, people::FIND];
    type Request = Request;
    type Response = Answer<BTreeMap<String, Vec<Having>>>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let among = chosen(ctx, &request.user_ids).await?;
        let mut answer: BTreeMap<String, Vec<Having>> = BTreeMap::new();
        let profiles = if request.details.0.iter().any(|name| BUILT_IN.contains(&name.as_str())) {
            let ids = match &among {
                Some(ids) => ids.clone(),
                None => lists::ids_of(ctx.store(), &UserType::LISTED).await?,
            };
            lists::profiles(ctx.store(), &ids).await?
        } else {
            Vec::new()
        };
        for name in request.details.0 {
            let mut having: Vec<Having> = if BUILT_IN.contains(&name.as_str()) {
                let values = profiles.iter().filter_map(|user| Some((user.id, built_in(&name, user)?)));
                values.map(|(id, value)| Having { id, value }).collect()
            } else if let Some(slug) = Slug::parse(&name) {
                let values = lists::with_detail(ctx.store(), &slug, among.as_deref()).await?.into_iter();
                values.map(|(id, value)| Having { id, value }).collect()
            } else {
                Vec::new()
            };
            having.sort_by_key(|having| having.id);
            answer.insert(name, having);
        }
        Ok(Answer::new(answer))
    }
}
