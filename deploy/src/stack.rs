//! The stack that exists already, if there is one: whether it may be deployed to, and what to do if not.

use crate::aws::{Aws, Refused};
use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// What CloudFormation says of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    stack_status: String,
    #[serde(default)]
    stack_status_reason: String,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
}

/// Outputs by which a stack is recognised as one of Switchboard's.
const OURS: [&str; 2] = ["StepchatUrl", "VoximplantUrl"];

impl Described {
    /// Asks AWS about a stack; `None` if there is none of this name.
    pub fn ask(aws: &Aws, stack: &str) -> Result<Option<Self>> {
        let asked = ["cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0]"];
        match aws.ask(&asked) {
            Ok(described) => Ok(Some(described)),
            Err(Refused::Missing(_)) => Ok(None),
            Err(refused) => Err(refused).with_context(|| format!("cannot look at the stack {stack}")),
        }
    }

    /// Its state, as CloudFormation calls it.
    #[must_use]
    pub fn status(&self) -> &str {
        &self.stack_status
    }

    /// Whether the stack was never made, only proposed, by a deployment that was stopped before it changed anything.
    #[must_use]
    pub fn is_proposal(&self) -> bool {
        self.stack_status == "REVIEW_IN_PROGRESS"
    }

    /// Refuses a stack that cannot be deployed to; the error says what to do first.
    pub fn check(&self, stack: &str, region: &str) -> Result<()> {
        if let Some(advice) = advice(&self.stack_status, stack, region) {
            let reason = Some(self.stack_status_reason.trim()).filter(|reason| !reason.is_empty());
            let reason = reason.map_or_else(String::new, |reason| format!(" (\"{reason}\")"));
            bail!("the stack {stack} is in the state {}{reason}: {advice}", self.stack_status);
        }
        let is_ours = OURS.iter().all(|ours| self.outputs.iter().any(|output| output.output_key == *ours));
        // A stack that was adopted by an import change set has no outputs until its first deployment.
        if !is_ours && !self.is_proposal() && !self.stack_status.starts_with("IMPORT_") {
            bail!(
                "the stack {stack} in {region} is another product's: it has no output {}. Choose another stack_name in \
                 samconfig.toml",
                OURS.join(" or ")
            );
        }
        Ok(())
    }
}

/// What to do about a stack in a state that takes no deployment; `None` if the state takes one.
fn advice(status: &str, stack: &str, region: &str) -> Option<String> {
    let command = |words: &str| format!("`{words} --stack-name {stack} --region {region}`");
    let wait = |what: &str| command(&format!("aws cloudformation wait {what}"));
    Some(match status {
        // A change set that was not carried out: the next one makes the stack.
        "REVIEW_IN_PROGRESS" => return None,
        "CREATE_IN_PROGRESS" => format!(
            "a deployment is making it. Wait for its end with {}, then deploy again",
            wait("stack-create-complete")
        ),
        "DELETE_IN_PROGRESS" => {
            format!("it is being deleted. Wait for its end with {}, then deploy again", wait("stack-delete-complete"))
        }
        "ROLLBACK_IN_PROGRESS" => format!(
            "its first deployment failed and is being undone. Wait for its end with {}, then remove what is left with {}",
            wait("stack-rollback-complete"),
            command("sam delete")
        ),
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => format!(
            "its first deployment failed, and such a stack can only be deleted. See why with {}, remove it with {}, and \
             deploy again",
            command("aws cloudformation describe-stack-events"),
            command("sam delete")
        ),
        "DELETE_FAILED" => format!(
            "it could not be deleted. See what was in the way with {}, remove that, and repeat {}",
            command("aws cloudformation describe-stack-events"),
            command("sam delete")
        ),
        "UPDATE_ROLLBACK_FAILED" => format!(
            "an update failed and could not be undone. See what was in the way with {}, mend that, go on with {}, and \
             deploy again",
            command("aws cloudformation describe-stack-events"),
            command("aws cloudformation continue-update-rollback")
        ),
        "IMPORT_ROLLBACK_FAILED" => format!(
            "an import failed and could not be undone. See what was in the way with {}",
            command("aws cloudformation describe-stack-events")
        ),
        status if status.ends_with("_IN_PROGRESS") => format!(
            "a deployment is changing it. Wait for its end with {}, then deploy again",
            wait(if status.contains("ROLLBACK") { "stack-rollback-complete" } else { "stack-update-complete" })
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(status: &str, outputs: &[&str]) -> Described {
        let outputs = outputs.iter().map(|key| Output { output_key: (*key).to_owned() }).collect();
        Described { stack_status: status.into(), outputs, ..Described::default() }
    }

    #[test]
    fn a_stack_that_rests_is_deployed_to() {
        let resting = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"];
        for status in resting {
            described(status, &OURS).check("sb", "eu-north-1").unwrap();
        }
        for status in ["REVIEW_IN_PROGRESS", "IMPORT_COMPLETE"] {
            described(status, &[]).check("sb", "eu-north-1").unwrap();
        }
    }

    #[test]
    fn every_state_that_takes_no_deployment_says_what_to_do() {
        for (status, expected) in [
            ("ROLLBACK_COMPLETE", "`sam delete --stack-name sb --region eu-north-1`"),
            ("ROLLBACK_FAILED", "sam delete"),
            ("CREATE_FAILED", "sam delete"),
            ("DELETE_FAILED", "repeat `sam delete"),
            ("DELETE_IN_PROGRESS", "wait stack-delete-complete"),
            ("CREATE_IN_PROGRESS", "wait stack-create-complete"),
            ("ROLLBACK_IN_PROGRESS", "wait stack-rollback-complete"),
            ("UPDATE_IN_PROGRESS", "wait stack-update-complete"),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait stack-update-complete"),
            ("UPDATE_ROLLBACK_IN_PROGRESS", "wait stack-rollback-complete"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
            ("IMPORT_IN_PROGRESS", "Wait for its end"),
            ("IMPORT_ROLLBACK_FAILED", "describe-stack-events"),
        ] {
            let refusal = described(status, &OURS).check("sb", "eu-north-1").unwrap_err().to_string();
            assert!(refusal.contains(status) && refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn another_products_stack_is_never_deployed_over() {
        let refusal = described("UPDATE_COMPLETE", &["Other"]).check("sb", "eu-north-1").unwrap_err().to_string();
        assert!(refusal.contains("another product's") && refusal.contains("stack_name"), "{refusal}");
    }
}
