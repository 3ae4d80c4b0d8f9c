//! How often a login may fail, and what ends a session (reference/stepchat.md §3.6, decision D35).

use super::UserType;
use crate::ids::UserId;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// The account that a login names, whether or not there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By e-mail address, folded.
    Email(String),
    /// By id.
    User(UserId),
}

/// At most so many failures within so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The failures that are allowed.
    pub failures: usize,
    /// The length of the sliding window.
    pub seconds: i64,
}

/// A login that failed, or has not succeeded yet: when, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Failure {
    at: Timestamp,
    caller: String,
}

impl From<Failure> for String {
    /// One short text each: an item holds a hundred of them.
    fn from(failure: Failure) -> Self {
        format!("{}:{}", failure.at.millis(), failure.caller)
    }
}

impl TryFrom<String> for Failure {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text.split_once(':').and_then(|(at, caller)| Some((at.parse().ok()?, caller)));
        let (at, caller) = parts.ok_or("a failed login is a moment and a caller")?;
        Ok(Self { at: Timestamp::from_millis(at), caller: caller.to_owned() })
    }
}

/// The logins that failed, or have not succeeded yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(Vec<Failure>);

impl Failures {
    /// The failures that still count. A failure that a wrong clock dated in the future does not count, so that nobody
    /// is locked out until then.
    #[must_use]
    pub fn recent(mut self, limit: Limit, now: Timestamp) -> Self {
        let begin = now.plus_millis(limit.seconds.saturating_mul(-1000));
        self.0.retain(|failure| failure.at > begin && failure.at.is_possible(now));
        self
    }

    /// Adds a try of this caller, which counts as failed until it succeeds; `None` when no try is left. A caller who
    /// cannot be told from others has an empty name.
    #[must_use]
    pub fn with_try(&self, limit: Limit, now: Timestamp, caller: &str) -> Option<Self> {
        if self.0.len() >= limit.failures {
            return None;
        }
        let failure = Failure { at: now, caller: caller.to_owned() };
        Some(Self(self.0.iter().cloned().chain([failure]).collect()))
    }

    /// The failures after a right login that was tried at `moment`: its caller's own failures are removed, nobody
    /// else's (decision E7). For a caller with an empty name, only this one try is removed.
    #[must_use]
    pub fn after_success(mut self, moment: Timestamp, caller: &str) -> Self {
        if !caller.is_empty() {
            self.0.retain(|failure| failure.caller != caller);
        } else if let Some(own) = self.0.iter().position(|failure| failure.at == moment && failure.caller.is_empty()) {
            self.0.remove(own);
        }
        self
    }

    /// Whether there are no failures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a change of type ends the user's sessions. Every change does, except from visitor to lead or user and from
/// lead to user: someone who begins a conversation or leaves an address gains no right, and is still the same person.
#[must_use]
pub fn ends_sessions(before: UserType, after: UserType) -> bool {
    use UserType::{Lead, User, Visitor};
    before != after && !matches!((before, after), (Visitor, Lead | User) | (Lead, User))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: Limit = Limit { failures: 3, seconds: 60 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn of(failures: &[(i64, &str)]) -> Failures {
        let failure = |(second, caller): &(i64, &str)| Failure { at: at(*second), caller: (*caller).to_owned() };
        Failures(failures.iter().map(failure).collect())
    }

    #[test]
    fn the_window_slides_with_the_time() {
        let mut failures = Failures::default();
        for second in [0, 10, 20] {
            failures = failures.recent(LIMIT, at(second)).with_try(LIMIT, at(second), "").unwrap();
        }
        assert_eq!(failures.with_try(LIMIT, at(59), ""), None);
        let later = failures.clone().recent(LIMIT, at(60));
        assert_eq!(later, of(&[(10, ""), (20, "")]), "the oldest is as old as the window is long");
        assert!(later.with_try(LIMIT, at(60), "").is_some());
    }

    #[test]
    fn a_success_takes_its_caller_s_failures_back_and_no_one_else_s() {
        let failures = of(&[(1, "ann"), (2, ""), (2, "bob"), (2, ""), (3, "ann")]);
        assert_eq!(failures.clone().after_success(at(9), "ann"), of(&[(2, ""), (2, "bob"), (2, "")]));
        assert_eq!(failures.clone().after_success(at(2), ""), of(&[(1, "ann"), (2, "bob"), (2, ""), (3, "ann")]));
        assert_eq!(failures.clone().after_success(at(9), ""), failures, "no try of that moment");
        assert_eq!(failures.clone().after_success(at(9), "eve"), failures);
    }

    #[test]
    fn a_clock_that_was_ahead_locks_nobody_out_for_longer_than_the_window() {
        let ten_days = 10 * 24 * 60 * 60;
        let ahead = of(&[(ten_days, ""), (ten_days + 1, ""), (ten_days + 2, "")]);
        assert_eq!(ahead.with_try(LIMIT, at(ten_days + 2), ""), None);
        assert_eq!(ahead.clone().recent(LIMIT, at(10)), Failures::default(), "the clock was set right");
        assert_eq!(ahead.recent(LIMIT, at(2 * ten_days)), Failures::default());
    }

    #[test]
    fn failures_are_stored_as_short_texts_and_read_again() {
        let failures = of(&[(1, "0a1b"), (2, "")]);
        let stored = serde_json::to_string(&failures).unwrap();
        assert_eq!(stored, r#"["1000:0a1b","2000:"]"#);
        assert_eq!(serde_json::from_str::<Failures>(&stored).unwrap(), failures);
        assert!(serde_json::from_str::<Failures>(r#"["x"]"#).is_err());
    }

    #[test]
    fn becoming_better_known_ends_no_session_any_other_change_of_type_does() {
        use UserType::{Admin, Agent, Lead, User, Visitor};
        for (before, after) in [(Visitor, Lead), (Visitor, User), (Lead, User), (Agent, Agent)] {
            assert!(!ends_sessions(before, after), "{before} {after}");
        }
        for (before, after) in [(User, Lead), (Lead, Visitor), (User, Agent), (Agent, Admin), (Admin, User)] {
            assert!(ends_sessions(before, after), "{before} {after}");
        }
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(moments in proptest::collection::vec(0_i64..300, 0..60)) {
            let mut sorted = moments;
            sorted.sort_unstable();
            let (mut failures, mut granted) = (Failures::default(), Vec::new());
            for second in sorted {
                failures = failures.recent(LIMIT, at(second));
                if let Some(more) = failures.with_try(LIMIT, at(second), "") {
                    failures = more;
                    granted.push(second);
                }
            }
            for first in &granted {
                let within = granted.iter().filter(|second| (*first..first + LIMIT.seconds).contains(second)).count();
                prop_assert!(within <= LIMIT.failures);
            }
        }
    }
}
