//! Asks AWS through its command line, which knows every way of signing in.

use crate::tools::AWS;
use serde::de::DeserializeOwned;
use std::process::Command;
use thiserror::Error;

/// Why AWS, or its command line, did not answer. Each variant holds the message; none of them is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// Nobody is signed in.
    #[error(
        "nobody is signed in to AWS: run `aws configure` or `aws configure sso`, or name a profile in AWS_PROFILE ({0})"
    )]
    SignedOut(String),
    /// The sign-in has expired.
    #[error(
        "your sign-in to AWS has expired: run `aws sso login`, or fetch new credentials the way you got the old ones ({0})"
    )]
    Expired(String),
    /// AWS does not know the key, or the region is not switched on for the account.
    #[error(
        "AWS does not know these credentials: check them with `aws configure list`. In a region that must be switched on \
         first, switch it on in the account's settings ({0})"
    )]
    Unknown(String),
    /// Nothing answers at the address of a service in the region.
    #[error(
        "nothing answers there: is the region's name right, does it have the service, and is the network up? ({0})"
    )]
    Unreachable(String),
    /// The user who is signed in may not do that.
    #[error("you may not do that: ask whoever administers the account ({0})")]
    Denied(String),
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Words of an error message, and the refusal that they mean.
type Kind = (&'static [&'static str], fn(String) -> Refused);

/// The words by which an error message is recognised; the first entry that fits counts.
const KINDS: [Kind; 6] = [
    (&["ExpiredToken", "RequestExpired", "has expired", "SSO Token", "sso login", "Token for"], Refused::Expired),
    (
        &["Unable to locate credentials", "NoCredentials", "could not be found", "Partial credentials"],
        Refused::SignedOut,
    ),
    (
        &["InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "AuthFailure", "InvalidAccessKeyId"],
        Refused::Unknown,
    ),
    (&["Could not connect", "Connect timeout", "Read timeout", "Invalid endpoint"], Refused::Unreachable),
    (&["AccessDenied", "not authorized", "UnauthorizedOperation"], Refused::Denied),
    (&["does not exist", "ResourceNotFound"], Refused::Missing),
];

impl Refused {
    /// The refusal that an error message of the AWS command line means.
    #[must_use]
    pub fn of(complaint: &str) -> Self {
        let line = complaint.trim().lines().last().unwrap_or("it said nothing").to_owned();
        let kind = KINDS.iter().find(|(words, _)| words.iter().any(|word| line.contains(word)));
        kind.map_or_else(|| Self::Other(line.clone()), |(_, of)| of(line.clone()))
    }
}

/// The AWS command line, with a region and a profile if they are given.
#[derive(Debug, Clone, Default)]
pub struct Aws {
    region: Option<String>,
    profile: Option<String>,
}

impl Aws {
    /// With this profile, if there is one.
    #[must_use]
    pub const fn new(profile: Option<String>) -> Self {
        Self { region: None, profile }
    }

    /// With this region.
    #[must_use]
    pub fn at(self, region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..self }
    }

    /// Runs the AWS command line; returns what it prints.
    pub fn text(&self, arguments: &[&str]) -> Result<String, Refused> {
        let mut command = Command::new(AWS.program);
        command.args(arguments);
        for (option, value) in [("--region", &self.region), ("--profile", &self.profile)] {
            command.args(value.iter().flat_map(|value| [option, value.as_str()]));
        }
        // Without these time limits, the command would wait for minutes in a misspelt region.
        command.args(["--cli-connect-timeout", "10", "--cli-read-timeout", "30"]).env("AWS_PAGER", "");
        let done = command.output().map_err(|error| Refused::Other(format!("cannot start `aws`: {error}")))?;
        if !done.status.success() {
            return Err(Refused::of(&String::from_utf8_lossy(&done.stderr)));
        }
        Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }

    /// Runs the AWS command line; returns its answer, parsed from JSON.
    pub fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T, Refused> {
        let text = self.text(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_str(&text).map_err(|error| Refused::Other(format!("cannot read what `aws` answered: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_becomes_what_to_do() {
        for (complaint, expected) in [
            (
                "\nUnable to locate credentials. You can configure credentials by running \"aws configure\".\n",
                "aws configure",
            ),
            ("The config profile (x) could not be found", "AWS_PROFILE"),
            (
                "An error occurred (ExpiredToken) when calling GetCallerIdentity: The security token included is expired",
                "sso login",
            ),
            ("Error loading SSO Token: Token for work does not exist", "sso login"),
            ("Error when retrieving token from sso: Token has expired and refresh failed", "sso login"),
            (
                "An error occurred (InvalidClientTokenId): The security token included in the request is invalid",
                "configure list",
            ),
            ("Could not connect to the endpoint URL: \"https://sts.eu-nowhere-1.amazonaws.com/\"", "region's name"),
            ("An error occurred (AccessDenied): User: x is not authorized to perform: y", "administers"),
            ("An error occurred (ValidationError): Stack with id x does not exist", "does not exist"),
            ("", "it said nothing"),
        ] {
            let told = Refused::of(complaint).to_string();
            assert!(told.contains(expected), "{complaint}: {told}");
        }
    }
}
