//! Where an auction's end may be after each bid.
//!
//! The end depends on when the *engine* received a bid, which the ledger brackets: not before it was first sent, not after
//! it was answered, give or take how far two clocks may differ ([`SLACK_US`]). So the oracle checks in both directions:
//! an end that moved must have moved by the rules from a time within the bracket, and one that did not move must not have
//! had to, whatever the time within the bracket was.
//!
//! Time given back after an outage moves ends too, and leaves no trace in a ledger: between bids of different epochs the
//! end may have moved later by any length.

use crate::terms::{KnownTerms, SoftClose};

/// How far the generator's clock and the engine's may differ, in microseconds.
pub const SLACK_US: u64 = 1_000_000;

/// One bid, as far as ends go. Times in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// First sent.
    pub sent_us: u64,
    /// Answered.
    pub acked_us: u64,
    /// The end that the receipt says.
    pub ends_us: u64,
    /// Raised the price.
    pub raised_price: bool,
    /// Made a new leader.
    pub new_leader: bool,
    /// The log was opened anew between the bid before and this one.
    pub new_epoch: bool,
}

/// The end so far, and the check of the next bid's.
///
/// # Errors
/// Says what is wrong with the end in the receipt.
pub fn check(terms: &KnownTerms, before_us: u64, late: &Late) -> Result<(), &'static str> {
    if late.new_epoch && late.ends_us >= before_us {
        return Ok(());
    }
    let rule = terms.soft_close.as_ref().filter(|rule| is_triggered(rule, late));
    match (rule, late.ends_us == before_us) {
        (None, true) => Ok(()),
        (None, false) => Err("the end moved, and nothing in the terms moves it"),
        (Some(rule), true) => must_not_have_moved(rule, before_us, late),
        (Some(rule), false) => may_have_moved(rule, before_us, late),
    }
}

fn is_triggered(rule: &SoftClose, late: &Late) -> bool {
    match rule.trigger.as_str() {
        "price" => late.raised_price,
        "leader" => late.new_leader,
        _ => true,
    }
}

fn capped(rule: &SoftClose, end_us: u64, before_us: u64) -> u64 {
    rule.hard_end_us.map_or(end_us, |hard_end| end_us.min(hard_end.max(before_us)))
}

/// The new end for a bid received at this time within the window.
fn moved_to(rule: &SoftClose, before_us: u64, received_us: u64) -> u64 {
    let end_us = match rule.mode.as_str() {
        "from_end" => before_us + rule.extension_us,
        "reset" => received_us + rule.extension_us,
        _ => before_us.max(received_us + rule.extension_us),
    };
    capped(rule, end_us, before_us)
}

fn must_not_have_moved(rule: &SoftClose, before_us: u64, late: &Late) -> Result<(), &'static str> {
    let in_window = |received_us: u64| before_us.saturating_sub(received_us) <= rule.window_us;
    let moves =
        |received_us: u64| in_window(received_us) && moved_to(rule, before_us, received_us) != before_us;
    let (from, to) = (late.sent_us.saturating_add(SLACK_US), late.acked_us.saturating_sub(SLACK_US));
    // Later in the bracket means deeper in the window and a later end: both of its ends moving means all of it moves.
    let surely = from < before_us
        && moves(from)
        && moves(to.max(from))
        && moves(late.sent_us.saturating_sub(SLACK_US));
    if surely { Err("the end should have moved and did not") } else { Ok(()) }
}

fn may_have_moved(rule: &SoftClose, before_us: u64, late: &Late) -> Result<(), &'static str> {
    let (from, to) = (late.sent_us.saturating_sub(SLACK_US), late.acked_us.saturating_add(SLACK_US));
    if before_us.saturating_sub(to) > rule.window_us {
        return Err("the end moved for a bid before the window");
    }
    let ends = moved_to(rule, before_us, from)..=moved_to(rule, before_us, to);
    if ends.contains(&late.ends_us) {
        Ok(())
    } else {
        Err("the end moved to where no time of the bid would move it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::TermsPlan;

    const END: u64 = 1_800_000_000_000_000;
    const SECOND: u64 = 1_000_000;

    fn terms(mode: &str, trigger: &str) -> KnownTerms {
        let soft_close = format!(
            r#"{{"soft_close": {{"mode": "{mode}", "trigger": "{trigger}", "window_s": 120, "extension_s": 120}}}}"#
        );
        KnownTerms::parse(&TermsPlan::standard(true).overlaid(&soft_close).unwrap().json(0, END)).unwrap()
    }

    /// A price-raising bid received `left_s` seconds before the end, with the end `moved_s` later in its receipt.
    fn late(left_s: u64, moved_s: u64) -> Late {
        let at = END - left_s * SECOND;
        let ends_us = END + moved_s * SECOND;
        Late {
            sent_us: at - 500,
            acked_us: at + 500,
            ends_us,
            raised_price: true,
            new_leader: false,
            new_epoch: false,
        }
    }

    #[test]
    fn an_end_moves_from_the_bid_by_the_extension() {
        let terms = terms("from_bid", "price");
        assert_eq!(check(&terms, END, &late(10, 110)), Ok(()));
        assert!(check(&terms, END, &late(10, 0)).is_err(), "it had to move");
        assert!(check(&terms, END, &late(10, 120)).is_err(), "too far");
        assert!(check(&terms, END, &late(300, 120)).is_err(), "not in the window");
        assert_eq!(check(&terms, END, &late(300, 0)), Ok(()));
    }

    #[test]
    fn an_end_moves_from_the_end_by_the_extension() {
        let terms = terms("from_end", "any");
        assert_eq!(check(&terms, END, &late(10, 120)), Ok(()));
        assert!(check(&terms, END, &late(10, 110)).is_err());
    }

    #[test]
    fn only_the_bids_that_the_trigger_names_move_the_end() {
        let terms = terms("from_bid", "leader");
        assert_eq!(check(&terms, END, &late(10, 0)), Ok(()));
        assert!(check(&terms, END, &late(10, 110)).is_err(), "no new leader");
        assert!(check(&terms, END, &Late { new_leader: true, ..late(10, 0) }).is_err());
    }

    #[test]
    fn at_the_edge_of_the_window_both_answers_are_right() {
        let terms = terms("from_end", "any");
        assert_eq!(check(&terms, END, &late(120, 0)), Ok(()));
        assert_eq!(check(&terms, END, &late(120, 120)), Ok(()));
    }

    #[test]
    fn without_soft_close_only_a_new_epoch_moves_an_end_and_only_later() {
        let terms = KnownTerms::parse(&TermsPlan::standard(true).json(0, END)).unwrap();
        assert_eq!(check(&terms, END, &late(10, 0)), Ok(()));
        assert!(check(&terms, END, &late(10, 5)).is_err());
        assert_eq!(check(&terms, END, &Late { new_epoch: true, ..late(10, 5) }), Ok(()));
        assert!(check(&terms, END + SECOND, &Late { new_epoch: true, ..late(10, 0) }).is_err());
    }
}
