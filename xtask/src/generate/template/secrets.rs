//! What must stay secret: the key of the sensitive tables, and the secrets that functions get.

use super::yaml::{Map, Yaml};
use super::{kept, policy};
use crate::names::pascal;
use shared::config::{VARIABLES, Variable};

/// The resource of the key that encrypts the sensitive tables.
pub(super) const DATA_KEY: &str = "DataKey";

pub(super) fn resources() -> Map {
    let resources = Map::new()
        .heading("Key and secrets")
        .remark("Encrypts the tables `auth` and `ledger`. Whoever may read them needs the key as well.")
        .with(DATA_KEY, key());
    secrets().fold(resources, |resources, variable| {
        resources
            .gap()
            .remark(
                "64 letters and digits are valid base64 of 48 bytes, which is how the functions read them. Kept when \
                 the\nstack goes: with another secret, every user's token is another one.",
            )
            .with(&pascal(variable.name), secret(variable))
    })
}

/// The variables that have no default are secrets.
fn secrets() -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().filter(|variable| variable.default.is_none())
}

/// The functions' variables with the secrets, read when the stack is deployed.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, Yaml)> {
    secrets().map(|variable| {
        let secret = format!("{{{{resolve:secretsmanager:${{{}}}:SecretString}}}}", pascal(variable.name));
        (variable.name, Yaml::substituted(&secret))
    })
}

fn key() -> Map {
    let owner = Yaml::substituted("arn:${AWS::Partition}:iam::${AWS::AccountId}:root");
    // The account decides with its own policies who may use the key.
    let statement = Map::new()
        .with("Sid", "AccountDecides")
        .with("Effect", "Allow")
        .with("Principal", Map::new().with("AWS", owner))
        .with("Action", "kms:*")
        .with("Resource", "*");
    let properties = Map::new()
        .with("Description", Yaml::substituted("${AWS::StackName}: tables with credentials and money"))
        .with("EnableKeyRotation", true)
        .with("KeyPolicy", policy([statement]));
    kept("AWS::KMS::Key", properties)
}

fn secret(variable: &Variable) -> Map {
    let properties = Map::new()
        .with("Description", variable.about)
        .with("GenerateSecretString", Map::new().with("PasswordLength", 64).with("ExcludePunctuation", true));
    kept("AWS::SecretsManager::Secret", properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::config::Config;

    #[test]
    fn any_64_letters_and_digits_are_a_secret_functions_start_with() {
        for letter in ["A", "z", "0", "9"] {
            let config = Config::read(|name| secrets().any(|secret| secret.name == name).then(|| letter.repeat(64)));
            assert!(config.is_ok(), "{letter}");
        }
    }

    #[test]
    fn secrets_come_from_the_secrets_manager() {
        let (name, value) = variables().next().unwrap();
        let Yaml::Scalar(value) = value else { panic!("not a scalar") };
        assert_eq!(name, "SWITCHBOARD_TOKEN_SECRET");
        assert_eq!(value, "!Sub \"{{resolve:secretsmanager:${SwitchboardTokenSecret}:SecretString}}\"");
    }
}
