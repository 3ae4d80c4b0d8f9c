//! Transfers between an account and its users, drafted as one transaction; larger ones are planned in chunks.

use super::items::{Head, LineNumbers, UserBalance, read_balances};
use super::operation::{OperationId, OperationItem};
use crate::ids::{AccountId, ApplicationId, PhoneUserId};
use crate::ledger::{Insufficient, Money, Party, Posting, Texts, shares};
use crate::limits::MAX_TRANSFER_USERS;
use crate::store::grants::{Action, Grant};
use crate::store::voximplant::payees::{self, Payee};
use crate::store::{CommitError, Store, Table, Txn};
use crate::timestamp::Timestamp;
use crate::voximplant::{Parameter, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What [`draft`] needs, its transaction included.
pub const DRAFT: &[Grant] = &[
    Grant::on(Table::Ledger, Action::GetItem),
    Grant::on(Table::Ledger, Action::BatchGetItem),
    Grant::on(Table::Ledger, Action::PutItem),
    Grant::on(Table::Ledger, Action::UpdateItem),
    Grant::on(Table::Voximplant, Action::BatchGetItem),
];

/// A transfer as it was asked for.
#[derive(Debug, Clone)]
pub struct TransferOrder {
    /// The account whose money moves.
    pub account: AccountId,
    /// The operation, by which the transfer happens once.
    pub operation: OperationId,
    /// The users, each once, in the caller's order.
    pub users: Vec<PhoneUserId>,
    /// Whether the caller said `all`: then users that cannot take part are passed over (decision D6).
    pub all: bool,
    /// Users must belong to this application, if one was named.
    pub application: Option<ApplicationId>,
    /// To each user, or from each if negative, in ten-thousandths.
    pub amount: i64,
    /// Whether the whole sum must be there (decision D8); otherwise the transfer goes as far as the money does (D9).
    pub strict: bool,
    /// What the statements say.
    pub texts: Texts,
    /// The rate by which `amount` was converted.
    pub rate: Option<String>,
    /// The moment of the call.
    pub now: Timestamp,
}

/// What the transfer will be, decided on balances read at one moment.
#[derive(Debug)]
pub enum Draft {
    /// One transaction, and the account's balance after it.
    Small(Txn<Refusal>, Money),
    /// Too many users for one transaction.
    Large(Plan),
}

/// One user of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    pub(super) user: PhoneUserId,
    pub(super) name: String,
    /// How often its balance had been closed when the plan was made.
    #[serde(rename = "c")]
    pub(super) closings: i64,
    /// What it gets (or gives, if negative), in ten-thousandths.
    pub(super) share: i64,
}

/// A transfer that is to be stored in chunks.
#[derive(Debug)]
pub struct Plan {
    pub(super) head: Head,
    pub(super) members: Vec<Member>,
}

/// One user's part.
struct Part {
    payee: Payee,
    balance: UserBalance,
    share: i64,
}

/// Decides a transfer. Stale at commit means: draft again.
pub async fn draft(store: &Store, order: &TransferOrder) -> Result<Draft, CommitError<Refusal>> {
    let (head, balances) =
        futures_util::try_join!(Head::read(store, order.account), read_balances(store, order.account, &order.users))?;
    if head.is_busy(store.now()) {
        return Err(CommitError::Refused(Refusal::RateLimit));
    }
    // Read after the balances: a user that is closed in between has another balance version at the commit. The lines'
    // numbers are taken after the head was read, in parallel; for many users it is not known yet how many take part.
    let few = if order.users.len() <= MAX_TRANSFER_USERS { order.users.len() } else { 0 };
    let (found, numbers) =
        futures_util::try_join!(payees::by_ids(store, order.account, &order.users), LineNumbers::of_users(store, few))?;
    let parts = order.parts(&head, balances, found).map_err(CommitError::Refused)?;
    if parts.len() > MAX_TRANSFER_USERS {
        let members = parts.into_iter().map(|part| Member {
            user: part.payee.id,
            name: part.payee.name,
            closings: part.balance.closings,
            share: part.share,
        });
        return Ok(Draft::Large(Plan { head, members: members.collect() }));
    }
    let numbers = if few > 0 { numbers } else { LineNumbers::of_users(store, parts.len()).await? };
    order.small(&head, &parts, numbers, store.now())
}

impl TransferOrder {
    /// The users that take part, with what each gets or gives; those that get nothing are left out.
    fn parts(
        &self,
        head: &Head,
        mut balances: HashMap<PhoneUserId, UserBalance>,
        mut found: HashMap<PhoneUserId, Payee>,
    ) -> Result<Vec<Part>, Refusal> {
        let mut parts = Vec::with_capacity(self.users.len());
        for user in &self.users {
            match (self.fit(found.remove(user)), balances.remove(user)) {
                (Ok(payee), Some(balance)) => parts.push(Part { payee, balance, share: 0 }),
                (Err(refusal), _) if !self.all => return Err(refusal),
                _ => {}
            }
        }
        let units: Vec<i64> = parts.iter().map(|part| part.balance.units).collect();
        let shares =
            shares(self.amount, head.units, &units, self.strict).map_err(|Insufficient| Refusal::InsufficientMoney)?;
        for (part, share) in parts.iter_mut().zip(shares) {
            part.share = share;
        }
        parts.retain(|part| part.share != 0);
        Ok(parts)
    }

    fn fit(&self, payee: Option<Payee>) -> Result<Payee, Refusal> {
        let ours = |payee: &Payee| self.application.is_none_or(|application| application == payee.application);
        let payee = payee.filter(ours).ok_or(Refusal::Invalid(Parameter("user_id")))?;
        if payee.own_balance { Ok(payee) } else { Err(Refusal::NoSeparateBalance) }
    }

    fn small(
        &self,
        head: &Head,
        parts: &[Part],
        numbers: LineNumbers,
        now: Timestamp,
    ) -> Result<Draft, CommitError<Refusal>> {
        let mut txn = Txn::default();
        let postings: Vec<Posting> = parts
            .iter()
            .filter_map(|part| {
                posting(Party::Account(self.account), &self.texts, part.payee.id, &part.payee.name, part.share)
            })
            .collect();
        if postings.is_empty() {
            // Nothing moves, but a repeated call must get the first answer.
            let operation = OperationItem::new(self.account, &self.operation, 0, head.units).ended(self.now);
            txn.push(operation.first(self.now)?);
            return Ok(Draft::Small(txn, head.balance()));
        }
        let too_much = || CommitError::Refused(Refusal::Invalid(Parameter("amount")));
        let appended = head.append(self.account, postings, self.rate.clone(), numbers, now)?.ok_or_else(too_much)?;
        let number = appended.journal.entry.number;
        let operation = OperationItem::new(self.account, &self.operation, number, appended.head.units);
        txn.push(operation.ended(self.now).first(self.now)?);
        for step in appended.steps()? {
            txn.push(step);
        }
        for part in parts {
            txn.push(part.balance.moved(part.share).ok_or_else(too_much)?.step()?);
        }
        for line in appended.journal.lines()? {
            txn.push(line);
        }
        Ok(Draft::Small(txn, appended.head.balance()))
    }
}

/// The posting of one user's share: positive from `payer` (the account, or suspense) to the user, negative back.
pub(super) fn posting(payer: Party, texts: &Texts, user: PhoneUserId, name: &str, share: i64) -> Option<Posting> {
    let user_party = Party::User(user);
    let (from, to) = if share < 0 { (user_party, payer) } else { (payer, user_party) };
    let (for_account, for_user) = texts.of(user, name);
    let amount = Money::from_units(share.checked_abs()?);
    Some(Posting::new(from, to, amount, &for_account)?.with_user_description(&for_user))
}
