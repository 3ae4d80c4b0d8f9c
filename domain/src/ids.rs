//! Typed ids: small increasing integers from a sequence item, one per kind (decisions, "Both families").

/// Ids are written with this many digits wherever their order matters as text.
pub const DIGITS: usize = 12;
/// The largest id that [`DIGITS`] can hold.
const LARGEST: u64 = 999_999_999_999;

fn parse(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok().filter(|id| *id > 0) } else { None }
}

fn padded(id: u64) -> String {
    format!("{id:0DIGITS$}")
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The id with this number, if it is one a sequence can give (1 to 999999999999).
            #[must_use]
            pub fn new(id: u64) -> Option<Self> {
                (1..=LARGEST).contains(&id).then_some(Self(id))
            }

            /// Plain decimal digits only: no sign, no blanks, no exponent.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Twelve digits, so that text order is number order.
            #[must_use]
            pub fn padded(self) -> String {
                padded(self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id!(
    /// A StepChat user of any type.
    UserId
);
id!(
    /// A StepChat conversation.
    ConversationId
);
id!(
    /// A message of a StepChat conversation.
    MessageId
);
id!(
    /// A Voximplant account: the tenant every key begins with.
    AccountId
);
id!(
    /// A Voximplant application.
    ApplicationId
);
id!(
    /// A Voximplant user; account-wide unique (decision D1).
    PhoneUserId
);
id!(
    /// A skill of a Voximplant account.
    SkillId
);
id!(
    /// A queue of a Voximplant application; account-wide unique.
    QueueId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_positive_decimals_are_ids() {
        assert_eq!(UserId::parse("12").map(UserId::get), Some(12));
        for bad in ["", "0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "1234567890123", "١", "0x1"] {
            assert_eq!(UserId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn text_order_of_padded_ids_is_number_order() {
        let (nine, ten) = (UserId::parse("9").unwrap(), UserId::parse("10").unwrap());
        assert!(nine.padded() < ten.padded());
    }
}
