//! Soft close: why a bid has moved the end, or why it has not.

use super::{Telling, span};
use gavel_core::event::BidAccepted;
use gavel_core::terms::{SoftClose, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{Duration, Timestamp};

impl Telling<'_> {
    /// Nothing to say where the terms have no soft close, or the bid came before its window.
    pub(super) fn soft_close(&self, bid: &BidAccepted, at: Timestamp) -> Option<String> {
        let soft = self.terms().soft_close?;
        let ends_at = self.before().view.ends_at;
        let left = ends_at.since(at);
        if left > soft.window && bid.extended_to.is_none() {
            return None;
        }
        let within =
            format!("soft close: {} before the end, within its window of {}", span(left), span(soft.window));
        Some(match bid.extended_to {
            Some(moved) => format!(
                "{within}, {}, so that the end moves from {ends_at} to {moved}: {}",
                counts(soft.trigger),
                self.reckoning(soft, moved, wanted(soft, at, ends_at))
            ),
            None => format!("{within}, but the end stays: {}", self.stays(bid, soft, at, ends_at)),
        })
    }

    /// How the new end is reckoned.
    fn reckoning(&self, soft: SoftClose, moved: Timestamp, wanted: Timestamp) -> String {
        let extension = span(soft.extension);
        let how = match soft.mode {
            SoftCloseMode::FromBid => format!("the time of the bid and {extension}"),
            SoftCloseMode::FromEnd => format!("the end before it and {extension}"),
            SoftCloseMode::Reset => format!("the time left is set to {extension}"),
        };
        if moved < wanted { format!("{how}, but not beyond {}", self.latest(soft)) } else { how }
    }

    fn latest(&self, soft: SoftClose) -> String {
        match soft.hard_end {
            Some(hard_end) if hard_end == self.terms().latest_end() => {
                format!("the hard end of the terms, {hard_end}")
            }
            _ => format!("the longest time that an auction may last, to {}", self.terms().latest_end()),
        }
    }

    fn stays(&self, bid: &BidAccepted, soft: SoftClose, at: Timestamp, ends_at: Timestamp) -> String {
        let before = self.before().view;
        let counts = match soft.trigger {
            SoftCloseTrigger::Any => true,
            SoftCloseTrigger::Price => Some(bid.price) > before.price,
            SoftCloseTrigger::Leader => self.after.view.leader != before.leader,
        };
        if !counts {
            let needed = match soft.trigger {
                SoftCloseTrigger::Any | SoftCloseTrigger::Price => "a bid that raises the price",
                SoftCloseTrigger::Leader => "a bid that makes a new leader",
            };
            return format!("only {needed} moves it");
        }
        if wanted(soft, at, ends_at) > ends_at {
            return format!("it cannot go beyond {}", self.latest(soft));
        }
        format!("{} from the bid is no later than it", span(soft.extension))
    }
}

/// Where the end would be, were there no latest one.
fn wanted(soft: SoftClose, at: Timestamp, ends_at: Timestamp) -> Timestamp {
    let SoftClose { mode, extension, trigger: _, window: _, hard_end: _ } = soft;
    let after = |from: Timestamp, extension: Duration| from.saturating_add(extension);
    match mode {
        SoftCloseMode::FromBid => after(at, extension).max(ends_at),
        SoftCloseMode::FromEnd => after(ends_at, extension),
        SoftCloseMode::Reset => after(at, extension),
    }
}

fn counts(trigger: SoftCloseTrigger) -> &'static str {
    match trigger {
        SoftCloseTrigger::Any => "where every bid counts",
        SoftCloseTrigger::Price => "and it has raised the price",
        SoftCloseTrigger::Leader => "and it has made a new leader",
    }
}
