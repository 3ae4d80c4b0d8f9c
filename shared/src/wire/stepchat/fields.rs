//! Field types of users: they read what StepChat's clients send, in all its spellings (reference/stepchat.md §1.1), by
//! the definitions of [`spelling`].

use crate::ids::UserId;
use crate::limits::MAX_PASSWORD_BYTES;
use crate::stepchat::{Department, Email, ImageUrl, Refusal, UserType};
use crate::store::stepchat::lists::Since;
use crate::timestamp::Timestamp;
use crate::wire::node::Node;
use crate::wire::spelling;
use serde::{Deserialize, Deserializer};

/// A text. Numbers and `true` are taken as their text; JSON `false`, and what is no plain value, are empty, as PHP's casts
/// would have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, if it says anything.
    #[must_use]
    pub fn non_blank(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }

    /// The text, unless it asks for removal: empty, or `NULL` in any case (decision D9).
    #[must_use]
    pub fn unless_null(&self) -> Option<&str> {
        self.non_blank().filter(|text| !text.eq_ignore_ascii_case("null"))
    }
}

impl From<&Node> for Text {
    fn from(node: &Node) -> Self {
        match node {
            Node::Bool(false) => Self::default(),
            other => Self(other.as_text().unwrap_or_default().to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(|node| Self::from(&node))
    }
}

field_schema!(Text, Text, { "type": "string" });

/// A field that may be left unchanged, removed, or set. `false` leaves it unchanged: no address, picture or type has
/// that name (decision E6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Setting {
    /// Not given.
    #[default]
    Unchanged,
    /// Empty, or `NULL` in any case (decision D9).
    Removed,
    /// This text.
    Set(String),
}

impl Setting {
    /// The parsed text, or its removal; `None` if nothing was given.
    #[allow(clippy::option_option, reason = "as `UserChange` says it: unchanged, removed, or set")]
    fn read<T, E>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<Option<T>>, E> {
        match self {
            Self::Unchanged => Ok(None),
            Self::Removed => Ok(Some(None)),
            Self::Set(text) => parse(text).map(Some).map(Some),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        if spelling::is_false(&node) {
            return Ok(Self::Unchanged);
        }
        let text = Text::from(&node);
        Ok(text.unless_null().map_or(Self::Removed, |text| Self::Set(text.to_owned())))
    }
}

macro_rules! reads_as {
    ($name:ident, $inner:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $inner::deserialize(deserializer).map(Self)
            }
        }
    };
}

/// An e-mail address; empty or `NULL` removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailField(Setting);

impl EmailField {
    /// The address, or its removal; `None` if nothing was given.
    pub fn read(&self) -> Result<Option<Option<Email>>, Refusal> {
        self.0.read(Email::parse)
    }
}

reads_as!(EmailField, Setting);
field_schema!(EmailField, RemovableText, { "type": "string", "maxLength": Email::MAX_CHARS });

/// The address of a picture; empty, `NULL`, or the workspace's default picture goes back to the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PictureField(Setting);

impl PictureField {
    /// The picture, or the return to the default; `None` if nothing was given. Rows of users without a picture show the
    /// default one, and a row that is posted back must not make it a user's own (decision E15).
    pub fn read(&self, default: &str) -> Result<Option<Option<ImageUrl>>, Refusal> {
        let picture = self.0.read(ImageUrl::parse)?;
        Ok(picture.map(|picture| picture.filter(|picture| picture.as_str() != default.trim())))
    }
}

reads_as!(PictureField, Setting);
field_schema!(PictureField, Picture, { "type": "string", "maxLength": ImageUrl::MAX_CHARS });

/// A type of user, in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeField(Setting);

impl TypeField {
    /// The type, if one is named.
    pub fn read(&self) -> Result<Option<UserType>, Refusal> {
        Ok(self.0.read(UserType::parse)?.flatten())
    }

    /// This type if one is set, otherwise that of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if matches!(self.0, Setting::Set(_)) { self } else { other }
    }
}

reads_as!(TypeField, Setting);
field_schema!(TypeField, UserType, { "type": "string" });

/// A department number; empty or `NULL` is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DepartmentField(Setting);

impl DepartmentField {
    /// The department, or its removal; `None` if nothing was given.
    pub fn read(&self) -> Result<Option<Option<Department>>, Refusal> {
        self.0.read(|text| {
            let number = spelling::whole_number(text).and_then(|number| u8::try_from(number).ok());
            number.map(Department::new).ok_or(Refusal::InvalidDepartment)
        })
    }
}

impl<'de> Deserialize<'de> for DepartmentField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        // Zero is a department here, not `false`.
        let zero = node.as_text().and_then(spelling::whole_number) == Some(0);
        let setting = if zero { Setting::Set("0".to_owned()) } else { Setting::deserialize(&node).unwrap_or_default() };
        Ok(Self(setting))
    }
}

field_schema!(DepartmentField, Department, { "type": ["integer", "string", "null"], "description": "A department number, 0 to 255." });

/// A password to be set: nothing, `false` and `********`, which the original's forms show in place
/// of one, set none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewPassword(String);

impl NewPassword {
    /// The password; empty if none is to be set.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for NewPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let text = Text::from(&node);
        let nothing = spelling::is_not_given(&node) || text.as_str() == "********";
        Ok(Self(if nothing { String::new() } else { text.0 }))
    }
}

field_schema!(NewPassword, NewPassword, { "type": "string", "maxLength": MAX_PASSWORD_BYTES });

/// A text whose default the page calls `false`: empty and `false` in all its spellings are not given (decision E6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextOrFalse(Option<String>);

impl TextOrFalse {
    /// The text, if one was given.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for TextOrFalse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let given = !spelling::is_not_given(&node);
        Ok(Self(node.as_text().filter(|_| given).map(str::to_owned)))
    }
}

field_schema!(TextOrFalse, TextOrFalse, { "type": "string" });

/// The page a user looks at. `false` in all its spellings is not given; an empty text removes the page (reference/stepchat.md
/// §3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlField(Option<String>);

impl UrlField {
    /// The address, possibly empty; `None` if none was given.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for UrlField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let given = !spelling::is_false(&node);
        Ok(Self(node.as_text().filter(|_| given).map(str::to_owned)))
    }
}

field_schema!(UrlField, Url, { "type": "string" });

/// A switch by PHP's truthiness: `true`, `1` and any other text are on; nothing, `0` and the words for no are off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(|node| Self(spelling::is_on(&node)))
    }
}

field_schema!(Flag, Switch, { "type": ["boolean", "string", "integer"] });

/// The number in a field, if it is a whole one.
pub(super) fn number(node: &Node) -> Option<u64> {
    node.as_text().and_then(spelling::whole_number)
}

/// A reference to a user. What cannot be an id refers to nobody: the original's database finds no such row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRef(pub Option<UserId>);

impl<'de> Deserialize<'de> for UserRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Ok(Self(number(&node).and_then(UserId::new)))
    }
}

field_schema!(UserRef, Id, { "type": ["string", "integer"], "description": "The id of a user." });

/// A reference to a user that may be left out: blank refers to none in particular, anything else to a user or to nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OptionalUserRef(pub Option<UserRef>);

impl<'de> Deserialize<'de> for OptionalUserRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let given = !spelling::is_blank(&node);
        Ok(Self(given.then(|| UserRef(number(&node).and_then(UserId::new)))))
    }
}

field_schema!(OptionalUserRef, Id, { "type": ["string", "integer"], "description": "The id of a user." });

/// The number of a page, from 1; whatever is no page is the first (decision D4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageField(pub usize);

impl Default for PageField {
    fn default() -> Self {
        Self(1)
    }
}

impl<'de> Deserialize<'de> for PageField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let page = number(&node).map(|page| usize::try_from(page).unwrap_or(usize::MAX));
        Ok(Self(page.unwrap_or(1).max(1)))
    }
}

field_schema!(PageField, Page, { "type": ["integer", "string"] });

/// The id of a user, or a moment in any usual form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinceField(Option<Since>);

impl SinceField {
    /// The user or moment after which results are wanted.
    pub fn read(&self) -> Result<Since, Refusal> {
        self.0.ok_or(Refusal::InvalidDatetime)
    }
}

impl<'de> Deserialize<'de> for SinceField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let moment = || Timestamp::parse(node.as_text()?).map(|moment| Since::Seconds(moment.seconds()));
        Ok(Self(number(&node).map(Since::Id).or_else(moment)))
    }
}

field_schema!(SinceField, MomentOrId, { "type": ["string", "integer"] });

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn a_setting_is_left_alone_cleared_or_set() {
        let read = |node: Node| EmailField::deserialize(&node).unwrap().read().unwrap();
        for untouched in [Node::Bool(false), text("0"), text("false"), Node::Number("0".into())] {
            assert_eq!(read(untouched.clone()), None, "{untouched:?}");
        }
        for removed in ["", " ", "NULL", "null"] {
            assert_eq!(read(text(removed)), Some(None), "{removed:?}");
        }
        assert_eq!(read(text(" a@b ")), Some(Some(Email::parse("a@b").unwrap())));
    }

    #[test]
    fn the_default_picture_is_nobodys_own() {
        let read = |url: &str| PictureField::deserialize(&text(url)).unwrap().read("https://x/user.svg").unwrap();
        assert_eq!(read(" https://x/user.svg "), Some(None));
        assert_eq!(read("https://x/me.png"), Some(Some(ImageUrl::parse("https://x/me.png").unwrap())));
        assert_eq!(read("0"), None);
    }

    #[test]
    fn zero_is_a_department() {
        let read = |node: Node| DepartmentField::deserialize(&node).unwrap().read();
        assert_eq!(read(text("0")), Ok(Some(Some(Department::new(0)))));
        assert_eq!(read(text("2.0")), Ok(Some(Some(Department::new(2)))));
        assert_eq!(read(text("NULL")), Ok(Some(None)));
        assert_eq!(read(Node::Bool(false)), Ok(None));
        for bad in ["256", "-1", "2.5", "x"] {
            assert_eq!(read(text(bad)), Err(Refusal::InvalidDepartment), "{bad}");
        }
    }

    #[test]
    fn flags_follow_php_truthiness() {
        for (text, on) in
            [("true", true), ("1", true), ("True", true), ("yes", true), ("0", false), ("", false), ("False", false)]
        {
            assert_eq!(Flag::deserialize(&Node::Text(text.into())).unwrap(), Flag(on), "{text:?}");
        }
    }
}
