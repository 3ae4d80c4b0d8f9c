//! The checks before anything is built: the tools, who is signed in, the region, and the stack that may exist already.

use crate::aws::{Aws, Refused};
use crate::build;
use crate::plan::Plan;
use crate::stack::Described;
use crate::tools::{self, AWS, SAM};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::env;
use std::thread;

/// Services that a region may lack, each with a question that costs nothing.
const SERVICES: [(&str, &[&str]); 5] = [
    ("API Gateway", &["apigatewayv2", "get-apis", "--max-results", "1"]),
    ("Lambda", &["lambda", "get-account-settings"]),
    ("DynamoDB", &["dynamodb", "list-tables", "--max-items", "1"]),
    ("Secrets Manager", &["secretsmanager", "list-secrets", "--max-items", "1"]),
    ("CodeDeploy", &["deploy", "list-applications", "--max-items", "1"]),
];

/// Where a deployment goes, after all checks have passed.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) aws: Aws,
    pub(crate) region: String,
    /// The stack, if it is there.
    pub(crate) stack: Option<Described>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    account: String,
    arn: String,
}

impl Target {
    /// Runs all checks, the quick ones first.
    pub(crate) fn find(plan: &Plan, builds: bool) -> Result<Self> {
        let aws_version = AWS.require()?;
        let aws_version = tools::aws_version(&aws_version)?;
        let sam_version = SAM.require()?;
        if builds {
            build::require(plan.architecture)?;
        }
        let aws = Aws::new(plan.stage.profile.clone());
        let region = region(&aws, plan)?;
        let aws = aws.at(&region);
        check_certificate_region(plan, &region)?;
        let asked = aws.ask(&["sts", "get-caller-identity"]);
        let who: Identity = asked.with_context(|| format!("cannot ask AWS in {region} who you are"))?;
        let stack = plan.stage.stack.as_str();
        let described = Described::ask(&aws, stack)?;
        if let Some(described) = &described {
            described.check(stack, &region)?;
        }
        check_services(&aws, &region)?;
        check_certificate(plan, &aws)?;
        eprintln!(
            "AWS CLI {aws_version}, SAM {}; account {} as {}; {region}, stack {stack}: {}; {}",
            tools::sam_version(&sam_version),
            who.account,
            who.arn,
            described.as_ref().map_or("new", Described::status),
            plan.architecture
        );
        Ok(Self { aws, region, stack: described })
    }

    /// Looks at the stack again: a build takes long enough for somebody else to deploy.
    pub(crate) fn look_again(&self, plan: &Plan) -> Result<Option<Described>> {
        Described::ask(&self.aws, plan.stage.stack.as_str())
    }
}

/// The region, chosen in the way in which SAM and the AWS command line choose it.
fn region(aws: &Aws, plan: &Plan) -> Result<String> {
    let set = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| env::var(name).ok());
    let set = plan.stage.region.clone().or_else(|| set.filter(|region| !region.is_empty()));
    let region = set.or_else(|| aws.text(&["configure", "get", "region"]).ok()).unwrap_or_default();
    ensure!(
        !region.is_empty(),
        "there is no region: run `aws configure`, or set AWS_REGION, for example to eu-central-1"
    );
    let is_well_formed = region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    ensure!(is_well_formed, "{region:?} is no region's name: they are like eu-central-1");
    Ok(region)
}

/// Refuses a region that lacks a service. Whether the user may ask that service does not matter here.
fn check_services(aws: &Aws, region: &str) -> Result<()> {
    let ask = |(name, question): (&'static str, &'static [&'static str])| {
        let aws = aws.clone();
        (name, thread::spawn(move || aws.text(question)))
    };
    let asked = SERVICES.map(ask);
    let mut silent = Vec::new();
    for (name, answer) in asked {
        if let Ok(Err(Refused::Unreachable(_))) = answer.join() {
            silent.push(name);
        }
    }
    ensure!(
        silent.is_empty(),
        "{} does not answer in {region}: the region does not have it, or the network is down. Choose another region in \
         AWS_REGION or with `aws configure`",
        silent.join(", ")
    );
    Ok(())
}

/// Refuses a certificate of another region, which an API cannot use; the certificate's name tells, so AWS is not asked.
fn check_certificate_region(plan: &Plan, region: &str) -> Result<()> {
    let Some(certificate) = plan.certificate() else { return Ok(()) };
    let of = certificate.split(':').nth(3).unwrap_or_default();
    ensure!(
        of == region,
        "the certificate {certificate} is of the region {of}, and the deployment is in {region}: request or import one \
         there (`aws acm request-certificate --region {region} …`)"
    );
    Ok(())
}

fn check_certificate(plan: &Plan, aws: &Aws) -> Result<()> {
    let Some(certificate) = plan.certificate() else { return Ok(()) };
    let question = ["acm", "describe-certificate", "--certificate-arn", certificate, "--query", "Certificate.Status"];
    match aws.ask::<String>(&question) {
        Ok(status) if status == "ISSUED" => Ok(()),
        Ok(status) => bail!(
            "the certificate {certificate} is in the state {status}: it must be ISSUED. A new one waits for the record in \
             your DNS that `aws acm describe-certificate` names"
        ),
        // A user who may deploy need not be allowed to look at certificates.
        Err(Refused::Denied(_)) => Ok(()),
        Err(refused) => Err(refused).with_context(|| format!("cannot look at the certificate {certificate}")),
    }
}
