//! What kind of value a field takes. Every field type names its kind in its schema, so that the tests can send every
//! spelling of the kind to every field there is: a new field cannot miss one.

use std::fmt;

/// The member of a field's schema that names its kind. Only tests read it: the published documents leave it out.
pub const KIND: &str = "x-kind";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A kind of field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its word in schemas.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The kind of this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A text, taken as it is.
    Text = "text",
    /// A text whose default the page calls `false`.
    TextOrFalse = "text-or-false",
    /// The page a user looks at: as `TextOrFalse`, but an empty text removes it.
    Url = "url",
    /// A text of a profile: empty or `NULL` removes it.
    RemovableText = "removable-text",
    /// The address of a picture.
    Picture = "picture",
    /// A password to be set.
    NewPassword = "new-password",
    /// The type of a user.
    UserType = "user-type",
    /// A department number.
    Department = "department",
    /// A StepChat switch.
    Switch = "switch",
    /// A Voximplant switch.
    Boolean = "boolean",
    /// The id of one thing.
    Id = "id",
    /// The id of a user, or `-1` for the caller.
    Sender = "sender",
    /// The agent a conversation is assigned to.
    Agent = "agent",
    /// A list of users.
    Users = "users",
    /// A list of users, or `all`, or `agents`.
    UsersOrWord = "users-or-word",
    /// A list of user types.
    UserTypes = "user-types",
    /// A list of names.
    Names = "names",
    /// A column and a direction.
    Sorting = "sorting",
    /// Extras of a user.
    Extras = "extras",
    /// Which extras a list adds.
    ExtraChoice = "extra-choice",
    /// A page number.
    Page = "page",
    /// A moment.
    Moment = "moment",
    /// A moment, or the id of a user.
    MomentOrId = "moment-or-id",
    /// The status of a conversation.
    Status = "status",
    /// Files of a message.
    Attachments = "attachments",
    /// Data of a message.
    Payload = "payload",
    /// Where a list goes on.
    Cursor = "cursor",
    /// A number of things.
    Count = "count",
    /// Voximplant's list of ids, or `all`.
    IdList = "id-list",
    /// Voximplant's list of values.
    SemicolonList = "semicolon-list",
    /// One of a few words.
    Word = "word",
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
    }
}
