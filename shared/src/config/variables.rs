//! Every variable, once: its name, its default, its values and its meaning. Configuration, template and documents are
//! made from this table.

use crate::crypto::SECRET_BYTES;
use crate::stepchat::{ImageUrl, Name};
use std::fmt;

/// One variable a deployment may set.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value if it is not set; `None` means that it must be set.
    pub default: Option<&'static str>,
    /// Which values it takes.
    pub form: Form,
    /// What it does.
    pub about: &'static str,
}

/// Which values a variable takes. The template accepts these, and the process refuses all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Base64 of at least 32 bytes.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Number(i32, i32),
    /// A whole number, or `none`.
    CountOrNone,
    /// A text of one to so many characters.
    Text(usize),
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => write!(formatter, "base64 of at least {SECRET_BYTES} bytes"),
            Self::Flag => formatter.write_str("`true` or `false`"),
            Self::Number(least, most) => write!(formatter, "a number from {least} to {most}"),
            Self::CountOrNone => formatter.write_str("a number, or `none`"),
            Self::Text(most) => write!(formatter, "a text of at most {most} characters"),
        }
    }
}

pub(super) const TOKEN_SECRET: Variable = Variable {
    name: "SWITCHBOARD_TOKEN_SECRET",
    default: None,
    form: Form::Secret,
    about: "The users' tokens are derived from it.",
};
pub(super) const PAYLOAD_SECRET: Variable = Variable {
    name: "SWITCHBOARD_PAYLOAD_SECRET",
    default: None,
    form: Form::Secret,
    about: "Keys the fingerprints of payloads with an idempotency key. Without it SWITCHBOARD_TOKEN_SECRET serves for \
            them too.",
};
/// The variable with the CloudWatch namespace of the metrics. The template sets it, since only that knows the stack's
/// name.
pub const METRICS_NAMESPACE: &str = "SWITCHBOARD_METRICS_NAMESPACE";
pub(super) const DEFAULT_FIRST_NAME: Variable = Variable {
    name: "STEPCHAT_DEFAULT_FIRST_NAME",
    default: Some("Пользователь"),
    form: Form::Text(Name::MAX_CHARS),
    about: "First name of users that are added without one.",
};
pub(super) const DEFAULT_PROFILE_IMAGE: Variable = Variable {
    name: "STEPCHAT_DEFAULT_PROFILE_IMAGE",
    default: Some("https://stepchat.io/user.svg"),
    form: Form::Text(ImageUrl::MAX_CHARS),
    about: "Address of the picture shown for users without one.",
};
pub(super) const UNIQUE_PHONE: Variable = Variable {
    name: "STEPCHAT_UNIQUE_PHONE",
    default: Some("true"),
    form: Form::Flag,
    about: "Whether a second user with the same phone number is refused as `duplicate-phone`.",
};
pub(super) const SHOW_STAFF_TOKENS: Variable = Variable {
    name: "STEPCHAT_SHOW_STAFF_TOKENS",
    default: Some("true"),
    form: Form::Flag,
    about: "Whether answers show the tokens of agents and admins.",
};
pub(super) const ONLINE_SECONDS: Variable = Variable {
    name: "STEPCHAT_ONLINE_SECONDS",
    default: Some("30"),
    form: Form::Number(1, 3_600),
    about: "Seconds for which a user who was active counts as online.",
};
pub(super) const TYPING_SECONDS: Variable = Variable {
    name: "STEPCHAT_TYPING_SECONDS",
    default: Some("60"),
    form: Form::Number(1, 3_600),
    about: "Seconds after which somebody who was typing counts as having stopped.",
};
pub(super) const SESSION_DAYS: Variable = Variable {
    name: "STEPCHAT_SESSION_DAYS",
    default: Some("30"),
    form: Form::Number(1, 400),
    about: "Days that a login lasts; no browser keeps a cookie longer than 400.",
};
pub(super) const LOGIN_FAILURES: Variable = Variable {
    name: "STEPCHAT_LOGIN_FAILURES",
    default: Some("10"),
    form: Form::Number(1, 100),
    about: "Failed logins from one address that `user_ip` names, after which `login` answers `ip-ban` to it.",
};
pub(super) const LOGIN_FAILURES_PER_ACCOUNT: Variable = Variable {
    name: "STEPCHAT_LOGIN_FAILURES_PER_ACCOUNT",
    default: Some("100"),
    form: Form::Number(1, 1_000),
    about: "Failed logins of one account, wherever they come from, after which `login` answers `ip-ban`.",
};
pub(super) const LOGIN_WINDOW_SECONDS: Variable = Variable {
    name: "STEPCHAT_LOGIN_WINDOW_SECONDS",
    default: Some("3600"),
    form: Form::Number(60, 86_400),
    about: "Seconds for which a failed login counts.",
};
pub(super) const EXPORT_LINK_SECONDS: Variable = Variable {
    name: "STEPCHAT_EXPORT_LINK_SECONDS",
    default: Some("3600"),
    form: Form::Number(1, 43_200),
    about: "Seconds for which the link that csv-users returns works.",
};
pub(super) const EXPORT_USERS: Variable = Variable {
    name: "STEPCHAT_EXPORT_USERS",
    default: Some("200000"),
    form: Form::Number(1, 1_000_000),
    about: "Users in one file of csv-users; more are continued by next_cursor.",
};
pub(super) const MAX_USERS: Variable = Variable {
    name: "VOXIMPLANT_MAX_USERS_PER_ACCOUNT",
    default: Some("none"),
    form: Form::CountOrNone,
    about: "Users an account may have before AddUser answers 109.",
};
pub(super) const CLOCK_LEEWAY: Variable = Variable {
    name: "VOXIMPLANT_CLOCK_LEEWAY_SECONDS",
    default: Some("10"),
    form: Form::Number(0, 300),
    about: "Seconds that a caller's clock may be off before a token is expired or from the future.",
};

/// Every variable except the table names and [`METRICS_NAMESPACE`], for the documentation and the template.
pub const VARIABLES: [Variable; 16] = [
    TOKEN_SECRET,
    PAYLOAD_SECRET,
    DEFAULT_FIRST_NAME,
    DEFAULT_PROFILE_IMAGE,
    UNIQUE_PHONE,
    SHOW_STAFF_TOKENS,
    ONLINE_SECONDS,
    TYPING_SECONDS,
    SESSION_DAYS,
    LOGIN_FAILURES,
    LOGIN_FAILURES_PER_ACCOUNT,
    LOGIN_WINDOW_SECONDS,
    EXPORT_LINK_SECONDS,
    EXPORT_USERS,
    MAX_USERS,
    CLOCK_LEEWAY,
];
