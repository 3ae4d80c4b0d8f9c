//! Why a Voximplant call is refused, with the code, the field and the sentence the caller reads.

use super::Role;
use thiserror::Error;

/// The parameters that errors name in `field_name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameter(pub &'static str);

impl Parameter {
    /// The code for a value of this parameter that cannot be used: its own where the table has one
    /// (`voximplant_errors.tsv`), else the generic 496 INVALID.
    #[must_use]
    pub fn invalid_code(self) -> u16 {
        match self.0 {
            "account_id" => 115,
            "application_id" => 116,
            "application_name" => 107,
            "user_id" => 117,
            "user_display_name" => 157,
            "mobile_phone" => 203,
            "from_date" | "to_date" => 111,
            "transaction_id" => 197,
            "transaction_type" => 209,
            "currency" => 210,
            "acd_queue_id" | "excluded_acd_queue_id" => 218,
            "skill_id" | "showing_skill_id" => 222,
            "excluded_skill_id" => 224,
            "service_probability" => 214,
            "max_queue_size" => 215,
            "max_waiting_time" => 216,
            "average_service_time" => 217,
            "acd_queue_priority" => 223,
            "amount" => 225,
            "acd_status" => 227,
            _ => 496,
        }
    }
}

/// An API error. The message is what callers read; [`Refusal::code`] is the contract
/// (reference/voximplant.md §6: "the code is the contract, the text is not").
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No usable credential, or one that may not do this; the reason says which.
    #[error("Authorization failed: {0}")]
    AuthorizationFailed(&'static str),
    /// The key is good but none of its roles reaches this method.
    #[error("Authorization failed: the method needs one of the roles {}.", names(.0))]
    RoleRequired(&'static [Role]),
    /// The request could not be read.
    #[error("Invalid arguments: {0}.")]
    InvalidArguments(String),
    /// Neither a method in the path nor `cmd`.
    #[error("Missing 'cmd' parameter.")]
    MissingCmd,
    /// No such method.
    #[error("Unknown command.")]
    UnknownCommand,
    /// Not a compact JWS of JSON parts.
    #[error("Invalid token format.")]
    InvalidTokenFormat,
    /// `exp` − `iat` above one hour.
    #[error("The token TTL exceeds the maximum limit of 3600 seconds.")]
    InvalidTokenTtl,
    /// `iat` ahead of this clock.
    #[error("Token issued in the future: the caller's clock is {0} s ahead. Synchronize it.")]
    TokenIssuedInFuture(i64),
    /// `exp` behind this clock.
    #[error("The token has expired {0} s ago. If it was just made, the caller's clock is behind: synchronize it.")]
    TokenExpired(i64),
    /// Both members of a "one of" pair.
    #[error("Specify only one of the following parameters: {0}.")]
    OnlyOneOf(&'static str),
    /// A required parameter is missing or empty.
    #[error("Specify the '{0}' parameter.")]
    Missing(&'static str),
    /// A parameter's value cannot be used.
    #[error("The '{}' parameter is invalid.", .0.0)]
    Invalid(Parameter),
    /// The idempotency key was used with another payload.
    #[error(
        "The 'idempotency_key' parameter is invalid: this idempotency key came with other parameters before. Nothing was done: use another key."
    )]
    KeyReused,
    /// Not an application name.
    #[error("Invalid application name.")]
    InvalidApplicationName,
    /// The account has an application of this name.
    #[error("Application name is not unique.")]
    ApplicationNameNotUnique,
    /// The account has no application of this name.
    #[error("Application is not found.")]
    ApplicationNotFound,
    /// Not `[a-z0-9][a-z0-9_-]{2,49}`.
    #[error(
        "User name should start with a letter or digit and can contain lowercase latin characters, digits, hyphens and underscores, and must be 3 to 50 characters long."
    )]
    UserNameRestrictions,
    /// The application has a user of this name.
    #[error("The user name is not unique.")]
    UserNameNotUnique,
    /// A new name that is not `[a-z0-9][a-z0-9_-]{2,49}`.
    #[error(
        "New user name should start with a letter or digit and can contain lowercase latin characters, digits, hyphens and underscores, and must be 3 to 50 characters long."
    )]
    InvalidNewUserName,
    /// The application has another user of the new name.
    #[error("The user name is not unique.")]
    NewUserNameNotUnique,
    /// A list with too many values.
    #[error("The '{0}' parameter length should be less than {limit}: name at most {limit_minus} values in one call.", limit = crate::limits::MAX_LISTED + 1, limit_minus = crate::limits::MAX_LISTED)]
    ListTooLong(&'static str),
    /// `all` selects more than one call can change.
    #[error("Invalid arguments: '{0}' selects more than {limit} users; name them in lists.", limit = crate::limits::MAX_BOUND_USERS)]
    TooManySelected(&'static str),
    /// 512 characters or more.
    #[error("The 'skill_name' parameter length should be less than 512.")]
    SkillNameTooLong,
    /// The account has a skill of this name.
    #[error("Skill's name is not unique.")]
    SkillNameNotUnique,
    /// 100 characters or more.
    #[error("The 'acd_queue_name' parameter length should be less than 100.")]
    QueueNameTooLong,
    /// The application has a queue of this name.
    #[error("Queue's name is not unique.")]
    QueueNameNotUnique,
    /// The queue belongs to another application.
    #[error("No application is bound to the queue: it belongs to another application.")]
    QueueOfOtherApplication,
    /// The user belongs to another application.
    #[error("The user is not bound to the application.")]
    UserOfOtherApplication,
    /// 256 characters or more, or none.
    #[error("The 'user_display_name' parameter is invalid: it must have 1 to 255 characters.")]
    InvalidDisplayName,
    /// 8192 characters or more.
    #[error("The 'user_custom_data' parameter length should be less than 8192.")]
    CustomDataTooLong,
    /// Blank.
    #[error("Blank password is not allowed. Please specify a new password at least 8 characters long.")]
    EmptyPassword,
    /// Shorter than 8, longer than 1,024, or a required kind of character is missing.
    #[error(
        "Password should be at least 8 characters long and contain at least one uppercase letter (A-Z), one lowercase letter (a-z), one number and one special character."
    )]
    PasswordCharacters,
    /// A blank inside.
    #[error("Password cannot contain spaces.")]
    PasswordSpaces,
    /// The transfer is strict, and a payer has too little money.
    #[error("Insufficient money.")]
    InsufficientMoney,
    /// The user's calls are paid from the account.
    #[error("You cannot transfer funds to this user: it has no separate balance (parent_accounting is true).")]
    NoSeparateBalance,
    /// 120 characters or more.
    #[error("The 'account_transaction_description' parameter length should be less than 120.")]
    AccountDescriptionTooLong,
    /// 120 characters or more.
    #[error("The 'user_transaction_description' parameter length should be less than 120.")]
    UserDescriptionTooLong,
    /// Below one hundredth, or finer than four decimals.
    #[error(
        "The 'amount' parameter is invalid: it must be a decimal number of at most 4 decimals, and 0.01 or more, or -0.01 or less."
    )]
    InvalidAmount,
    /// The end is before the beginning.
    #[error("Invalid date range: 'to_date' is before 'from_date'.")]
    InvalidDateRange,
    /// The operator's limit on users per account.
    #[error("Exceeded the user number limit per account.")]
    UserCountExceeded,
    /// Contention or throttling outlasted the retries.
    #[error("Rate limit exceed: try again later.")]
    RateLimit,
    /// The database refused, or holds what cannot be read.
    #[error("DB error.")]
    Database,
    /// A defect of ours.
    #[error("Internal error.")]
    Internal,
    /// No answer before the deadline, or no clear one from the database.
    #[error(
        "Internal error: the request took too long and may still happen. Look before you repeat it, or repeat it with the same idempotency key."
    )]
    TimedOut,
}

fn names(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}

impl Refusal {
    /// The numeric code of the published table.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Internal | Self::TimedOut => 2,
            Self::Database => 4,
            Self::AuthorizationFailed(_) | Self::RoleRequired(_) => 100,
            Self::InvalidArguments(_) | Self::TooManySelected(_) => 101,
            Self::MissingCmd => 102,
            Self::UnknownCommand => 103,
            Self::InvalidApplicationName => 107,
            Self::UserCountExceeded => 109,
            Self::UserNameNotUnique | Self::NewUserNameNotUnique => 118,
            Self::UserNameRestrictions => 122,
            Self::ApplicationNameNotUnique => 129,
            Self::InvalidDisplayName => 157,
            Self::CustomDataTooLong => 212,
            Self::QueueNameTooLong => 213,
            Self::QueueNameNotUnique => 219,
            Self::SkillNameTooLong => 220,
            Self::SkillNameNotUnique => 221,
            Self::InvalidDateRange => 123,
            Self::InsufficientMoney => 127,
            Self::InvalidAmount => 225,
            Self::AccountDescriptionTooLong => 234,
            Self::UserDescriptionTooLong => 235,
            Self::RateLimit => 340,
            Self::QueueOfOtherApplication => 381,
            Self::UserOfOtherApplication => 393,
            Self::InvalidTokenFormat => 447,
            Self::InvalidTokenTtl => 454,
            Self::TokenIssuedInFuture(_) => 455,
            Self::TokenExpired(_) => 456,
            Self::OnlyOneOf(_) => 458,
            Self::InvalidNewUserName => 462,
            Self::EmptyPassword => 463,
            Self::PasswordCharacters => 464,
            Self::Missing(_) => 485,
            Self::KeyReused => 496,
            Self::ListTooLong(_) => 499,
            Self::PasswordSpaces => 524,
            Self::ApplicationNotFound => 558,
            Self::NoSeparateBalance => 573,
            Self::Invalid(parameter) => parameter.invalid_code(),
        }
    }

    /// The parameter to blame, if there is one.
    #[must_use]
    pub fn field_name(&self) -> Option<&'static str> {
        match self {
            Self::Missing(name) | Self::ListTooLong(name) | Self::TooManySelected(name) => Some(name),
            Self::Invalid(parameter) => Some(parameter.0),
            Self::KeyReused => Some("idempotency_key"),
            Self::InvalidApplicationName | Self::ApplicationNameNotUnique | Self::ApplicationNotFound => {
                Some("application_name")
            }
            Self::UserNameRestrictions | Self::UserNameNotUnique => Some("user_name"),
            Self::InsufficientMoney | Self::InvalidAmount => Some("amount"),
            Self::NoSeparateBalance | Self::UserOfOtherApplication => Some("user_id"),
            Self::AccountDescriptionTooLong => Some("account_transaction_description"),
            Self::UserDescriptionTooLong => Some("user_transaction_description"),
            Self::InvalidDateRange => Some("to_date"),
            Self::InvalidNewUserName | Self::NewUserNameNotUnique => Some("new_user_name"),
            Self::SkillNameTooLong | Self::SkillNameNotUnique => Some("skill_name"),
            Self::QueueNameTooLong | Self::QueueNameNotUnique => Some("acd_queue_name"),
            Self::QueueOfOtherApplication => Some("acd_queue_id"),
            Self::InvalidDisplayName => Some("user_display_name"),
            Self::CustomDataTooLong => Some("user_custom_data"),
            Self::EmptyPassword | Self::PasswordCharacters | Self::PasswordSpaces => Some("user_password"),
            _ => None,
        }
    }
}
