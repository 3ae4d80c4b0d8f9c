//! What a method may do to which table, index or folder of files. The template's IAM policies are generated from these,
//! and the tests hold them against what each method really did.

use super::files::Folder;
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

/// An IAM action on S3, without its `s3:` prefix. Beginning, filling and completing an upload in parts is `PutObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileAction {
    /// Forget an upload in parts.
    AbortMultipartUpload,
    /// Read a file, or sign a link to it.
    GetObject,
    /// Write a file.
    PutObject,
}

impl fmt::Display for FileAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// One action on one table, on one of its indexes, or on the files of one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// On a table.
    Table {
        /// The table.
        table: Table,
        /// The index, for queries of one.
        index: Option<&'static str>,
        /// The action.
        action: Action,
    },
    /// On files.
    Files {
        /// The folder.
        folder: Folder,
        /// The action.
        action: FileAction,
    },
}

impl Grant {
    /// An action on the table itself.
    #[must_use]
    pub const fn on(table: Table, action: Action) -> Self {
        Self::Table { table, index: None, action }
    }

    /// A query of an index.
    #[must_use]
    pub const fn query(table: Table, index: &'static str) -> Self {
        Self::Table { table, index: Some(index), action: Action::Query }
    }

    /// An action on the files of a folder.
    #[must_use]
    pub const fn files(folder: Folder, action: FileAction) -> Self {
        Self::Files { folder, action }
    }

    /// The table, if it is about one.
    #[must_use]
    pub const fn table(&self) -> Option<Table> {
        match self {
            Self::Table { table, .. } => Some(*table),
            Self::Files { .. } => None,
        }
    }

    /// Whether it is about files.
    #[must_use]
    pub const fn is_on_files(&self) -> bool {
        matches!(self, Self::Files { .. })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { table, index: None, action } => write!(formatter, "{table} {action}"),
            Self::Table { table, index: Some(index), action } => write!(formatter, "{table} {action} {index}"),
            Self::Files { folder, action } => write!(formatter, "files {action} {folder}"),
        }
    }
}

/// The grants of a method: one list per store function it uses.
pub type Grants = &'static [&'static [Grant]];
