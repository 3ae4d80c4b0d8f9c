//! The folders of the file store.

use std::fmt;

/// Files with the same access and lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// Exports: private, readable by a link that expires, removed after [`EXPORT_DAYS`](super::files::EXPORT_DAYS).
    Exports,
    /// Pictures: anybody may see them, they are kept for ever.
    Pictures,
}

impl Folder {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Exports, Self::Pictures];

    /// The first segment of its files' keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exports => "exports",
            Self::Pictures => "uploads",
        }
    }

    /// The folder that a key is in.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        let (first, _) = key.split_once('/')?;
        Self::ALL.into_iter().find(|folder| folder.as_str() == first)
    }

    /// The media type of its files.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Exports => "text/csv; charset=utf-8",
            Self::Pictures => "image/png",
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
