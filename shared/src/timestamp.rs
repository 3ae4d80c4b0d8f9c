//! Moments in time: milliseconds inside, `YYYY-MM-DD HH:MM:SS` UTC on the wire (decisions, "Both families").

use crate::limits::CLOCKS_APART_MILLIS;
use serde::{Deserialize, Serialize};
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const WIRE: StaticFormatDescription = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment moved by `millis` milliseconds (negative: into the past).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Whether some clock may show this moment at `now`. If not, a clock that was wrong has written it.
    #[must_use]
    pub const fn is_possible(self, now: Self) -> bool {
        self.0 <= now.0.saturating_add(CLOCKS_APART_MILLIS)
    }

    /// Whether so many milliseconds have gone by since this moment. What a wrong clock has dated in the future is past too:
    /// nobody waits for it.
    #[must_use]
    pub const fn is_past(self, millis: i64, now: Self) -> bool {
        now.0.saturating_sub(self.0) >= millis || !self.is_possible(now)
    }

    /// Reads the wire form, as UTC: only in exactly this form.
    #[must_use]
    pub fn parse_wire(text: &str) -> Option<Self> {
        let moment = PrimitiveDateTime::parse(text, WIRE).ok()?.assume_utc();
        moment.unix_timestamp().checked_mul(1000).map(Self)
    }

    /// `YYYY-MM-DD HH:MM:SS`, UTC: the only form both families' clients accept
    /// (reference/voximplant.md §0.8, reference/stepchat.md §2).
    #[must_use]
    pub fn wire(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|moment| moment.format(WIRE).ok())
            // Outside the years 1 to 9999, which no clock of ours reaches.
            .unwrap_or_else(|| String::from("1970-01-01 00:00:00"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_utc_without_a_zone() {
        assert_eq!(Timestamp::from_millis(1_683_901_737_999).wire(), "2023-05-12 14:28:57");
    }

    #[test]
    fn moments_before_the_epoch_round_down() {
        assert_eq!(Timestamp::from_millis(-1).wire(), "1969-12-31 23:59:59");
    }
}
