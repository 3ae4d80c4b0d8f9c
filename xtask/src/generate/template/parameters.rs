//! What a deployment may choose.

use super::yaml::{Map, Yaml};
use crate::names::pascal;
use shared::config::{VARIABLES, Variable};

/// Name of the parameter with the processor architecture.
pub(super) const ARCHITECTURE: &str = "Architecture";
/// Name of the parameter with the days logs are kept.
pub(super) const LOG_RETENTION: &str = "LogRetentionDays";

/// Periods that CloudWatch Logs knows, from a day to ten years.
const RETENTIONS: [u16; 18] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

pub(super) fn parameters() -> Map {
    let architecture = Map::new()
        .with("Type", "String")
        .with("Description", "Processor of the functions; the binaries must be built for it.")
        .with("Default", "x86_64")
        .with("AllowedValues", Yaml::from_iter(["x86_64", "arm64"]).on_one_line());
    let retention = Map::new()
        .with("Type", "Number")
        .with("Description", "Days to keep the functions' logs.")
        .with("Default", 30)
        .with("AllowedValues", Yaml::from_iter(RETENTIONS).on_one_line());
    let parameters = Map::new().with(ARCHITECTURE, architecture).with(LOG_RETENTION, retention);
    settings().fold(parameters.heading("Settings"), |parameters, (variable, default)| {
        parameters.with(&pascal(variable.name), setting(variable, default))
    })
}

/// The variables a deployment may set, each with its default.
pub(super) fn settings() -> impl Iterator<Item = (&'static Variable, &'static str)> {
    VARIABLES.iter().filter_map(|variable| Some((variable, variable.default?)))
}

fn setting(variable: &Variable, default: &str) -> Map {
    let parameter = Map::new().with("Type", "String").with("Description", variable.about).with("Default", default);
    match Form::of(default) {
        Form::Flag => parameter.with("AllowedValues", Yaml::from_iter(["true", "false"]).on_one_line()),
        Form::Number => parameter.with("AllowedPattern", "^[0-9]+$"),
        Form::NumberOrNone => parameter.with("AllowedPattern", "^(none|[0-9]+)$"),
        Form::Text => parameter,
    }
}

/// What values of a setting look like; its default tells. The functions check them fully when they start.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Flag,
    Number,
    NumberOrNone,
    Text,
}

impl Form {
    fn of(default: &str) -> Self {
        match default {
            "true" | "false" => Self::Flag,
            "none" => Self::NumberOrNone,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Self::Number,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_but_the_secret_is_a_parameter() {
        let text = parameters().document();
        for variable in &VARIABLES {
            let there = text.contains(&format!("{}:\n", pascal(variable.name)));
            assert_eq!(there, variable.default.is_some(), "{}", variable.name);
        }
    }

    #[test]
    fn a_default_tells_what_values_look_like() {
        assert_eq!(Form::of("true"), Form::Flag);
        assert_eq!(Form::of("10"), Form::Number);
        assert_eq!(Form::of("none"), Form::NumberOrNone);
        assert_eq!(Form::of("https://example.com"), Form::Text);
    }
}
