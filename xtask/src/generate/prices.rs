//! AWS's list prices, and what calls cost by them.

use super::access_patterns::Cost;
use super::deployment::WHOLE_PROCESSOR;

/// Dollars for a million read request units, on demand, in `us-east-1`.
pub(super) const READ_UNITS: f64 = 0.125;
/// Dollars for a million write request units, on demand, in `us-east-1`.
pub(super) const WRITE_UNITS: f64 = 0.625;
/// Dollars for a million requests to an HTTP API.
pub(super) const GATEWAY: f64 = 1.00;
/// Dollars for a million invocations of a function.
pub(super) const INVOCATIONS: f64 = 0.20;
/// Dollars for a gigabyte-second of a function on `x86_64`.
pub(super) const GIGABYTE_SECOND: f64 = 0.000_016_666_7;
/// Milliseconds that a function is billed for in addition to waiting for the database: assumed, not measured.
pub(super) const OWN_MILLISECONDS: f64 = 3.0;
/// Milliseconds of one round trip to the database from a function in the same region: assumed, not measured.
pub(super) const ROUND_TRIP_MILLISECONDS: f64 = 5.0;

/// Milliseconds of a whole processor that a run of the password hash takes. A smaller function takes longer in the same
/// proportion, for the same price.
pub(super) const HASH_MILLISECONDS: f64 = 20.0;

pub(super) fn database(cost: Cost) -> f64 {
    cost.read_units * READ_UNITS + cost.write_units * WRITE_UNITS
}

pub(super) fn function(cost: Cost, memory: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a method makes a few round trips and hashes")]
    let [round_trips, hashes] = [cost.round_trips, cost.hashes].map(|number| number as f64);
    let waiting = memory * (OWN_MILLISECONDS + ROUND_TRIP_MILLISECONDS * round_trips);
    let hashing = gigabytes(WHOLE_PROCESSOR) * HASH_MILLISECONDS * hashes;
    // A million calls of n milliseconds each are n thousand seconds.
    INVOCATIONS + (waiting + hashing) * 1_000.0 * GIGABYTE_SECOND
}

pub(super) fn gigabytes(megabytes: u16) -> f64 {
    f64::from(megabytes) / 1_024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_of_two_units_in_two_round_trips_costs_what_the_formula_says() {
        let cost = Cost { round_trips: 2, read_units: 2.0, write_units: 0.0, hashes: 0 };
        assert!((database(cost) - 0.25).abs() < 1e-9);
        assert!((function(cost, 0.25) - (0.20 + 0.25 * 13.0 * 0.016_666_7)).abs() < 1e-9);
    }

    #[test]
    fn a_hash_costs_a_whole_processor_whatever_memory_the_function_has() {
        let of = |hashes, memory| function(Cost { hashes, ..Cost::default() }, memory);
        for memory in [0.25, 0.5] {
            assert!((of(1, memory) - of(0, memory) - 1769.0 / 1024.0 * 20.0 * 0.016_666_7).abs() < 1e-9);
        }
    }
}
