//! Shows the progress of long operator commands: a bar in a terminal, a line every few seconds elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// The time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one command, written to standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    told: Instant,
    began: Instant,
    /// How many were done before this process began.
    before: u64,
}

impl Progress {
    /// Work on `total` things, called `what`; without a total, only the number done is shown.
    #[must_use]
    pub(crate) fn new(total: Option<u64>, what: &'static str) -> Self {
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = match total {
            Some(_) => "{bar:40} {human_pos}/{human_len} {msg}, {per_sec}, {eta} left",
            None => "{spinner} {human_pos} {msg}, {per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self { bar, what, told: Instant::now(), began: Instant::now(), before: 0 }
    }

    /// This many were done before.
    pub(crate) fn starts_at(&mut self, done: u64) {
        self.before = done;
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// This many more are done.
    pub(crate) fn advance(&mut self, count: u64) {
        self.bar.inc(count);
        if self.bar.is_hidden() && self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            eprintln!("{}", self.line());
        }
    }

    /// How far it is, how fast, and how long it may still take.
    fn line(&self) -> String {
        let (done, what) = (self.bar.position(), self.what);
        let seconds = self.began.elapsed().as_secs().max(1);
        let rate = done.saturating_sub(self.before).checked_div(seconds).unwrap_or(0);
        let of = self.bar.length().map_or_else(String::new, |total| format!(" of {total}"));
        let left = self.bar.length().and_then(|total| total.saturating_sub(done).checked_div(rate));
        let left = left.map_or_else(String::new, |seconds| format!(", about {seconds} s left"));
        format!("{done}{of} {what}, {rate} a second{left}")
    }

    /// Removes the bar; the caller prints what comes next.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
