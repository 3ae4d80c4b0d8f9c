//! Exact amounts with four decimals.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use thiserror::Error;

/// Decimals of every amount. This can never change: stored balances are whole numbers of ten-thousandths.
const SCALE: u32 = 4;

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("write it with digits and a point, such as 5.25")]
    NotANumber,
    /// More than four decimals (decision D11).
    #[error("at most 4 decimals")]
    TooFine,
    /// Beyond what a balance can hold.
    #[error("larger than a balance can hold")]
    OutOfRange,
}

/// An amount of money, exact to four decimals, possibly negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(Decimal);

impl Money {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Reads a plain or exponent form (`5.67`, `-1`, `1E+3`); no float is involved.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'))
        };
        if !plain(text) {
            return Err(MoneyError::NotANumber);
        }
        let number =
            if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
        let number = number.map_err(|_| MoneyError::NotANumber)?.normalize();
        if number.scale() > SCALE {
            return Err(MoneyError::TooFine);
        }
        // Every amount must be storable as a whole number of ten-thousandths.
        Self(number).units().map(|_| Self(number)).ok_or(MoneyError::OutOfRange)
    }

    /// The number itself.
    pub(super) fn decimal(self) -> Decimal {
        self.0
    }

    /// `number` as an amount, if it has at most four decimals and can be held.
    pub(super) fn of_decimal(number: Decimal) -> Option<Self> {
        let money = Self(number.normalize());
        money.units().filter(|_| money.0.scale() <= SCALE).map(|_| money)
    }

    /// The amount of `units` ten-thousandths.
    #[must_use]
    pub fn from_units(units: i64) -> Self {
        Self(Decimal::new(units, SCALE).normalize())
    }

    /// The amount in ten-thousandths, as stored; `None` beyond ±922 trillion.
    #[must_use]
    pub fn units(self) -> Option<i64> {
        self.0.checked_mul(Decimal::from(10_000)).and_then(|units| i64::try_from(units).ok())
    }

    /// The sum, if it can be held.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = Self(self.0.checked_add(other.0)?.normalize());
        sum.units().map(|_| sum)
    }

    /// The amount with its sign reversed.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Whether the amount is above zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.0 > Decimal::ZERO
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A JSON number with exactly the digits of the amount: `0`, `15.75`.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Box<RawValue>>::deserialize(deserializer)?;
        Self::parse(text.get()).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Money {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "multipleOf": 0.0001, "description": "An amount in the account's currency, at most 4 decimals." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_and_exponent_forms_are_read_exactly() {
        for (text, units) in [("5.67", 56_700), ("-0.0001", -1), ("1e3", 10_000_000), ("1E+3", 10_000_000), ("0", 0)] {
            assert_eq!(Money::parse(text).unwrap().units(), Some(units), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_exact_amount_is_refused() {
        for (text, error) in [
            ("", MoneyError::NotANumber),
            (" 5", MoneyError::NotANumber),
            ("5,0", MoneyError::NotANumber),
            ("NaN", MoneyError::NotANumber),
            ("1_000", MoneyError::NotANumber),
            ("0.00001", MoneyError::TooFine),
            ("1000000000000000000000000", MoneyError::OutOfRange),
        ] {
            assert_eq!(Money::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn json_shows_a_number_with_the_amounts_own_digits() {
        let json = serde_json::to_string(&[Money::from_units(157_500), Money::ZERO, Money::from_units(-1)]).unwrap();
        assert_eq!(json, "[15.75,0,-0.0001]");
    }

    proptest! {
        #[test]
        fn units_text_and_amount_are_one_and_the_same(units in any::<i64>()) {
            let money = Money::from_units(units);
            prop_assert_eq!(money.units(), Some(units));
            prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
        }
    }
}
