//! Auctions as the engine shows them: what `AUCTION GET` answers.

use super::book::Book;
use super::findings::{Findings, Kind};
use super::{VerifyError, VerifyProgress};
use crate::link::Link;
use crate::oracle::end::SLACK_US;
use crate::reply::encode_get;
use crate::units::{Clock, parse_time};
use gavel_core::AccountId;
use serde_json::Value;
use std::time::Duration;

/// What of an auction's state is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuctionState {
    pub(crate) state: String,
    pub(crate) price: Option<u64>,
    pub(crate) min_next: u64,
    pub(crate) leader: Option<AccountId>,
    pub(crate) bid_count: u64,
    pub(crate) reserve_status: String,
    pub(crate) ends_us: u64,
    /// When the latest record was decided.
    pub(crate) at_us: u64,
    pub(crate) seq: u32,
    /// The generation of the latest record, from its position.
    pub(crate) epoch: u32,
}

impl AuctionState {
    /// `None` when a field is missing or is not what it should be.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(json).ok()?;
        let text = |name: &str| json[name].as_str();
        let leader = &json["leader"];
        Some(Self {
            state: text("state")?.to_ascii_lowercase(),
            price: if json["price"].is_null() { None } else { Some(json["price"].as_u64()?) },
            min_next: json["min_next"].as_u64()?,
            leader: if leader.is_null() { None } else { Some(leader.as_str()?.parse().ok()?) },
            bid_count: json["bid_count"].as_u64()?,
            reserve_status: text("reserve_status")?.to_owned(),
            ends_us: parse_time(text("ends_at")?)?,
            at_us: parse_time(text("at")?)?,
            seq: u32::try_from(json["seq"].as_u64()?).ok()?,
            epoch: text("position")?.split('-').nth(1)?.parse().ok()?,
        })
    }

    /// Bids are not taken any more, and that is on the disk.
    pub(crate) fn is_decided(&self) -> bool {
        self.state != "open" && self.state != "scheduled"
    }

    fn is_overdue(&self, now_us: u64) -> bool {
        self.state == "open" && self.ends_us <= now_us
    }
}

/// Sleeps until the last of the auctions that end within `at_most` has ended.
pub(super) fn wait_for_ends(book: &Book, at_most: Duration) {
    let now_us = Clock::start().now_us();
    let until_us = now_us + at_most.as_micros() as u64;
    let ends = (0..book.auctions.len() as u32).map(|auction| match book.acked_of(auction).next_back() {
        Some(last) => book.acked[last].ends_us,
        None => book.auctions[auction as usize].terms.ends_us,
    });
    let last_us = ends.filter(|&end| end <= until_us).max().unwrap_or(now_us);
    std::thread::sleep(Duration::from_micros(last_us.saturating_sub(now_us)));
}

/// The auctions as the ledgers tell that they ended.
pub(super) fn written(book: &Book, findings: &mut Findings) -> Vec<Option<AuctionState>> {
    let mut states = vec![None; book.auctions.len()];
    for (auction, text) in &book.outcomes {
        let state = AuctionState::parse(text);
        if state.is_none() {
            findings.add(Kind::Unreadable, book.id(*auction), || format!("the ledger has `{text}`"));
        }
        states[*auction as usize] = state;
    }
    states
}

/// Reads every auction; those that should have ended and have not, twice, with the clocks' slack between.
pub(super) fn read(
    link: &mut Link,
    book: &Book,
    findings: &mut Findings,
    progress: &mut impl FnMut(&VerifyProgress),
) -> Result<Vec<Option<AuctionState>>, VerifyError> {
    let mut states = vec![None; book.auctions.len()];
    let all: Vec<usize> = (0..states.len()).collect();
    read_some(link, book, &all, &mut states, findings)?;
    let now_us = Clock::start().now_us();
    let is_overdue =
        |&index: &usize| states[index].as_ref().is_some_and(|state: &AuctionState| state.is_overdue(now_us));
    let overdue: Vec<usize> = all.into_iter().filter(is_overdue).collect();
    if !overdue.is_empty() {
        std::thread::sleep(Duration::from_micros(SLACK_US));
        read_some(link, book, &overdue, &mut states, findings)?;
    }
    let of = states.len() as u64;
    progress(&VerifyProgress { step: "reading auctions", done: of, of });
    Ok(states)
}

fn read_some(
    link: &mut Link,
    book: &Book,
    which: &[usize],
    states: &mut [Option<AuctionState>],
    findings: &mut Findings,
) -> Result<(), VerifyError> {
    link.ask_all(
        which.len(),
        |index, out| encode_get(out, book.auctions[which[index]].id),
        |index, reply| {
            let answer = reply.into_text();
            let state = answer.as_ref().ok().and_then(|json| AuctionState::parse(json));
            if state.is_none() {
                let words = answer.unwrap_or_else(|words| words);
                findings.add(Kind::Unreadable, book.auctions[which[index]].id, || {
                    format!("the server answers `{words}`")
                });
            }
            states[which[index]] = state;
        },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_from_what_the_server_answers() {
        let json = r#"{"id": "20261122-003-00000042", "state": "open", "price": 1200, "min_next": 1300, "leader": "7",
            "bid_count": 3, "bidder_count": 2, "reserve_status": "not_met", "starts_at": "2026-11-22T09:00:00Z",
            "ends_at": "2026-11-23T00:00:00.5Z", "seq": 4, "position": "3-2-42",
            "at": "2026-11-22T10:00:00Z"}"#;
        let state = AuctionState::parse(json).unwrap();
        assert_eq!(
            (state.price, state.min_next, state.bid_count, state.seq, state.epoch),
            (Some(1_200), 1_300, 3, 4, 2)
        );
        assert_eq!(state.leader, Some(AccountId::from_integer(7)));
        assert_eq!(state.ends_us, 1_795_392_000_500_000);
        assert!(state.is_overdue(1_795_392_000_500_000) && !state.is_overdue(1_795_392_000_499_999));
        assert_eq!(AuctionState::parse(&json.replace("\"seq\": 4", "\"seq\": -4")), None);
        assert_eq!(AuctionState::parse("[]"), None);
    }
}
