//! Users with all their extras in the order of first names: what an export reads.

use super::lists::{self, SortOrder};
use super::users::{self, Stored};
use crate::ids::UserId;
use crate::stepchat::UserType;
use crate::store::grants::{Action, Grant};
use crate::store::{Store, StoreError, Table};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use std::collections::VecDeque;

/// What [`read`] needs.
pub const READ: &[Grant] = &[
    Grant::query(Table::Stepchat, "by_first"),
    Grant::on(Table::Stepchat, Action::BatchGetItem),
    Grant::on(Table::Stepchat, Action::Query),
];

/// Users that are read at once: an export has nothing else to wait for.
const PARALLEL: usize = 64;

/// The ids that are still to come: those of a walk, or of a list.
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

/// All users but the bot, or those whose ids are in `among`, in this order. Users deleted meanwhile are left out.
pub async fn read<'a>(
    store: &'a Store,
    among: Option<&[UserId]>,
    order: SortOrder,
) -> Result<impl Stream<Item = Result<Stored, StoreError>> + Send + use<'a>, StoreError> {
    let source = match among {
        None => Source::Walk(lists::walk(store, order, &UserType::LISTED, None).await?),
        Some(ids) => {
            let mut chosen = lists::profiles(store, ids).await?;
            chosen.retain(|user| user.user_type != UserType::Bot && order.holds(user));
            order.sort(&mut chosen);
            Source::List(chosen.iter().map(|user| user.id).collect())
        }
    };
    let ids = stream::try_unfold(source, |mut source| async move {
        Ok::<_, StoreError>(source.next().await?.map(|id| (id, source)))
    });
    let loads = ids.map_ok(move |id| users::load(store, id)).try_buffered(PARALLEL);
    Ok(loads.try_filter_map(|stored| async move { Ok(stored) }).boxed())
}
