//! How many rows one answer holds.

use crate::limits::MAX_ANSWER_BYTES;
use serde::Serialize;

/// The first rows of a list: as many as one answer holds, and at least one.
#[derive(Debug, Clone)]
pub struct FilledPage<T, P> {
    /// The rows.
    pub(super) rows: Vec<T>,
    /// The place of the last row in the order.
    pub(super) last: Option<P>,
    /// Whether a row was left out because it did not fit.
    pub(super) full: bool,
    bytes: usize,
}

impl<T, P> Default for FilledPage<T, P> {
    fn default() -> Self {
        Self { rows: Vec::new(), last: None, full: false, bytes: 0 }
    }
}

impl<T: Serialize, P> FilledPage<T, P> {
    /// Takes further rows, each with its place in the order, until the answer is full; returns whether there is room
    /// for more.
    pub fn take(&mut self, rows: impl IntoIterator<Item = (T, P)>) -> bool {
        for (row, place) in rows {
            // A Lambda answer holds the body as a JSON string: quotes and backslashes count twice.
            let size = serde_json::to_vec(&row).map_or(0, |json| {
                json.len().saturating_add(json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count())
            });
            self.bytes = self.bytes.saturating_add(size);
            if self.bytes > MAX_ANSWER_BYTES && self.last.is_some() {
                self.full = true;
                break;
            }
            self.last = Some(place);
            self.rows.push(row);
        }
        !self.full
    }
}

/// Takes rows, each with its place in the order, until the answer is full.
pub(super) fn fill_page<T: Serialize, P>(rows: impl IntoIterator<Item = (T, P)>) -> FilledPage<T, P> {
    let mut page = FilledPage::default();
    page.take(rows);
    page
}
