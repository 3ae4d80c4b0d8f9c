//! What became of every user, and when: the network sees each profile that is written.

use super::cloud::Change;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Which API a user belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    Stepchat,
    Voximplant,
}

/// A time in which a user was of one type, or in one application.
#[derive(Debug, Clone)]
pub(crate) struct Stint {
    pub(crate) of: Of,
    pub(crate) user: u64,
    /// The type, or the application's number.
    pub(crate) kind: String,
    pub(crate) from: Instant,
    /// When it ended, and whether by a delete.
    pub(crate) to: Option<(Instant, bool)>,
}

#[derive(Debug, Default)]
pub(crate) struct History {
    stints: BTreeMap<(Of, u64), Vec<Stint>>,
}

/// The user whose profile has this key.
fn profile(table: &str, key: &Value) -> Option<(Of, u64)> {
    if key["sk"]["S"] != "P" {
        return None;
    }
    let (of, padded) = match (table, key["pk"]["S"].as_str()?) {
        ("stepchat", pk) => (Of::Stepchat, pk.strip_prefix("U#")?),
        ("voximplant", pk) => (Of::Voximplant, pk.split_once("#U#")?.1),
        _ => return None,
    };
    Some((of, padded.parse().ok()?))
}

fn kind(of: Of, item: &Value) -> String {
    let kind = match of {
        Of::Stepchat => &item["kind"]["S"],
        Of::Voximplant => &item["application"]["N"],
    };
    kind.as_str().unwrap_or_default().to_owned()
}

impl History {
    /// Begins with the profiles among these items.
    pub(crate) fn begin<'a>(&mut self, items: impl Iterator<Item = &'a Value>) {
        self.stints.clear();
        for item in items {
            for table in ["stepchat", "voximplant"] {
                if let Some((of, user)) = profile(table, item) {
                    self.is(of, user, Some(kind(of, item)));
                }
            }
        }
    }

    pub(crate) fn note(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some((of, user)) = profile(&change.table, &change.key) {
                self.is(of, user, change.item.as_ref().map(|item| kind(of, item)));
            }
        }
    }

    fn is(&mut self, of: Of, user: u64, kind: Option<String>) {
        let now = Instant::now();
        let stints = self.stints.entry((of, user)).or_default();
        if let Some(last) = stints.last_mut().filter(|last| last.to.is_none()) {
            if kind.as_ref() == Some(&last.kind) {
                return;
            }
            last.to = Some((now, kind.is_none()));
        }
        if let Some(kind) = kind {
            stints.push(Stint { of, user, kind, from: now, to: None });
        }
    }

    pub(crate) fn stints(&self) -> Vec<Stint> {
        self.stints.values().flatten().cloned().collect()
    }
}
