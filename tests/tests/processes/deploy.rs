//! `switchboard deploy` with an AWS and a SAM command line that say what those of AWS would: whatever can be known to fail
//! is told in words before anything is built or changed. tests/aws/run.py does the same with the real ones.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tests::workspace;

/// Answers by what the question contains; a file NAME.err is a complaint.
const AWS: &str = r#"#!/bin/sh
here=$(dirname "$0")
answer() {
    if [ -f "$here/$1.err" ]; then cat "$here/$1.err" >&2; exit 254; fi
    cat "$here/$1"
}
echo "$*" >> "$here/asked"
case "$*" in
*--version*) answer version ;;
*"configure get region"*) answer region ;;
*get-caller-identity*) answer identity ;;
*describe-stacks*) answer stack ;;
*describe-certificate*) answer certificate ;;
*) answer service ;;
esac
"#;
/// Notes what it was told, and may change the stack's state before it fails.
const SAM: &str = r#"#!/bin/sh
here=$(dirname "$0")
if [ "$1" = --version ]; then echo "SAM CLI, version 1.170.0"; exit 0; fi
for word in "$@"; do echo "$word" >> "$here/deployed"; done
if [ -f "$here/waits" ]; then
    trap 'cp "$here/stack.after" "$here/stack"; exit 1' INT
    touch "$here/waiting"
    while :; do sleep 0.1; done
fi
if [ -f "$here/stack.after" ]; then cp "$here/stack.after" "$here/stack"; rm -f "$here/stack.err"; exit 1; fi
"#;
const NO_STACK: &str = "An error occurred (ValidationError): Stack with id switchboard-dev does not exist";

/// A clone whose functions are built, beside an AWS that is ready for its first deployment.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let template = xtask::generate::template().text;
        for name in template.lines().filter_map(|line| line.trim().strip_prefix("CodeUri: ")) {
            let executable = [b"\x7fELF".as_slice(), &[0; 14], &[0x3e, 0]].concat();
            world.write(&format!("clone/{name}bootstrap"), &executable, 0o755);
        }
        world.write("clone/template.yaml", template.as_bytes(), 0o644);
        let samconfig = fs::read(workspace::root().join("samconfig.toml")).unwrap();
        world.write("clone/samconfig.toml", &samconfig, 0o644);
        world.write("bin/aws", AWS.as_bytes(), 0o755);
        world.write("bin/sam", SAM.as_bytes(), 0o755);
        world.says("version", "aws-cli/2.31.0 Python/3.13");
        world.says("region", "eu-north-1");
        world.says("identity", r#"{"Account":"123456789012","Arn":"arn:aws:iam::123456789012:user/me"}"#);
        world.says("service", "{}");
        world.says("certificate", "\"ISSUED\"");
        world.says("stack.err", NO_STACK);
        world
    }

    fn write(&self, name: &str, content: &[u8], mode: u32) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn says(&self, name: &str, text: &str) {
        self.write(&format!("bin/{name}"), text.as_bytes(), 0o644);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    fn has_stack(&self, status: &str) {
        self.remove("bin/stack.err");
        self.says("stack", &described(status));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(workspace::binary("switchboard"));
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", folder.join("bin").display()));
        command.args(["deploy", "dev", "--built", "--folder"]).arg(folder.join("clone")).args(arguments);
        command
    }

    fn deploy(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What SAM was told; nothing if it was not called.
    fn deployed(&self) -> Vec<String> {
        let told = fs::read_to_string(self.folder.path().join("bin/deployed")).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }

    /// The complaint about a deployment that never began.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.deploy(arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.starts_with("error: ") && !complaint.contains("RUST_BACKTRACE"), "{complaint}");
        assert!(self.deployed().is_empty() && output.stdout.is_empty(), "{complaint}");
        complaint
    }
}

fn described(status: &str) -> String {
    let output = |name: &str| format!(r#"{{"OutputKey":"{name}","OutputValue":"x"}}"#);
    let outputs = [output("StepchatUrl"), output("VoximplantUrl")].join(",");
    format!(r#"{{"StackName":"x","StackStatus":"{status}","Outputs":[{outputs}]}}"#)
}

fn is_there(path: &Path) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    path.exists()
}

#[test]
fn a_deployment_names_every_parameter_and_says_the_next_command() {
    let world = World::new();
    let output = world.deploy(&["--parameter", "RouteRate=50"]);
    let (told, complaint) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{complaint}");
    assert!(told.contains("--stack switchboard-dev operator init --email"), "{told}");
    assert!(complaint.contains("account 123456789012") && complaint.contains("eu-north-1"), "{complaint}");
    let deployed = world.deployed();
    let expected = ["deploy", "--config-env", "dev", "--region", "eu-north-1", "--parameter-overrides"];
    assert_eq!(deployed[..6], expected);
    for parameter in ["LogRetentionDays=\"7\"", "RouteRate=\"50\"", "Architecture=\"x86_64\""] {
        assert!(deployed.contains(&parameter.to_owned()), "{deployed:?}");
    }
    // All of them: a stack keeps what an earlier deployment gave it and this one does not name.
    for name in tests::template::defaults(&xtask::generate::template().text).into_keys() {
        assert_eq!(deployed.iter().filter(|word| word.starts_with(&format!("{name}="))).count(), 1, "{name}");
    }
}

#[test]
fn an_existing_stack_is_updated_and_not_begun_again() {
    let world = World::new();
    world.has_stack("UPDATE_ROLLBACK_COMPLETE");
    let told = String::from_utf8(world.deploy(&[]).stdout).unwrap();
    assert!(told.contains("Deployed") && !told.contains("operator init"), "{told}");
}

#[test]
fn asking_alone_changes_nothing() {
    let world = World::new();
    let output = world.deploy(&["--check"]);
    assert!(output.status.success() && world.deployed().is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("Nothing was changed"));
}

/// Name, what is wrong, arguments, words that the complaint must have.
type Case<'a> = (&'a str, &'a dyn Fn(&World), &'a [&'a str], &'a [&'a str]);

#[test]
fn what_this_machine_lacks_is_told_with_where_it_comes_from() {
    let cases: [Case<'_>; 5] = [
        ("CLI 1", &|w| w.says("version", "aws-cli/1.45.11 Python/3.11"), &[], &["version 1.45.11", "2.9 or later"]),
        ("no CLI", &|w| w.says("version.err", "sh: nothing"), &[], &["`aws` is missing", "apt install awscli"]),
        ("no SAM", &|w| w.write("bin/sam", b"#!/bin/sh\nexit 1\n", 0o755), &[], &["`sam` is missing", "pipx install"]),
        (
            "not built",
            &|w| w.remove("clone/target/lambda/stepchat-login/bootstrap"),
            &[],
            &["stepchat-login is not built"],
        ),
        ("another processor", &|_| {}, &["--arm64"], &["is not built for arm64"]),
    ];
    check(&cases);
}

#[test]
fn who_calls_and_where_to_is_asked_before_anything_is_done() {
    let fails = |name: &'static str, text: &'static str| move |world: &World| world.says(name, text);
    let cases: [Case<'_>; 8] = [
        ("no region", &fails("region", ""), &[], &["there is no region", "aws configure"]),
        ("no region's name", &fails("region", "Stockholm"), &[], &["no region's name", "eu-central-1"]),
        (
            "nobody",
            &fails("identity.err", "Unable to locate credentials"),
            &[],
            &["nobody is signed in", "aws configure"],
        ),
        (
            "expired",
            &fails("identity.err", "An error occurred (ExpiredToken) when …"),
            &[],
            &["has expired", "aws sso login"],
        ),
        ("unknown", &fails("identity.err", "An error occurred (InvalidClientTokenId)"), &[], &["does not know these"]),
        (
            "misspelt region",
            &fails("identity.err", "Could not connect to the endpoint URL: x"),
            &[],
            &["region's name right"],
        ),
        (
            "a region without services",
            &fails("service.err", "Could not connect to the endpoint URL: x"),
            &[],
            &["API Gateway, Lambda, DynamoDB", "does not answer in eu-north-1", "another region"],
        ),
        (
            "no right to look",
            &fails("stack.err", "An error occurred (AccessDenied)"),
            &[],
            &["cannot look", "administers"],
        ),
    ];
    check(&cases);
}

#[test]
fn who_may_not_ask_for_a_service_may_deploy_all_the_same() {
    let world = World::new();
    world.says("service.err", "An error occurred (AccessDenied)");
    assert!(world.deploy(&[]).status.success());
}

#[test]
fn a_stack_in_another_state_says_what_to_do_first() {
    for (status, expected) in [
        ("ROLLBACK_COMPLETE", "`sam delete --stack-name switchboard-dev --region eu-north-1`"),
        ("UPDATE_IN_PROGRESS", "aws cloudformation wait stack-update-complete --stack-name switchboard-dev"),
        ("CREATE_IN_PROGRESS", "wait stack-create-complete"),
        ("DELETE_FAILED", "repeat `sam delete"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ] {
        let world = World::new();
        world.has_stack(status);
        let refusal = world.refusal(&[]);
        assert!(refusal.contains(status) && refusal.contains(expected), "{refusal}");
    }
    let world = World::new();
    world.remove("bin/stack.err");
    world.says("stack", r#"{"StackName":"x","StackStatus":"CREATE_COMPLETE"}"#);
    assert!(world.refusal(&[]).contains("another product's"));
}

#[test]
fn what_was_chosen_is_held_against_what_is_allowed() {
    let long = format!("[dev.deploy.parameters]\nstack_name = \"{}\"\n", "s".repeat(129));
    let rename = move |world: &World| world.write("clone/samconfig.toml", long.as_bytes(), 0o644);
    let certificate = "StepchatDefaultProfileImage=arn:aws:acm:us-east-1:123456789012:certificate/x";
    let here = "StepchatDefaultProfileImage=arn:aws:acm:eu-north-1:123456789012:certificate/x";
    let cases: [Case<'_>; 6] = [
        ("out of range", &|_| {}, &["--parameter", "RouteRate=0"], &["RouteRate=0 must be a number from 1 to 10000"]),
        (
            "not allowed",
            &|_| {},
            &["--parameter", "LogRetentionDays=8"],
            &["LogRetentionDays=8 must be one of: 1, 3, 5"],
        ),
        ("misspelt", &|_| {}, &["--parameter", "AlarmMail=a@b"], &["no parameter `AlarmMail`"]),
        ("a long name", &rename, &[], &["129 characters", "at most 128"]),
        ("a certificate of elsewhere", &|_| {}, &["--parameter", certificate], &["of the region us-east-1", "request"]),
        (
            "one that waits",
            &|w| w.says("certificate", "\"PENDING_VALIDATION\""),
            &["--parameter", here],
            &["must be ISSUED"],
        ),
    ];
    check(&cases);
    let world = World::new();
    let samconfig = format!("[dev.deploy.parameters]\nstack_name = \"{}\"\n", "s".repeat(128));
    world.write("clone/samconfig.toml", samconfig.as_bytes(), 0o644);
    assert!(world.deploy(&[]).status.success());
}

fn check(cases: &[Case<'_>]) {
    for (name, spoil, arguments, expected) in cases {
        let world = World::new();
        spoil(&world);
        let refusal = world.refusal(arguments);
        for words in *expected {
            assert!(refusal.contains(words), "{name}: {refusal}");
        }
    }
}

#[test]
fn a_deployment_that_fails_says_what_it_has_left() {
    for (status, expected) in [
        ("ROLLBACK_COMPLETE", "remove it with `sam delete"),
        ("UPDATE_ROLLBACK_COMPLETE", "serves as before"),
        ("REVIEW_IN_PROGRESS", "before it changed anything"),
    ] {
        let world = World::new();
        world.says("stack.after", &described(status));
        let output = world.deploy(&[]);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains("`sam deploy` failed") && complaint.contains(expected), "{complaint}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_interrupted_deployment_says_that_it_goes_on_without_us_and_what_to_wait_for() {
    let world = World::new();
    world.has_stack("UPDATE_COMPLETE");
    world.says("waits", "");
    world.says("stack.after", &described("UPDATE_IN_PROGRESS"));
    let mut command = world.command(&[]);
    let process = command.process_group(0).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    assert!(is_there(&world.folder.path().join("bin/waiting")));
    // As a terminal does: to the program and to SAM.
    let group = format!("-{}", process.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let output = process.wait_with_output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    for words in ["was interrupted", "UPDATE_IN_PROGRESS", "wait stack-update-complete"] {
        assert!(complaint.contains(words), "{complaint}");
    }
    // The next one sees it too.
    let refusal = world.deploy(&[]);
    assert!(String::from_utf8(refusal.stderr).unwrap().contains("a deployment is changing it"));
}

#[test]
fn deploy_takes_no_stack_by_name() {
    let world = World::new();
    let output = world.command(&["--stack", "x"]).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("leave --stack out"));
}
