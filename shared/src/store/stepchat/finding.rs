//! Users that a search finds, in the order of a list.
//!
//! Search entries say which users may be found; each such user is read strongly, and its texts decide. A few users are
//! read and sorted together. Many are taken in the order of an index, which is walked without reading other users. If a
//! search finds nearly everybody, the walk reads every user and a page is soon full. All three ways give the same list;
//! by last activity, the walks are as exact as their index.

use super::lists::{self, SortOrder, Walk};
use super::texts;
use crate::ids::UserId;
use crate::stepchat::{Search, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::{Store, StoreError, Table};
use std::collections::BTreeSet;

/// What [`find`] needs besides the walk over its column.
pub const FIND: &[Grant] =
    &[Grant::on(Table::Stepchat, Action::Query), Grant::on(Table::Stepchat, Action::BatchGetItem)];

/// Users looked at together.
const CHUNK: usize = 100;

/// The users that a search finds, part by part.
pub struct Finding<'a> {
    store: &'a Store,
    search: &'a Search,
    source: Source<'a>,
}

enum Source<'a> {
    /// These users, in order.
    Few(Vec<User>),
    /// The users met on a walk; if candidates are known, only those.
    Walk(Walk<'a>, Option<BTreeSet<UserId>>),
}

/// Opens the list of the users of some types that a search finds.
pub async fn find<'a>(
    store: &'a Store,
    search: &'a Search,
    types: &[UserType],
    order: SortOrder,
) -> Result<Finding<'a>, StoreError> {
    let among = texts::candidates(store, search).await?;
    let source = match among {
        Some(ids) if ids.len() <= store.search.together => {
            let users = lists::profiles(store, &ids.into_iter().collect::<Vec<_>>()).await?;
            let listed = |user: &User| types.contains(&user.user_type) && order.holds(user);
            let users = users.into_iter().filter(listed).collect();
            let mut users = matching(store, users, search).await?;
            order.sort(&mut users);
            Source::Few(users)
        }
        among => Source::Walk(lists::walk(store, order, types, None).await?, among),
    };
    Ok(Finding { store, search, source })
}

impl Finding<'_> {
    /// The next part of the users, which may be empty; `None` at the end.
    pub async fn more(&mut self) -> Result<Option<Vec<User>>, StoreError> {
        match &mut self.source {
            Source::Few(users) => Ok(Some(std::mem::take(users)).filter(|users| !users.is_empty())),
            Source::Walk(walk, among) => {
                let mut chunk: Vec<UserId> = Vec::with_capacity(CHUNK);
                while chunk.len() < CHUNK {
                    let Some(id) = walk.next().await? else { break };
                    if among.as_ref().is_none_or(|among| among.contains(&id)) {
                        chunk.push(id);
                    }
                }
                if chunk.is_empty() {
                    return Ok(None);
                }
                let users = lists::profiles(self.store, &chunk).await?;
                matching(self.store, users, self.search).await.map(Some)
            }
        }
    }
}

/// Those of these users that a search finds, in their order. Extras are read only of users whose profile does not
/// match.
pub async fn matching(store: &Store, users: Vec<User>, search: &Search) -> Result<Vec<User>, StoreError> {
    let undecided: Vec<UserId> = users.iter().filter(|user| !search.finds_profile(user)).map(|user| user.id).collect();
    let details = lists::details_of(store, &undecided).await?;
    let found: BTreeSet<UserId> = undecided
        .into_iter()
        .zip(details)
        .filter(|(_, details)| search.finds_details(details))
        .map(|(id, _)| id)
        .collect();
    Ok(users.into_iter().filter(|user| search.finds_profile(user) || found.contains(&user.id)).collect())
}
