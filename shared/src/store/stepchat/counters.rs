//! How many users of each type there are, exactly: shards that move inside the transactions they count.
//!
//! The shards of leads have generations: `delete-leads` deletes those who were leads when it was called.

use crate::stepchat::{Refusal, UserType};
use crate::store::generation::{self, Generation, Shard, Which};
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::write::Step;
use crate::store::{Attributes, Key, Sequence, Store, StoreError, Table, Write};
use std::collections::BTreeMap;

/// What [`count`] needs.
pub const COUNT: &[Grant] = &[Grant::on(Table::Stepchat, Action::Query)];
/// What [`LeadCounter::read`] needs.
pub const READ_LEADS: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What the next generation of leads needs.
pub const NEXT_LEADS: &[Grant] = &[Grant::on(Table::Stepchat, Action::UpdateItem)];

/// Shards of a type, so that concurrent creations seldom touch the same item, which takes some 50 transactions a
/// second. Admins have one shard: the condition that the last admin stays must see the whole count.
const SHARDS: u8 = 32;

fn key(kind: UserType) -> Key {
    let shard = if kind == UserType::Admin { 0 } else { fastrand::u8(0..SHARDS) };
    shard_key(kind, shard)
}

fn shard_key(kind: UserType, shard: u8) -> Key {
    Key::new("N", format!("{kind}#{shard:02}"))
}

/// The shard on which a user who becomes a lead is counted.
#[derive(Debug, Clone)]
pub struct LeadCounter(Shard);

impl LeadCounter {
    /// For changes that make nobody a lead. A change that does is stale if all leads have ever been deleted.
    #[must_use]
    pub fn unread() -> Self {
        Self(Shard::unread(Table::Stepchat, key(UserType::Lead)))
    }

    /// Reads the generation that new leads belong to.
    pub async fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(Shard::read(store, Table::Stepchat, key(UserType::Lead)).await?))
    }

    /// The same if the change makes somebody a lead; other changes do not need it.
    pub async fn read_for(store: &Store, before: Option<UserType>, after: UserType) -> Result<Self, StoreError> {
        if after == UserType::Lead && before != Some(UserType::Lead) {
            Self::read(store).await
        } else {
            Ok(Self::unread())
        }
    }

    /// The generation of a user who becomes a lead now.
    pub(super) fn generation(&self) -> Generation {
        self.0.generation()
    }
}

/// Begins a new generation of leads: all present leads belong to earlier ones.
pub(super) async fn next_leads(store: &Store) -> Result<Generation, StoreError> {
    let shards = (0..SHARDS).map(|shard| shard_key(UserType::Lead, shard)).collect();
    generation::begin(store, Sequence::StepchatGeneration, shards, Which::All).await
}

/// One more user of this type. The bot is not counted.
pub(super) fn one_more(kind: UserType, leads: &LeadCounter) -> Option<Step<Refusal>> {
    match kind {
        UserType::Bot => None,
        UserType::Lead => Some(leads.0.count_one()),
        _ => Some(Write::count(Table::Stepchat, key(kind), 1).into()),
    }
}

/// One user of this type less; `last_admin` is the refusal if no admin would remain (decision D19).
pub(super) fn one_less(kind: UserType, last_admin: Refusal) -> Option<Step<Refusal>> {
    let update = || Write::count(Table::Stepchat, key(kind), -1);
    match kind {
        UserType::Bot => None,
        UserType::Admin => Some(update().number(":one", 1).if_("n > :one").or(last_admin)),
        _ => Some(update().into()),
    }
}

/// The number of users of each listed type. One strong query of at most 129 small items.
pub async fn count(store: &Store) -> Result<BTreeMap<UserType, u64>, StoreError> {
    let partition = Partition::of(Table::Stepchat, "N");
    let shards = store.all(&partition).await?;
    let mut counts: BTreeMap<UserType, i64> = UserType::LISTED.into_iter().map(|kind| (kind, 0)).collect();
    for shard in &shards {
        let (kind, number) = read(shard)?;
        if let Some(count) = counts.get_mut(&kind) {
            *count = count.saturating_add(number);
        }
    }
    Ok(counts.into_iter().map(|(kind, count)| (kind, u64::try_from(count).unwrap_or(0))).collect())
}

fn read(shard: &Attributes) -> Result<(UserType, i64), StoreError> {
    let kind = crate::store::read::text(shard, "sk").and_then(|sk| sk.split('#').next());
    let kind = kind.and_then(|kind| UserType::parse(kind).ok());
    let number = shard.get("n").and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    kind.zip(number).ok_or_else(|| StoreError::Corrupt("counter".into()))
}
