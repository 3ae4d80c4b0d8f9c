//! The lists of `GetUsers`: users of some applications, filtered and sorted (reference/voximplant.md §2.4, decisions
//! D12, D14).
//!
//! Without a filter, the counters give the total and only the page is walked. A filter that names the users who may
//! pass, such as a part of a name, a skill or an id, leads: if these users are few, they are read from the table and
//! sorted. Any other filter is checked on a walk over the index, whose entries carry what filters compare. All three
//! ways give the same list.

pub use super::order::SortOrder;

use super::order::listed_user;
use super::users::{self, counts, find_all, listing_partition};
use crate::ids::{AccountId, ApplicationId, PhoneUserId};
use crate::ledger::Money;
use crate::store::grants::{Action, Grant};
use crate::store::ledger::user_balances;
use crate::store::listing::Merge;
use crate::store::read::text;
use crate::store::{Store, StoreError, Table};
use crate::text::Part;
use crate::voximplant::{AcdStatus, DisplayName, PhoneUser, UserName};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// What [`list`] needs, besides the balances.
pub const LIST: &[Grant] = &[
    Grant::on(Table::Voximplant, Action::Query),
    Grant::on(Table::Voximplant, Action::BatchGetItem),
    Grant::query(Table::Voximplant, "app_by_name"),
    Grant::query(Table::Voximplant, "app_by_display"),
    Grant::query(Table::Voximplant, "app_by_id"),
];

/// Users read from the table at once: with the longest texts some ten megabytes, in ten parallel batches.
const STEP: usize = 1_000;
/// Up to so many users, their money is read in parallel with them, before it is known which of them are listed.
const FEW: usize = 20;

/// Which users of the chosen applications.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exactly this user.
    pub id: Option<PhoneUserId>,
    /// Part of the user name.
    pub name_part: Option<Part>,
    /// Part of the display name.
    pub display_part: Option<Part>,
    /// Active or inactive users only.
    pub active: Option<bool>,
    /// Only users in any of these states.
    pub acd_statuses: Vec<AcdStatus>,
    /// Only members of all these sets: the users with a skill, the users of a queue, the users whose names may have the
    /// parts.
    pub among: Vec<HashSet<PhoneUserId>>,
    /// No member of any of these sets.
    pub not_among: Vec<HashSet<PhoneUserId>>,
}

/// The attributes of a user that filters compare.
#[derive(Debug, Clone, Copy)]
struct Traits<'a> {
    id: PhoneUserId,
    name: &'a UserName,
    display_name: &'a DisplayName,
    active: bool,
    acd_status: AcdStatus,
}

impl<'a> From<&'a PhoneUser> for Traits<'a> {
    fn from(user: &'a PhoneUser) -> Self {
        let PhoneUser { id, name, display_name, active, acd_status, .. } = user;
        Self { id: *id, name, display_name, active: *active, acd_status: *acd_status }
    }
}

/// What an index entry carries.
#[derive(Debug, Deserialize)]
struct IndexRow {
    pk: String,
    uname: UserName,
    display: DisplayName,
    active: bool,
    acd: AcdStatus,
    own_balance: bool,
}

impl IndexRow {
    fn id(&self) -> Result<PhoneUserId, StoreError> {
        listed_user(&self.pk)
    }

    fn traits(&self, id: PhoneUserId) -> Traits<'_> {
        Traits { id, name: &self.uname, display_name: &self.display, active: self.active, acd_status: self.acd }
    }
}

impl Filter {
    /// Whether every user passes: then the counters know the total.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All users who may pass, if the filter names them: by the id, or as the members of all the sets.
    fn led_by(&self) -> Option<Vec<PhoneUserId>> {
        if let Some(id) = self.id {
            return Some(vec![id]);
        }
        let smallest = self.among.iter().min_by_key(|members| members.len())?;
        let of_all = |id: &&PhoneUserId| self.among.iter().all(|members| members.contains(*id));
        Some(smallest.iter().filter(of_all).copied().collect())
    }

    fn passes(&self, user: Traits<'_>) -> bool {
        let has = |part: &Option<Part>, text: &str| part.as_ref().is_none_or(|part| part.is_in(text));
        self.id.is_none_or(|wanted| wanted == user.id)
            && has(&self.name_part, user.name.as_str())
            && has(&self.display_part, user.display_name.as_str())
            && self.active.is_none_or(|active| active == user.active)
            && (self.acd_statuses.is_empty() || self.acd_statuses.contains(&user.acd_status))
            && self.among.iter().all(|members| members.contains(&user.id))
            && !self.not_among.iter().any(|members| members.contains(&user.id))
    }
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Users of these applications.
    pub applications: Vec<ApplicationId>,
    /// In this order.
    pub order: SortOrder,
    /// Only users that pass.
    pub filter: Filter,
    /// Only users behind this place.
    pub after: Option<String>,
    /// Matches to skip.
    pub offset: usize,
    /// Matches to return.
    pub count: usize,
}

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub user: PhoneUser,
    /// Its money, if it has a balance of its own and ever had money.
    pub balance: Option<Money>,
    /// Its place in the order: a list can be continued behind it.
    pub place: String,
}

/// The users of a list: chosen, but most of them not yet read. They are read in steps, so that the rest stays unread if
/// an answer is full before.
#[derive(Debug)]
pub struct Listed {
    account: AccountId,
    chosen: std::vec::IntoIter<Chosen>,
    /// The money of the chosen ones, if choosing has read it.
    money: Option<HashMap<PhoneUserId, Money>>,
    /// How many users match before offset and count.
    pub total: u64,
    /// Whether matches follow the last chosen one.
    pub more: bool,
}

/// A user chosen for the page.
#[derive(Debug)]
struct Chosen {
    id: PhoneUserId,
    own_balance: bool,
    place: String,
    /// The user itself, if choosing has read it.
    user: Option<PhoneUser>,
}

/// Chooses users of some applications: sorted, filtered, `count` of them after `offset`.
///
/// A page of one application takes two sequential round trips at most, including the steps that read it: walk and
/// counters in parallel, then users and balances in parallel. A filter that leads takes two as well, or one if it leads
/// to very few users. Other filters walk the applications' partitions to their end, some thousands of entries per round
/// trip.
pub async fn list(store: &Store, account: AccountId, listing: &Listing) -> Result<Listed, StoreError> {
    if listing.filter.is_empty() {
        let only = match listing.applications.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let (listed, counts) = futures_util::try_join!(walk(store, account, listing), counts(store, account, only))?;
        let total = listing.applications.iter().filter_map(|application| counts.get(application)).sum();
        return Ok(Listed { total, ..listed });
    }
    match listing.filter.led_by() {
        Some(ids) if ids.len() <= store.search.together => look_up(store, account, listing, &ids).await,
        _ => walk(store, account, listing).await,
    }
}

impl Listed {
    /// Reads the next chosen users and their money; `None` when all have been read.
    pub async fn step(&mut self, store: &Store) -> Result<Option<Vec<Row>>, StoreError> {
        let step: Vec<Chosen> = self.chosen.by_ref().take(STEP).collect();
        if step.is_empty() {
            return Ok(None);
        }
        let unread: Vec<PhoneUserId> = step.iter().filter(|one| one.user.is_none()).map(|one| one.id).collect();
        let money = async {
            match &self.money {
                Some(money) => Ok(money.clone()),
                None => {
                    let payers: Vec<_> = step.iter().filter(|one| one.own_balance).map(|one| one.id).collect();
                    user_balances(store, self.account, &payers).await
                }
            }
        };
        let (mut users, money) = futures_util::try_join!(find_all(store, self.account, &unread), money)?;
        // A user that was deleted since it was chosen is left out.
        let rows = step.into_iter().filter_map(|one| {
            let user = one.user.or_else(|| users.remove(&one.id).map(|stored| stored.user))?;
            let balance = money.get(&one.id).copied().filter(|_| one.own_balance);
            Some(Row { user, balance, place: one.place })
        });
        Ok(Some(rows.collect()))
    }
}

/// The matches to skip. A cursor stands behind those that were skipped on the way to it: they are not skipped again.
fn to_skip(listing: &Listing) -> usize {
    if listing.after.is_some() { 0 } else { listing.offset }
}

/// Reads all users who may pass.
async fn look_up(
    store: &Store,
    account: AccountId,
    listing: &Listing,
    ids: &[PhoneUserId],
) -> Result<Listed, StoreError> {
    let money = async { if ids.len() <= FEW { user_balances(store, account, ids).await.map(Some) } else { Ok(None) } };
    let (users, money) = futures_util::try_join!(find_all(store, account, ids), money)?;
    let matching = users
        .into_values()
        .map(|stored| stored.user)
        .filter(|user| listing.applications.contains(&user.application) && listing.filter.passes(Traits::from(user)));
    let mut matching: Vec<Chosen> = matching
        .map(|user| {
            let place = listing.order.place(&user);
            Chosen { id: user.id, own_balance: !user.parent_accounting, place, user: Some(user) }
        })
        .collect();
    matching.sort_unstable_by(|one, other| one.place.cmp(&other.place));
    let total = u64::try_from(matching.len()).unwrap_or(u64::MAX);
    let is_behind = |one: &Chosen| listing.after.as_ref().is_none_or(|after| one.place > *after);
    let mut behind = matching.into_iter().filter(is_behind).skip(to_skip(listing));
    let chosen: Vec<Chosen> = behind.by_ref().take(listing.count).collect();
    Ok(Listed { account, chosen: chosen.into_iter(), money, total, more: behind.next().is_some() })
}

/// Walks the index of the order. Without a filter it ends behind the page, and its total is not the total of the list.
async fn walk(store: &Store, account: AccountId, listing: &Listing) -> Result<Listed, StoreError> {
    let unfiltered = listing.filter.is_empty();
    let offset = to_skip(listing);
    let wanted = offset.saturating_add(listing.count);
    // One more than the page tells whether there is more.
    let limit = if unfiltered { i32::try_from(wanted.saturating_add(1).min(users::LARGEST_PAGE)).ok() } else { None };
    let index = listing.order.index();
    let (_, _, sort) = index;
    // With a filter the total needs the whole walk, so the cursor is applied while walking.
    let start = if unfiltered { listing.after.clone() } else { None };
    let partitions = listing.applications.iter().map(|application| listing_partition(account, *application)).collect();
    let merge = Merge::of(store, Table::Voximplant, index, false).limit(limit).after(start);
    let mut merge = merge.open(partitions).await?;
    let (mut chosen, mut total, mut behind) = (Vec::new(), 0_u64, 0_usize);
    while let Some(entry) = merge.next().await? {
        let place = text(&entry, sort).unwrap_or_default().to_owned();
        let entry: IndexRow = serde_dynamo::from_item(entry)?;
        let id = entry.id()?;
        if !listing.filter.passes(entry.traits(id)) {
            continue;
        }
        total = total.saturating_add(1);
        if listing.after.as_ref().is_some_and(|after| place <= *after) {
            continue;
        }
        behind = behind.saturating_add(1);
        if behind > offset && chosen.len() < listing.count {
            chosen.push(Chosen { id, own_balance: entry.own_balance, place, user: None });
        } else if unfiltered && behind > wanted {
            break;
        }
    }
    Ok(Listed { account, chosen: chosen.into_iter(), money: None, total, more: behind > wanted })
}
