//! A deployed stack by its name: `switchboard --stack NAME …`.
//!
//! The AWS command line is asked, since it knows every way of signing in (profiles, single sign-on, roles); to
//! implement these here would cost more than the rest of this program. Its answers become the environment in which this
//! program starts again: the variables that the stack's own functions have.

use anyhow::{Context, Result, anyhow};
use deploy::aws::Aws;
use deploy::tools::{self, AWS};
use serde::Deserialize;
use shared::config::{METRICS_NAMESPACE, VARIABLES};
use shared::observe::namespace_of;
use shared::store::Table;
use shared::store::files::BUCKET_VARIABLE;
use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The variables that hold the base URLs of the stack's two APIs.
pub const URLS: [&str; 2] = ["SWITCHBOARD_STEPCHAT_URL", "SWITCHBOARD_VOXIMPLANT_URL"];

/// Set to the stack's name when the program has started again.
const ENTERED: &str = "SWITCHBOARD_STACK";

/// What `CloudFormation` says of a stack.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    #[serde(default)]
    stack_name: String,
    #[serde(default)]
    outputs: Vec<Output>,
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    parameter_value: String,
}

/// The credentials of whoever is signed in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Starts this program again with the same arguments in the environment of the stack; returns only if that is done
/// already, or cannot be done.
pub fn enter(name: &str) -> Result<()> {
    if env::var(ENTERED).is_ok_and(|entered| entered == name) {
        return Ok(());
    }
    let variables = variables(name, aws)?;
    let program = env::current_exe().context("cannot find this program")?;
    let mut again = Command::new(program);
    again.args(env::args_os().skip(1)).envs(variables).env(ENTERED, name);
    Err(again.exec()).context("cannot start this program again")
}

/// The environment of a stack, read through `aws`.
fn variables(name: &str, aws: impl Fn(&[&str]) -> Result<String>) -> Result<Vec<(String, String)>> {
    let told = aws(&["cloudformation", "describe-stacks", "--stack-name", name, "--query", "Stacks[0]"]);
    let told = told.with_context(|| format!("cannot look at the stack `{name}`"))?;
    let stack: Described = serde_json::from_str(&told).context("cannot read what the AWS command line answered")?;
    let output = |key: String| {
        let found = stack.outputs.iter().find(|output| output.output_key == key);
        let found = found.map(|output| output.output_value.clone());
        found.ok_or_else(|| {
            anyhow!("the stack `{name}` is none of Switchboard's, or of an earlier version: it has no output {key}. Check the name, or deploy it again")
        })
    };
    let mut variables = vec![
        ("SWITCHBOARD_DATABASE".to_owned(), "aws".to_owned()),
        (METRICS_NAMESPACE.to_owned(), namespace_of(&stack.stack_name)),
    ];
    for variable in Table::ALL.map(Table::variable).into_iter().chain([BUCKET_VARIABLE]) {
        variables.push((variable.to_owned(), output(format!("{}Name", pascal(variable)))?));
    }
    for (variable, url) in URLS.into_iter().zip(["StepchatUrl", "VoximplantUrl"]) {
        variables.push((variable.to_owned(), output(url.to_owned())?));
    }
    let mut region = None;
    for variable in &VARIABLES {
        let key = pascal(variable.name);
        if variable.default.is_some() {
            let set = stack.parameters.iter().find(|parameter| parameter.parameter_key == key);
            variables.extend(set.map(|set| (variable.name.to_owned(), set.parameter_value.clone())));
            continue;
        }
        let arn = output(format!("{key}Arn"))?;
        let asked = ["secretsmanager", "get-secret-value", "--secret-id", &arn, "--query", "SecretString"];
        let secret = aws(&asked).with_context(|| format!("cannot read the secret {}", variable.name))?;
        let secret: String = serde_json::from_str(&secret).context("the secret cannot be read")?;
        variables.push((variable.name.to_owned(), secret));
        // arn:aws:secretsmanager:REGION:…
        region = region.or_else(|| arn.split(':').nth(3).map(str::to_owned));
    }
    let credentials = aws(&["configure", "export-credentials", "--format", "process"]);
    let credentials = credentials.context("cannot get your credentials")?;
    let credentials: Credentials =
        serde_json::from_str(&credentials).context("the AWS command line gives credentials that cannot be read")?;
    // The AWS command line takes one address for all services from this variable, so it applies to these two services
    // as well.
    if let Ok(url) = env::var("AWS_ENDPOINT_URL") {
        let own = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3"].into_iter();
        variables.extend(own.filter(|name| env::var_os(name).is_none()).map(|name| (name.to_owned(), url.clone())));
    }
    variables.push(("AWS_REGION".to_owned(), region.unwrap_or_default()));
    variables.push(("AWS_ACCESS_KEY_ID".to_owned(), credentials.access_key_id));
    variables.push(("AWS_SECRET_ACCESS_KEY".to_owned(), credentials.secret_access_key));
    // Empty where there is none, so that a leftover of another sign-in is not used with these credentials.
    variables.push(("AWS_SESSION_TOKEN".to_owned(), credentials.session_token.unwrap_or_default()));
    Ok(variables)
}

/// What the AWS command line prints; if it fails, an error with what to do.
pub(crate) fn aws(arguments: &[&str]) -> Result<String> {
    let json = ["--output", "json"];
    // `configure` has an option of its own for the format.
    let form: &[&str] = if arguments.first() == Some(&"configure") { &[] } else { &json };
    let told = Aws::default().text(&[arguments, form].concat());
    if told.is_err() {
        // A version that is too old fails in many ways; none of them says so.
        tools::aws_version(&AWS.require()?)?;
    }
    Ok(told?)
}

/// The text of a command of this program that works on the same stack as this run.
#[must_use]
pub fn command(words: &str) -> String {
    match env::var(ENTERED) {
        Ok(name) => format!("switchboard --stack {name} {words}"),
        Err(_) => format!("switchboard {words}"),
    }
}

/// The template's name of a variable: `STEPCHAT_TABLE` is `StepchatTable`.
fn pascal(variable: &str) -> String {
    let words = variable.split('_').filter(|word| !word.is_empty());
    words
        .flat_map(|word| word.chars().take(1).chain(word.chars().skip(1).map(|letter| letter.to_ascii_lowercase())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use serde_json::json;

    #[allow(clippy::unnecessary_wraps, reason = "what it stands for may fail")]
    fn told(arguments: &[&str]) -> Result<String> {
        let output = |key: &str, value: &str| json!({ "OutputKey": key, "OutputValue": value });
        let arn = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:x";
        Ok(match arguments {
            ["cloudformation", ..] => json!({
                "StackName": "live",
                "Outputs": [
                    output("StepchatTableName", "t1"), output("VoximplantTableName", "t2"),
                    output("AuthTableName", "t3"), output("LedgerTableName", "t4"), output("FilesBucketName", "b"),
                    output("StepchatUrl", "https://x/stepchat"), output("VoximplantUrl", "https://x/platform_api"),
                    output("SwitchboardTokenSecretArn", arn), output("SwitchboardPayloadSecretArn", arn),
                ],
                "Parameters": [{ "ParameterKey": "StepchatUniquePhone", "ParameterValue": "false" }],
            })
            .to_string(),
            ["secretsmanager", ..] => "\"abc\"\n".into(),
            _ => {
                json!({ "Version": 1, "AccessKeyId": "id", "SecretAccessKey": "key", "SessionToken": "s" }).to_string()
            }
        })
    }

    #[test]
    fn a_stack_becomes_the_environment_of_its_functions() {
        let variables = variables("live", told).unwrap();
        let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        for (name, expected) in [
            ("SWITCHBOARD_DATABASE", "aws"),
            ("SWITCHBOARD_METRICS_NAMESPACE", "Switchboard/live"),
            ("STEPCHAT_TABLE", "t1"),
            ("LEDGER_TABLE", "t4"),
            ("FILES_BUCKET", "b"),
            ("SWITCHBOARD_TOKEN_SECRET", "abc"),
            ("STEPCHAT_UNIQUE_PHONE", "false"),
            ("AWS_REGION", "eu-north-1"),
            ("AWS_SESSION_TOKEN", "s"),
        ] {
            assert_eq!(value(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn another_stack_and_no_stack_are_told_apart() {
        let other = variables("live", |_| Ok("{}".into())).unwrap_err().to_string();
        assert!(other.contains("none of Switchboard's"), "{other}");
        let none = variables("live", |_| bail!("Stack with id live does not exist")).unwrap_err();
        assert!(format!("{none:#}").contains("`live`: Stack with id live does not exist"), "{none:#}");
    }
}
