//! Each function has a role of its own at AWS. The role that SAM would make may write to every log group of the
//! account.

use super::yaml::{Map, Yaml};
use super::{function_id, logs_id, policies, policy, resource};
use crate::generate::deployment::Function;

/// AWS's own policy for traces, which have no resource that a policy could name.
const TRACES: &str = "arn:${AWS::Partition}:iam::aws:policy/AWSXrayWriteOnlyAccess";

/// The name of a function's role.
pub(super) fn role_id(function: &Function) -> String {
    format!("{}Role", function_id(function))
}

/// The role: its grants, its own log, its traces.
pub(super) fn role(function: &Function) -> Map {
    let lambda = Map::new()
        .with("Effect", "Allow")
        .with("Principal", Map::new().with("Service", "lambda.amazonaws.com"))
        .with("Action", "sts:AssumeRole");
    let own_log = Map::new()
        .with("Effect", "Allow")
        .with("Action", Yaml::from_iter(["logs:CreateLogStream", "logs:PutLogEvents"]).on_one_line())
        .with("Resource", Yaml::attribute(&logs_id(function), "Arn"));
    let grants = policy(std::iter::once(own_log).chain(policies::statements(&function.grants)));
    let own = Map::new().with("PolicyName", "own").with("PolicyDocument", grants);
    let properties = Map::new()
        .with("AssumeRolePolicyDocument", policy([lambda]))
        .with("ManagedPolicyArns", Yaml::from_iter([Yaml::substituted(TRACES)]))
        .with("Policies", Yaml::from_iter([own]));
    resource("AWS::IAM::Role", properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Registry, deployment};

    #[test]
    fn a_function_writes_to_its_own_log_and_no_other() {
        let groups = deployment::groups(&Registry::compiled());
        for function in groups.iter().flat_map(|group| &group.functions) {
            let text = role(function).document();
            assert_eq!(text.matches("logs:").count(), 2, "{text}");
            assert!(text.contains(&format!("Resource: !GetAtt {}.Arn", logs_id(function))), "{text}");
        }
    }
}
