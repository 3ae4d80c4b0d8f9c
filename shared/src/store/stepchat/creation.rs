//! Creating a user. Write intents need no id, so they can be written while the user's id is requested.

use super::counters::{self, LeadCounter};
use super::items::{DetailItem, GuardItem, Owned, Position, ProfileItem, email_key, phone_key};
use super::texts::Stamps;
use super::users::{Secrets, generation_after, phone_of, push_secrets};
use crate::ids::UserId;
use crate::stepchat::{Detail, DetailChange, DraftUser, Refusal, User, UserType};
use crate::store::grants::{Action, AuthItem, Grant};
use crate::store::search::IndexChange;
use crate::store::{Store, StoreError, Table, Txn, Write};

/// What a creation needs.
pub const CREATE: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::UpdateItem),
    Grant::on(Table::Stepchat, Action::BatchWriteItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::auth(AuthItem::StepchatPassword, Action::PutItem),
    Grant::auth(AuthItem::AdminToken, Action::PutItem),
];

/// A user who is about to be created and has no id yet.
#[derive(Debug)]
pub struct Draft {
    user: DraftUser,
    details: Vec<Detail>,
    stamps: Stamps,
    change: IndexChange,
}

impl Draft {
    /// A user with its extras.
    #[must_use]
    pub fn new(user: DraftUser, details: &[Detail]) -> Self {
        let (stamps, change) = Stamps::of_draft(&user, &all_set(details));
        Self { user, details: details.to_vec(), stamps, change }
    }

    /// Writes the write intents of the user's search entries. They need no id, so it can be requested meanwhile.
    pub async fn write_intents(&mut self, store: &Store) -> Result<(), StoreError> {
        self.change.write_intents(store).await
    }

    /// The same user with its id.
    #[must_use]
    pub fn with_id(self, id: UserId) -> Prepared {
        let Self { user, details, stamps, change } = self;
        Prepared { user: user.with_id(id), details, stamps, change: change.owned_by(id.padded(), id.get()) }
    }
}

fn all_set(details: &[Detail]) -> Vec<DetailChange> {
    details.iter().cloned().map(DetailChange::Set).collect()
}

/// A user who is about to be created, with its id.
#[derive(Debug)]
pub struct Prepared {
    user: User,
    details: Vec<Detail>,
    stamps: Stamps,
    change: IndexChange,
}

/// The transaction that creates a user, as [`Prepared::creation`].
pub fn of(
    user: &User,
    details: &[Detail],
    secrets: &Secrets,
    unique_phone: bool,
    leads: &LeadCounter,
) -> Result<Txn<Refusal>, StoreError> {
    let (stamps, change) = Stamps::default().after(None, user, &all_set(details));
    let prepared = Prepared { user: user.clone(), details: details.to_vec(), stamps, change };
    prepared.creation(secrets, unique_phone, leads)
}

impl Prepared {
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The transaction that creates the user. `unique_phone` is the workspace's setting (decision D39). Stale if the
    /// user is a lead and all leads were deleted since `leads` was read.
    pub fn creation(
        self,
        secrets: &Secrets,
        unique_phone: bool,
        leads: &LeadCounter,
    ) -> Result<Txn<Refusal>, StoreError> {
        let Self { user, details, stamps, change } = self;
        let (user, details) = (&user, details.as_slice());
        let mut txn = Txn::default();
        if let Some(email) = &user.email {
            let guard = GuardItem::new(email_key(email), user.id);
            txn.push(Write::put(Table::Stepchat, &guard)?.if_absent().or(Refusal::DuplicateEmail));
        }
        let owned = Owned {
            phone: if unique_phone { phone_of(details) } else { None },
            admin_token: (user.user_type == UserType::Admin).then(|| secrets.token.clone()),
            email_of: None,
            epoch: 0,
            was_responder: false,
            generation: generation_after(None, user, leads),
        };
        if let Some(phone) = &owned.phone {
            let guard = GuardItem::new(phone_key(phone), user.id);
            txn.push(Write::put(Table::Stepchat, &guard)?.if_absent().or(Refusal::DuplicatePhone));
        }
        txn.index(change);
        // The id is fresh from the sequence: an item in its place means the sequence was set back.
        let profile = ProfileItem::new(user, owned.clone(), stamps.profile);
        txn.push(Write::put(Table::Stepchat, &profile)?.if_absent().or_stale());
        for (index, detail) in details.iter().enumerate() {
            let item = DetailItem::new(user.id, detail, Position::added(user.version, index));
            let item = item.stamped(stamps.details.get(&detail.slug));
            txn.push(Write::put(Table::Stepchat, &item)?);
        }
        if let Some(count) = counters::one_more(user.user_type, leads) {
            txn.push(count);
        }
        push_secrets(&mut txn, user.id, &Owned::default(), &owned, secrets)?;
        Ok(txn)
    }
}
