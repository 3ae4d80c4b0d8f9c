//! Texts whose only rule is their length, counted in characters.

/// A type for a text of these lengths, and the refusal of any other.
macro_rules! text_of_length {
    ($(#[$doc:meta])* $name:ident, $lengths:expr, $refusal:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the length.
            pub fn parse(text: &str) -> Result<Self, super::Refusal> {
                if $lengths.contains(&text.chars().count()) { Ok(Self(text.to_owned())) } else { Err($refusal) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(super) use text_of_length;
