//! Small increasing ids, one sequence item per kind.

use super::{CommitError, Key, Store, StoreError, Table, Txn, Write};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

/// The sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// StepChat users.
    StepchatUser,
    /// StepChat conversations.
    Conversation,
    /// Messages of StepChat conversations.
    Message,
    /// Voximplant accounts.
    Account,
    /// Voximplant applications.
    Application,
    /// Voximplant users.
    PhoneUser,
    /// Skills.
    Skill,
    /// Queues.
    Queue,
    /// Lines of Voximplant's statements: their `transaction_id` (decision E4).
    StatementLine,
    /// Deletes of all leads.
    StepchatGeneration,
    /// Deletes of all telephony users of an application or an account.
    PhoneGeneration,
}

impl Sequence {
    const fn place(self) -> (Table, &'static str) {
        match self {
            Self::StepchatUser => (Table::Stepchat, "user"),
            Self::Conversation => (Table::Stepchat, "conversation"),
            Self::Message => (Table::Stepchat, "message"),
            Self::Account => (Table::Voximplant, "account"),
            Self::Application => (Table::Voximplant, "application"),
            Self::PhoneUser => (Table::Voximplant, "user"),
            Self::Skill => (Table::Voximplant, "skill"),
            Self::Queue => (Table::Voximplant, "queue"),
            Self::StatementLine => (Table::Ledger, "line"),
            Self::StepchatGeneration => (Table::Stepchat, "generation"),
            Self::PhoneGeneration => (Table::Voximplant, "generation"),
        }
    }

    /// The table that the sequence belongs to.
    pub(super) const fn table(self) -> Table {
        self.place().0
    }
}

#[derive(Debug, serde::Deserialize)]
struct SequenceItem {
    n: u64,
}

impl Store {
    /// The last number a sequence has given; 0 before the first.
    pub async fn last_number(&self, sequence: Sequence) -> Result<u64, StoreError> {
        let (table, name) = sequence.place();
        let item: Option<SequenceItem> = self.get(table, &Key::new("S", name)).await?;
        Ok(item.map_or(0, |item| item.n))
    }

    /// The next number of a sequence, parsed into its id type.
    ///
    /// Deliberately outside the transaction that uses it: a lost response wastes a number, an id inside the
    /// transaction would serialise every creation (reference/architecture.md §C.3).
    pub async fn next_id<I>(&self, sequence: Sequence, id: impl Fn(u64) -> Option<I>) -> Result<I, StoreError> {
        id(self.advance(sequence, 1).await?).ok_or_else(|| corrupt(sequence))
    }

    /// The next `count` numbers of a sequence at once, for bulk loading.
    pub async fn next_ids<I>(
        &self,
        sequence: Sequence,
        count: u64,
        id: impl Fn(u64) -> Option<I>,
    ) -> Result<Vec<I>, StoreError> {
        let last = self.advance(sequence, count).await?;
        let first = last.checked_sub(count).ok_or_else(|| corrupt(sequence))?.saturating_add(1);
        (first..=last).map(|number| id(number).ok_or_else(|| corrupt(sequence))).collect()
    }

    /// Raises a sequence to `number`, unless it is there already, so that it gives only higher numbers.
    pub async fn advance_sequence_past(&self, sequence: Sequence, number: u64) -> Result<(), StoreError> {
        let (table, name) = sequence.place();
        let number = i64::try_from(number).map_err(|_| corrupt(sequence))?;
        let raised = Write::update(table, Key::new("S", name), "SET n = :n").number(":n", number);
        let mut txn: Txn<()> = Txn::default();
        txn.push(raised.if_("attribute_not_exists(n) OR n < :n").or(()));
        match self.commit(&txn).await {
            // The sequence has reached that number.
            Ok(()) | Err(CommitError::Refused(())) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(_) => Err(corrupt(sequence)),
        }
    }

    /// The first of the next `count` numbers of a sequence.
    pub(crate) async fn next_block(&self, sequence: Sequence, count: u64) -> Result<u64, StoreError> {
        let last = self.advance(sequence, count).await?;
        Ok(last.checked_sub(count).ok_or_else(|| corrupt(sequence))?.saturating_add(1))
    }

    /// Moves a sequence on; returns the last number that it has given.
    async fn advance(&self, sequence: Sequence, by: u64) -> Result<u64, StoreError> {
        let (table, name) = sequence.place();
        let updated = self
            .client
            .update_item()
            .table_name(self.table_name(table))
            .set_key(Some(Key::new("S", name).attributes()))
            .update_expression("ADD n :by")
            .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await?;
        updated
            .attributes()
            .and_then(|attributes| attributes.get("n"))
            .and_then(|value| value.as_n().ok())
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| corrupt(sequence))
    }
}

fn corrupt(sequence: Sequence) -> StoreError {
    StoreError::Corrupt(format!("sequence {}", sequence.place().1))
}
