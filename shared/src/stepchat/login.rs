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
    /// The length of the window that slides with the time.
    pub seconds: i64,
}

/// The moments of logins that failed, or have not succeeded yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(Vec<Timestamp>);

impl Failures {
    /// Those that still count. What a wrong clock has dated in the future does not: nobody is locked out until then.
    #[must_use]
    pub fn recent(mut self, limit: Limit, now: Timestamp) -> Self {
        let begin = now.plus_millis(limit.seconds.saturating_mul(-1000));
        self.0.retain(|moment| *moment > begin && moment.is_possible(now));
        self
    }

    /// With one try more, which counts as failed until it succeeds; `None` when there is no try left.
    #[must_use]
    pub fn with_try(&self, limit: Limit, now: Timestamp) -> Option<Self> {
        if self.0.len() >= limit.failures {
            return None;
        }
        Some(Self(self.0.iter().copied().chain([now]).collect()))
    }

    /// Without a try of this moment: it has succeeded.
    #[must_use]
    pub fn without_try(mut self, moment: Timestamp) -> Self {
        if let Some(position) = self.0.iter().position(|other| *other == moment) {
            self.0.remove(position);
        }
        self
    }
}

/// Whether a change of type ends the sessions of the user. It does, except for somebody who becomes better known: a
/// visitor who begins a conversation or leaves an address gains no right, and is the same person still.
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

    #[test]
    fn the_window_slides_with_the_time() {
        let mut failures = Failures::default();
        for second in [0, 10, 20] {
            failures = failures.recent(LIMIT, at(second)).with_try(LIMIT, at(second)).unwrap();
        }
        assert_eq!(failures.with_try(LIMIT, at(59)), None);
        let later = failures.clone().recent(LIMIT, at(60));
        assert_eq!(later, Failures(vec![at(10), at(20)]), "the oldest is as old as the window is long");
        assert!(later.with_try(LIMIT, at(60)).is_some());
    }

    #[test]
    fn a_clock_that_was_ten_days_ahead_locks_nobody_out_when_it_is_right_again() {
        let days = 10 * 24 * 60 * 60;
        let ahead = Failures(vec![at(days), at(days), at(days)]);
        assert!(ahead.clone().recent(LIMIT, at(5)).with_try(LIMIT, at(5)).is_some());
        // The clocks of two functions may be apart by some seconds.
        let apart = Failures(vec![at(30), at(35), at(35)]);
        assert_eq!(apart.clone().recent(LIMIT, at(5)), apart);
    }

    #[test]
    fn a_success_takes_its_own_try_back_and_no_other() {
        let failures = Failures(vec![at(1), at(2), at(2)]);
        assert_eq!(failures.clone().without_try(at(2)), Failures(vec![at(1), at(2)]));
        assert_eq!(failures.clone().without_try(at(9)), failures);
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
                if let Some(more) = failures.with_try(LIMIT, at(second)) {
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
