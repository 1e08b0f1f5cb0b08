//! What is said of settings that can't be.

use super::bounds::Bounds;
use super::given::VariableError;
use std::path::{Path, PathBuf};

/// Why there are no valid settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("the settings file {} can't be read: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a value of another kind. Says where, and repeats no line: it may hold a password.
    #[error("the settings file {} is wrong:\n{problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: String,
    },
    /// A variable of the environment.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The write databases.
    #[error("postgres (from {from}): {problem}")]
    Postgres {
        /// Where the setting came from.
        from: String,
        /// What is wrong.
        problem: super::postgres::DatabasesError,
    },
    /// Values out of their bounds: all of them.
    #[error("{}", listed(.0))]
    Bounds(Vec<BoundsError>),
}

impl ConfigError {
    /// What is wrong with the file that has this text.
    pub(super) fn file(path: &Path, text: &str, problem: &toml::de::Error) -> Self {
        let before = problem.span().and_then(|span| text.get(..span.start));
        let place = before.map(|before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|&char| char != '\n').count() + 1;
            format!("line {line}, column {column}: ")
        });
        let problem = place.unwrap_or_default() + problem.message().trim_end();
        Self::File { path: path.to_owned(), problem }
    }
}

/// One value out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value} (from {from}); allowed is {bounds}")]
pub(crate) struct BoundsError {
    pub(super) name: &'static str,
    pub(super) value: u64,
    pub(super) from: String,
    pub(super) bounds: Bounds,
}

/// One on the line itself, several on lines of their own below it.
fn listed(problems: &[BoundsError]) -> String {
    match problems {
        [one] => one.to_string(),
        all => all
            .iter()
            .fold("settings out of their bounds:".to_owned(), |text, one| format!("{text}\n  {one}")),
    }
}
