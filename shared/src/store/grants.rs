//! What a method may do to which table, index or folder of files. The template's IAM policies are generated from these
//! grants, and the tests compare the grants with what each method really did.

use super::Key;
use super::folders::Folder;
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
    /// Write one complete item.
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

/// The attribute that holds when a credential was last used.
pub const LAST_USE: &str = "used_at";

/// The kind of an item of `auth`, told by the beginning of its key. A function that needs one kind can neither read nor
/// write another: IAM checks the beginning of the keys (`dynamodb:LeadingKeys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthItem {
    /// The look-up of an admin's token.
    AdminToken,
    /// A token that the operator minted.
    ApiToken,
    /// The password of a StepChat user.
    StepchatPassword,
    /// The password of a Voximplant user.
    VoximplantPassword,
    /// The public half of a service-account key.
    ServiceKey,
    /// An API key of a Voximplant account.
    ApiKey,
    /// A login.
    Session,
    /// Failed logins that are counted together.
    FailedLogins,
    /// The first answer to an idempotency key.
    Answer,
    /// How far the import of a file is.
    Import,
}

impl AuthItem {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::AdminToken,
        Self::ApiToken,
        Self::StepchatPassword,
        Self::VoximplantPassword,
        Self::ServiceKey,
        Self::ApiKey,
        Self::Session,
        Self::FailedLogins,
        Self::Answer,
        Self::Import,
    ];

    /// The beginning of its keys. None is the beginning of another.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::AdminToken => "T#",
            Self::ApiToken => "B#",
            Self::StepchatPassword => "P#S#",
            Self::VoximplantPassword => "P#V#",
            Self::ServiceKey => "K#",
            Self::ApiKey => "A#",
            Self::Session => "S#",
            Self::FailedLogins => "L#",
            Self::Answer => "I#",
            Self::Import => "IMPORT#",
        }
    }

    /// The only attributes that a method's update may read or write; `None` if it may use all. For a credential that an
    /// operator hands out, these are the key and the last use: a function that could write more could change what the
    /// credential opens.
    #[must_use]
    pub const fn updated(self) -> Option<&'static [&'static str]> {
        match self {
            Self::ApiToken | Self::ServiceKey | Self::ApiKey => Some(&["pk", LAST_USE]),
            Self::AdminToken
            | Self::StepchatPassword
            | Self::VoximplantPassword
            | Self::Session
            | Self::FailedLogins
            | Self::Answer
            | Self::Import => None,
        }
    }

    /// The key of an item of this kind.
    #[must_use]
    pub fn key(self, rest: impl fmt::Display) -> Key {
        Key::single(format!("{}{rest}", self.prefix()))
    }

    /// The kind of the item with this partition key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| key.starts_with(item.prefix()))
    }
}

impl fmt::Display for AuthItem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AdminToken => "admin tokens",
            Self::ApiToken => "API tokens",
            Self::StepchatPassword | Self::VoximplantPassword => "passwords",
            Self::ServiceKey => "service-account keys",
            Self::ApiKey => "API keys",
            Self::Session => "sessions",
            Self::FailedLogins => "failed logins",
            Self::Answer => "kept answers",
            Self::Import => "imports",
        })
    }
}

/// One action on one table, on one of its indexes, or on the files of one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// On a table.
    Table {
        table: Table,
        /// The index, for queries of one.
        index: Option<&'static str>,
        /// In `auth`: the only kind of item that the grant covers.
        item: Option<AuthItem>,
        action: Action,
    },
    /// On files.
    Files { folder: Folder, action: FileAction },
}

impl Grant {
    /// An action on the table itself.
    #[must_use]
    pub const fn on(table: Table, action: Action) -> Self {
        Self::Table { table, index: None, item: None, action }
    }

    /// An action on one kind of items of `auth`.
    #[must_use]
    pub const fn auth(item: AuthItem, action: Action) -> Self {
        Self::Table { table: Table::Auth, index: None, item: Some(item), action }
    }

    /// A query of an index.
    #[must_use]
    pub const fn query(table: Table, index: &'static str) -> Self {
        Self::Table { table, index: Some(index), item: None, action: Action::Query }
    }

    /// An action on the files of a folder.
    #[must_use]
    pub const fn files(folder: Folder, action: FileAction) -> Self {
        Self::Files { folder, action }
    }

    /// The table, if the grant is on one.
    #[must_use]
    pub const fn table(&self) -> Option<Table> {
        match self {
            Self::Table { table, .. } => Some(*table),
            Self::Files { .. } => None,
        }
    }

    /// Whether the grant is on files.
    #[must_use]
    pub const fn is_on_files(&self) -> bool {
        matches!(self, Self::Files { .. })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { table, item: Some(item), action, .. } => write!(formatter, "{table} {action} {item:?}"),
            Self::Table { table, index: Some(index), action, .. } => write!(formatter, "{table} {action} {index}"),
            Self::Table { table, action, .. } => write!(formatter, "{table} {action}"),
            Self::Files { folder, action } => write!(formatter, "files {action} {folder}"),
        }
    }
}

/// The grants of a method: one list per store function it uses.
pub type Grants = &'static [&'static [Grant]];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_of_item_is_taken_for_another() {
        for item in AuthItem::ALL {
            assert_eq!(AuthItem::of_key(&item.key("x").pk), Some(item));
            let prefix = item.prefix();
            let beginnings = AuthItem::ALL.into_iter().filter(|other| prefix.starts_with(other.prefix())).count();
            assert_eq!(beginnings, 1, "{prefix}");
        }
        assert_eq!(AuthItem::of_key("P#"), None);
    }
}
