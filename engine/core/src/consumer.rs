//! Names of consumers: who follows the log. Short, and fit for a command line, a file and a metric's label.

use crate::limits::CONSUMER_NAME_BYTES_MAX;

/// The name of a consumer: 1 to [`CONSUMER_NAME_BYTES_MAX`] letters, digits, dots, dashes, underscores and colons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerName(Box<str>);

/// Text that is no consumer's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a consumer's name has 1 to {CONSUMER_NAME_BYTES_MAX} characters: letters, digits, dots, dashes, underscores, colons"
)]
pub struct NameError;

impl ConsumerName {
    /// # Errors
    /// The text is empty, too long, or has other characters.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        let fits = (1..=CONSUMER_NAME_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(is_allowed) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ConsumerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl std::fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for text in ["a", "flusher-1", "eu.west:projector_2", &"x".repeat(64)] {
            assert_eq!(ConsumerName::new(text).unwrap().to_string(), text);
        }
        for wrong in ["", " ", "a b", "ä", "a/b", "a\n", &"x".repeat(65)] {
            assert_eq!(ConsumerName::new(wrong), Err(NameError), "{wrong:?}");
        }
    }
}
