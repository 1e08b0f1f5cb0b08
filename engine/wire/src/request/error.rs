//! Why bytes that were followed are no request: what was wrong, and what is allowed.

use crate::catalogue::Entry;
use crate::code::Code;
use crate::limits::ECHO_CHARS_MAX;
use std::borrow::Cow;
use std::fmt::Write as _;

/// A command that can't be understood. Its text is what the error reply says after the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such command.
    #[error("there is no command {0}: COMMAND DOCS lists them")]
    Command(Shown),
    /// The command has no such subcommand.
    #[error("{} has no subcommand {got}: {of}", .of.name)]
    Subcommand {
        /// The command.
        of: &'static Entry,
        /// What came.
        got: Shown,
    },
    /// The wrong number of arguments.
    #[error("{} takes {}: {}", .0.name, .0.takes, .0)]
    Arity(&'static Entry),
    /// A word where another belongs.
    #[error("unexpected {got}: {of}")]
    Unexpected {
        /// The command.
        of: &'static Entry,
        /// The first word that does not belong there.
        got: Shown,
    },
    /// A word that is nothing without another behind it.
    #[error("something is missing behind {after}: {of}")]
    Missing {
        /// The command.
        of: &'static Entry,
        /// The last word.
        after: Shown,
    },
    /// One argument is not what it must be.
    #[error("{name} {must}, got {got}")]
    Argument {
        /// Which.
        name: &'static str,
        /// What it must be.
        must: Cow<'static, str>,
        /// What came.
        got: Shown,
    },
    /// One argument is too long.
    #[error("{name} has {bytes} bytes, at most {bytes_max} are allowed")]
    Long {
        /// Which.
        name: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// The client wants to say who it is.
    #[error("this server has no users and no passwords: leave AUTH out")]
    Auth,
    /// The client wants a transaction. Which it has not got, so nothing of it may be done: see [`Transaction`].
    #[error(
        "transactions are not supported: send the commands without {0} (in redis-py: pipeline(transaction=False))"
    )]
    Transaction(Transaction),
}

/// A word by which Redis begins or ends a transaction. A client that pipelines `MULTI`, commands and `EXEC` believes that all of
/// them are carried out or none, so when `MULTI` is refused, what comes up to the end must be refused with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// `MULTI`: begins one.
    Multi,
    /// `EXEC`: ends it; all is to be done.
    Exec,
    /// `DISCARD`: ends it; nothing is.
    Discard,
}

impl std::fmt::Display for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Multi => "MULTI",
            Self::Exec => "EXEC",
            Self::Discard => "DISCARD",
        })
    }
}

impl RequestError {
    /// The code of the error reply.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Command(_) | Self::Subcommand { .. } | Self::Transaction(_) => Code::Unknown,
            Self::Long { .. } => Code::TooLarge,
            Self::Arity(_)
            | Self::Unexpected { .. }
            | Self::Missing { .. }
            | Self::Argument { .. }
            | Self::Auth => Code::Invalid,
        }
    }

    /// A word where another belongs.
    pub(super) fn unexpected(of: &'static Entry, got: &[u8]) -> Self {
        Self::Unexpected { of, got: Shown::new(got) }
    }

    /// A word that is nothing without another behind it.
    pub(super) fn missing(of: &'static Entry, after: &[u8]) -> Self {
        Self::Missing { of, after: Shown::new(after) }
    }

    /// An argument that is not what it must be.
    pub(crate) fn argument(name: &'static str, must: impl Into<Cow<'static, str>>, got: &[u8]) -> Self {
        Self::Argument { name, must: must.into(), got: Shown::new(got) }
    }
}

/// A piece of what a client sent, fit to be shown in quotes: cut to [`ECHO_CHARS_MAX`] characters, without control
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(Box<str>);

impl Shown {
    /// Makes a piece of input fit to be shown.
    #[must_use]
    pub fn new(input: &[u8]) -> Self {
        // A character has at most four bytes; cutting first keeps the work bounded.
        let head = String::from_utf8_lossy(&input[..input.len().min(ECHO_CHARS_MAX * 4)]);
        let mut shown = String::with_capacity(ECHO_CHARS_MAX + 8);
        for (count, character) in head.chars().enumerate() {
            if count == ECHO_CHARS_MAX {
                shown.push('…');
                break;
            }
            if character.is_control() {
                // Writing to a string can't fail.
                write!(shown, "\\x{:02x}", u32::from(character)).unwrap_or_default();
            } else {
                shown.push(character);
            }
        }
        Self(shown.into_boxed_str())
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}'", self.0)
    }
}
