//! All parameters of one request, from query and body, in every spelling.

use super::malformed::Malformed;
use super::node::{Array, Fields, Node};
use crate::limits::{MAX_DEPTH, MAX_FIELDS};
use std::collections::HashMap;

/// The parameters of a request. Body beats query; within one source the last of a repeated name wins, as in PHP
/// (reference/stepchat.md §1.1), while [`Params::all`] still knows every value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    merged: Vec<(String, Node)>,
    every: Vec<Sent>,
}

/// One value as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    name: String,
    value: Node,
    /// Which source it came from: a later one wins.
    source: usize,
}

impl Params {
    /// Merges flat pairs of a form and the members of a JSON object; later sources win.
    pub(super) fn merge(sources: Vec<Source>) -> Result<Self, Malformed> {
        let mut params = Self::default();
        let mut merged = Fields::default();
        let mut fields = 0_usize;
        for (source, content) in sources.into_iter().enumerate() {
            let members = match content {
                Source::Pairs(pairs) => {
                    fields = fields.saturating_add(pairs.len());
                    if fields > MAX_FIELDS {
                        return Err(Malformed::TooManyFields);
                    }
                    for (name, value) in &pairs {
                        let value = Node::Text(value.clone());
                        params.every.push(Sent { name: name.clone(), value, source });
                    }
                    bracketed(pairs)?
                }
                Source::Object(members) => {
                    fields = fields.saturating_add(members.len());
                    if fields > MAX_FIELDS {
                        return Err(Malformed::TooManyFields);
                    }
                    // JSON's `null` is a field that was not sent (decision E10).
                    let members = members.into_iter().filter(|(_, value)| *value != Node::Null);
                    let members: Vec<(String, Node)> = members.collect();
                    let sent = members.iter().cloned();
                    params.every.extend(sent.map(|(name, value)| Sent { name, value, source }));
                    members
                }
            };
            for (name, value) in members {
                merged.set(&name, value);
            }
        }
        params.merged = merged.into_entries();
        if params.every.iter().any(|sent| sent.name.contains('\0') || sent.value.has_nul()) {
            return Err(Malformed::Nul);
        }
        Ok(params)
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.merged.iter().find(|(existing, _)| existing == name).map(|(_, value)| value)
    }

    /// The text of a scalar parameter; `None` when it is missing, blank or not a scalar.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::as_text).filter(|text| !text.is_empty())
    }

    /// Every value that was sent under exactly this name, in order, including those that were overridden.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Node> {
        self.every.iter().filter(move |sent| sent.name == name).map(|sent| &sent.value)
    }

    /// Every text that was sent under this name, in order: repeated, in PHP's brackets, as a list, or as the JSON text
    /// of a list.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let sent = self.every.iter().filter(|sent| split_brackets(&sent.name).0 == name);
        let mut texts = Vec::new();
        for Sent { value, .. } in sent {
            match value {
                Node::Text(text) if text.starts_with('[') => match super::json::parse(text) {
                    Ok(list) => list.spread(&mut texts),
                    Err(_) => texts.push(text.clone()),
                },
                value => value.spread(&mut texts),
            }
        }
        texts
    }

    /// The parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.merged.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Replaces values sent repeatedly by their texts joined with `;`: how Voximplant's generated documentation
    /// writes lists (reference/voximplant.md §1.6.3).
    #[must_use]
    pub fn joining_repeats(mut self) -> Self {
        let mut sent: HashMap<&str, Vec<&Sent>> = HashMap::new();
        for one in &self.every {
            sent.entry(&one.name).or_default().push(one);
        }
        for (name, value) in &mut self.merged {
            let sent = sent.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
            // Only values from one source are one list: a body still beats a query.
            let Some(last) = sent.iter().map(|sent| sent.source).max() else { continue };
            let texts = sent.iter().filter(|sent| sent.source == last).filter_map(|sent| sent.value.as_text());
            let texts: Vec<&str> = texts.collect();
            if texts.len() > 1 {
                // An empty text says nothing, even among others.
                let told: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
                *value = Node::Text(told.join(";"));
            }
        }
        self
    }

    /// Drops parameters that say nothing: Voximplant's Go client sends empty strings for what was not given
    /// (reference/voximplant.md §0.7).
    #[must_use]
    pub fn without_blanks(mut self) -> Self {
        self.merged.retain(|(_, value)| !value.is_blank());
        self
    }
}

/// Where parameters came from.
#[derive(Debug)]
pub(super) enum Source {
    /// A query string, a urlencoded body or a multipart body.
    Pairs(Vec<(String, String)>),
    /// A JSON object body.
    Object(Vec<(String, Node)>),
}

/// PHP's reading of bracketed names: `a[]=1`, `a[0]=1`, `extra[phone][0]=…`.
fn bracketed(pairs: Vec<(String, String)>) -> Result<Vec<(String, Node)>, Malformed> {
    let mut members = Array::default();
    for (name, value) in pairs {
        let (base, path) = split_brackets(&name);
        if path.len() >= MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        members.set(base.to_owned(), &path, value);
    }
    Ok(members.into_fields())
}

/// `extra[phone][0]` → `extra` and `[phone, 0]`; a name with unbalanced brackets is taken as it stands.
fn split_brackets(name: &str) -> (&str, Vec<&str>) {
    let Some((base, rest)) = name.split_once('[') else {
        return (name, Vec::new());
    };
    let Some(inner) = rest.strip_suffix(']') else {
        return (name, Vec::new());
    };
    let steps: Vec<&str> = inner.split("][").collect();
    if base.is_empty() || steps.iter().any(|step| step.contains(['[', ']'])) {
        (name, Vec::new())
    } else {
        (base, steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::content::Charset;
    use crate::wire::form;
    use proptest::prelude::*;

    fn params(body: &str) -> Params {
        Params::merge(vec![Source::Pairs(form::parse(body.as_bytes(), Charset::Utf8).unwrap())]).unwrap()
    }

    fn text(value: &str) -> Node {
        Node::Text(value.to_owned())
    }

    #[test]
    fn php_brackets_become_lists_and_maps() {
        let params = params(
            "user_ids[]=1&user_ids[]=2&sorting[0]=email&sorting[1]=DESC&extra[phone][0]=%2B7&extra[phone][1]=Phone",
        );
        assert_eq!(params.get("user_ids"), Some(&Node::List(vec![text("1"), text("2")])));
        assert_eq!(params.get("sorting"), Some(&Node::List(vec![text("email"), text("DESC")])));
        let phone = Node::List(vec![text("+7"), text("Phone")]);
        assert_eq!(params.get("extra"), Some(&Node::Map(vec![("phone".into(), phone)])));
    }

    #[test]
    fn the_last_value_wins_and_every_value_is_remembered() {
        let params = params("token=a&token=b");
        assert_eq!(params.text("token"), Some("b"));
        assert_eq!(params.all("token").count(), 2);
        assert_eq!(params.joining_repeats().text("token"), Some("a;b"));
    }

    #[test]
    fn an_empty_text_beside_others_says_nothing() {
        for (body, expected) in
            [("bind=&bind=", None), ("bind=&bind=true", Some("true")), ("a=&bind=1&bind=", Some("1"))]
        {
            let params = params(body).joining_repeats().without_blanks();
            assert_eq!(params.get("bind").and_then(Node::as_text), expected, "{body}");
        }
    }

    #[test]
    fn every_text_of_a_name_is_known_however_it_was_sent() {
        for (body, expected) in [
            ("token=a&token=b&token=a", vec!["a", "b", "a"]),
            ("token[]=a&token[]=b", vec!["a", "b"]),
            ("token[0]=a&tokens=x&token[1]=b", vec!["a", "b"]),
            ("token=[\"a\",[\"b\",1]]", vec!["a", "b", "1"]),
            ("token=[a", vec!["[a"]),
            ("token=", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(params(body).texts("token"), expected, "{body}");
        }
        let list = Node::List(vec![text("a"), Node::Null, text("b")]);
        let json = Params::merge(vec![Source::Object(vec![("token".into(), list)])]).unwrap();
        assert_eq!(json.texts("token"), ["a", "b"]);
    }

    #[test]
    fn body_beats_query() {
        let pairs = |value: &str| Source::Pairs(vec![("a".into(), value.into())]);
        let joined = Params::merge(vec![pairs("query"), pairs("body")]).unwrap().joining_repeats();
        assert_eq!(joined.text("a"), Some("body"));
        assert_eq!(Params::merge(vec![pairs("query"), pairs("body")]).unwrap().text("a"), Some("body"));
    }

    #[test]
    fn null_is_not_sent() {
        let query = Source::Pairs(vec![("a".into(), "query".into())]);
        let body = Source::Object(vec![("a".into(), Node::Null), ("b".into(), Node::Null)]);
        let params = Params::merge(vec![query, body]).unwrap();
        assert_eq!((params.text("a"), params.get("b"), params.all("b").count()), (Some("query"), None, 0));
    }

    #[test]
    fn too_many_fields_too_much_nesting_and_nul_are_refused() {
        let many = vec![("a".to_owned(), String::new()); MAX_FIELDS + 1];
        assert_eq!(Params::merge(vec![Source::Pairs(many)]), Err(Malformed::TooManyFields));
        let deep = vec![(format!("a{}", "[x]".repeat(MAX_DEPTH)), String::new())];
        assert_eq!(Params::merge(vec![Source::Pairs(deep)]), Err(Malformed::TooDeep));
        let nul = vec![("a".to_owned(), "x\0".to_owned())];
        assert_eq!(Params::merge(vec![Source::Pairs(nul)]), Err(Malformed::Nul));
    }

    /// A request is read before its caller is known: twice the fields may take twice the time, not four times.
    #[test]
    fn reading_takes_time_in_proportion_to_the_request() {
        // As many distinct names as fit, at the top and below: each list and map has its own names.
        let object = |names: usize| {
            let members: Vec<String> = (0..names).map(|name| format!("\"n{name}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        let many = format!("{{\"a\":[{}]}}", vec![object(MAX_FIELDS); 9].join(","));
        assert!((160_000..crate::limits::MAX_BODY_BYTES).contains(&many.len()), "{}", many.len());
        let few = format!("{{\"a\":[{}]}}", vec![object(20); 900].join(","));
        let least = |text: &str| {
            let runs = (0..5).map(|_| {
                let started = std::time::Instant::now();
                crate::wire::json::parse(text).unwrap();
                started.elapsed() * u32::try_from(100_000_000 / text.len()).unwrap()
            });
            runs.min().unwrap()
        };
        // The same number of bytes each; a look-up that walks the names would take some fifty times as long.
        assert!(least(&many) < least(&few) * 8, "{:?} {:?}", least(&many), least(&few));
        let form = |names: usize| -> Vec<_> { (0..names).map(|name| (format!("a[n{name}]"), String::new())).collect() };
        let lists: Vec<_> = (0..MAX_FIELDS).map(|_| ("a[]".to_owned(), String::new())).collect();
        for pairs in [form(MAX_FIELDS), lists] {
            let started = std::time::Instant::now();
            let _ = Params::merge(vec![Source::Pairs(pairs)]).unwrap().joining_repeats();
            assert!(started.elapsed().as_millis() < 200, "{:?}", started.elapsed());
        }
    }

    proptest! {
        #[test]
        fn no_names_make_it_panic(names in proptest::collection::vec("[a\\[\\]0x]{0,12}", 0..20)) {
            let pairs = names.into_iter().map(|name| (name, String::from("1"))).collect();
            let _ = Params::merge(vec![Source::Pairs(pairs)]);
        }
    }
}
