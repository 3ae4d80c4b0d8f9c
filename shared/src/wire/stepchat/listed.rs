//! Rows of `get-users`: the standard row, and extras if they are asked for (decision D14).

use super::fields::unfolded;
use super::{DetailRow, Error, Texts, UserRow};
use crate::context::Ctx;
use crate::ids::UserId;
use crate::stepchat::{Slug, User};
use crate::store::stepchat::lists::{self, Order};
use crate::wire::node::Node;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Which extras a list adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ExtraChoice {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// Those of these slugs.
    Some(Vec<Slug>),
}

impl<'de> Deserialize<'de> for ExtraChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match unfolded(Node::deserialize(deserializer)?) {
            None | Some(Node::Null) => Self::None,
            Some(list @ (Node::List(_) | Node::Map(_))) => match Texts::of(&list).0.as_slice() {
                [] => Self::None,
                slugs => Self::Some(slugs.iter().filter_map(|slug| Slug::parse(slug)).collect()),
            },
            Some(scalar) => {
                let off = scalar.as_text().is_none_or(|text| text == "0" || text.eq_ignore_ascii_case("false"));
                if off { Self::None } else { Self::All }
            }
        })
    }
}

plain_schema!(ExtraChoice, { "type": ["boolean", "string", "array"], "description": "true, or a list of slugs." });

/// A row, with extras by slug and as a list when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedUser {
    /// The standard row.
    #[serde(flatten)]
    pub row: UserRow,
    /// Values by slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<BTreeMap<String, String>>,
    /// The same extras as `get-user` shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Vec<DetailRow>>,
}

impl ListedUser {
    /// Rows of these users, each with its place as a cursor.
    pub async fn rows(
        ctx: &Ctx,
        users: &[User],
        choice: &ExtraChoice,
        order: &Order,
    ) -> Result<Vec<(Self, String)>, Error> {
        let plain = |user: &User| Self { row: UserRow::new(ctx, user), extra: None, details: None };
        let place = |user: &User| order.place(user).text();
        if *choice == ExtraChoice::None {
            return Ok(users.iter().map(|user| (plain(user), place(user))).collect());
        }
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let details = lists::details_of(ctx.store(), &ids).await?;
        let rows = users.iter().zip(details).map(|(user, details)| {
            let wanted = details.iter().filter(|detail| match choice {
                ExtraChoice::Some(slugs) => slugs.contains(&detail.slug),
                _ => true,
            });
            let details: Vec<DetailRow> = wanted.map(DetailRow::from).collect();
            let extra = details.iter().map(|detail| (detail.slug.clone(), detail.value.clone())).collect();
            (Self { extra: Some(extra), details: Some(details), ..plain(user) }, place(user))
        });
        Ok(rows.collect())
    }
}
