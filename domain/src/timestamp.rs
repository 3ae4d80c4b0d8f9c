//! Moments in time: milliseconds inside, `YYYY-MM-DD HH:MM:SS` UTC on the wire (decisions, "Both families").

use crate::limits::CLOCKS_APART_MILLIS;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

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

    /// The beginning of the second this moment lies in.
    #[must_use]
    pub const fn second(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(1000)))
    }

    /// This moment moved by `millis` milliseconds (negative: into the past).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Whether a right clock could have written this moment by `now`. If not, a wrong clock has written it.
    #[must_use]
    pub const fn is_possible(self, now: Self) -> bool {
        self.0 <= now.0.saturating_add(CLOCKS_APART_MILLIS)
    }

    /// Whether `millis` milliseconds have passed since this moment. A moment that a wrong clock dated in the future
    /// counts as past too, so that nothing waits for it.
    #[must_use]
    pub const fn is_past(self, millis: i64, now: Self) -> bool {
        now.0.saturating_sub(self.0) >= millis || !self.is_possible(now)
    }

    /// Reads a moment in any usual form (decision E12): the wire form; ISO 8601 with `T`, `Z`, an offset, fractions of
    /// a second, with or without seconds, or the date alone; what Ruby (`2026-11-09 14:41:02 +0000`, `… UTC`), Python
    /// (`2026-11-09 14:41:02.123456+00:00`), Go (`… +0000 UTC`) and Java (`…Z[UTC]`) print. Without a zone it is UTC;
    /// without a time it is midnight.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = split_date(text.trim())?;
        let mut date = date.splitn(3, '-').map(str::parse::<u16>);
        let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
        let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date = time::Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
        let (clock, zone) = time.split_at_checked(clock_length(time))?;
        let millis = millis_of_day(clock)?.checked_sub(offset_millis(zone)?)?;
        let midnight = date.midnight().assume_utc().unix_timestamp().checked_mul(1000)?;
        midnight.checked_add(millis).map(Self)
    }

    /// `YYYY-MM-DD HH:MM:SS`, UTC: the only form both families' clients accept
    /// (reference/voximplant.md §0.8, reference/stepchat.md §2).
    #[must_use]
    pub fn wire(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|moment| moment.format(WIRE).ok())
            // Only for years outside 1 to 9999, which no clock of ours reaches.
            .unwrap_or_else(|| String::from("1970-01-01 00:00:00"))
    }
}

/// The date at the beginning of a text (`YYYY-MM-DD`, or `YYYYMMDD` before a `T`) as `YYYY-MM-DD`, and what follows the
/// separator after it.
fn split_date(text: &str) -> Option<(std::borrow::Cow<'_, str>, &str)> {
    let is = |text: &str, form: &[u8]| {
        let fits = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
        text.len() == form.len() && text.bytes().zip(form).all(fits)
    };
    let (date, rest) = match text.split_at_checked(10).filter(|(date, _)| is(date, b"0000-00-00")) {
        Some((date, rest)) => (std::borrow::Cow::Borrowed(date), rest),
        None => {
            // The basic form needs its `T`: digits alone are a number.
            let (date, rest) =
                text.split_at_checked(8).filter(|(date, rest)| is(date, b"00000000") && rest.starts_with('T'))?;
            let (year, month_day) = date.split_at_checked(4)?;
            let (month, day) = month_day.split_at_checked(2)?;
            (format!("{year}-{month}-{day}").into(), rest)
        }
    };
    match rest.strip_prefix(['T', 't', ' ']) {
        Some(time) => Some((date, time.trim_start())),
        None => rest.is_empty().then_some((date, "")),
    }
}

/// How many bytes at the beginning of a text are a time of day.
fn clock_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b',')).count()
}

/// The milliseconds from midnight to `HH:MM`, `HH:MM:SS`, `HHMM` or `HHMMSS`, with or without a fraction; 0 for no
/// time.
fn millis_of_day(clock: &str) -> Option<i64> {
    if clock.is_empty() {
        return Some(0);
    }
    let (clock, fraction) =
        clock.split_once(['.', ',']).map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let pairs = pairs(clock)?;
    let (hours, minutes, seconds) = match pairs.as_slice() {
        [hours, minutes] if fraction.is_none() => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let millis = match fraction {
        None => 0,
        Some(digits)
            if !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("{digits:0<3}").get(..3)?.parse().ok()?
        }
        Some(_) => return None,
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

/// `HH:MM:SS` or `HHMMSS` as numbers: two digits each.
fn pairs(text: &str) -> Option<Vec<i64>> {
    let parts: Vec<&str> = if text.contains(':') {
        text.split(':').collect()
    } else {
        (0..text.len()).step_by(2).map(|start| text.get(start..start + 2)).collect::<Option<_>>()?
    };
    let number = |part: &&str| (part.len() == 2).then(|| part.parse().ok()).flatten();
    parts.iter().map(number).collect()
}

/// How many milliseconds a zone is ahead of UTC. A zone is empty, `Z`, `UTC`, `GMT`, or an offset `+HH:MM`, `+HHMM` or
/// `+HH`. A zone's name may follow an offset or a `Z`. A `+` that was sent unencoded in a form arrives as a blank.
fn offset_millis(zone: &str) -> Option<i64> {
    let trimmed = zone.trim();
    let (zone, name) = match trimmed.find([' ', '[']) {
        Some(at) if !trimmed.starts_with('[') => trimmed.split_at_checked(at)?,
        _ => (trimmed, ""),
    };
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic() || b"[]/_-+ ".contains(&byte));
    if !is_name(name) {
        return None;
    }
    if zone.is_empty() || ["z", "utc", "gmt"].iter().any(|word| zone.eq_ignore_ascii_case(word)) {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => (1, zone),
    };
    let (hours, minutes) = match pairs(digits)?.as_slice() {
        [hours] => (*hours, 0),
        [hours, minutes] => (*hours, *minutes),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_utc_without_a_zone() {
        assert_eq!(Timestamp::from_millis(1_683_901_737_999).wire(), "2023-05-12 14:28:57");
    }

    #[test]
    fn every_usual_form_is_one_moment() {
        let moment = Timestamp::from_millis(1_794_235_262_000);
        assert_eq!(moment.wire(), "2026-11-09 14:41:02");
        for form in [
            "2026-11-09 14:41:02",
            " 2026-11-09  14:41:02 ",
            "2026-11-09T14:41:02",
            "2026-11-09t14:41:02z",
            "2026-11-09T14:41:02Z",
            "2026-11-09T14:41:02.000Z",
            "2026-11-09T14:41:02.0000000Z",
            "2026-11-09T14:41:02,000+00:00",
            "2026-11-09 14:41:02.000000+00:00",
            "2026-11-09T14:41:02+00",
            "2026-11-09T17:41:02+03:00",
            "2026-11-09 09:11:02 -0530",
            "2026-11-10T00:41:02+10:00",
            "2026-11-09 14:41:02 +0000",
            "2026-11-09 14:41:02 UTC",
            "2026-11-09 14:41:02 GMT",
            "2026-11-09 14:41:02 +0000 UTC",
            "2026-11-09 17:41:02 +0300 MSK",
            "2026-11-09T14:41:02Z[UTC]",
            "2026-11-09T17:41:02+03:00[Europe/Moscow]",
            "20261109T144102Z",
            // An unencoded `+` in a form.
            "2026-11-09T14:41:02 00:00",
            "2026-11-09 14:41:02  0000",
        ] {
            assert_eq!(Timestamp::parse(form), Some(moment), "{form}");
        }
        for (form, millis) in [
            ("2026-11-09T14:41", 1_794_235_260_000),
            ("2026-11-09 14:41Z", 1_794_235_260_000),
            ("2026-11-09", 1_794_182_400_000),
            ("2026-11-09Z", 0),
            ("2026-11-09T14:41:02.5Z", 1_794_235_262_500),
            ("2026-11-09T14:41:02.123456Z", 1_794_235_262_123),
            ("2024-02-29", 1_709_164_800_000),
        ] {
            let expected = (millis != 0).then_some(Timestamp::from_millis(millis));
            assert_eq!(Timestamp::parse(form), expected, "{form}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for form in [
            "",
            " ",
            "5",
            "20261109",
            "1794235262",
            "2026-13-01",
            "2026-02-30",
            "2026-11-09 24:00:00",
            "2026-11-09 14:60",
            "2026-11-09 14",
            "2026-11-09 1:41:02",
            "2026-11-09T14:41:02.",
            "2026-11-09T14:41:02 MSK",
            "2026-11-09T14:41.5",
            "2026-11-09 14:41:02 +25:00",
            "09.11.2026",
            "11/09/2026",
            "yesterday",
            "undefined",
            "NaN",
            "[object Object]",
            "2026-11-09 14:41:02; DROP",
            "２０２６-11-09",
        ] {
            assert_eq!(Timestamp::parse(form), None, "{form:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0_i64..4_000_000_000) {
            let moment = Timestamp::from_millis(seconds * 1000);
            proptest::prop_assert_eq!(Timestamp::parse(&moment.wire()), Some(moment));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-0-9T: .,+Zz\\[\\]UTCé]{0,30}") {
            let _ = Timestamp::parse(&text);
        }
    }

    #[test]
    fn moments_before_the_epoch_round_down() {
        assert_eq!(Timestamp::from_millis(-1).wire(), "1969-12-31 23:59:59");
    }
}
