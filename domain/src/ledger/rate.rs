//! Exchange rates: exact decimals, and one explicit rounding.

use super::Money;
use rust_decimal::{Decimal, RoundingStrategy};
use std::fmt;

/// How many units of one currency one unit of another is worth: positive, up to 28 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(Decimal);

impl Rate {
    /// Reads a plain positive decimal number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = Decimal::from_str_exact(text).ok().filter(|rate| plain && *rate > Decimal::ZERO);
        rate.map(|rate| Self(rate.normalize()))
    }

    /// The amount in the other currency, rounded to four decimals, half away from zero; `None` if it cannot be held.
    #[must_use]
    pub fn convert(self, amount: Money) -> Option<Money> {
        let exact = amount.decimal().checked_mul(self.0)?;
        Money::of_decimal(exact.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_is_exact_and_rounds_half_away_from_zero() {
        let convert = |rate: &str, amount: &str| {
            Rate::parse(rate).unwrap().convert(Money::parse(amount).unwrap()).unwrap().to_string()
        };
        assert_eq!(convert("1.0837", "100"), "108.37");
        assert_eq!(convert("0.00005", "1"), "0.0001");
        assert_eq!(convert("0.00005", "-1"), "-0.0001");
        assert_eq!(convert("0.00004", "1"), "0");
        assert_eq!(convert("0.3333333333", "3"), "1");
    }

    #[test]
    fn only_positive_plain_numbers_are_rates() {
        for bad in ["", "0", "-1", "1e3", "1,5", "NaN", " 1"] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
    }
}
