//! Histograms as text: what HdrHistogram's tools read, and what reports carry so that they can be added up exactly.
//!
//! The text is base64 of HdrHistogram's V2 encoding, deflated. **Invariant:** what is read has the bounds that all histograms
//! here have, so that adding never fails and a foreign file can't ask for memory.

use super::{HIGH_NS, LOW_NS, Latencies};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest text that is read: no histogram of these bounds comes near.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// A histogram of nanoseconds as text: base64 of HdrHistogram's V2 encoding, deflated. Empty: nothing was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PackedLatencies(String);

/// A text that is no histogram, or one with other bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a histogram can't be read: {why}")]
pub struct PackedError {
    /// What is wrong with it.
    pub why: String,
}

impl PackedLatencies {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The histogram.
    ///
    /// # Errors
    /// When the text is no histogram with these bounds: 1 us to 1 h, three significant digits.
    pub fn unpack(&self) -> Result<Latencies, PackedError> {
        if self.0.is_empty() {
            return Ok(Latencies::default());
        }
        if self.0.len() > TEXT_BYTES_MAX {
            return Err(wrong(format!("{} bytes of text, allowed are {TEXT_BYTES_MAX}", self.0.len())));
        }
        let bytes = BASE64_STANDARD.decode(&self.0).map_err(wrong)?;
        let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(wrong)?;
        let (low, high, digits) = (histogram.low(), histogram.high(), histogram.sigfig());
        if (low, high, digits) != (LOW_NS, HIGH_NS, 3) {
            return Err(wrong(format!("its bounds are {low} to {high} ns, {digits} digits")));
        }
        Ok(Latencies(histogram))
    }
}

impl PackedLatencies {
    /// Both together. For texts that were packed here: one that can't be read counts as empty.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        match (self.0.is_empty(), other.0.is_empty()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => {
                let mut sum = self.unpack().unwrap_or_default();
                sum.merge(&other.unpack().unwrap_or_default());
                Self::from(&sum)
            }
        }
    }
}

impl From<&Latencies> for PackedLatencies {
    fn from(latencies: &Latencies) -> Self {
        let mut bytes = Vec::new();
        let packed = V2DeflateSerializer::new().serialize(&latencies.0, &mut bytes);
        debug_assert!(packed.is_ok(), "memory takes everything");
        Self(if latencies.count() == 0 { String::new() } else { BASE64_STANDARD.encode(bytes) })
    }
}

fn wrong(why: impl ToString) -> PackedError {
    PackedError { why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_exactly_also_when_it_is_empty() {
        let mut latencies = Latencies::default();
        assert_eq!(PackedLatencies::from(&latencies).unpack().unwrap(), latencies);
        (1..5_000_u64).for_each(|value| latencies.record(value * value * 1_000));
        let packed = PackedLatencies::from(&latencies);
        assert_eq!(packed.unpack().unwrap(), latencies);
        assert!(packed.as_str().len() < 20_000, "{}", packed.as_str().len());
    }

    #[test]
    fn what_is_no_histogram_of_these_bounds_is_refused() {
        let mut foreign = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1_000, 2).unwrap();
        foreign.record(7).unwrap();
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&foreign, &mut bytes).unwrap();
        for (text, part) in [
            (BASE64_STANDARD.encode(bytes), "its bounds are 1 to 1000 ns, 2 digits"),
            ("no base64!".into(), "can't be read"),
            (BASE64_STANDARD.encode(b"something else"), "can't be read"),
            ("A".repeat(TEXT_BYTES_MAX + 1), "allowed are"),
        ] {
            let error = PackedLatencies(text).unpack().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
