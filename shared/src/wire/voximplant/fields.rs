//! Field types that read what Voximplant's clients send (reference/voximplant.md §1.2, §1.6). Blank values never get
//! here: they count as not given.

use crate::ids::ApplicationId;
use crate::timestamp::Timestamp;
use crate::wire::decode_field;
use crate::wire::node::Node;
use crate::wire::spelling;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let node = Node::deserialize(deserializer)?;
    node.as_text().map(str::to_owned).ok_or_else(|| D::Error::custom("not a plain value"))
}

/// A text, taken as it is: nothing is trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(deserializer).map(Self)
    }
}

field_schema!(Text, Text, { "type": "string" });

/// `true`, `false` in any case, `1` or `0`; nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bool(pub bool);

impl<'de> Deserialize<'de> for Bool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        spelling::boolean(&text).map(Self).ok_or_else(|| D::Error::custom("not a boolean"))
    }
}

field_schema!(Bool, Boolean, { "type": "boolean" });

/// A number of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        let count = spelling::whole_number(&text).and_then(|count| usize::try_from(count).ok());
        count.map(Self).ok_or_else(|| D::Error::custom("not a count"))
    }
}

field_schema!(Count, Count, { "type": "integer", "minimum": 0 });

/// One id. `0` is what the Go client sends for "not given".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids(pub Option<u64>);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        let number = spelling::whole_number(&text).ok_or_else(|| D::Error::custom("not an id"))?;
        if number == 0 {
            return Ok(Self(None));
        }
        // Any id type would do: they all have the same bounds.
        let id = ApplicationId::new(number).map(ApplicationId::get);
        id.map(|id| Self(Some(id))).ok_or_else(|| D::Error::custom("not an id"))
    }
}

field_schema!(Ids, Id, { "type": "integer", "minimum": 1 });

/// A moment in any usual form (decision E12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// The second it lies in, as the wire shows moments.
    #[must_use]
    pub const fn second(self) -> Timestamp {
        self.0.second()
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?;
        Timestamp::parse(&text).map(Self).ok_or_else(|| D::Error::custom("not a moment"))
    }
}

field_schema!(Moment, Moment, { "type": "string" });

/// Ids separated by semicolons, or `all`. A single `0` is what clients send for "not given".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdList {
    /// `all`.
    All,
    /// These; none at all is "not given".
    Listed(Vec<u64>),
}

impl<'de> Deserialize<'de> for IdList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        if node.as_text() == Some("all") {
            return Ok(Self::All);
        }
        let ids: SemicolonList<Ids> = decode_field(&node).map_err(D::Error::custom)?;
        match ids.0.as_slice() {
            [Ids(None)] => Ok(Self::Listed(Vec::new())),
            ids => {
                let ids = ids.iter().map(|id| id.0.ok_or_else(|| D::Error::custom("not an id")));
                ids.collect::<Result<_, _>>().map(Self::Listed)
            }
        }
    }
}

field_schema!(IdList, IdList, { "type": "string", "description": "Ids separated by semicolons, or `all`." });

/// Reads JSON text of a list as a list (decision E11); all other text stays text, for names may look like anything.
fn listed(node: Node) -> Node {
    match spelling::unfolded(node.clone()) {
        list @ Node::List(_) => list,
        _ => node,
    }
}

/// Values separated by semicolons, or a JSON list of them; empty ones are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemicolonList<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for SemicolonList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let unreadable = || D::Error::custom("not a list of plain values");
        let text = match listed(Node::deserialize(deserializer)?) {
            Node::List(items) => {
                // If an item were skipped, a call would act on less, or find more, than was asked for.
                let plain = |item: &Node| match item {
                    Node::Null => Some(String::new()),
                    item => item.as_text().map(str::to_owned),
                };
                let texts = items.iter().map(plain).collect::<Option<Vec<_>>>();
                texts.ok_or_else(unreadable)?.join(";")
            }
            other => other.as_text().map(str::to_owned).ok_or_else(unreadable)?,
        };
        let values = text.split(';').filter(|item| !item.is_empty());
        let values = values.map(|item| decode_field(&Node::Text(item.to_owned())).map_err(D::Error::custom));
        values.collect::<Result<_, _>>().map(Self)
    }
}

impl<T> JsonSchema for SemicolonList<T> {
    fn schema_name() -> Cow<'static, str> {
        "SemicolonList".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Values separated by semicolons.",
            "x-kind": crate::wire::Kind::SemicolonList.as_str(),
        })
    }
}

/// Bytes of a cursor: a sort key has 1,024 at most, in base64.
const MAX_CURSOR_BYTES: usize = 1_400;

/// Where an answer ended: opaque to callers, the place of its last record inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

impl Cursor {
    /// The text callers send back.
    #[must_use]
    pub fn seal(place: &str) -> String {
        URL_SAFE_NO_PAD.encode(place)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Some(scalar(deserializer)?).filter(|text| text.len() <= MAX_CURSOR_BYTES);
        let text = text.ok_or_else(|| D::Error::custom("not a cursor"))?;
        let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        place.map(Self).ok_or_else(|| D::Error::custom("not a cursor"))
    }
}

field_schema!(Cursor, Cursor, { "type": "string", "maxLength": MAX_CURSOR_BYTES, "pattern": "^[A-Za-z0-9_-]*$" });
