//! Divides the time of a run, so that no work, however large, keeps other work waiting run after run.

use std::time::Duration;
use tokio::time::Instant;

/// Least time for one piece of work, if that much is left: with less, it could do nothing but begin.
const LEAST: Duration = Duration::from_millis(500);

/// The time until a deadline, in equal slices. Time that one slice does not use is left to the later ones.
#[derive(Debug)]
pub struct Slices {
    deadline: Instant,
    left: u32,
}

impl Slices {
    /// `count` slices of the time until `deadline`.
    #[must_use]
    pub fn new(deadline: Instant, count: usize) -> Self {
        Self { deadline, left: u32::try_from(count).unwrap_or(u32::MAX) }
    }

    /// The end of the next slice; `None` if the time is up.
    pub fn take(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let time = self.deadline.checked_duration_since(now).filter(|time| !time.is_zero())?;
        let share = time.checked_div(self.left.max(1)).unwrap_or(time).max(LEAST).min(time);
        self.left = self.left.saturating_sub(1);
        now.checked_add(share)
    }
}

/// The same things in the same order, but beginning at a random one: when the time is too short for all, it is not
/// always the same ones that are left out.
#[must_use]
pub fn rotated_randomly<T>(mut things: Vec<T>) -> Vec<T> {
    if !things.is_empty() {
        let first = fastrand::usize(..things.len());
        things.rotate_left(first);
    }
    things
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_an_equal_share_and_what_is_not_used_goes_to_the_others() {
        let begin = Instant::now();
        let mut slices = Slices::new(begin + Duration::from_mins(1), 3);
        for share in [20, 30, 60] {
            // None of it is used.
            let until = slices.take().unwrap().saturating_duration_since(begin);
            assert!((Duration::from_secs(share - 1)..=Duration::from_secs(share + 1)).contains(&until), "{until:?}");
        }
    }

    #[test]
    fn the_smallest_share_is_worth_beginning_and_none_is_behind_the_deadline() {
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut slices = Slices::new(deadline, 1_000_000);
        assert!(slices.take().unwrap() >= Instant::now() + LEAST / 2);
        assert!(Slices::new(Instant::now() + LEAST / 5, 10).take().unwrap() <= Instant::now() + LEAST / 5);
        assert_eq!(Slices::new(Instant::now(), 3).take(), None);
    }

    #[test]
    fn every_order_begins_somewhere_and_leaves_nobody_out() {
        let firsts: std::collections::BTreeSet<_> = (0..200)
            .map(|_| rotated_randomly(vec![1, 2, 3]))
            .inspect(|order| assert_eq!(order.len(), 3))
            .map(|order| order[0])
            .collect();
        assert_eq!(firsts.len(), 3);
        assert!(rotated_randomly(Vec::<u8>::new()).is_empty());
    }
}
