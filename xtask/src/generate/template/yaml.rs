//! Just enough YAML to write a template that people can read: block style with comments, one-line maps and lists where
//! they are short, and the functions of templates.

use std::fmt::Write as _;

/// Longest line that still counts as one line.
const WIDTH: usize = 120;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    /// A scalar, spelled as it is to be written.
    Scalar(String),
    /// A list, one item a line.
    List(Vec<Yaml>),
    /// A map, one entry a line.
    Map(Map),
    /// A list or map on one line, if there is room.
    Inline(Box<Yaml>),
    /// A text of several lines in which `${…}` is replaced.
    Text(String),
    /// A text of one line, shown on several.
    Folded(String),
}

/// Entries in their order, with comments between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    entries: Vec<Entry>,
    /// Comment lines for the next entry.
    pending: Vec<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    before: Vec<String>,
    key: String,
    value: Yaml,
}

impl Map {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds an entry.
    pub(super) fn with(mut self, key: &str, value: impl Into<Yaml>) -> Self {
        self.entries.push(Entry { before: std::mem::take(&mut self.pending), key: spelled(key), value: value.into() });
        self
    }

    /// Adds an entry, if there is a value for it.
    pub(super) fn with_some(self, key: &str, value: Option<impl Into<Yaml>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds all entries of another map.
    pub(super) fn and(mut self, other: Self) -> Self {
        for mut entry in other.entries {
            entry.before.splice(0..0, self.pending.drain(..));
            self.entries.push(entry);
        }
        self
    }

    /// Puts comment lines before the next entry.
    pub(super) fn remark(mut self, text: &str) -> Self {
        self.pending.extend(text.lines().map(|line| format!("# {line}")));
        self
    }

    /// Puts an empty line and a heading before the next entry.
    pub(super) fn heading(mut self, text: &str) -> Self {
        self.pending.extend([String::new(), format!("# ---- {text} ----")]);
        self
    }

    /// Puts an empty line before the next entry.
    pub(super) fn gap(mut self) -> Self {
        self.pending.push(String::new());
        self
    }

    /// The entries: name and value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Yaml)> {
        self.entries.iter().map(|entry| (entry.key.as_str(), &entry.value))
    }

    /// The value of an entry.
    pub(super) fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The whole document.
    pub(super) fn document(&self) -> String {
        let mut text = String::new();
        self.block(0, &mut text);
        text
    }

    fn block(&self, indent: usize, text: &mut String) {
        for entry in &self.entries {
            for line in &entry.before {
                let _ = writeln!(text, "{}", format!("{:indent$}{line}", "").trim_end());
            }
            let _ = write!(text, "{:indent$}{}:", "", entry.key);
            entry.value.after_key(indent, entry.key.len(), text);
        }
    }

    fn inline(&self) -> String {
        let entries = self.entries.iter().map(|entry| format!("{}: {}", entry.key, entry.value.inline()));
        format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
    }
}

impl Yaml {
    /// `!Ref`.
    pub(super) fn reference(name: &str) -> Self {
        Self::Scalar(format!("!Ref {name}"))
    }

    /// `!GetAtt`.
    pub(super) fn attribute(resource: &str, name: &str) -> Self {
        Self::Scalar(format!("!GetAtt {resource}.{name}"))
    }

    /// `!Sub`.
    pub(super) fn substituted(text: &str) -> Self {
        Self::Scalar(format!("!Sub {}", quoted(text)))
    }

    /// `!Sub` of a text of several lines.
    pub(super) fn substituted_text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A long text of one line, which is broken at its commas to be readable.
    pub(super) fn folded(text: &str) -> Self {
        Self::Folded(text.to_owned())
    }

    /// `!If`, over several lines.
    pub(super) fn either(condition: &str, then: impl Into<Self>, otherwise: impl Into<Self>) -> Self {
        Self::Map(Map::new().with("Fn::If", Self::List(vec![condition.into(), then.into(), otherwise.into()])))
    }

    /// `!If` without an alternative: the property is there, or it is not.
    pub(super) fn only_if(condition: &str, then: impl Into<Self>) -> Self {
        Self::either(condition, then, Self::reference("AWS::NoValue"))
    }

    /// The texts of a scalar or of a list of scalars, as people read them.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Scalar(text) => {
                let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
                vec![unquoted.replace("\\\"", "\"").replace("\\\\", "\\")]
            }
            Self::Inline(value) => value.texts(),
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Map(_) | Self::Text(_) | Self::Folded(_) => Vec::new(),
        }
    }

    /// The same value, on one line if there is room.
    pub(super) fn on_one_line(self) -> Self {
        Self::Inline(Box::new(self))
    }

    fn after_key(&self, indent: usize, key: usize, text: &mut String) {
        match self {
            Self::Inline(value) if indent + key + 2 + value.inline().len() > WIDTH => {
                value.after_key(indent, key, text);
            }
            Self::Map(map) if !map.entries.is_empty() => {
                text.push('\n');
                map.block(indent + 2, text);
            }
            Self::List(items) if !items.is_empty() => {
                text.push('\n');
                for item in items {
                    item.item(indent + 2, text);
                }
            }
            Self::Scalar(scalar) if indent + key + 2 + scalar.len() > WIDTH => {
                text.push_str(&broken(scalar, indent, key));
            }
            Self::Folded(line) => {
                // YAML reads each line break as a space, which JSON allows after a comma.
                text.push_str(" >-\n");
                for part in line.split_inclusive(',') {
                    let _ = writeln!(text, "{:1$}{part}", "", indent + 2);
                }
            }
            Self::Text(lines) => {
                text.push_str(" !Sub |\n");
                for line in lines.lines() {
                    let _ = writeln!(text, "{:1$}{line}", "", indent + 2);
                }
            }
            other => {
                let _ = writeln!(text, " {}", other.inline());
            }
        }
    }

    fn item(&self, indent: usize, text: &mut String) {
        let _ = write!(text, "{:indent$}- ", "");
        match self {
            Self::Map(map) if !map.entries.is_empty() => {
                let mut block = String::new();
                map.block(indent + 2, &mut block);
                // The first entry is on the line of the dash.
                text.push_str(block.trim_start());
            }
            other => {
                let _ = writeln!(text, "{}", other.inline());
            }
        }
    }

    fn inline(&self) -> String {
        match self {
            Self::Scalar(text) => text.clone(),
            Self::Text(lines) => format!("!Sub {}", quoted(lines)),
            Self::Folded(line) => quoted(line),
            Self::Inline(value) => value.inline(),
            Self::Map(map) if map.entries.is_empty() => "{}".into(),
            Self::Map(map) => map.inline(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Scalar(spelled(text))
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<bool> for Yaml {
    fn from(value: bool) -> Self {
        Self::Scalar(value.to_string())
    }
}

impl From<u16> for Yaml {
    fn from(value: u16) -> Self {
        Self::Scalar(value.to_string())
    }
}

impl From<i32> for Yaml {
    fn from(value: i32) -> Self {
        Self::Scalar(value.to_string())
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl<T: Into<Self>> FromIterator<T> for Yaml {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// A long scalar after its key. A quoted text is broken at single blanks, since YAML reads a line break as a blank; a
/// text without blanks gets a line of its own.
fn broken(scalar: &str, indent: usize, key: usize) -> String {
    let mut lines = vec![String::new()];
    let mut room = WIDTH.saturating_sub(indent + key + 2);
    for word in scalar.split(' ') {
        let line = lines.last_mut().map_or(0, |line| line.len());
        if line > 0 && line + 1 + word.len() > room && !word.is_empty() && scalar.contains('"') {
            lines.push(word.to_owned());
            room = WIDTH.saturating_sub(indent + 2);
        } else if let Some(last) = lines.last_mut() {
            last.push_str(if line > 0 { " " } else { "" });
            last.push_str(word);
        }
    }
    let own_line = lines.first().is_some_and(|first| indent + key + 2 + first.len() > WIDTH);
    let next = format!("\n{:1$}", "", indent + 2);
    format!("{}{}\n", if own_line { next.as_str() } else { " " }, lines.join(&next))
}

/// A text, quoted where YAML would take it for something else.
fn spelled(text: &str) -> String {
    const OTHER_MEANING: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "~"];
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./:".contains(letter))
        && !text.ends_with(':')
        && !OTHER_MEANING.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes, in ASCII: the console shows anything else as `?`.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            other => {
                let _ = match u32::from(other) {
                    code @ ..=0xFFFF => write!(quoted, "\\u{code:04X}"),
                    code => write!(quoted, "\\U{code:08X}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_misread_is_quoted() {
        for plain in ["dynamodb:GetItem", "/stepchat/get-user", "AWS::DynamoDB::Table"] {
            assert_eq!(spelled(plain), plain);
        }
        for misread in ["2012-10-17", "true", "No", "", "10", "a b", "*", "/x/{proxy+}", "key:", "#x"] {
            assert_eq!(spelled(misread), format!("\"{misread}\""));
        }
        assert_eq!(spelled("say \"\\\""), r#""say \"\\\"""#);
    }

    #[test]
    fn the_text_is_ascii_whatever_it_says() {
        assert_eq!(quoted("Имя\n😀"), "\"\\u0418\\u043C\\u044F\\u000A\\U0001F600\"");
    }

    #[test]
    fn long_scalars_are_broken_where_a_break_means_a_blank() {
        let words = vec!["word"; 40].join(" ");
        let text = Map::new().with("Key", words.as_str()).document();
        assert!(text.lines().all(|line| line.len() <= WIDTH) && text.lines().count() == 2, "{text}");
        assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), format!("Key: \"{words}\""));
        let long = "x".repeat(WIDTH - 14);
        let deep = Map::new().with("Key", Map::new().with("Condition", Yaml::substituted(&long))).document();
        assert_eq!(deep, format!("Key:\n  Condition: !Sub\n    \"{long}\"\n"));
    }

    #[test]
    fn choices_and_long_texts_are_laid_out_too() {
        let map = Map::new()
            .with("A", Yaml::only_if("HasA", Map::new().with("b", -1)))
            .with("C", Yaml::substituted_text("{\n  x\n}\n"));
        let expected = "A:\n  Fn::If:\n    - HasA\n    - b: -1\n    - !Ref AWS::NoValue\nC: !Sub |\n  {\n    x\n  }\n";
        assert_eq!(map.document(), expected);
    }

    #[test]
    fn nesting_comments_and_one_line_values_are_laid_out() {
        let rows: Yaml = [Map::new().with("a", "x").with("b", 1), Map::new().with("a", "y")].into_iter().collect();
        let map = Map::new()
            .with("Empty", Map::new())
            .heading("Group")
            .with("Rows", rows)
            .remark("why")
            .with("Short", Yaml::from_iter(["x", "y"]).on_one_line())
            .with("Ref", Map::new().with("Id", Yaml::reference("Api")));
        let expected = "Empty: {}\n\n# ---- Group ----\nRows:\n  - a: x\n    b: 1\n  - a: \"y\"\n# why\nShort: [x, \"y\"]\nRef:\n  Id: !Ref Api\n";
        assert_eq!(map.document(), expected);
    }
}
