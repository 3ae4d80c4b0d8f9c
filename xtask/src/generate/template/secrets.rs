//! What must stay secret: the key of the sensitive tables, and the secrets that functions get.

use super::yaml::{Map, Yaml};
use super::{kept, policy};
use crate::names::pascal;
use shared::config::{Needs, VARIABLES, Variable};

/// The resource of the key that encrypts the sensitive tables.
pub(super) const DATA_KEY: &str = "DataKey";

pub(super) fn resources() -> Map {
    let resources = Map::new()
        .heading("Key and secrets")
        .remark(
            "Encrypts the tables `auth` and `ledger`, the secrets, the logs and the alarms' topic. Whoever may read\nthem \
             needs the key as well.",
        )
        .with(DATA_KEY, key());
    secrets().fold(resources, |resources, variable| {
        resources
            .gap()
            .remark(
                "64 letters and digits are valid base64 of 48 bytes, which is how the functions read them. Kept when \
                 the\nstack goes: with another secret, every user's token is another one, and no key knows its payload.",
            )
            .with(&pascal(variable.name), secret(variable))
    })
}

/// The secrets: all variables that have no default.
fn secrets() -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().filter(|variable| variable.default.is_none())
}

/// The variables with these secrets, read when the stack is deployed.
pub(super) fn variables(needs: Needs) -> impl Iterator<Item = (&'static str, Yaml)> {
    secrets().filter(move |variable| needs.include(variable)).map(|variable| {
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
        .with("Description", Yaml::substituted("${AWS::StackName}: credentials, money, secrets, logs"))
        .with("EnableKeyRotation", true)
        .with("KeyPolicy", policy([statement, for_logs(), for_alarms()]));
    kept("AWS::KMS::Key", properties)
}

/// Lets the stack's log groups use the key, and no others.
fn for_logs() -> Map {
    let groups = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/${AWS::StackName}/*";
    let context = Map::new().with("kms:EncryptionContext:aws:logs:arn", Yaml::substituted(groups));
    Map::new()
        .with("Sid", "LogsOfThisStack")
        .with("Effect", "Allow")
        .with("Principal", Map::new().with("Service", Yaml::substituted("logs.${AWS::Region}.${AWS::URLSuffix}")))
        .with(
            "Action",
            Yaml::from_iter([
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ])
            .on_one_line(),
        )
        .with("Resource", "*")
        .with("Condition", Map::new().with("ArnLike", context))
}

/// Lets alarms use the key: whoever publishes to an encrypted topic needs the topic's key.
fn for_alarms() -> Map {
    let account = Map::new().with("aws:SourceAccount", Yaml::reference("AWS::AccountId"));
    Map::new()
        .with("Sid", "AlarmsOfThisAccount")
        .with("Effect", "Allow")
        .with("Principal", Map::new().with("Service", "cloudwatch.amazonaws.com"))
        .with("Action", Yaml::from_iter(["kms:Decrypt", "kms:GenerateDataKey*"]).on_one_line())
        .with("Resource", "*")
        .with("Condition", Map::new().with("StringEquals", account))
}

fn secret(variable: &Variable) -> Map {
    let properties = Map::new()
        .with("Description", variable.about)
        .with("KmsKeyId", Yaml::reference(DATA_KEY))
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
        assert_eq!(variables(Needs::NONE).count(), 0);
        let (name, value) = variables(Needs::ALL).next().unwrap();
        let Yaml::Scalar(value) = value else { panic!("not a scalar") };
        assert_eq!(name, "SWITCHBOARD_TOKEN_SECRET");
        assert_eq!(value, "!Sub \"{{resolve:secretsmanager:${SwitchboardTokenSecret}:SecretString}}\"");
    }
}
