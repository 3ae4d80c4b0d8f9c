//! Queues: where calls wait for operators (reference/voximplant.md §3.3).

use super::length::text_of_length;
use super::{Parameter, Refusal};
use crate::ids::{ApplicationId, QueueId, SkillId};
use crate::timestamp::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Decimals of a probability.
const SCALE: u32 = 4;

text_of_length!(
    /// A queue's name: 1 to 99 characters, unique in its application.
    QueueName,
    1,
    99,
    Refusal::QueueNameTooLong
);

/// The share of calls that are to be served in time: 0.5 to 1, in ten-thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ServiceProbability(u32);

impl ServiceProbability {
    /// Reads a plain or exponent form of at most four decimals; no float is involved.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let number =
            if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
        let units = number
            .ok()
            .map(|number| number.normalize())
            .filter(|number| number.scale() <= SCALE)
            .and_then(|number| number.checked_mul(Decimal::from(10_000)))
            .and_then(|units| units.to_u32());
        units.and_then(Self::from_units).ok_or(Refusal::Invalid(Parameter("service_probability")))
    }

    /// The probability of this many ten-thousandths.
    #[must_use]
    pub fn from_units(units: u32) -> Option<Self> {
        (5_000..=10_000).contains(&units).then_some(Self(units))
    }

    /// The probability in ten-thousandths, as stored.
    #[must_use]
    pub const fn units(self) -> u32 {
        self.0
    }
}

impl Default for ServiceProbability {
    fn default() -> Self {
        Self(10_000)
    }
}

/// A JSON number with exactly its digits: `1`, not `1.0`, which typed clients cannot read.
impl Serialize for ServiceProbability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = Decimal::new(i64::from(self.0), SCALE).normalize();
        RawValue::from_string(number.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl schemars::JsonSchema for ServiceProbability {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServiceProbability".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0.5, "maximum": 1 })
    }
}

/// A stored queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The id.
    pub id: QueueId,
    /// The application it belongs to.
    pub application: ApplicationId,
    /// Its name.
    pub name: QueueName,
    /// 0 is the highest.
    pub priority: u32,
    /// Whether users are bound to it by comparing skills.
    pub auto_binding: bool,
    /// The share of calls to be served in time.
    pub service_probability: ServiceProbability,
    /// Calls that may wait.
    pub max_queue_size: Option<u32>,
    /// Minutes that a call may wait.
    pub max_waiting_time: Option<u32>,
    /// Seconds that serving a call takes.
    pub average_service_time: Option<u32>,
    /// The skills its operators need, by id.
    pub skills: Vec<SkillId>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Rises with every change; guards read-decide-write.
    pub version: i64,
}

impl Queue {
    /// Adds or removes skills.
    pub fn set_skills(&mut self, skills: &[SkillId], bind: bool) {
        super::skill::bind(&mut self.skills, skills, bind);
    }

    /// Whether a user with these skills is bound to the queue automatically: the queue binds automatically and has at
    /// least one skill, and the user has every skill of the queue.
    #[must_use]
    pub fn takes(&self, skills: &[SkillId]) -> bool {
        self.auto_binding && !self.skills.is_empty() && self.skills.iter().all(|skill| skills.contains(skill))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_lie_between_a_half_and_one() {
        for (text, json) in [("1", "1"), ("1.0", "1"), ("0.5", "0.5"), ("0.7500", "0.75"), ("5E-1", "0.5")] {
            let probability = ServiceProbability::parse(text).unwrap();
            assert_eq!(serde_json::to_string(&probability).unwrap(), json, "{text}");
        }
        for text in ["", "0.4999", "1.0001", "0.50001", "-1", "NaN", " 1", "1,0"] {
            assert_eq!(ServiceProbability::parse(text).unwrap_err().code(), 214, "{text}");
        }
    }

    #[test]
    fn names_stop_one_short_of_the_documented_bound() {
        assert!(QueueName::parse(&"я".repeat(99)).is_ok());
        assert_eq!(QueueName::parse(&"я".repeat(100)).unwrap_err().code(), 213);
    }
}
