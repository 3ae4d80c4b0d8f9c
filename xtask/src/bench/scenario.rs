//! One way to call a method, and what it costs.

use super::world::World;
use crate::seed::Family;
use serde_json::Value;
use std::cmp::Ordering;
use std::time::{Duration, Instant};

/// A target that the numbers must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// At most this many sequential round trips, authentication included.
    RoundTrips(u64),
    /// As many units with many users as with few, give or take a fifth.
    Flat,
}

/// The parameters of the `n`th call.
type Fields = Box<dyn Fn(&World, usize) -> Value>;

/// One way to call a method.
pub(super) struct Scenario {
    /// The method.
    pub(super) method: &'static str,
    /// What is special about this way; may be empty.
    pub(super) what: &'static str,
    /// How often it is called.
    times: usize,
    /// The targets that the numbers must meet.
    pub(super) targets: &'static [Target],
    fields: Fields,
}

impl Scenario {
    /// Calls a method nine times.
    pub(super) fn new(
        method: &'static str,
        what: &'static str,
        fields: impl Fn(&World, usize) -> Value + 'static,
    ) -> Self {
        Self { method, what, times: 9, targets: &[], fields: Box::new(fields) }
    }

    /// Sets how often the method is called.
    pub(super) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Sets the targets.
    pub(super) fn must(self, targets: &'static [Target]) -> Self {
        Self { targets, ..self }
    }

    /// The first golden story of a method; it is run by the caller.
    pub(super) fn of_story(method: &'static str) -> Self {
        Self::new(method, "its first golden story", |_, _| Value::Null)
    }

    /// Makes the calls; returns the median of each number. A busy machine can add to the round trips of a call: of two
    /// chains of calls that run together, one may end late, and its next call then counts as if it had waited.
    pub(super) async fn measure(&self, world: &World, family: Family) -> Measured {
        let mut all = Vec::new();
        for n in 0..self.times {
            let fields = (self.fields)(world, n);
            let started = Instant::now();
            match family {
                Family::Stepchat => Box::pin(world.app.stepchat(self.method, fields)).await,
                Family::Voximplant => Box::pin(world.app.voximplant(self.method, fields)).await,
            };
            let one = Measured::of(&world.app.last_line(), started.elapsed());
            if one.failure.is_some() {
                return one;
            }
            all.push(one);
        }
        Measured {
            round_trips: median(all.iter().map(|one| one.round_trips)),
            read_units: median(all.iter().map(|one| one.read_units)),
            write_units: median(all.iter().map(|one| one.write_units)),
            millis: median(all.iter().map(|one| one.millis)),
            failure: None,
        }
    }
}

/// What a call cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    pub(super) round_trips: u64,
    pub(super) read_units: f64,
    pub(super) write_units: f64,
    pub(super) millis: f64,
    /// The outcome that the log names if it is not `ok`.
    pub(super) failure: Option<String>,
}

impl Measured {
    /// Reads the numbers from the log line of the call.
    pub(super) fn of(line: &Value, elapsed: Duration) -> Self {
        let number = |name: &str| line.get(name).and_then(Value::as_f64).unwrap_or_default();
        let outcome = line.get("outcome").and_then(Value::as_str).unwrap_or("no outcome");
        Self {
            round_trips: line.get("round_trips").and_then(Value::as_u64).unwrap_or_default(),
            read_units: number("read_units"),
            write_units: number("write_units"),
            millis: elapsed.as_secs_f64() * 1_000.0,
            failure: (outcome != "ok").then(|| outcome.to_owned()),
        }
    }

    /// A failure for this reason, without numbers.
    pub(super) fn failed(why: &str) -> Self {
        Self { failure: Some(why.to_owned()), ..Self::default() }
    }

    /// Both kinds of units.
    pub(super) fn units(&self) -> f64 {
        self.read_units + self.write_units
    }
}

/// The median of the numbers.
pub(super) fn median<T: Copy + Default + PartialOrd>(numbers: impl Iterator<Item = T>) -> T {
    let mut numbers: Vec<T> = numbers.collect();
    numbers.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
