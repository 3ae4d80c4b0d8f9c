//! The checks that the template's checkers skip, each with its reason. `tests/template/run.py` reads those of checkov
//! from the template.

use super::yaml::{Map, Yaml};

/// Checks of checkov that are skipped for every resource.
const SKIPPED: [(&str, &str); 7] = [
    ("CKV_AWS_18", "Files are reached through signed links and functions only, and the API logs each request."),
    ("CKV_AWS_21", "Exports go after two days and pictures are written once: there is no older version to return to."),
    ("CKV_AWS_115", "A reserved share takes from the rest of the account; login, transfer and bulk have a parameter."),
    (
        "CKV_AWS_116",
        "Requests are answered or fail before the caller's eyes; a failed run of the jobs is repeated in a minute.",
    ),
    (
        "CKV_AWS_117",
        "Functions speak to DynamoDB and S3 only, by IAM; a network of their own would add cost and no barrier.",
    ),
    ("CKV_AWS_173", "Lambda encrypts variables itself; only functions that need a secret have one."),
    ("CKV_AWS_309", "The functions check tokens, keys and signatures themselves: they are the two protocols' own."),
];

/// The template's metadata on its checks.
pub(super) fn metadata() -> Map {
    let skip = SKIPPED.iter().map(|(id, reason)| one(id, reason)).collect::<Yaml>();
    Map::new().with("checkov", Map::new().with("skip", skip))
}

fn one(id: &str, reason: &str) -> Map {
    Map::new().with("id", id).with("comment", reason)
}

/// For a resource with a parameter that may be empty, since the resource is then absent: the linter looks at the
/// default only.
pub(super) fn of_an_empty_default() -> Map {
    let ignored = Yaml::from_iter(["W1030"]).on_one_line();
    Map::new().with("cfn-lint", Map::new().with("config", Map::new().with("ignore_checks", ignored)))
}

/// For a table that is encrypted with DynamoDB's own key.
pub(super) fn key_of_dynamodb() -> Map {
    let reason =
        "Names and addresses are encrypted with the service's key; credentials and money with the stack's own.";
    Map::new().with("checkov", Map::new().with("skip", Yaml::from_iter([one("CKV_AWS_119", reason)])))
}
