//! The files of a new method, in the manner of the existing ones.

use super::method::{NewMethod, Style};
use crate::names::{pascal, snake};

impl Style {
    /// The family as prose names it.
    const fn title(self) -> &'static str {
        match self {
            Self::Stepchat => "StepChat",
            Self::Voximplant => "Voximplant",
        }
    }

    const fn library(self) -> &'static str {
        match self {
            Self::Stepchat => STEPCHAT,
            Self::Voximplant => VOXIMPLANT,
        }
    }

    const fn answer(self) -> &'static str {
        match self {
            Self::Stepchat => "{ \"success\": true, \"response\": true }",
            Self::Voximplant => "{ \"result\": 1 }",
        }
    }
}

/// The files of a method, by their paths in its folder.
pub(super) fn files(method: &NewMethod) -> [(&'static str, String); 4] {
    let filled = |text: &str| {
        text.replace("{package}", &method.package())
            .replace("{crate}", &snake(&method.package()))
            .replace("{family}", method.style.title())
            .replace("{name}", &method.name)
            .replace("{type}", &pascal(&method.name))
            .replace("{answer}", method.style.answer())
    };
    [
        ("Cargo.toml", filled(MANIFEST)),
        ("src/lib.rs", filled(method.style.library())),
        ("src/main.rs", filled(MAIN)),
        ("cases.json", filled(CASES)),
    ]
}

const MANIFEST: &str = r#"[package]
name = "{package}"
description = "{family} {name}."
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[lib]
doctest = false
test = false

[[bin]]
name = "{package}"
path = "src/main.rs"
test = false

[dependencies]
schemars.workspace = true
serde.workspace = true
shared.workspace = true

[lints]
workspace = true
"#;

const MAIN: &str = r"//! The Lambda function of {family}'s `{name}`.

fn main() {
    shared::run::<{crate}::{type}>();
}
";

const CASES: &str = r#"[
  {
    "promise": "it answers that it is there",
    "steps": [{ "call": "{name}", "with": {}, "answer": {answer} }]
  }
]
"#;

const STEPCHAT: &str = r#"//! `{name}`: answers `true` and does nothing yet.

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::wire::stepchat::{Answer, Error};

/// The method.
#[derive(Debug)]
pub struct {type};

/// It has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

impl Method for {type} {
    type Family = Stepchat;
    const NAME: &'static str = "{name}";
    const SUMMARY: &'static str = "Answers true.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<bool>;

    async fn call(_: &Ctx, _: &AnyAdmin, _: Request) -> Result<Answer<bool>, Error> {
        Ok(Answer::new(true))
    }
}
"#;

const VOXIMPLANT: &str = r#"//! `{name}`: answers 1 and does nothing yet.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::prelude::*;
use shared::wire::voximplant::Error;

/// The method.
#[derive(Debug)]
pub struct {type};

/// It has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// Always 1.
    result: u8,
}

impl Method for {type} {
    type Family = Voximplant;
    const NAME: &'static str = "{name}";
    const SUMMARY: &'static str = "Answers 1.";
    const ACCESS: Access = Access::Any;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(_: &Ctx, _: &Tenant, _: Request) -> Result<Response, Error> {
        Ok(Response { result: 1 })
    }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for (style, name) in [(Style::Stepchat, "get-foo"), (Style::Voximplant, "GetFoo")] {
            for (path, text) in files(&NewMethod { style, name: name.into() }) {
                for word in ["package", "crate", "family", "name", "type", "answer"] {
                    assert!(!text.contains(&format!("{{{word}}}")), "{path}: {text}");
                }
                assert!(!text.contains("{ }"), "{path}");
            }
        }
    }

    #[test]
    fn the_golden_case_is_one_call_of_the_method() {
        let method = NewMethod { style: Style::Voximplant, name: "GetFoo".into() };
        let (_, cases) = files(&method).into_iter().find(|(path, _)| *path == "cases.json").unwrap();
        let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
        assert_eq!(cases[0]["steps"][0]["call"], "GetFoo");
        assert_eq!(cases[0]["steps"][0]["answer"]["result"], 1);
    }
}
