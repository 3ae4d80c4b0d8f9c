//! The deployment as far as one can go without AWS: the functions run with exactly the variables that the template gives
//! them, and the operator's commands find a stack by its name.

use super::serve::{Folder, Server};
use serde_json::{Value, json};
use shared::store::{Table, Tables};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;
use switchboard::methods::{JOBS, families};
use tests::lambda::{GATEWAY_ID, INVOCATION_ID, Lambda};
use tests::{App, template, workspace};

const API: &str = "https://api.example.com";
const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
/// What the stack generates, in the form it generates it.
const TOKEN_SECRET: &str = "TokenTokenTokenTokenTokenTokenTokenTokenTokenTokenTokenTokenToke";
const PAYLOAD_SECRET: &str = "PayloadPayloadPayloadPayloadPayloadPayloadPayloadPayloadPayloadP";

/// The template as it follows from the code; the project's tests hold the committed one against it.
fn template() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| xtask::generate::template().text)
}

/// What a value of the template is in this deployment.
fn resolved(value: &str, app: &App) -> String {
    let table = |name: &str| Table::ALL.into_iter().find(|table| format!("{}Table", title(table.as_str())) == name);
    if let Some(name) = value.strip_prefix("!Ref ") {
        if let Some(table) = table(name) {
            return app.app.store.table_name(table).to_owned();
        }
        if name == "FilesBucket" {
            return "files".into();
        }
        let defaults = template::defaults(template());
        return defaults.get(name).unwrap_or_else(|| panic!("{name} is neither resource nor parameter")).clone();
    }
    let text: String = serde_json::from_str(value.strip_prefix("!Sub ").unwrap_or(value)).unwrap();
    let secret = |name: &str| format!("{{{{resolve:secretsmanager:${{{name}}}:SecretString}}}}");
    text.replace(&secret("SwitchboardTokenSecret"), TOKEN_SECRET)
        .replace(&secret("SwitchboardPayloadSecret"), PAYLOAD_SECRET)
        .replace("${AWS::StackName}", "live")
}

fn title(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

/// A deployment with the stack's secrets, and the address of its database.
pub(super) async fn deployment() -> (App, String) {
    let secrets = |name: &str| match name {
        "SWITCHBOARD_TOKEN_SECRET" => Some(TOKEN_SECRET.to_owned()),
        "SWITCHBOARD_PAYLOAD_SECRET" => Some(PAYLOAD_SECRET.to_owned()),
        _ => None,
    };
    let app = App::with(secrets).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, app.database.clone()));
    (app, address)
}

/// The template's variables of a function; and, as Lambda adds them, region and credentials. The database's address is
/// the only one that is not the template's.
fn variables(app: &App, address: &str, binary: &str) -> Vec<(String, String)> {
    let environments = template::environments(template());
    let own = environments.get(binary).unwrap_or_else(|| panic!("the template has no function {binary}"));
    let lambda = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name.to_owned(), "x".to_owned()));
    let fixed = [
        ("AWS_REGION".to_owned(), "eu-central-1".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), address.to_owned()),
    ];
    own.iter().map(|(name, value)| (name.clone(), resolved(value, app))).chain(lambda).chain(fixed).collect()
}

async fn start(app: &App, address: &str, binary: &str) -> Lambda {
    let variables = variables(app, address, binary);
    let variables: Vec<(&str, String)> = variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    Lambda::start(binary, &variables).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_of_each_kind_works_with_exactly_the_variables_of_the_template() {
    let (app, address) = deployment().await;
    let stepchat = format!("token={}", app.token);
    let voximplant = format!("account_id=1&api_key={}", app.api_key);
    for (binary, path, form, expected) in [
        (
            "stepchat-add-user",
            "/stepchat/add-user",
            format!("{stepchat}&first_name=Ivan&idempotency_key=1"),
            "\"response\":2",
        ),
        // A row, whose token must be the one that every other function derives.
        ("stepchat-get-user", "/stepchat/get-user", format!("{stepchat}&user_id=1"), app.token.as_str()),
        ("stepchat-count-users", "/stepchat/count-users", stepchat.clone(), "\"all\":\"2\""),
        (
            "stepchat-front-door",
            "/include/api.php",
            format!("{stepchat}&function=get-user&user_id=1"),
            app.token.as_str(),
        ),
        (
            "voximplant-add-user",
            "/platform_api/AddUser",
            format!(
                "{voximplant}&application_id=1&user_name=ivan&user_display_name=I&user_password=Passw0rd!&idempotency_key=1"
            ),
            "\"user_id\":1",
        ),
        ("voximplant-get-users", "/platform_api/GetUsers", format!("{voximplant}&application_id=1"), "\"ivan\""),
        ("voximplant-front-door", "/platform_api", format!("{voximplant}&cmd=GetUsers"), "\"total_count\":1"),
    ] {
        let function = start(&app, &address, binary).await;
        let answer = function.post(path, &FORM, form.as_bytes(), true).await;
        assert!(answer.body.contains(expected), "{binary}: {}", answer.body);
    }
    let jobs = start(&app, &address, "background-jobs").await;
    assert_eq!(jobs.invoke(&json!({ "detail-type": "Scheduled Event" })).await, Ok(json!(0)));
}

/// The gateway's log has the address of each request, and a function's the outcome: one id is in both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_login_is_in_the_functions_log_under_the_gateways_id_of_the_request() {
    let (app, address) = deployment().await;
    let form = format!("token={}&email=nobody@example.com&password=x", app.token);
    for (binary, path) in [("stepchat-login", "/stepchat/login"), ("stepchat-front-door", "/script/include/api.php")] {
        let function = start(&app, &address, binary).await;
        let answer = function.post(path, &FORM, format!("function=login&{form}").as_bytes(), true).await;
        assert!(answer.body.contains("\"response\":false"), "{binary}: {}", answer.body);
        let line = function.line().await;
        assert_eq!((&line["outcome"], &line["request_id"]), (&json!("login-failed"), &json!(GATEWAY_ID)), "{line}");
        assert_eq!(line["invocation_id"], INVOCATION_ID, "{line}");
    }
    assert!(template().contains(r#""request_id":"$context.requestId""#));
}

/// A method's own function also gets what stands below its path.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_a_methods_path_its_function_answers_what_the_front_door_answers() {
    let (app, address) = deployment().await;
    let form = format!("account_id=1&api_key={}", app.api_key);
    let own = start(&app, &address, "voximplant-get-applications").await;
    let door = start(&app, &address, "voximplant-front-door").await;
    for path in ["", "/", "//", "/x", "/x/", "/AddUser"].map(|rest| format!("/platform_api/GetApplications{rest}")) {
        let own = own.post(&path, &FORM, form.as_bytes(), true).await;
        assert_eq!(own, door.post(&path, &FORM, form.as_bytes(), true).await, "{path}");
        let known = path.trim_end_matches('/').ends_with("GetApplications");
        assert!(own.body.contains(if known { "\"total_count\":1" } else { "\"code\":103" }), "{path}: {}", own.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_functions_know_the_same_idempotency_key() {
    let (app, address) = deployment().await;
    let form = format!("token={}&first_name=Ivan&idempotency_key=once", app.token);
    let own = start(&app, &address, "stepchat-add-user").await;
    let first = own.post("/stepchat/add-user", &FORM, form.as_bytes(), true).await;
    let door = start(&app, &address, "stepchat-front-door").await;
    let again = door.post("/include/api.php", &FORM, format!("{form}&function=add-user").as_bytes(), true).await;
    assert_eq!(again.body, first.body);
}

/// Without this a variable could be missing from the template, and from nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_without_a_variable_it_needs_does_not_start() {
    let (app, address) = deployment().await;
    for (binary, needed) in [
        ("stepchat-get-user", "SWITCHBOARD_TOKEN_SECRET"),
        ("voximplant-add-user", "SWITCHBOARD_PAYLOAD_SECRET"),
        ("stepchat-front-door", "SWITCHBOARD_TOKEN_SECRET"),
    ] {
        let mut variables = variables(&app, &address, binary);
        let before = variables.len();
        variables.retain(|(name, _)| name != needed);
        assert_eq!(variables.len(), before - 1, "the template gives {needed} to {binary}");
        let variables: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        assert_eq!(Lambda::start(binary, &variables).await.exit_code().await, Some(1), "{binary} without {needed}");
    }
}

/// The handshake takes place while the function starts, and not while its first caller waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_opens_its_connection_to_the_database_before_the_first_event() {
    let (app, _) = deployment().await;
    for binary in ["stepchat-get-user", "voximplant-get-users", "stepchat-front-door", "background-jobs"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let _function = start(&app, &address, binary).await;
        let opened = tokio::time::timeout(Duration::from_secs(10), listener.accept()).await;
        assert!(opened.is_ok(), "{binary} waits for an event");
    }
}

/// As AWS's own tools: a proxy or a private endpoint has an authority of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_trusts_amazon_or_whom_aws_ca_bundle_names_instead() {
    let folder = Folder::new("ca-bundle");
    let server = Server::start(&folder.0, true);
    let (app, _) = deployment().await;
    let address = format!("https://localhost:{}", server.https.port());
    let mut variables = variables(&app, &address, "stepchat-count-users");
    let authority = folder.0.join("ca.pem").display().to_string();
    for (bundle, status) in [(None, 503), (Some(authority), 200)] {
        variables.extend(bundle.map(|path| ("AWS_CA_BUNDLE".to_owned(), path)));
        let variables: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let function = Lambda::start("stepchat-count-users", &variables).await;
        let form = format!("token={}", app.token);
        let answer = function.post("/stepchat/count-users", &FORM, form.as_bytes(), true).await;
        // The server is no database: whoever trusts it is told so, and whoever does not never asks.
        assert!(answer.status == status && answer.body.contains("db-error"), "{}: {}", answer.status, answer.body);
    }
    variables.retain(|(name, _)| name != "AWS_CA_BUNDLE");
    variables.push(("AWS_CA_BUNDLE".to_owned(), folder.0.join("stepchat.json").display().to_string()));
    let variables: Vec<(&str, String)> = variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(Lambda::start("stepchat-count-users", &variables).await.exit_code().await, Some(1));
}

#[test]
fn each_function_gets_the_secrets_and_tables_it_declares_and_no_other() {
    let environments = template::environments(template());
    let check = |binary: &str, expected: Vec<&str>| {
        let variables = environments.get(binary).unwrap_or_else(|| panic!("no function {binary}"));
        let special = |name: &&String| name.ends_with("_SECRET") || name.ends_with("_TABLE");
        let mut given: Vec<&str> = variables.keys().filter(special).map(String::as_str).collect();
        let mut expected = expected;
        given.sort_unstable();
        expected.sort_unstable();
        assert_eq!(given, expected, "{binary}");
    };
    for entry in families().iter().flat_map(|family| family.methods) {
        let tables = entry.grants().iter().filter_map(shared::store::grants::Grant::table).collect::<Vec<_>>();
        let mut expected: Vec<&str> =
            Table::ALL.into_iter().filter(|table| tables.contains(table)).map(Table::variable).collect();
        let needs = entry.needs();
        expected.extend(needs.tokens.then_some("SWITCHBOARD_TOKEN_SECRET"));
        expected.extend(needs.fingerprints.then_some("SWITCHBOARD_PAYLOAD_SECRET"));
        check(&entry.binary(), expected);
    }
    check(&format!("background-{}", JOBS[0].name), Table::ALL.map(Table::variable).into());
}

/// A program called `aws` that says what the AWS command line would say of this deployment, whose APIs are at `api`.
pub(super) fn command_line(folder: &Path, app: &App, api: &str) {
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}");
    let value = |output: &str| match output {
        "StepchatUrl" => format!("{api}/stepchat"),
        "VoximplantUrl" => format!("{api}/platform_api"),
        "FilesBucketName" => "files".to_owned(),
        "SwitchboardTokenSecretArn" => arn("token"),
        "SwitchboardPayloadSecretArn" => arn("payload"),
        other => {
            let table = Table::ALL.into_iter().find(|table| format!("{}TableName", title(table.as_str())) == other);
            table.map_or_else(String::new, |table| app.app.store.table_name(table).to_owned())
        }
    };
    let outputs: Vec<Value> = template::outputs(template())
        .into_iter()
        .map(|name| json!({ "OutputKey": name, "OutputValue": value(&name) }))
        .collect();
    let parameters: Vec<Value> = template::defaults(template())
        .into_iter()
        .map(|(name, value)| json!({ "ParameterKey": name, "ParameterValue": value }))
        .collect();
    let stack = json!({ "Outputs": outputs, "Parameters": parameters });
    fs::write(folder.join("stack.json"), stack.to_string()).unwrap();
    let script = format!(
        "#!/bin/sh\nhere=$(dirname \"$0\")\ncase \"$*\" in\n\
         *describe-stacks*--stack-name\\ live*) cat \"$here/stack.json\" ;;\n\
         *describe-stacks*) echo 'An error occurred (ValidationError): Stack with id other does not exist' >&2; exit 254 ;;\n\
         *secret:token*) echo '\"{TOKEN_SECRET}\"' ;;\n\
         *secret:payload*) echo '\"{PAYLOAD_SECRET}\"' ;;\n\
         *get-metric-data*) cat \"$here/metrics.json\" ;;\n\
         *--version*) echo 'aws-cli/2.31.0 Python/3.13' ;;\n\
         *export-credentials*) echo '{{\"Version\":1,\"AccessKeyId\":\"x\",\"SecretAccessKey\":\"y\"}}' ;;\n\
         *) exit 1 ;;\nesac\n"
    );
    let program = folder.join("aws");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A command on a stack, with the folder's `aws` and none of the environment's credentials.
pub(super) fn on_stack(folder: &Path, database: &str, stack: &str) -> Command {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(workspace::binary("switchboard"));
    command.env_clear().env("PATH", path).env("AWS_ENDPOINT_URL_DYNAMODB", database).current_dir(folder);
    command.args(["--stack", stack]);
    command
}

async fn operator(folder: &Path, address: &str, stack: &str, command: &[&str]) -> Output {
    let mut process = tokio::process::Command::from(on_stack(folder, address, stack));
    process.arg("operator").args(command).output().await.unwrap()
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_finds_a_stack_by_its_name_and_makes_its_first_things_once() {
    let (app, address) = deployment().await;
    let folder = tempfile::tempdir().unwrap();
    command_line(folder.path(), &app, API);
    let run = async |command: &[&str]| operator(folder.path(), &address, "live", command).await;
    assert!(told(&run(&["account", "list"]).await).contains("demo"));
    let init = ["init", "--email", "me@example.com", "--account", "acme"];
    let first = told(&run(&init).await);
    assert!(first.contains("account 2 (acme, USD) made") && first.contains("voximplant.json"), "{first}");
    // The test's deployment has its admin already: its token is not shown again.
    assert!(first.contains("admin 1 is there already") && !first.contains(&app.token), "{first}");
    // What it says to do next is done on the same stack.
    assert!(first.contains("switchboard --stack live operator token create"), "{first}");
    let file: Value = serde_json::from_slice(&fs::read(folder.path().join("voximplant.json")).unwrap()).unwrap();
    assert_eq!(file["account_id"], 2);
    let again = told(&run(&init).await);
    assert!(again.contains("account 2 (acme, USD) is there already") && again.contains("It has 1 key"), "{again}");
    // A file in the way is found before anything is made.
    let other = run(&["init", "--email", "you@example.com", "--account", "other"]).await;
    assert!(!other.status.success());
    assert!(String::from_utf8_lossy(&other.stderr).contains("never overwritten"));
    assert_eq!(app.operator.accounts().await.unwrap().len(), 2);
    assert!(!folder.path().join(".switchboard").exists(), "a stack keeps nothing on this machine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_becomes_what_it_was_at_another_moment() {
    let (app, address) = deployment().await;
    let folder = tempfile::tempdir().unwrap();
    command_line(folder.path(), &app, API);
    for name in ["Ivan", "Petr"] {
        app.add_stepchat_user(json!({ "first_name": name })).await;
    }
    let earlier = items_of(&app, "stepchat");
    copy(&app, "stepchat", "stepchat-restored").await;
    app.stepchat("delete-user", json!({ "user_id": "2" })).await.response();
    app.stepchat("update-user", json!({ "user_id": "3", "first_name": "Pyotr" })).await.response();
    app.add_stepchat_user(json!({ "first_name": "Anna" })).await;
    let later = items_of(&app, "stepchat");
    assert_ne!(earlier, later);
    let restore = ["restore", "--table", "stepchat", "--from", "stepchat-restored"];
    let run = async |more: &[&str]| operator(folder.path(), &address, "live", &[&restore[..], more].concat()).await;
    assert!(told(&run(&["--dry-run"]).await).contains("would be written"));
    assert_eq!(items_of(&app, "stepchat"), later, "asking alone changes nothing");
    assert!(told(&run(&[]).await).contains("were written"));
    assert_eq!(items_of(&app, "stepchat"), earlier);
    assert!(told(&run(&[]).await).contains(" 0 were written, 0 were deleted"));
    // A table of another kind is none of its earlier states.
    let other = operator(folder.path(), &address, "live", &["restore", "--table", "auth", "--from", "stepchat"]).await;
    assert!(!other.status.success() && String::from_utf8_lossy(&other.stderr).contains("other keys"));
}

/// The items of a table, as texts in order.
fn items_of(app: &App, table: &str) -> Vec<String> {
    let items = app.items().into_iter().filter(|(kind, _)| kind.as_str() == table);
    let mut items: Vec<String> = items.map(|(_, item)| item.to_string()).collect();
    items.sort();
    items
}

/// As a restore from a point in time does: another table with the same keys and the same items.
async fn copy(app: &App, table: &str, name: &str) {
    let tables = Tables::new(|kind| if kind.as_str() == table { name.to_owned() } else { kind.as_str().to_owned() });
    let client = app.app.store.client();
    shared::store::schema::create_tables(client, &tables).await.unwrap();
    for item in client.scan().table_name(table).send().await.unwrap().items() {
        client.put_item().table_name(name).set_item(Some(item.clone())).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_is_not_there_is_a_clear_sentence_and_a_failure() {
    let (app, address) = deployment().await;
    let folder = tempfile::tempdir().unwrap();
    command_line(folder.path(), &app, API);
    let output = operator(folder.path(), &address, "other", &["account", "list"]).await;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(complaint.contains("`other`") && complaint.contains("does not exist"), "{complaint}");
    assert!(!complaint.contains(TOKEN_SECRET));
}

#[test]
fn the_template_is_read_right() {
    assert_eq!(template::defaults(template())["StepchatDefaultFirstName"], "Пользователь");
    assert!(template::environments(template())["stepchat-get-user"]["AUTH_TABLE"] == "!Ref AuthTable");
    assert!(template::outputs(template()).contains(&"NextCommand".to_owned()));
}
