//! What a method may do to which table or index. The template's IAM policies are generated from these, and the tests
//! hold them against what each method really did.

use super::schema::Table;
use std::fmt;

/// An IAM action on `DynamoDB`, without its `dynamodb:` prefix. There is no `Scan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read some items by key.
    BatchGetItem,
    /// Write some items without conditions.
    BatchWriteItem,
    /// Check an item inside a transaction.
    ConditionCheckItem,
    /// Remove an item.
    DeleteItem,
    /// Read one item by key.
    GetItem,
    /// Write one item whole.
    PutItem,
    /// Read one partition of a table or index.
    Query,
    /// Change attributes of an item.
    UpdateItem,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// One action on one table, or on one of its indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// The table.
    pub table: Table,
    /// The index, for queries of one.
    pub index: Option<&'static str>,
    /// The action.
    pub action: Action,
}

impl Grant {
    /// An action on the table itself.
    #[must_use]
    pub const fn on(table: Table, action: Action) -> Self {
        Self { table, index: None, action }
    }

    /// A query of an index.
    #[must_use]
    pub const fn query(table: Table, index: &'static str) -> Self {
        Self { table, index: Some(index), action: Action::Query }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.table, self.action)?;
        self.index.map_or(Ok(()), |index| write!(formatter, " {index}"))
    }
}

/// The grants of a method: one list per store function it uses.
pub type Grants = &'static [&'static [Grant]];
