//! Rows of `get-users`: the standard row, and extras if they are asked for (decision D14).

use super::{DetailRow, UserRow};
use crate::context::Ctx;
use crate::ids::UserId;
use crate::stepchat::User;
use crate::store::stepchat::lists::{self, SortOrder};
use crate::wire::stepchat::{Error, ExtraChoice};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// A row, with extras by slug and as a list when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedUser {
    /// The standard row.
    #[serde(flatten)]
    pub row: UserRow,
    /// Values by slug, in the order in which the extras were added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub extra: Option<Values>,
    /// The same extras as `get-user` shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Vec<DetailRow>>,
}

/// An object whose members stand in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(Vec<(String, String)>);

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(slug, value)| (slug, value)))
    }
}

impl ListedUser {
    /// Rows of these users, each with its place as a cursor.
    pub async fn rows(
        ctx: &Ctx,
        users: &[User],
        choice: &ExtraChoice,
        order: &SortOrder,
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
            let extra = Values(details.iter().map(|detail| (detail.slug.clone(), detail.value.clone())).collect());
            (Self { extra: Some(extra), details: Some(details), ..plain(user) }, place(user))
        });
        Ok(rows.collect())
    }
}
