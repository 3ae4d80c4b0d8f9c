//! One value as it came over the wire.

use std::collections::HashMap;

/// Named values in their order, each name once. Finding one takes the same time however many there are, since a request
/// is read before its caller is known.
#[derive(Debug, Default)]
pub(super) struct Fields {
    entries: Vec<(String, Node)>,
    /// The index in `entries` of each name.
    places: HashMap<String, usize>,
}

impl Fields {
    pub(super) fn with_capacity(fields: usize) -> Self {
        Self { entries: Vec::with_capacity(fields), places: HashMap::with_capacity(fields) }
    }

    /// The value of this name; a new name is added with `null`.
    fn at(&mut self, name: &str) -> Option<&mut Node> {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                let place = self.entries.len();
                self.places.insert(name.to_owned(), place);
                self.entries.push((name.to_owned(), Node::Null));
                place
            }
        };
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// Sets the value of a name; the name keeps its first place.
    pub(super) fn set(&mut self, name: &str, value: Node) {
        if let Some(existing) = self.at(name) {
            *existing = value;
        }
    }

    pub(super) fn into_entries(self) -> Vec<(String, Node)> {
        self.entries
    }
}

/// A value that is being put together from PHP's bracketed names.
#[derive(Debug)]
pub(super) enum Draft {
    Text(String),
    Array(Array),
}

/// PHP's array: keys in order, each once, and the number that the next empty step (`[]`) takes.
#[derive(Debug, Default)]
pub(super) struct Array {
    entries: Vec<(String, Draft)>,
    places: HashMap<String, usize>,
    next: u64,
}

impl Array {
    /// Sets `value` below `key`, as PHP does: an empty step appends, a later value wins.
    pub(super) fn set(&mut self, key: String, path: &[&str], value: String) {
        if let Ok(number) = key.parse::<u64>() {
            self.next = self.next.max(number.saturating_add(1));
        }
        let place = *self.places.entry(key.clone()).or_insert(self.entries.len());
        if place == self.entries.len() {
            self.entries.push((key, Draft::Text(String::new())));
        }
        let Some((_, draft)) = self.entries.get_mut(place) else { return };
        match path.split_first() {
            None => *draft = Draft::Text(value),
            Some((step, path)) => {
                if !matches!(draft, Draft::Array(_)) {
                    *draft = Draft::Array(Self::default());
                }
                if let Draft::Array(array) = draft {
                    let key = if step.is_empty() { array.next.to_string() } else { (*step).to_owned() };
                    array.set(key, path, value);
                }
            }
        }
    }

    /// Arrays whose keys are 0, 1, 2 … become lists, at every level.
    fn into_node(self) -> Node {
        let is_list = self.entries.iter().enumerate().all(|(index, (key, _))| *key == index.to_string());
        let entries = self.entries.into_iter().map(|(key, draft)| (key, draft.into_node()));
        if is_list { Node::List(entries.map(|(_, node)| node).collect()) } else { Node::Map(entries.collect()) }
    }

    /// The values of a complete form, by their names.
    pub(super) fn into_fields(self) -> Vec<(String, Node)> {
        self.entries.into_iter().map(|(name, draft)| (name, draft.into_node())).collect()
    }
}

impl Draft {
    fn into_node(self) -> Node {
        match self {
            Self::Text(text) => Node::Text(text),
            Self::Array(array) => array.into_node(),
        }
    }
}

/// A value of a request: every scalar stays the text it was until a field asks for a type, so that `0.10`, `"1"`
/// and `1E+3` reach their fields unharmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// JSON `null`. Forms cannot say it.
    Null,
    /// JSON `true` and `false`. Forms say it as text.
    Bool(bool),
    /// A JSON number, in its own digits.
    Number(String),
    /// A form value or a JSON string.
    Text(String),
    /// A JSON array, or PHP's `name[]=…`.
    List(Vec<Node>),
    /// A JSON object, or PHP's `name[key]=…`; keys in order, each once.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Whether a NUL character is anywhere in it.
    pub(super) fn has_nul(&self) -> bool {
        match self {
            Self::Text(text) | Self::Number(text) => text.contains('\0'),
            Self::List(items) => items.iter().any(Self::has_nul),
            Self::Map(entries) => entries.iter().any(|(key, value)| key.contains('\0') || value.has_nul()),
            Self::Null | Self::Bool(_) => false,
        }
    }

    /// The text of a scalar: what a form would have carried.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Number(text) | Self::Text(text) => Some(text),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Whether this says nothing: `null` or an empty text.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Null) || matches!(self, Self::Text(text) if text.is_empty())
    }

    /// Adds the texts of all scalars within that are not empty, in order.
    pub(super) fn spread(&self, texts: &mut Vec<String>) {
        match self {
            Self::List(items) => {
                for item in items {
                    item.spread(texts);
                }
            }
            Self::Map(entries) => {
                for (_, item) in entries {
                    item.spread(texts);
                }
            }
            scalar => texts.extend(scalar.as_text().filter(|text| !text.is_empty()).map(str::to_owned)),
        }
    }
}
