//! Why a StepChat call is refused by a business rule, and what the caller should do.

use thiserror::Error;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal => $advice:literal,)*) => {
        /// A validation error, answered as `{"success":false,"response":CODE}` (reference/stepchat.md §1.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
        #[error("{}", self.code())]
        pub enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The wire code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What the caller should do, for the documents.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Self::$name => $advice,)*
                }
            }
        }
    };
}

refusals! {
    /// Another user has this e-mail address.
    DuplicateEmail = "duplicate-email" =>
        "Somebody has this address; case and accents do not count. `get-user-by` finds who.",
    /// Another user has this phone number (decision D39; switchable).
    DuplicatePhone = "duplicate-phone" =>
        "Somebody has this phone number; only its digits count. `get-user-by` finds who. \
         `STEPCHAT_UNIQUE_PHONE=false` allows it.",
    /// Not one of visitor, lead, user, agent, admin; or a change that would leave the workspace without an admin.
    InvalidUserType = "invalid-user-type" =>
        "One of `visitor`, `lead`, `user`, `agent`, `admin`. The last admin cannot become another type.",
    /// `update-user` of an id that does not exist (decision D12).
    UserNotFound = "user-not-found" =>
        "Nobody has this id: was the person deleted?",
    /// `update-login` with a session that has ended or never existed.
    InvalidSession = "invalid-session" =>
        "The session has ended: log in again.",
    /// The last admin, the token's own admin, or the bot (decision D19).
    CannotDeleteUser = "cannot-delete-user" =>
        "The last admin, the admin whose token calls, and the bot stay. Use another admin's token.",
    /// A first or last name of more than 100 characters.
    NameTooLong = "name-too-long" =>
        "At most 100 characters each for first and last name.",
    /// An e-mail address of more than 191 characters.
    EmailTooLong = "email-too-long" =>
        "At most 191 characters.",
    /// An e-mail address with control characters or marks that turn the direction of writing; or one for the bot.
    InvalidEmail = "invalid-email" =>
        "No control characters, line ends or marks that turn the direction of writing; none for the bot.",
    /// A profile image address of more than 191 characters.
    ProfileImageTooLong = "profile-image-too-long" =>
        "The picture's address has at most 191 characters.",
    /// A password of more than 1,024 bytes.
    PasswordTooLong = "password-too-long" =>
        "At most 1,024 bytes.",
    /// Not a number from 0 to 255.
    InvalidDepartment = "invalid-department" =>
        "A number from 0 to 255.",
    /// An extra without a usable slug, or whose value is no plain value.
    InvalidExtra = "invalid-extra" =>
        "`{\"slug\":[\"value\",\"Name\"]}`: each value a text or a number, each slug not empty.",
    /// An extra's value of more than 65,535 bytes, or all extras of a user of more than 256 KB.
    ExtraTooLong = "extra-too-long" =>
        "At most 65,535 bytes a value, and 256 KB for all extras of one person.",
    /// More extras in one call than one transaction holds, or more than 200 of one user.
    TooManyExtras = "too-many-extras" =>
        "At most 80 extras in one call, and 200 of one person. Send them in several calls.",
    /// No such conversation, or its user has been deleted.
    ConversationNotFound = "conversation-id-not-found" =>
        "There is no such conversation, or its person was deleted.",
    /// The agent a conversation shall be assigned to is neither an agent nor an admin.
    AgentNotFound = "agent-not-found" =>
        "`agent_id` must be an agent or an admin.",
    /// A conversation's status is not one of 0 to 4.
    InvalidStatusCode = "invalid-status-code" =>
        "A number from 0 to 4.",
    /// A conversation's title of more than 191 characters.
    TitleTooLong = "title-too-long" =>
        "At most 191 characters.",
    /// A conversation's source that is not two letters or digits.
    InvalidSource = "invalid-source" =>
        "Two letters or digits.",
    /// A message of more than 65,535 bytes.
    MessageTooLong = "message-too-long" =>
        "At most 65,535 bytes. Send it in parts.",
    /// Attachments that are no list of `[name, url]`, or longer than 65,535 bytes.
    InvalidAttachments = "invalid-attachments" =>
        "A list of `[name, url]`, of at most 65,535 bytes.",
    /// A payload that is no JSON, or longer than 65,535 bytes.
    InvalidPayload = "invalid-payload" =>
        "JSON of at most 65,535 bytes.",
    /// Neither an id nor a moment. The code is our own, since the page lists none.
    InvalidDatetime = "invalid-datetime" =>
        "An id, or a moment such as `2026-01-31 12:00:00`.",
    /// A `cursor` that no answer has given.
    InvalidCursor = "invalid-cursor" =>
        "Send `next_cursor` of an answer as it was, with the same sorting.",
    /// More users in one `delete-users` than it takes (decision D36).
    TooManyUsers = "too-many-users" =>
        "At most 1,000 in one `delete-users`. Send several calls.",
}
