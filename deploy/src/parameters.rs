//! Parameters of the template: their names, and the values that they take. CloudFormation would refuse other values
//! too, but only after everything was built and uploaded.

use anyhow::{Result, bail, ensure};
use regex_lite::Regex;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A parameter of the template, with the value to give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for Parameter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl Parameter {
    /// A parameter of this name and value.
    #[must_use]
    pub fn new(name: &str, value: impl fmt::Display) -> Self {
        Self { name: name.to_owned(), value: value.to_string() }
    }

    /// As SAM reads it: SAM would silently cut a value without quotes at its first blank.
    #[must_use]
    pub fn quoted(&self) -> String {
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{}=\"{value}\"", self.name)
    }
}

/// The parameters in a line of samconfig.toml, such as `A=1 B="two words"`.
pub(crate) fn in_line(line: &str) -> Result<Vec<Parameter>> {
    let mut words = vec![String::new()];
    let (mut letters, mut quote) = (line.chars(), None);
    while let Some(letter) = letters.next() {
        let Some(word) = words.last_mut() else { break };
        match letter {
            '\\' => word.extend(letters.next()),
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            _ if letter.is_whitespace() && quote.is_none() => words.push(String::new()),
            _ => word.push(letter),
        }
    }
    ensure!(quote.is_none(), "samconfig.toml: a quotation mark in parameter_overrides is not closed");
    let named = words.iter().filter(|word| !word.is_empty()).map(|word| match word.parse() {
        Ok(parameter) => Ok(parameter),
        Err(reason) => bail!("samconfig.toml, parameter_overrides, {word:?}: {reason}"),
    });
    named.collect()
}

/// What the template says of a parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Declared {
    is_number: bool,
    default: Option<String>,
    allowed: Vec<String>,
    range: (Option<i64>, Option<i64>),
    lengths: (Option<usize>, Option<usize>),
    pattern: Option<String>,
    constraint: Option<String>,
}

impl Declared {
    /// Why this value is refused.
    fn refusal(&self, value: &str) -> Option<String> {
        let refused = if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| allowed == value) {
            format!("must be one of: {}", self.allowed.join(", "))
        } else if self.is_number && self.is_out_of_range(value) {
            match self.range {
                (Some(least), Some(most)) => format!("must be a number from {least} to {most}"),
                _ => "must be a number".to_owned(),
            }
        } else if self.has_other_length(value) {
            match self.lengths {
                (Some(least), Some(most)) => format!("must have {least} to {most} characters"),
                _ => "is too short or too long".to_owned(),
            }
        } else if self.has_other_form(value) {
            "has another form".to_owned()
        } else {
            return None;
        };
        Some(self.constraint.clone().unwrap_or(refused))
    }

    fn is_out_of_range(&self, value: &str) -> bool {
        let (least, most) = self.range;
        match value.parse::<i64>() {
            Ok(number) => least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most),
            Err(_) => true,
        }
    }

    fn has_other_length(&self, value: &str) -> bool {
        let (length, (least, most)) = (value.chars().count(), self.lengths);
        least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most)
    }

    /// A pattern that cannot be read here is left to CloudFormation.
    fn has_other_form(&self, value: &str) -> bool {
        let whole = self.pattern.as_ref().and_then(|pattern| Regex::new(&format!("^(?:{pattern})$")).ok());
        whole.is_some_and(|whole| !whole.is_match(value))
    }

    fn read(&mut self, property: &str, text: &str) {
        let number = || text.parse().ok();
        let length = || text.parse().ok();
        match property {
            "Type" => self.is_number = text == "Number",
            "Default" => self.default = Some(scalar(text)),
            "AllowedValues" => self.allowed = listed(text),
            "MinValue" => self.range.0 = number(),
            "MaxValue" => self.range.1 = number(),
            "MinLength" => self.lengths.0 = length(),
            "MaxLength" => self.lengths.1 = length(),
            "AllowedPattern" => self.pattern = Some(scalar(text)),
            "ConstraintDescription" => self.constraint = Some(scalar(text)),
            _ => {}
        }
    }
}

/// All parameters of a template.
#[derive(Debug, Clone)]
pub struct Declarations(BTreeMap<String, Declared>);

impl Declarations {
    /// Reads the parameters from the text of template.yaml, in the form that `cargo xtask generate` writes: names are
    /// indented by two columns, properties by four, and anything deeper continues a line.
    #[must_use]
    pub fn of(template: &str) -> Self {
        let mut all = BTreeMap::new();
        let mut name = String::new();
        let lines = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
        for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
            let depth = line.len().saturating_sub(line.trim_start().len());
            let Some((word, text)) = line.trim().split_once(':') else { continue };
            match depth {
                2 if !word.starts_with('#') => {
                    word.clone_into(&mut name);
                    all.insert(name.clone(), Declared::default());
                }
                4 => {
                    if let Some(declared) = all.get_mut(&name) {
                        declared.read(word, text.trim());
                    }
                }
                _ => {}
            }
        }
        Self(all)
    }

    /// Whether there is a parameter of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names of the parameters without a default, which must be given.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, declared)| declared.default.is_none()).map(|(name, _)| name.as_str())
    }

    /// All other parameters, with their defaults.
    pub fn defaults(&self) -> impl Iterator<Item = Parameter> {
        self.0.iter().filter_map(|(name, declared)| Some(Parameter::new(name, declared.default.as_ref()?)))
    }

    /// Refuses values that CloudFormation would refuse; one error names all of them.
    pub fn check(&self, parameters: &[Parameter]) -> Result<()> {
        let refusals: Vec<String> = parameters.iter().filter_map(|parameter| self.refusal(parameter)).collect();
        ensure!(refusals.is_empty(), "{}", refusals.join("\n"));
        Ok(())
    }

    fn refusal(&self, Parameter { name, value }: &Parameter) -> Option<String> {
        match self.0.get(name) {
            None => Some(format!("template.yaml has no parameter `{name}`; docs/settings.md lists them")),
            Some(declared) => declared.refusal(value).map(|why| format!("the parameter {name}={value} {why}")),
        }
    }
}

/// A list on one line: `[1, 2]`, `["true", "false"]`.
fn listed(text: &str) -> Vec<String> {
    text.trim_matches(['[', ']']).split(',').map(|one| scalar(one.trim())).collect()
}

/// The value of a YAML scalar; one in double quotes is read as JSON.
fn scalar(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Transform: x\n\nParameters:\n  Architecture:\n    Type: String\n    Default: x86_64\n    \
                            AllowedValues: [x86_64, arm64]\n\n  # ---- API ----\n  RouteRate:\n    Type: Number\n    \
                            Description: \"Requests: a second,\n      of all\"\n    Default: 200\n    MinValue: 1\n    \
                            MaxValue: 10000\n    ConstraintDescription: \"must be a number from 1 to 10000\"\n  \
                            Email:\n    Type: String\n    Default: \"\"\n    AllowedPattern: \"^$|^[^@ ]+@[^@ ]+$\"\n  \
                            Name:\n    Type: String\n    MinLength: 1\n    MaxLength: 3\n\nGlobals:\n  Function: x\n";

    fn refusal(text: &str) -> Option<String> {
        let checked = Declarations::of(TEMPLATE).check(&[text.parse().unwrap()]);
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn values_that_cloudformation_takes_are_taken() {
        for text in ["Architecture=arm64", "RouteRate=10000", "Email=", "Email=a@b", "Name=äöü"] {
            assert_eq!(refusal(text), None);
        }
    }

    #[test]
    fn values_that_cloudformation_refuses_are_refused_with_what_is_allowed() {
        for (text, expected) in [
            ("RouteRate=0", "must be a number from 1 to 10000"),
            ("RouteRate=many", "must be a number from 1 to 10000"),
            ("Architecture=riscv", "must be one of: x86_64, arm64"),
            ("Email=nobody", "has another form"),
            ("Name=", "must have 1 to 3 characters"),
            ("Name=abcd", "must have 1 to 3 characters"),
            ("Function=x", "no parameter `Function`"),
        ] {
            let refusal = refusal(text).unwrap_or_default();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }

    #[test]
    fn all_refusals_are_told_at_once() {
        let parameters = ["RouteRate=0", "Name=abcd"].map(|text| text.parse().unwrap());
        let refused = Declarations::of(TEMPLATE).check(&parameters).unwrap_err().to_string();
        assert_eq!(refused.lines().count(), 2, "{refused}");
        assert_eq!(Declarations::of(TEMPLATE).required().collect::<Vec<_>>(), ["Name"]);
        let defaults: Vec<Parameter> = Declarations::of(TEMPLATE).defaults().collect();
        let expected = [("Architecture", "x86_64"), ("Email", ""), ("RouteRate", "200")];
        assert_eq!(defaults, expected.map(|(name, value)| Parameter::new(name, value)));
    }

    #[test]
    fn a_line_of_parameters_is_cut_where_sam_cuts_it() {
        let line = in_line(r#"A=1 B="two words" C='x"y' D=a\ b"#).unwrap();
        let expected = [("A", "1"), ("B", "two words"), ("C", "x\"y"), ("D", "a b")];
        assert_eq!(line, expected.map(|(name, value)| Parameter::new(name, value)));
        assert!(in_line("A=\"1").is_err() && in_line("A").is_err());
        assert_eq!(Parameter::new("A", "a \"b\" \\ c").quoted(), r#"A="a \"b\" \\ c""#);
    }
}
