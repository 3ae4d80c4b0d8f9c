//! Users with all their extras in the order of first names: what an export reads.

use super::items::column_key;
use super::lists::{self, Column};
use super::users::{self, Stored};
use crate::ids::UserId;
use crate::stepchat::{User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::{Store, StoreError, Table};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use std::collections::VecDeque;

/// What [`read`] needs.
pub const READ: &[Grant] = &[
    Grant::query(Table::Stepchat, "by_first"),
    Grant::on(Table::Stepchat, Action::BatchGetItem),
    Grant::on(Table::Stepchat, Action::Query),
];

/// Users that are read at once. An export has nothing else to wait for.
const PARALLEL: usize = 64;

/// A place in the order. It holds even if the user who was there has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// Behind this user.
    #[must_use]
    pub fn behind(user: &User) -> Self {
        Self(column_key(user, Column::FirstName).0)
    }

    /// The place that [`Self::text`] named.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        // Every sort key has its two parts.
        key.contains('\0').then_some(Self(key))
    }

    /// The place as a cursor.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

/// The ids that are still to come: those of a walk, or a list.
enum Source<'a> {
    Walk(lists::Walk<'a>),
    List(VecDeque<UserId>),
}

impl Source<'_> {
    async fn next(&mut self) -> Result<Option<UserId>, StoreError> {
        match self {
            Self::Walk(walk) => walk.next().await,
            Self::List(ids) => Ok(ids.pop_front()),
        }
    }
}

/// All users but the bot, or those `among` these, from behind a place. Users that go meanwhile are left out.
pub async fn read<'a>(
    store: &'a Store,
    among: Option<&[UserId]>,
    after: Option<Place>,
) -> Result<impl Stream<Item = Result<Stored, StoreError>> + Send + use<'a>, StoreError> {
    let source = match among {
        None => {
            let after = after.map(|place| place.0);
            Source::Walk(lists::walk_after(store, Column::FirstName, false, &UserType::LISTED, None, after).await?)
        }
        Some(ids) => {
            let mut chosen = lists::profiles(store, ids).await?;
            chosen.retain(|user| user.user_type != UserType::Bot);
            lists::sort(&mut chosen, Column::FirstName, false);
            let behind = |user: &User| after.as_ref().is_none_or(|place| Place::behind(user).0 > place.0);
            Source::List(chosen.iter().filter(|user| behind(user)).map(|user| user.id).collect())
        }
    };
    let ids = stream::try_unfold(source, |mut source| async move {
        Ok::<_, StoreError>(source.next().await?.map(|id| (id, source)))
    });
    let loads = ids.map_ok(move |id| users::load(store, id)).try_buffered(PARALLEL);
    Ok(loads.try_filter_map(|stored| async move { Ok(stored) }).boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_cursor_and_back() {
        let place = Place("1ivan\x00000000000007".into());
        assert_eq!(Place::parse(&place.text()), Some(place));
        for wrong in ["", "7", "!", "aXZhbg"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
