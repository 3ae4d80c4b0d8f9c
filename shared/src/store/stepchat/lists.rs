//! Lists of users: key-only walks over the indexes, then the profiles of one page.

use super::items::{column_key, detail_key};
use super::people;
use super::users::id_of;
use crate::ids::UserId;
use crate::stepchat::{Detail, Slug, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::listing::{Index, Merge};
use crate::store::read::{Partition, Range};
use crate::store::{Attributes, Key, Store, StoreError, Table};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What [`walk`] of any column needs.
pub const WALK: &[Grant] = &[
    Grant::query(Table::Stepchat, "by_first"),
    Grant::query(Table::Stepchat, "by_last"),
    Grant::query(Table::Stepchat, "by_email"),
    Grant::query(Table::Stepchat, "by_image"),
    Grant::query(Table::Stepchat, "by_created"),
    Grant::query(Table::Stepchat, "by_active"),
    Grant::query(Table::Stepchat, "by_department"),
    Grant::query(Table::Stepchat, "by_id"),
];
/// What [`walk`] by creation needs.
pub const CREATED: &[Grant] = &[Grant::query(Table::Stepchat, "by_created")];
/// What [`since`] needs.
pub const SINCE: &[Grant] = &[Grant::query(Table::Stepchat, "by_created"), Grant::query(Table::Stepchat, "by_id")];
/// What [`active_since`] needs.
pub const ACTIVE: &[Grant] = &[Grant::query(Table::Stepchat, "by_active")];
/// What [`ids_of`] needs.
pub const IDS: &[Grant] = &[Grant::query(Table::Stepchat, "by_id")];
/// What [`details_of`] needs.
pub const DETAILS: &[Grant] = &[Grant::on(Table::Stepchat, Action::Query)];
/// What [`with_detail`] needs.
pub const WITH_DETAIL: &[Grant] =
    &[Grant::query(Table::Stepchat, "by_value"), Grant::on(Table::Stepchat, Action::BatchGetItem)];

/// Users whose extras are read at once.
const PARALLEL: usize = 16;

/// The columns lists can be sorted by (page "get-users").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// E-mail address.
    Email,
    /// Picture.
    ProfileImage,
    /// Type, by its word.
    UserType,
    /// Creation.
    CreationTime,
    /// Last activity.
    LastActivity,
    /// Department.
    Department,
}

impl Column {
    /// The column of this name; `None` for any other name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.trim() {
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "email" => Self::Email,
            "profile_image" => Self::ProfileImage,
            "user_type" => Self::UserType,
            "creation_time" => Self::CreationTime,
            "last_activity" => Self::LastActivity,
            "department" => Self::Department,
            _ => return None,
        })
    }

    const fn index(self) -> Index {
        match self {
            Self::FirstName => ("by_first", "lp", "s_first"),
            Self::LastName => ("by_last", "lp", "s_last"),
            Self::Email => ("by_email", "lp", "s_email"),
            Self::ProfileImage => ("by_image", "lp", "s_image"),
            // The type is the partition: within it, by id.
            Self::UserType => ("by_id", "lp", "s_id"),
            Self::CreationTime => ("by_created", "lp", "s_created"),
            Self::LastActivity => ("by_active", "lp", "s_active"),
            Self::Department => ("by_department", "lp", "s_department"),
        }
    }
}

/// A sorted walk over the users of some types.
pub struct Walk<'a> {
    merge: Merge<'a>,
}

/// Opens a walk. NULLs come first when ascending, ties are broken by id in the same direction; `limit` is how many entries
/// are wanted at most, if that is known.
pub async fn walk<'a>(
    store: &'a Store,
    column: Column,
    descending: bool,
    types: &[UserType],
    limit: Option<i32>,
) -> Result<Walk<'a>, StoreError> {
    walk_after(store, column, descending, types, limit, None).await
}

/// The same walk from behind a place in the column.
pub(super) async fn walk_after<'a>(
    store: &'a Store,
    column: Column,
    descending: bool,
    types: &[UserType],
    limit: Option<i32>,
    after: Option<String>,
) -> Result<Walk<'a>, StoreError> {
    let mut partitions: Vec<String> = types.iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut merge = Merge::of(store, Table::Stepchat, column.index(), descending).limit(limit).after(after);
    if column == Column::UserType {
        partitions.sort_unstable();
        if descending {
            partitions.reverse();
        }
        merge = merge.one_after_another();
    }
    Ok(Walk { merge: merge.open(partitions).await? })
}

impl Walk<'_> {
    /// The next user's id.
    pub async fn next(&mut self) -> Result<Option<UserId>, StoreError> {
        while let Some(entry) = self.merge.next().await? {
            if let Some(id) = id_of(&entry) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// Sorts users that are in memory exactly as [`walk`] orders those in the table.
pub fn sort(users: &mut [User], column: Column, descending: bool) {
    users.sort_by_cached_key(|user| column_key(user, column));
    if descending {
        users.reverse();
    }
}

/// Where `get-new-users` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Behind this id.
    Id(u64),
    /// Created after this many seconds since the epoch.
    Seconds(i64),
}

/// The ids of all users created since then, newest id first.
pub async fn since(store: &Store, since: Since) -> Result<Vec<UserId>, StoreError> {
    let (index, low) = match since {
        Since::Id(id) => (("by_id", "lp", "s_id"), format!("{id:012}\u{1}")),
        Since::Seconds(seconds) => (("by_created", "lp", "s_created"), format!("1{seconds:012}\u{1}")),
    };
    let mut ids = above(store, index, &low, &UserType::LISTED).await?;
    ids.sort_unstable_by(|left, right| right.cmp(left));
    Ok(ids)
}

/// The ids of the users of these types that were active after this many seconds since the epoch.
pub async fn active_since(store: &Store, types: &[UserType], seconds: i64) -> Result<Vec<UserId>, StoreError> {
    above(store, ("by_active", "lp", "s_active"), &format!("1{seconds:012}\u{1}"), types).await
}

/// The ids of all users of these types, ascending.
pub async fn ids_of(store: &Store, types: &[UserType]) -> Result<Vec<UserId>, StoreError> {
    let mut ids = above(store, ("by_id", "lp", "s_id"), "0", types).await?;
    ids.sort_unstable();
    Ok(ids)
}

async fn above(store: &Store, index: Index, low: &str, types: &[UserType]) -> Result<Vec<UserId>, StoreError> {
    let reads = types.iter().map(|kind| async move {
        let partition = Partition {
            table: Table::Stepchat,
            index: Some(index),
            pk: kind.as_str(),
            range: Range::Above(low),
            descending: false,
            limit: None,
        };
        store.all(&partition).await
    });
    let entries = try_join_all(reads.collect::<Vec<_>>()).await?;
    Ok(entries.iter().flatten().filter_map(id_of).collect())
}

/// Profiles in the order of these ids; users that have just gone are left out.
pub async fn profiles(store: &Store, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
    let mut users = people::find(store, ids.iter().copied().collect()).await?;
    Ok(ids.iter().filter_map(|id| users.remove(id)).collect())
}

/// The extras of each of these users, in their order.
pub async fn details_of(store: &Store, ids: &[UserId]) -> Result<Vec<Vec<Detail>>, StoreError> {
    let reads = ids.iter().map(|id| super::users::details(store, *id)).collect::<Vec<_>>();
    stream::iter(reads).buffered(PARALLEL).try_collect().await
}

#[derive(Debug, Deserialize)]
struct Carried {
    val: String,
}

/// Every user that has this extra, with its value, by id: of the given users, or of all but the bot.
pub async fn with_detail(
    store: &Store,
    slug: &Slug,
    among: Option<&[UserId]>,
) -> Result<BTreeMap<UserId, String>, StoreError> {
    let entries: Vec<Attributes> = match among {
        Some(ids) => {
            let keys: Vec<Key> = ids.iter().map(|id| detail_key(*id, slug)).collect();
            store.batch_get(Table::Stepchat, &keys).await?
        }
        None => {
            let partition = Partition {
                table: Table::Stepchat,
                index: Some(("by_value", "vp", "vs")),
                pk: slug.as_str(),
                range: Range::All,
                descending: false,
                limit: None,
            };
            store.all(&partition).await?
        }
    };
    entries
        .into_iter()
        .filter_map(|entry| Some((id_of(&entry)?, entry)))
        .map(|(id, entry)| Ok((id, serde_dynamo::from_item::<_, Carried>(entry)?.val)))
        .collect()
}
