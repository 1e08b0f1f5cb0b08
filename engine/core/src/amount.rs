//! Money: integer counts of a currency's minor unit. No floats anywhere.

use crate::limits::AMOUNT_MAX;
use std::num::NonZeroU64;

/// An integer count of the currency's minor unit, `0 ..= 2^53 - 1`.
///
/// One more than the count inside, so that an amount that may be absent takes no more room than one that is there: auctions in
/// memory have many of those.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(NonZeroU64);

const _: () = assert!(size_of::<Option<Amount>>() == 8);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(NonZeroU64::MIN);
    /// The largest amount, [`AMOUNT_MAX`].
    pub const MAX: Self = match Self::new(AMOUNT_MAX) {
        Some(most) => most,
        None => Self::ZERO,
    };

    /// `None` above [`AMOUNT_MAX`].
    #[must_use]
    pub const fn new(minor_units: u64) -> Option<Self> {
        if minor_units > AMOUNT_MAX {
            return None;
        }
        match NonZeroU64::new(minor_units + 1) {
            Some(inside) => Some(Self(inside)),
            None => None,
        }
    }

    /// The count of minor units.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get() - 1
    }

    /// The sum, or [`Amount::MAX`] where it would be larger.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        match Self::new(self.get() + other.get()) {
            Some(sum) => sum,
            None => Self::MAX,
        }
    }
}

impl Default for Amount {
    fn default() -> Self {
        Self::ZERO
    }
}

impl std::fmt::Debug for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Amount({})", self.get())
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

/// An ISO 4217 alphabetic code, three upper-case ASCII letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// `XXX`, ISO 4217's code for "no currency".
    pub const NONE: Self = Self(*b"XXX");

    /// `None` unless the text is three upper-case ASCII letters.
    #[must_use]
    pub const fn new(code: [u8; 3]) -> Option<Self> {
        if code[0].is_ascii_uppercase() && code[1].is_ascii_uppercase() && code[2].is_ascii_uppercase() {
            Some(Self(code))
        } else {
            None
        }
    }

    /// The three letters.
    #[must_use]
    pub const fn code(self) -> [u8; 3] {
        self.0
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|&letter| std::fmt::Write::write_char(f, char::from(letter)))
    }
}
