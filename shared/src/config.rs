//! Everything that can be set, read once at start; a bad setting is reported together with all other bad settings.

use crate::stepchat::Name;
use crate::store::{Endpoint, Table, Tables};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use thiserror::Error;

/// Shortest acceptable token secret, in bytes.
const SECRET_BYTES: usize = 32;

/// All problems of a configuration at once.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the configuration has {} problem(s):", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

/// The secret from which users' tokens are derived. There is no default: without it nothing starts.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(Vec<u8>);

impl TokenSecret {
    /// At least 32 bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= SECRET_BYTES).then_some(Self(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenSecret(…)")
    }
}

/// Settings of the StepChat workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepchatConfig {
    /// First name of users that come without one (decision D8).
    pub default_first_name: Name,
    /// Address of the picture shown for users without one.
    pub default_profile_image: String,
    /// Whether two users may not share a phone number (decision D39).
    pub unique_phone: bool,
    /// Whether answers show the tokens of agents and admins (decision D44).
    pub show_staff_tokens: bool,
    /// Seconds for which somebody who was active counts as online (decision D32).
    pub online_seconds: i64,
    /// Seconds after which somebody who has said nothing more is no longer typing (decision D33).
    pub typing_seconds: i64,
}

/// Settings of the Voximplant side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoximplantConfig {
    /// Users an account may have; `None` is no limit.
    pub max_users_per_account: Option<u64>,
    /// Seconds that a caller's clock may be off.
    pub clock_leeway_seconds: i64,
}

/// One variable a deployment may set.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds without it; `None` is required.
    pub default: Option<&'static str>,
    /// What it does.
    pub about: &'static str,
}

const TOKEN_SECRET: Variable = Variable {
    name: "SWITCHBOARD_TOKEN_SECRET",
    default: None,
    about: "Base64 of at least 32 random bytes; users' tokens are derived from it.",
};
const DEFAULT_FIRST_NAME: Variable = Variable {
    name: "STEPCHAT_DEFAULT_FIRST_NAME",
    default: Some("Пользователь"),
    about: "First name of users that are added without one.",
};
const DEFAULT_PROFILE_IMAGE: Variable = Variable {
    name: "STEPCHAT_DEFAULT_PROFILE_IMAGE",
    default: Some("https://stepchat.io/user.svg"),
    about: "Address of the picture shown for users without one.",
};
const UNIQUE_PHONE: Variable = Variable {
    name: "STEPCHAT_UNIQUE_PHONE",
    default: Some("true"),
    about: "Whether a second user with the same phone number is refused as `duplicate-phone`.",
};
const SHOW_STAFF_TOKENS: Variable = Variable {
    name: "STEPCHAT_SHOW_STAFF_TOKENS",
    default: Some("true"),
    about: "Whether answers show the tokens of agents and admins.",
};
const ONLINE_SECONDS: Variable = Variable {
    name: "STEPCHAT_ONLINE_SECONDS",
    default: Some("30"),
    about: "Seconds for which a user who was active counts as online (1 to 3600).",
};
const TYPING_SECONDS: Variable = Variable {
    name: "STEPCHAT_TYPING_SECONDS",
    default: Some("60"),
    about: "Seconds after which somebody who was typing counts as having stopped (1 to 3600).",
};
const MAX_USERS: Variable = Variable {
    name: "VOXIMPLANT_MAX_USERS_PER_ACCOUNT",
    default: Some("none"),
    about: "Users an account may have before AddUser answers 109: a number, or `none`.",
};
const CLOCK_LEEWAY: Variable = Variable {
    name: "VOXIMPLANT_CLOCK_LEEWAY_SECONDS",
    default: Some("10"),
    about: "Seconds that a caller's clock may be off before a token is expired or from the future (0 to 300).",
};

/// Every variable beside the table names, for the documentation and the template.
pub const VARIABLES: [Variable; 9] = [
    TOKEN_SECRET,
    DEFAULT_FIRST_NAME,
    DEFAULT_PROFILE_IMAGE,
    UNIQUE_PHONE,
    SHOW_STAFF_TOKENS,
    ONLINE_SECONDS,
    TYPING_SECONDS,
    MAX_USERS,
    CLOCK_LEEWAY,
];

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Names of the tables.
    pub tables: Tables,
    /// Secret of the users' tokens.
    pub token_secret: TokenSecret,
    /// StepChat's settings.
    pub stepchat: StepchatConfig,
    /// Voximplant's settings.
    pub voximplant: VoximplantConfig,
}

struct Reader<F> {
    lookup: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn read<T>(&mut self, variable: Variable, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let set = (self.lookup)(variable.name).filter(|value| !value.is_empty());
        let Some(value) = set.or_else(|| variable.default.map(str::to_owned)) else {
            self.problems.push(format!("{} is not set. {}", variable.name, variable.about));
            return None;
        };
        let parsed = parse(&value);
        if parsed.is_none() {
            // The value itself may be a secret.
            self.problems.push(format!("{} cannot be used. {}", variable.name, variable.about));
        }
        parsed
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

impl Config {
    /// Reads the settings through `lookup`, usually the environment.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let tables = Tables::new(|table: Table| {
            lookup(table.variable()).filter(|name| !name.is_empty()).unwrap_or_else(|| table.as_str().to_owned())
        });
        let mut reader = Reader { lookup, problems: Vec::new() };
        let secret = reader.read(TOKEN_SECRET, |text| STANDARD.decode(text.trim()).ok().and_then(TokenSecret::new));
        let first_name = reader.read(DEFAULT_FIRST_NAME, |text| Name::parse(text).ok());
        let image = reader.read(DEFAULT_PROFILE_IMAGE, |text| Some(text.to_owned()));
        let unique_phone = reader.read(UNIQUE_PHONE, flag);
        let show_staff_tokens = reader.read(SHOW_STAFF_TOKENS, flag);
        let seconds = |text: &str| text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
        let windows = reader.read(ONLINE_SECONDS, seconds).zip(reader.read(TYPING_SECONDS, seconds));
        let max_users = reader.read(MAX_USERS, |text| match text {
            "none" => Some(None),
            number => number.parse().ok().map(Some),
        });
        let leeway = reader.read(CLOCK_LEEWAY, |text| text.parse().ok().filter(|seconds| (0..=300).contains(seconds)));
        match (secret, first_name, image, unique_phone, show_staff_tokens, windows, max_users, leeway) {
            (
                Some(secret),
                Some(first_name),
                Some(image),
                Some(unique),
                Some(show),
                Some((online, typing)),
                Some(max),
                Some(leeway),
            ) => Ok(Self {
                tables,
                token_secret: secret,
                stepchat: StepchatConfig {
                    default_first_name: first_name,
                    default_profile_image: image,
                    unique_phone: unique,
                    show_staff_tokens: show,
                    online_seconds: online,
                    typing_seconds: typing,
                },
                voximplant: VoximplantConfig { max_users_per_account: max, clock_leeway_seconds: leeway },
            }),
            _ => Err(ConfigError { problems: reader.problems }),
        }
    }
}

/// Where the database is, from the variables that Lambda sets in every function and `AWS_ENDPOINT_URL_DYNAMODB`.
pub fn endpoint(lookup: impl Fn(&str) -> Option<String>) -> Result<Endpoint, ConfigError> {
    let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let url = lookup("AWS_ENDPOINT_URL_DYNAMODB");
    let mut problems = Vec::new();
    let mut required = |name: &str| {
        // An emulator needs none of these.
        lookup(name).or_else(|| url.as_ref().map(|_| String::from("local"))).unwrap_or_else(|| {
            problems.push(format!("{name} is not set"));
            String::new()
        })
    };
    let endpoint = Endpoint {
        region: required("AWS_REGION"),
        access_key_id: required("AWS_ACCESS_KEY_ID"),
        secret_access_key: required("AWS_SECRET_ACCESS_KEY"),
        session_token: lookup("AWS_SESSION_TOKEN"),
        url: url.clone(),
    };
    if problems.is_empty() { Ok(endpoint) } else { Err(ConfigError { problems }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> String {
        STANDARD.encode([7; 32])
    }

    #[test]
    fn only_the_secret_is_required() {
        let config = Config::read(|name| (name == TOKEN_SECRET.name).then(secret)).unwrap();
        assert_eq!(config.stepchat.default_first_name.as_str(), "Пользователь");
        assert_eq!(config.voximplant.max_users_per_account, None);
    }

    #[test]
    fn every_problem_is_listed_and_no_value_shown() {
        let error = Config::read(|name| match name {
            "SWITCHBOARD_TOKEN_SECRET" => Some("too-short-secret".into()),
            "STEPCHAT_UNIQUE_PHONE" => Some("perhaps".into()),
            _ => None,
        });
        let text = error.unwrap_err().to_string();
        assert!(text.contains("2 problem(s)") && text.contains("STEPCHAT_UNIQUE_PHONE"), "{text}");
        assert!(!text.contains("too-short-secret"));
    }

    #[test]
    fn a_function_on_aws_needs_its_region_and_credentials_an_emulator_does_not() {
        assert!(endpoint(|_| None).unwrap_err().to_string().contains("AWS_REGION"));
        let url = |name: &str| (name == "AWS_ENDPOINT_URL_DYNAMODB").then(|| "http://127.0.0.1:1".to_owned());
        assert!(endpoint(url).is_ok());
    }
}
