//! A method that can be started, or why it cannot.

use shared::entry::kebab;
use shared::families::stepchat::Stepchat;
use shared::families::voximplant::Voximplant;
use shared::method::Family;
use std::path::PathBuf;
use thiserror::Error;

/// The two families' ways of writing a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Stepchat,
    Voximplant,
}

/// Why a method cannot be started: the caller has to ask for something else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Neither of the two families.
    #[error("there is no family `{0}`; it is `stepchat` or `voximplant`")]
    UnknownFamily(String),
    /// Not how StepChat spells its methods.
    #[error("`{0}` is no StepChat name: lower-case words with hyphens between them, such as `get-foo`")]
    NotStepchatName(String),
    /// Not how Voximplant spells its methods.
    #[error("`{0}` is no Voximplant name: capitalised words without anything between them, such as `GetFoo`")]
    NotVoximplantName(String),
    /// There is such a folder.
    #[error("{} exists already", .0.display())]
    FolderExists(PathBuf),
}

/// A method that can be started.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewMethod {
    pub(super) style: Style,
    /// Name on the wire.
    pub(super) name: String,
}

impl NewMethod {
    pub(super) fn parse(family: &str, name: &str) -> Result<Self, Refusal> {
        let name = name.to_owned();
        match family {
            Stepchat::NAME if is_kebab(&name) => Ok(Self { style: Style::Stepchat, name }),
            Stepchat::NAME => Err(Refusal::NotStepchatName(name)),
            Voximplant::NAME if is_pascal(&name) => Ok(Self { style: Style::Voximplant, name }),
            Voximplant::NAME => Err(Refusal::NotVoximplantName(name)),
            other => Err(Refusal::UnknownFamily(other.to_owned())),
        }
    }

    pub(super) fn family(&self) -> &'static str {
        match self.style {
            Style::Stepchat => Stepchat::NAME,
            Style::Voximplant => Voximplant::NAME,
        }
    }

    pub(super) fn folder(&self) -> String {
        kebab(&self.name)
    }

    pub(super) fn package(&self) -> String {
        format!("{}-{}", self.family(), self.folder())
    }
}

/// `get-foo`.
fn is_kebab(name: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(word)
}

/// `GetFoo`.
fn is_pascal(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
