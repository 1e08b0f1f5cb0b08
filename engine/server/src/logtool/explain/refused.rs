//! Attempts that were refused, from the journal that the server keeps of them beside the log: bounded, lossy, not authoritative.

use super::stand::Facts;
use super::words::{Words, shown};
use crate::logtool::error::ToolError;
use gavel_core::{AuctionId, Rejection};
use gavel_log::attempts::{self, Attempt};
use gavel_wire::Code;
use std::path::Path;

/// Whether the directory has a journal of refused attempts. A backup has none.
pub(super) fn has_journal(dir: &Path) -> bool {
    dir.join(attempts::DIR).is_dir()
}

/// The refused attempts on an auction, in about the order of their times.
pub(super) fn read(
    dir: &Path,
    auction: AuctionId,
) -> Result<impl Iterator<Item = Result<Attempt<'static>, ToolError>> + use<>, ToolError> {
    let folder = dir.join(attempts::DIR);
    let journal = attempts::read(dir, Some(auction)).map_err(ToolError::io(&folder))?;
    Ok(journal.map(move |attempt| attempt.map_err(ToolError::io(&folder))))
}

/// An attempt in words: what was tried, and why it was refused.
pub(super) fn words(attempt: &Attempt<'_>, stands: Option<&Facts>, secret: bool) -> Words {
    let Attempt { at: _, shard: _, auction: _, bidder, amount, bid: _, command, code, words } = attempt;
    let by = bidder.map_or_else(String::new, |bidder| format!(" by {bidder}"));
    let of = amount.filter(|_| secret).map_or_else(String::new, |amount| format!(" of {}", shown(amount)));
    let why = if secret || !may_tell_a_maximum(attempt, stands) {
        words
    } else {
        "bid more than one's own maximum (only the bidder was told how much)"
    };
    Words { title: format!("refused: {command}{by}{of}"), lines: vec![format!("{code}: {why}")] }
}

/// A leader who bids too low is told one more than their own maximum. Everybody else is told what is public.
fn may_tell_a_maximum(attempt: &Attempt<'_>, stands: Option<&Facts>) -> bool {
    let public = stands.map(|facts| Rejection::TooLow(facts.view.min_next).to_string());
    attempt.code == Code::TooLow.as_str() && public.as_deref() != Some(&*attempt.words)
}
