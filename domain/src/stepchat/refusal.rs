//! Why a StepChat call is refused by a business rule.

use thiserror::Error;

/// A validation error, answered as `{"success":false,"response":CODE}` (reference/stepchat.md §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.code())]
pub enum Refusal {
    /// Another user has this e-mail address.
    DuplicateEmail,
    /// Another user has this phone number (decision D39; switchable).
    DuplicatePhone,
    /// Not one of visitor, lead, user, agent, admin; or a change that would leave the workspace without an admin.
    InvalidUserType,
    /// `update-user` of an id that does not exist (decision D12).
    UserNotFound,
    /// `update-login` with a session that has ended or never existed.
    InvalidSession,
    /// The last admin, the token's own admin, or the bot (decision D19).
    CannotDeleteUser,
    /// A first or last name of more than 100 characters.
    NameTooLong,
    /// An e-mail address of more than 191 characters.
    EmailTooLong,
    /// An e-mail address with control characters or marks that turn the direction of writing; or one for the bot.
    InvalidEmail,
    /// A profile image address of more than 191 characters.
    ProfileImageTooLong,
    /// A password of more than 1,024 bytes.
    PasswordTooLong,
    /// Not a number from 0 to 255.
    InvalidDepartment,
    /// An extra without a usable slug, or whose value is no plain value.
    InvalidExtra,
    /// An extra's value of more than 65,535 bytes, or all extras of a user of more than 256 KB.
    ExtraTooLong,
    /// More extras in one call than one transaction holds, or more than 200 of one user.
    TooManyExtras,
    /// No such conversation, or its user has been deleted.
    ConversationNotFound,
    /// The agent a conversation shall be assigned to is neither an agent nor an admin.
    AgentNotFound,
    /// A conversation's status is not one of 0 to 4.
    InvalidStatusCode,
    /// A conversation's title of more than 191 characters.
    TitleTooLong,
    /// A conversation's source that is not two letters or digits.
    InvalidSource,
    /// A message of more than 65,535 bytes.
    MessageTooLong,
    /// Attachments that are no list of `[name, url]`, or longer than 65,535 bytes.
    InvalidAttachments,
    /// A payload that is no JSON, or longer than 65,535 bytes.
    InvalidPayload,
    /// Neither an id nor a moment. The code is our own, since the page lists none.
    InvalidDatetime,
    /// A `cursor` that no answer has given.
    InvalidCursor,
    /// More users in one `delete-users` than it takes (decision D36).
    TooManyUsers,
}

impl Refusal {
    /// The wire code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DuplicateEmail => "duplicate-email",
            Self::DuplicatePhone => "duplicate-phone",
            Self::InvalidUserType => "invalid-user-type",
            Self::UserNotFound => "user-not-found",
            Self::InvalidSession => "invalid-session",
            Self::CannotDeleteUser => "cannot-delete-user",
            Self::NameTooLong => "name-too-long",
            Self::EmailTooLong => "email-too-long",
            Self::InvalidEmail => "invalid-email",
            Self::ProfileImageTooLong => "profile-image-too-long",
            Self::PasswordTooLong => "password-too-long",
            Self::InvalidDepartment => "invalid-department",
            Self::InvalidExtra => "invalid-extra",
            Self::ExtraTooLong => "extra-too-long",
            Self::TooManyExtras => "too-many-extras",
            Self::ConversationNotFound => "conversation-id-not-found",
            Self::AgentNotFound => "agent-not-found",
            Self::InvalidStatusCode => "invalid-status-code",
            Self::TitleTooLong => "title-too-long",
            Self::InvalidSource => "invalid-source",
            Self::MessageTooLong => "message-too-long",
            Self::InvalidAttachments => "invalid-attachments",
            Self::InvalidPayload => "invalid-payload",
            Self::InvalidDatetime => "invalid-datetime",
            Self::InvalidCursor => "invalid-cursor",
            Self::TooManyUsers => "too-many-users",
        }
    }
}
