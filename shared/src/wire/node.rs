//! One value as it came over the wire.

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

    /// Adds the texts of all scalars in it that say something, in order.
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

    /// Sets `value` at `path` below this node, as PHP does: an empty step appends, a later value wins.
    pub(super) fn set(&mut self, path: &[&str], value: Node) {
        let Some((step, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        let Self::Map(entries) = self else { return };
        let key = if step.is_empty() { next_index(entries).to_string() } else { (*step).to_owned() };
        let position = entries.iter().position(|(existing, _)| *existing == key).unwrap_or_else(|| {
            entries.push((key, Self::Null));
            entries.len() - 1
        });
        if let Some((_, child)) = entries.get_mut(position) {
            child.set(rest, value);
        }
    }

    /// Turns maps whose keys are 0, 1, 2 … into lists, all the way down.
    pub(super) fn into_php_arrays(self) -> Self {
        match self {
            Self::Map(entries) => {
                let is_list = entries.iter().enumerate().all(|(index, (key, _))| *key == index.to_string());
                if is_list {
                    Self::List(entries.into_iter().map(|(_, value)| value.into_php_arrays()).collect())
                } else {
                    Self::Map(entries.into_iter().map(|(key, value)| (key, value.into_php_arrays())).collect())
                }
            }
            scalar => scalar,
        }
    }
}

/// One more than the largest number among the keys.
fn next_index(entries: &[(String, Node)]) -> u64 {
    entries.iter().filter_map(|(key, _)| key.parse::<u64>().ok()).max().map_or(0, |largest| largest.saturating_add(1))
}
