//! The arguments of one command, as slices of the read buffer.
//!
//! The first [`ARGS_AT_HAND`] are found at once, which is all that bidding needs; the others are walked to, so that a
//! command with a thousand arguments needs no allocation either. What is walked was checked when it was decoded.

use super::inline::next_word;
use super::length::length;
use crate::limits::{ARGS_AT_HAND, BULK_BYTES_HARD_MAX};

/// The arguments of one command; the first is its name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    at_hand: [&'a [u8]; ARGS_AT_HAND],
    count: usize,
    rest: Rest<'a>,
}

/// The arguments that are not at hand, as they came.
#[derive(Clone, Copy)]
enum Rest<'a> {
    Multibulk(&'a [u8]),
    Inline(&'a [u8]),
}

/// Collects arguments while a command is decoded.
pub(super) struct Builder<'a> {
    at_hand: [&'a [u8]; ARGS_AT_HAND],
    count: usize,
    rest_at: usize,
}

impl<'a> Builder<'a> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self { at_hand: [&[]; ARGS_AT_HAND], count: 0, rest_at: 0 }
    }

    /// Takes the next argument, whose encoded form begins at `at`.
    #[inline]
    pub(super) fn push(&mut self, argument: &'a [u8], at: usize) {
        if let Some(slot) = self.at_hand.get_mut(self.count) {
            *slot = argument;
        } else if self.count == ARGS_AT_HAND {
            self.rest_at = at;
        }
        self.count += 1;
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The arguments of a command that is all of `command`.
    #[inline]
    pub(super) fn multibulk(self, command: &'a [u8]) -> Args<'a> {
        let rest = if self.rest_at == 0 { &[] } else { &command[self.rest_at..] };
        Args { at_hand: self.at_hand, count: self.count, rest: Rest::Multibulk(rest) }
    }

    /// The same for a line.
    pub(super) fn inline(self, line: &'a [u8]) -> Args<'a> {
        let rest = if self.rest_at == 0 { &[] } else { &line[self.rest_at..] };
        Args { at_hand: self.at_hand, count: self.count, rest: Rest::Inline(rest) }
    }
}

impl<'a> Args<'a> {
    /// How many there are, the name included: `1 ..=` [`ARGS_MAX`](crate::limits::ARGS_MAX).
    #[must_use]
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a command is never empty")]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Up to the first [`ARGS_AT_HAND`] arguments.
    #[must_use]
    #[inline]
    pub fn at_hand(&self) -> &[&'a [u8]] {
        &self.at_hand[..self.count.min(ARGS_AT_HAND)]
    }

    /// The command's name, as it came.
    #[must_use]
    #[inline]
    pub const fn name(&self) -> &'a [u8] {
        self.at_hand[0]
    }

    /// One of the first [`ARGS_AT_HAND`] arguments, or one that is walked to.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.at_hand().get(index).copied().or_else(|| self.iter().nth(index))
    }

    /// All of them in order.
    #[must_use]
    pub const fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { args: *self, next: 0 }
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|argument| argument.escape_ascii().to_string())).finish()
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

/// Goes through the arguments of a command in order.
#[derive(Clone, Debug)]
pub struct ArgsIter<'a> {
    args: Args<'a>,
    next: usize,
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.next >= self.args.count {
            return None;
        }
        let index = self.next;
        self.next += 1;
        if index < ARGS_AT_HAND {
            return Some(self.args.at_hand[index]);
        }
        match &mut self.args.rest {
            Rest::Multibulk(rest) => {
                let (size, body) = length(rest, 1, BULK_BYTES_HARD_MAX).ok()??;
                let end = body + size as usize;
                let argument = rest.get(body..end)?;
                *rest = rest.get(end + 2..)?;
                Some(argument)
            }
            Rest::Inline(rest) => {
                let (word, after) = next_word(rest).ok()??;
                *rest = &rest[after..];
                Some(word)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.args.count - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}
