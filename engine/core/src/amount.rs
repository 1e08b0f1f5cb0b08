//! Money: integer counts of a currency's minor unit. No floats anywhere.

use crate::limits::AMOUNT_MAX;

/// An integer count of the currency's minor unit, `0 ..= 2^53 - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount, [`AMOUNT_MAX`].
    pub const MAX: Self = Self(AMOUNT_MAX);

    /// `None` above [`AMOUNT_MAX`].
    #[must_use]
    pub const fn new(minor_units: u64) -> Option<Self> {
        if minor_units <= AMOUNT_MAX { Some(Self(minor_units)) } else { None }
    }

    /// The count of minor units.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, or [`Amount::MAX`] where it would be larger.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        let sum = self.0 + other.0;
        if sum <= AMOUNT_MAX { Self(sum) } else { Self::MAX }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
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
