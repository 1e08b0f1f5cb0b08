//! The codes of refusals: one word in capitals, spelled the same on every face. The first word of every error reply.

use gavel_core::Rejection;

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// No such auction, bid or ban.
    NotFound,
    /// Bids are not taken yet.
    NotStarted,
    /// Bids are not taken any more.
    Closed,
    /// The amount is too low.
    TooLow,
    /// A seller can't bid on their own auction.
    SellerBid,
    /// This bidder may not bid here.
    Banned,
    /// The id was used before with other content.
    IdConflict,
    /// The command has no meaning in this state.
    State,
    /// No credit left: try again soon.
    Busy,
    /// The shard is being recovered: try again soon.
    Loading,
    /// What a follower needs next is not in this log (any more).
    Gap,
    /// Something in the command is not what it must be.
    Invalid,
    /// A bound is reached.
    TooLarge,
    /// There is no such command.
    Unknown,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::NotFound,
        Self::NotStarted,
        Self::Closed,
        Self::TooLow,
        Self::SellerBid,
        Self::Banned,
        Self::IdConflict,
        Self::State,
        Self::Busy,
        Self::Loading,
        Self::Gap,
        Self::Invalid,
        Self::TooLarge,
        Self::Unknown,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "NOTFOUND",
            Self::NotStarted => "NOTSTARTED",
            Self::Closed => "CLOSED",
            Self::TooLow => "TOOLOW",
            Self::SellerBid => "SELLERBID",
            Self::Banned => "BANNED",
            Self::IdConflict => "IDCONFLICT",
            Self::State => "STATE",
            Self::Busy => "BUSY",
            Self::Loading => "LOADING",
            Self::Gap => "GAP",
            Self::Invalid => "INVALID",
            Self::TooLarge => "TOOLARGE",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The code that the word names; `None` for any other word.
    #[must_use]
    pub fn parse(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str().as_bytes() == word)
    }

    /// The code of a refusal by the rules. Here alone they are named; a new refusal does not compile until it has one.
    #[must_use]
    pub const fn of(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::NotFound(_) => Self::NotFound,
            Rejection::NotStarted(_) => Self::NotStarted,
            Rejection::Closed(_) => Self::Closed,
            Rejection::TooLow(_) => Self::TooLow,
            Rejection::SellerBid => Self::SellerBid,
            Rejection::Banned => Self::Banned,
            Rejection::IdConflict => Self::IdConflict,
            Rejection::State(..) => Self::State,
            Rejection::Invalid(_) | Rejection::InvalidTerms(_) => Self::Invalid,
            Rejection::TooLarge(_) => Self::TooLarge,
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::rejection::{InvalidReason, LimitReached, Missing, StateReason};
    use gavel_core::{Amount, State, Timestamp};
    use std::collections::BTreeSet;

    #[test]
    fn every_code_reads_what_it_writes() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str().as_bytes()), Some(code));
        }
        assert_eq!(Code::parse(b"ERR"), None);
        assert_eq!(Code::parse(b"toolow"), None);
    }

    /// Every refusal by the rules.
    fn rejections() -> [Rejection; 11] {
        [
            Rejection::NotFound(Missing::Auction),
            Rejection::NotStarted(Timestamp::default()),
            Rejection::Closed(Timestamp::default()),
            Rejection::TooLow(Amount::ZERO),
            Rejection::SellerBid,
            Rejection::Banned,
            Rejection::IdConflict,
            Rejection::State(State::Open, StateReason::WrongState),
            Rejection::Invalid(InvalidReason::Amount),
            Rejection::InvalidTerms(Box::new([])),
            Rejection::TooLarge(LimitReached::Bids),
        ]
    }

    #[test]
    fn a_refusals_code_is_its_name_in_capitals() {
        for rejection in rejections() {
            let name = format!("{rejection:?}").to_uppercase();
            let name = name.split(|c: char| !c.is_alphabetic()).next().unwrap();
            // Wrong terms are invalid input like any other.
            let code = if name == "INVALIDTERMS" { "INVALID" } else { name };
            assert_eq!(Code::of(&rejection).as_str(), code);
        }
    }

    #[test]
    fn all_but_four_codes_are_refusals_by_the_rules() {
        let of_rules: BTreeSet<Code> = rejections().iter().map(Code::of).collect();
        let others = Code::ALL.into_iter().filter(|code| !of_rules.contains(code));
        assert_eq!(others.collect::<Vec<_>>(), [Code::Busy, Code::Loading, Code::Gap, Code::Unknown]);
    }
}
