//! Lists of users: key-only walks over the indexes, then the profiles of one page.

pub use super::items::Column;

use super::items::{column_key, detail_key};
use super::people;
use super::users::id_of;
use crate::ids::{DIGITS as ID_DIGITS, UserId};
use crate::limits::ACTIVITY_STEP_SECONDS;
use crate::stepchat::{Detail, Slug, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::keys::MAX_KEY_BYTES;
use crate::store::listing::Merge;
use crate::store::read::{Index, Partition};
use crate::store::{Attributes, Key, Store, StoreError, Table};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

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
/// What [`with_details`] needs.
pub const WITH_DETAIL: &[Grant] =
    &[Grant::query(Table::Stepchat, "by_value"), Grant::on(Table::Stepchat, Action::BatchGetItem)];

/// Index entries of new users of one type that are read together.
const SINCE_PAGE: i32 = 500;
/// How many users' extras, or extras' users, are read at once.
const PARALLEL: usize = 16;

impl Column {
    const fn index(self) -> Index {
        match self {
            Self::FirstName => ("by_first", "lp", "s_first"),
            Self::LastName => ("by_last", "lp", "s_last"),
            Self::Email => ("by_email", "lp", "s_email"),
            Self::ProfileImage => ("by_image", "lp", "s_image"),
            // The type is the partition: within it, by id.
            Self::Id | Self::UserType => ("by_id", "lp", "s_id"),
            Self::CreationTime => ("by_created", "lp", "s_created"),
            Self::LastActivity => ("by_active", "lp", "s_active"),
            Self::Department => ("by_department", "lp", "s_department"),
        }
    }
}

/// A place in the order of a list: where a user stood. The user may be gone by now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(String);

impl Place {
    /// The place that [`Self::text`] named.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        // Every sort key ends in an id.
        let (_, id) = key.split_at_checked(key.len().checked_sub(ID_DIGITS)?)?;
        let is_key = key.len() <= MAX_KEY_BYTES && id.bytes().all(|byte| byte.is_ascii_digit());
        is_key.then_some(Self(key))
    }

    /// The place as a cursor.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

/// The order of a list: `NULL`s come first when ascending, and ties are broken by id in the same direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortOrder {
    pub column: Column,
    /// The largest first.
    pub descending: bool,
    /// Begins behind this place.
    pub after: Option<Place>,
}

impl SortOrder {
    /// The order from its beginning.
    #[must_use]
    pub const fn by(column: Column, descending: bool) -> Self {
        Self { column, descending, after: None }
    }

    /// Where a user stands.
    #[must_use]
    pub fn place(&self, user: &User) -> Place {
        Place(column_key(user, self.column))
    }

    /// Whether a user stands behind the place where the list begins.
    #[must_use]
    pub fn holds(&self, user: &User) -> bool {
        self.after.as_ref().is_none_or(|after| {
            let place = self.place(user);
            if self.descending { place < *after } else { place > *after }
        })
    }

    /// Sorts users that are in memory as [`walk`] orders those in the table; by last activity exactly.
    pub fn sort(&self, users: &mut [User]) {
        users.sort_by_cached_key(|user| self.place(user));
        if self.descending {
            users.reverse();
        }
    }
}

/// A sorted walk over the users of some types. By last activity it is exact only to [`ACTIVITY_STEP_SECONDS`].
pub struct Walk<'a> {
    merge: Merge<'a>,
}

/// Opens a walk; `limit` is how many entries are wanted at most, if known. By type, a walk always begins at the
/// beginning: no index is sorted by type.
pub async fn walk<'a>(
    store: &'a Store,
    order: SortOrder,
    types: &[UserType],
    limit: Option<i32>,
) -> Result<Walk<'a>, StoreError> {
    let SortOrder { column, descending, after } = order;
    let mut partitions: Vec<String> = types.iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut merge = Merge::of(store, Table::Stepchat, column.index(), descending).limit(limit);
    if column == Column::UserType {
        partitions.sort_unstable();
        if descending {
            partitions.reverse();
        }
        merge = merge.one_after_another();
    } else {
        merge = merge.after(after.map(|place| place.0));
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

    /// Skips `number` users.
    pub async fn skip(&mut self, number: usize) -> Result<(), StoreError> {
        let mut skipped = 0_usize;
        while skipped < number && self.next().await?.is_some() {
            skipped = skipped.saturating_add(1);
        }
        Ok(())
    }

    /// The next ids, as many as `number`; fewer only at the end.
    pub async fn next_ids(&mut self, number: usize) -> Result<Vec<UserId>, StoreError> {
        let mut ids = Vec::with_capacity(number);
        while ids.len() < number
            && let Some(id) = self.next().await?
        {
            ids.push(id);
        }
        Ok(ids)
    }
}

/// Where `get-new-users` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Users with a higher id than this.
    Id(u64),
    /// Created after this many seconds since the epoch.
    Seconds(i64),
}

impl Since {
    /// The order of the list: the newest first.
    #[must_use]
    pub const fn order(self, after: Option<Place>) -> SortOrder {
        let column = match self {
            Self::Id(_) => Column::Id,
            Self::Seconds(_) => Column::CreationTime,
        };
        SortOrder { column, descending: true, after }
    }

    /// A sort key between those that are not in the list and those that are.
    fn low(self) -> String {
        match self {
            Self::Id(id) => format!("{id:0ID_DIGITS$}\u{1}"),
            Self::Seconds(seconds) => after_second(seconds),
        }
    }
}

/// Opens a walk over all users created since then, in an order of [`Since::order`].
pub async fn since(store: &Store, since: Since, order: SortOrder) -> Result<Walk<'_>, StoreError> {
    let SortOrder { column, descending, after } = order;
    let merge = Merge::of(store, Table::Stepchat, column.index(), descending).limit(Some(SINCE_PAGE));
    let merge = merge.after(after.map(|place| place.0)).down_to(Some(since.low()));
    Ok(Walk { merge: merge.open(UserType::LISTED.map(|kind| kind.as_str().to_owned()).to_vec()).await? })
}

/// A sort key after everything of this second, in an order by time.
pub(super) fn after_second(seconds: i64) -> String {
    format!("1{seconds:012}\u{1}")
}

/// The ids of the users of these types that may have been active after this many seconds since the epoch: all that
/// were, and some that were active shortly before.
pub async fn active_since(store: &Store, types: &[UserType], seconds: i64) -> Result<Vec<UserId>, StoreError> {
    let low = after_second(seconds.saturating_sub(ACTIVITY_STEP_SECONDS));
    above(store, ("by_active", "lp", "s_active"), &low, types).await
}

/// The ids of all users of these types, ascending.
pub async fn ids_of(store: &Store, types: &[UserType]) -> Result<Vec<UserId>, StoreError> {
    let mut ids = above(store, ("by_id", "lp", "s_id"), "0", types).await?;
    ids.sort_unstable();
    Ok(ids)
}

async fn above(store: &Store, index: Index, low: &str, types: &[UserType]) -> Result<Vec<UserId>, StoreError> {
    let reads = types.iter().map(|kind| async move {
        let partition = Partition::of(Table::Stepchat, kind.as_str()).index(index).above(low);
        store.all(&partition).await
    });
    let entries = try_join_all(reads.collect::<Vec<_>>()).await?;
    Ok(entries.iter().flatten().filter_map(id_of).collect())
}

/// Profiles in the order of these ids; users that have just been deleted are left out.
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

/// For up to so many named users, the value of an extra is read by key. For more, everybody's values are read from the
/// index, which is in the order of the values and packs many into a page.
const NAMED: usize = 1_000;

/// For each of these extras, the users that have it, with its value: of the given users, whose ids must be sorted, or
/// of all users, for which the extra must be one that finds users. Whether such a user still exists, only the profile
/// tells.
pub async fn with_details(
    store: &Store,
    slugs: BTreeSet<Slug>,
    among: Option<&[UserId]>,
) -> Result<BTreeMap<Slug, BTreeMap<UserId, String>>, StoreError> {
    let reads = slugs.into_iter().map(|slug| async move {
        let having = with_detail(store, &slug, among).await?;
        Ok::<_, StoreError>((slug, having))
    });
    stream::iter(reads.collect::<Vec<_>>()).buffered(PARALLEL).try_collect().await
}

async fn with_detail(
    store: &Store,
    slug: &Slug,
    among: Option<&[UserId]>,
) -> Result<BTreeMap<UserId, String>, StoreError> {
    let entries: Vec<Attributes> = match among {
        Some(ids) if ids.len() <= NAMED || !slug.finds_users() => {
            let keys: Vec<Key> = ids.iter().map(|id| detail_key(*id, slug)).collect();
            store.batch_get(Table::Stepchat, &keys).await?
        }
        _ => {
            let partition = Partition::of(Table::Stepchat, slug.as_str()).index(("by_value", "vp", "vs"));
            store.all(&partition).await?
        }
    };
    entries
        .into_iter()
        .filter_map(|entry| Some((id_of(&entry)?, entry)))
        .filter(|(id, _)| among.is_none_or(|ids| ids.binary_search(id).is_ok()))
        .map(|(id, entry)| Ok((id, serde_dynamo::from_item::<_, Carried>(entry)?.val)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_cursor_and_back() {
        for key in ["1ivan\x00000000000007", "000000000007", "agent\x00000000000007"] {
            let place = Place(key.into());
            assert_eq!(Place::parse(&place.text()), Some(place));
        }
        let too_long = Place(format!("1{}\x00000000000007", "x".repeat(MAX_KEY_BYTES))).text();
        for wrong in ["", "7", "!", "aXZhbg", &too_long] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
