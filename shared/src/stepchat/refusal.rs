//! Why a StepChat call is refused by a business rule.

use thiserror::Error;

/// A validation error, answered as `{"success":false,"response":CODE}` (reference/stepchat.md §1.3).
/// The message of each variant is its wire code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Another user has this e-mail address.
    #[error("duplicate-email")]
    DuplicateEmail,
    /// Another user has this phone number (decision D39; switchable).
    #[error("duplicate-phone")]
    DuplicatePhone,
    /// Not one of visitor, lead, user, agent, admin; or a change that would leave the workspace without an admin.
    #[error("invalid-user-type")]
    InvalidUserType,
    /// `update-user` of an id that does not exist (decision D12).
    #[error("user-not-found")]
    UserNotFound,
    /// The last admin, the token's own admin, or the bot (decision D19).
    #[error("cannot-delete-user")]
    CannotDeleteUser,
    /// A first or last name of more than 100 characters.
    #[error("name-too-long")]
    NameTooLong,
    /// An e-mail address of more than 191 characters.
    #[error("email-too-long")]
    EmailTooLong,
    /// A profile image address of more than 191 characters.
    #[error("profile-image-too-long")]
    ProfileImageTooLong,
    /// A password of more than 1,024 bytes.
    #[error("password-too-long")]
    PasswordTooLong,
    /// Not a number from 0 to 255.
    #[error("invalid-department")]
    InvalidDepartment,
    /// Extras that are neither an object nor a list of pairs.
    #[error("invalid-extra")]
    InvalidExtra,
    /// An extra's value of more than 65,535 bytes.
    #[error("extra-too-long")]
    ExtraTooLong,
    /// More extras in one call than one transaction holds.
    #[error("too-many-extras")]
    TooManyExtras,
}
