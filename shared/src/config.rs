//! Everything that can be set, read once at start; a bad setting is reported together with all other bad settings.

mod variables;

pub use variables::{Form, METRICS_NAMESPACE, VARIABLES, Variable};

use crate::crypto::TokenSecret;
use crate::stepchat::Name;
use crate::store::{EMULATED_REGION, Endpoint, Table, Tables, authorities};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use thiserror::Error;
use variables::{
    CLOCK_LEEWAY, DEFAULT_FIRST_NAME, DEFAULT_PROFILE_IMAGE, EXPORT_LINK_SECONDS, EXPORT_USERS, LOGIN_FAILURES,
    LOGIN_FAILURES_PER_ACCOUNT, LOGIN_WINDOW_SECONDS, MAX_USERS, ONLINE_SECONDS, PAYLOAD_SECRET, SESSION_DAYS,
    SHOW_STAFF_TOKENS, TOKEN_SECRET, TYPING_SECONDS, UNIQUE_PHONE,
};

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

/// Which secrets a process needs. What it does not need it does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The secret of the users' tokens.
    pub tokens: bool,
    /// The secret of the fingerprints, which tell whether an idempotency key comes again with the same payload.
    pub fingerprints: bool,
}

impl Needs {
    /// All secrets: the local server, the operator.
    pub const ALL: Self = Self { tokens: true, fingerprints: true };
    /// None.
    pub const NONE: Self = Self { tokens: false, fingerprints: false };

    /// The secrets of a process that does the work of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { tokens: self.tokens || other.tokens, fingerprints: self.fingerprints || other.fingerprints }
    }

    /// Whether the secret of this variable is needed.
    #[must_use]
    pub fn include(self, variable: &Variable) -> bool {
        self.tokens && variable.name == TOKEN_SECRET.name || self.fingerprints && variable.name == PAYLOAD_SECRET.name
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
    /// Logins and sessions.
    pub login: LoginConfig,
    /// Exports.
    pub export: ExportConfig,
}

/// Settings of `csv-users`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportConfig {
    /// Seconds for which the link of an export works.
    pub link_seconds: u64,
    /// Users in one file; `next_cursor` leads to the rest.
    pub users: usize,
}

/// Settings of logins and of the sessions that they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginConfig {
    /// Seconds that a session lasts.
    pub session_seconds: i64,
    /// Failed logins that one end user may have within the window (decision D35).
    pub failures: usize,
    /// Failed logins that one account may have within the window, wherever they come from.
    pub failures_per_account: usize,
    /// Seconds for which a failed login counts.
    pub window_seconds: i64,
}

/// Settings of the Voximplant side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoximplantConfig {
    /// Users an account may have; `None` is no limit.
    pub max_users_per_account: Option<u64>,
    /// Seconds that a caller's clock may be off.
    pub clock_leeway_seconds: i64,
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Names of the tables.
    pub tables: Tables,
    /// Secret of the users' tokens.
    pub token_secret: TokenSecret,
    /// Secret of the payloads' fingerprints.
    pub payload_secret: TokenSecret,
    /// `CloudWatch`'s namespace of the metrics.
    pub metrics_namespace: String,
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
    fn set(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The secrets of the users' tokens and of the fingerprints; a secret that is not needed is random.
    fn secrets(&mut self, needs: Needs) -> Option<(TokenSecret, TokenSecret)> {
        let parse = |text: &str| STANDARD.decode(text.trim()).ok().and_then(TokenSecret::new);
        let none = TokenSecret::random();
        if none.is_none() {
            self.problems.push("the system has no random bytes".to_owned());
        }
        let token = if needs.tokens { self.read(TOKEN_SECRET, parse) } else { none.clone() };
        let own = self.set(PAYLOAD_SECRET.name).is_some();
        let payload = match (needs.fingerprints, needs.tokens) {
            (false, _) => none,
            // One secret serves for both, as on a laptop.
            (true, true) if !own => token.clone(),
            (true, false) if !own && self.set(TOKEN_SECRET.name).is_some() => self.read(TOKEN_SECRET, parse),
            (true, _) => self.read(PAYLOAD_SECRET, parse),
        };
        token.zip(payload)
    }

    fn read<T>(&mut self, variable: Variable, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let set = self.set(variable.name);
        let Some(value) = set.or_else(|| variable.default.map(str::to_owned)) else {
            self.problems
                .push(format!("{} is not set; it must be {}. {}", variable.name, variable.form, variable.about));
            return None;
        };
        let has_room = |value: &str| !matches!(variable.form, Form::Text(most) if value.chars().count() > most);
        let parsed = Some(value.as_str()).filter(|value| has_room(value)).and_then(parse);
        if parsed.is_none() {
            // The value itself may be a secret.
            self.problems.push(format!("{} must be {}. {}", variable.name, variable.form, variable.about));
        }
        parsed
    }
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn flag(&mut self, variable: Variable) -> Option<bool> {
        self.read(variable, |text| text.parse().ok())
    }

    /// A number within the bounds of its variable.
    fn number<N: TryFrom<i32>>(&mut self, variable: Variable) -> Option<N> {
        self.read(variable, |text| {
            let Form::Number(least, most) = variable.form else { return None };
            let number = text.parse().ok().filter(|number| (least..=most).contains(number))?;
            N::try_from(number).ok()
        })
    }

    fn login(&mut self) -> Option<LoginConfig> {
        let days = self.number(SESSION_DAYS);
        let failures = self.number(LOGIN_FAILURES);
        let failures_per_account = self.number(LOGIN_FAILURES_PER_ACCOUNT);
        let window_seconds = self.number(LOGIN_WINDOW_SECONDS);
        Some(LoginConfig {
            session_seconds: days.map(|days: i64| days.saturating_mul(24 * 60 * 60))?,
            failures: failures?,
            failures_per_account: failures_per_account?,
            window_seconds: window_seconds?,
        })
    }

    fn export(&mut self) -> Option<ExportConfig> {
        let link_seconds = self.number(EXPORT_LINK_SECONDS);
        let users = self.number(EXPORT_USERS);
        Some(ExportConfig { link_seconds: link_seconds?, users: users? })
    }
}

impl Config {
    /// Reads the settings through `lookup`, usually the environment.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::read_for(Needs::ALL, lookup)
    }

    /// Reads the settings of a process that needs these secrets and no other.
    pub fn read_for(needs: Needs, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let tables = Tables::new(|table: Table| {
            lookup(table.variable()).filter(|name| !name.is_empty()).unwrap_or_else(|| table.as_str().to_owned())
        });
        let mut reader = Reader { lookup, problems: Vec::new() };
        let metrics_namespace = reader.set(METRICS_NAMESPACE).unwrap_or_else(|| crate::observe::NAMESPACE.to_owned());
        let secrets = reader.secrets(needs);
        let first_name = reader.read(DEFAULT_FIRST_NAME, |text| Name::parse(text).ok());
        let image = reader.read(DEFAULT_PROFILE_IMAGE, |text| Some(text.to_owned()));
        let unique_phone = reader.flag(UNIQUE_PHONE);
        let show_staff_tokens = reader.flag(SHOW_STAFF_TOKENS);
        let windows = reader.number(ONLINE_SECONDS).zip(reader.number(TYPING_SECONDS));
        let login = reader.login();
        let max_users = reader.read(MAX_USERS, |text| match text {
            "none" => Some(None),
            number => number.parse().ok().map(Some),
        });
        let leeway = reader.number(CLOCK_LEEWAY);
        let export = reader.export();
        let windows = windows.zip(login.zip(export));
        match (secrets, first_name, image, unique_phone, show_staff_tokens, windows, max_users, leeway) {
            (
                Some((token_secret, payload_secret)),
                Some(first_name),
                Some(image),
                Some(unique),
                Some(show),
                Some(((online, typing), (login, export))),
                Some(max),
                Some(leeway),
            ) => Ok(Self {
                tables,
                token_secret,
                payload_secret,
                metrics_namespace,
                stepchat: StepchatConfig {
                    default_first_name: first_name,
                    default_profile_image: image,
                    unique_phone: unique,
                    show_staff_tokens: show,
                    online_seconds: online,
                    typing_seconds: typing,
                    login,
                    export,
                },
                voximplant: VoximplantConfig { max_users_per_account: max, clock_leeway_seconds: leeway },
            }),
            _ => Err(ConfigError { problems: reader.problems }),
        }
    }
}

/// Where the database is, from the variables that Lambda sets in every function and `AWS_ENDPOINT_URL_DYNAMODB`.
pub fn endpoint(lookup: impl Fn(&str) -> Option<String>) -> Result<Endpoint, ConfigError> {
    endpoint_of("AWS_ENDPOINT_URL_DYNAMODB", lookup)
}

/// The variable that names the certificate authorities to trust in place of Amazon's, as in AWS's own tools.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

fn read_authorities(path: &str) -> Result<String, String> {
    let pem = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    authorities(&pem).map(|_| pem)
}

/// Where an AWS service is; this variable may replace the service's own address.
pub fn endpoint_of(variable: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Endpoint, ConfigError> {
    let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let url = lookup(variable);
    let mut problems = Vec::new();
    let mut required = |name: &str, emulated: &str| {
        // An emulator needs none of these, but some emulators refuse a region that AWS does not have.
        lookup(name).or_else(|| url.as_ref().map(|_| emulated.to_owned())).unwrap_or_else(|| {
            problems.push(format!("{name} is not set"));
            String::new()
        })
    };
    let authorities = lookup(CA_BUNDLE);
    let endpoint = Endpoint {
        region: required("AWS_REGION", EMULATED_REGION),
        access_key_id: required("AWS_ACCESS_KEY_ID", "local"),
        secret_access_key: required("AWS_SECRET_ACCESS_KEY", "local").into(),
        session_token: lookup("AWS_SESSION_TOKEN").map(Into::into),
        authorities: authorities.as_deref().and_then(|path| match read_authorities(path) {
            Ok(pem) => Some(pem),
            Err(reason) => {
                problems.push(format!("{CA_BUNDLE} must be a file of certificates in PEM: {reason}"));
                None
            }
        }),
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
    fn a_process_gets_the_secrets_it_needs_and_no_other() {
        let other = || STANDARD.encode([8; 32]);
        let known = |byte: u8| TokenSecret::new(vec![byte; 32]).unwrap();
        let both = |name: &str| match name {
            "SWITCHBOARD_TOKEN_SECRET" => Some(secret()),
            "SWITCHBOARD_PAYLOAD_SECRET" => Some(other()),
            _ => None,
        };
        let config = Config::read(both).unwrap();
        assert_eq!((config.token_secret, config.payload_secret), (known(7), known(8)));
        let writer = Needs { tokens: false, fingerprints: true };
        let config = Config::read_for(writer, |name| both(name).filter(|_| name != TOKEN_SECRET.name)).unwrap();
        assert_eq!(config.payload_secret, known(8));
        assert!(Config::read_for(writer, |_| None).unwrap_err().to_string().contains("SWITCHBOARD_PAYLOAD_SECRET"));
        // One secret serves for both, and a secret that is not needed is random.
        let one = |name: &str| (name == TOKEN_SECRET.name).then(secret);
        assert_eq!(Config::read_for(writer, one).unwrap().payload_secret, known(7));
        let [first, second] = [(); 2].map(|()| Config::read_for(Needs::NONE, one).unwrap());
        assert!(first.token_secret != known(7) && first.token_secret != second.token_secret);
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
        assert_eq!(endpoint(url).unwrap().region, "us-east-1");
    }
}
