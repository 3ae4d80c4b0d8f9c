//! Rows of `get-users`: the standard row, and extras if they are asked for (decision D14).

use super::{DetailRow, Error, Texts, UserRow};
use crate::context::Ctx;
use crate::ids::UserId;
use crate::stepchat::User;
use crate::store::stepchat::lists;
use crate::wire::node::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
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
    Some(Vec<String>),
}

impl<'de> Deserialize<'de> for ExtraChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let Texts(words) = Texts::deserialize(&node).map_err(serde::de::Error::custom)?;
        let is_list = matches!(node, Node::List(_) | Node::Map(_))
            || matches!(&node, Node::Text(text) if text.trim_start().starts_with('['));
        Ok(match words.as_slice() {
            [] => Self::None,
            _ if is_list => Self::Some(words),
            [one] if one == "0" || one.eq_ignore_ascii_case("false") => Self::None,
            _ => Self::All,
        })
    }
}

impl JsonSchema for ExtraChoice {
    fn schema_name() -> Cow<'static, str> {
        "ExtraChoice".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string", "array"], "description": "true, or a list of slugs." })
    }
}

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
    /// Rows of these users, each with its id for a cursor.
    pub async fn rows(ctx: &Ctx, users: &[User], choice: &ExtraChoice) -> Result<Vec<(Self, String)>, Error> {
        let plain = |user: &User| Self { row: UserRow::new(ctx, user), extra: None, details: None };
        if *choice == ExtraChoice::None {
            return Ok(users.iter().map(|user| (plain(user), user.id.to_string())).collect());
        }
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let details = lists::details_of(ctx.store(), &ids).await?;
        let rows = users.iter().zip(details).map(|(user, details)| {
            let wanted = details.iter().filter(|detail| match choice {
                ExtraChoice::Some(slugs) => slugs.iter().any(|slug| slug == detail.slug.as_str()),
                _ => true,
            });
            let details: Vec<DetailRow> = wanted.map(DetailRow::from).collect();
            let extra = details.iter().map(|detail| (detail.slug.clone(), detail.value.clone())).collect();
            (Self { extra: Some(extra), details: Some(details), ..plain(user) }, user.id.to_string())
        });
        Ok(rows.collect())
    }
}
