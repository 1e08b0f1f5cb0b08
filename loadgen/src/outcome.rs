//! What became of bids, counted by the first word of the answer.

use gavel_core::Standing;
use gavel_wire::Code;
use std::collections::BTreeMap;

/// What a bid was answered with, as far as counting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A receipt.
    Accepted(Standing),
    /// A refusal.
    Refused(Code),
}

const STANDINGS: [&str; 3] = ["LEADING", "OUTBID", "SOLD"];
const WORDS: usize = STANDINGS.len() + Code::ALL.len();

/// Answers by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([u64; WORDS]);

impl Outcome {
    const fn index(self) -> usize {
        match self {
            Self::Accepted(Standing::Leading) => 0,
            Self::Accepted(Standing::Outbid) => 1,
            Self::Accepted(Standing::Sold) => 2,
            Self::Refused(code) => STANDINGS.len() + code as usize,
        }
    }
}

impl Tally {
    /// Counts one answer.
    pub fn count(&mut self, outcome: Outcome) {
        self.0[outcome.index()] += 1;
    }

    /// Answers that were receipts.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0[..STANDINGS.len()].iter().sum()
    }

    /// All answers.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What was counted, by word; words that never came are left out.
    #[must_use]
    pub fn by_word(&self) -> BTreeMap<&'static str, u64> {
        let words = STANDINGS.into_iter().chain(Code::ALL.map(Code::as_str));
        words.zip(self.0).filter(|(_, count)| *count > 0).collect()
    }
}

impl std::ops::AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_counted_under_its_own_word() {
        let mut tally = Tally::default();
        let standings = [Standing::Leading, Standing::Outbid, Standing::Sold].map(Outcome::Accepted);
        let refusals = Code::ALL.map(Outcome::Refused);
        let all: Vec<Outcome> = standings.into_iter().chain(refusals).collect();
        for (times, &outcome) in (1..).zip(&all) {
            (0..times).for_each(|_| tally.count(outcome));
        }
        let by_word = tally.by_word();
        assert_eq!(by_word.len(), all.len(), "no two share a word");
        assert_eq!((by_word["LEADING"], by_word["SOLD"]), (1, 3));
        for (times, code) in (4..).zip(Code::ALL) {
            assert_eq!(by_word[code.as_str()], times, "{code}");
        }
        assert_eq!(tally.accepted(), 6);
        assert_eq!(tally.total(), (1..=all.len() as u64).sum::<u64>());
    }
}
