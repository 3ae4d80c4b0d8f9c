//! Log lines for a person at a terminal.

use anstyle::{AnsiColor, Style};
use shared::observe::{RequestLine, Show};
use shared::timestamp::Timestamp;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Shows each request as one line on standard output.
#[derive(Debug, Clone, Copy)]
pub struct Readable {
    /// Whether the outcome is coloured.
    pub colour: bool,
}

impl Show for Readable {
    fn request(&self, line: &RequestLine<'_>) {
        if let Some(text) = self.text(line, &time_of_day()) {
            self.line(&text);
        }
    }

    fn line(&self, text: &str) {
        // A log that cannot be written must not fail the request.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

impl Readable {
    /// The line; none for scheduled work that found nothing to do.
    fn text(self, line: &RequestLine<'_>, time: &str) -> Option<String> {
        if line.job.as_ref().is_some_and(|job| job.finished == 0 && job.left == 0 && line.cause.is_none()) {
            return None;
        }
        let style = if self.colour { style(line) } else { Style::new() };
        let mut text = format!("{time}  {} {}  {style}{}{style:#}", line.family, line.method, line.outcome);
        let _ = write!(text, "  {:.0} ms", line.duration_ms);
        if line.retries > 0 {
            let _ = write!(text, ", {} retries", line.retries);
        }
        if let Some(job) = &line.job {
            let _ = write!(text, "  {} finished, {} left", job.finished, job.left);
        }
        if let Some(cause) = &line.cause {
            let _ = write!(text, "  {cause}");
        }
        Some(text)
    }
}

/// Green: done. Yellow: the caller's mistake, or a rule refused. Magenta: too many requests at once. Red: a fault of
/// the service.
fn style(line: &RequestLine<'_>) -> Style {
    let colour = match (line.faults, line.pressure, line.outcome) {
        (0, 0, "ok") => AnsiColor::Green,
        (0, 0, _) => AnsiColor::Yellow,
        (0, _, _) => AnsiColor::Magenta,
        _ => return AnsiColor::Red.on_default().bold(),
    };
    colour.on_default()
}

/// The time of day, UTC.
fn time_of_day() -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
    let now = Timestamp::from_millis(i64::try_from(millis).unwrap_or_default()).wire();
    now.split_once(' ').map_or_else(|| now.clone(), |(_, time)| time.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::observe::{self, Emf, JobFigures};
    use shared::store::meter::Readings;
    use shared::wire::Blame;

    fn line(outcome: &str) -> RequestLine<'_> {
        let emf = Emf::of_request("N", 7);
        let mut line = observe::line("stepchat", "add-user", outcome, "text", &Readings::default(), emf);
        line.duration_ms = 12.4;
        line
    }

    #[test]
    fn a_request_is_one_line_that_a_person_can_read() {
        let plain = Readable { colour: false };
        assert_eq!(plain.text(&line("ok"), "14:02:11").unwrap(), "14:02:11  stepchat add-user  ok  12 ms");
        let mut refused = line("invalid-email");
        refused.cause = Some("invalid email".to_owned());
        let text = plain.text(&refused, "14:02:11").unwrap();
        assert_eq!(text, "14:02:11  stepchat add-user  invalid-email  12 ms  invalid email");
    }

    #[test]
    fn the_colour_follows_the_outcome() {
        let coloured = |outcome: &str, blame: Blame| {
            let mut line = line(outcome);
            line.blame(blame);
            Readable { colour: true }.text(&line, "").unwrap()
        };
        let codes = [
            (coloured("ok", Blame::Caller), "\u{1b}[32mok\u{1b}[0m"),
            (coloured("invalid-email", Blame::Caller), "\u{1b}[33minvalid-email\u{1b}[0m"),
            (coloured("too-many-requests", Blame::Pressure), "\u{1b}[35mtoo-many-requests\u{1b}[0m"),
        ];
        for (text, expected) in codes {
            assert!(text.contains(expected), "{text:?}");
        }
        let fault = coloured("db-error", Blame::Service);
        assert!(fault.contains("\u{1b}[31m") && fault.contains("db-error"), "{fault:?}");
    }

    #[test]
    fn scheduled_work_shows_when_it_did_something() {
        let mut job = line("ok");
        job.job = Some(JobFigures::default());
        assert_eq!(Readable { colour: false }.text(&job, ""), None);
        job.job = Some(JobFigures { finished: 2, ..JobFigures::default() });
        assert!(Readable { colour: false }.text(&job, "").unwrap().contains("2 finished, 0 left"));
    }
}
