//! Texts whose only rule is their length, counted in characters.

/// A type for a text of so many characters, from the least to the most, and the refusal of any other.
macro_rules! text_of_length {
    ($(#[$doc:meta])* $name:ident, $least:literal, $most:literal, $refusal:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The smallest number of characters.
            pub const MIN_CHARS: usize = $least;
            /// The largest number of characters.
            pub const MAX_CHARS: usize = $most;

            /// Checks the length.
            pub fn parse(text: &str) -> Result<Self, super::Refusal> {
                let fits = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.chars().count());
                if fits { Ok(Self(text.to_owned())) } else { Err($refusal) }
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
