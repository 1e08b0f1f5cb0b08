//! Auctions as the engine has them against auctions as the oracle computes them.

use super::book::{Book, BookedAuction};
use super::findings::{Findings, Kind};
use super::resolve::Fates;
use super::state::AuctionState;
use crate::ledger::AckedBid;
use crate::oracle::end::{self, Late, SLACK_US};
use crate::oracle::{Computed, Judgement, Outcome};
use crate::units::{Clock, time_text};
use gavel_core::Epoch;

/// How the auctions were compared.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) bounded: u64,
    pub(super) outcomes: u64,
}

pub(super) fn compare(
    book: &Book,
    fates: &Fates,
    states: &[Option<AuctionState>],
    findings: &mut Findings,
) -> Compared {
    let mut compared = Compared::default();
    let now_us = Clock::start().now_us();
    for (index, (auction, state)) in (0..).zip(book.auctions.iter().zip(states)) {
        let bids = &book.acked[book.acked_of(index)];
        check_positions(auction, bids, findings);
        let unresolved = fates.unresolved.get(&index).copied().unwrap_or(0);
        if unresolved > 0 || !auction.is_complete {
            compared.bounded += 1;
            bound(auction, bids, unresolved, state.as_ref(), findings);
        } else {
            let computed = replay(auction, bids, findings);
            let Some(state) = state else { continue };
            check_end(auction, bids, state, findings);
            compared.outcomes += u64::from(state.state != "open");
            check_state(auction, &computed, state, now_us, findings);
        }
    }
    compared
}

/// A place in the log belongs to one record for ever, and to the shard that the auction's id names.
fn check_positions(auction: &BookedAuction, bids: &[AckedBid], findings: &mut Findings) {
    for pair in bids
        .windows(2)
        .filter(|pair| pair[0].position.lsn == pair[1].position.lsn && pair[0].id != pair[1].id)
    {
        let (one, other) = (&pair[0], &pair[1]);
        findings.add(Kind::Position, auction.id, || {
            format!(
                "bids {} at {} and {} at {} have one place",
                one.id, one.position, other.id, other.position
            )
        });
    }
    for bid in bids.iter().filter(|bid| bid.position.shard != auction.id.shard()) {
        findings.add(Kind::Position, auction.id, || {
            format!("bid {} is in another shard: {}", bid.id, bid.position)
        });
    }
    for pair in bids.windows(2).filter(|pair| pair[1].position.epoch < pair[0].position.epoch) {
        findings.add(Kind::Position, auction.id, || {
            format!("{} comes after {}, in an earlier generation", pair[1].position, pair[0].position)
        });
    }
}

/// Computes an auction from its bids, and checks each receipt on the way.
fn replay<'a>(auction: &'a BookedAuction, bids: &[AckedBid], findings: &mut Findings) -> Computed<'a> {
    let mut computed = Computed::new(&auction.terms);
    let (mut ends_us, mut epoch) =
        (auction.terms.ends_us, bids.first().map_or(Epoch(1), |bid| bid.position.epoch));
    for bid in bids {
        let judgement = computed.bid(bid.bidder, bid.amount);
        let Judgement { least, standing, price, min_next, raised_price, new_leader } = judgement;
        if bid.amount < least || (standing, price, min_next) != (bid.standing, bid.price, bid.min_next) {
            findings.add(Kind::Receipt, auction.id, || format!("{bid:?} should be {judgement:?}"));
        }
        let late = Late {
            sent_us: bid.sent_us,
            acked_us: bid.acked_us,
            ends_us: bid.ends_us,
            raised_price,
            new_leader,
            new_epoch: bid.position.epoch != epoch,
        };
        if let Err(why) = end::check(&auction.terms, ends_us, &late) {
            findings.add(Kind::End, auction.id, || format!("{bid:?}: {why} (it was {})", time_text(ends_us)));
        }
        (ends_us, epoch) = (bid.ends_us, bid.position.epoch);
    }
    computed
}

/// The end stays where the last receipt left it, unless an outage's time was given back after it.
fn check_end(auction: &BookedAuction, bids: &[AckedBid], state: &AuctionState, findings: &mut Findings) {
    let (said_us, epoch) = last_end(auction, bids);
    let given_back = state.ends_us > said_us && epoch.is_none_or(|epoch| state.epoch > epoch);
    if state.ends_us != said_us && !given_back {
        findings.add(Kind::End, auction.id, || {
            format!("ends at {}, and the last receipt said {}", time_text(state.ends_us), time_text(said_us))
        });
    }
}

/// The end that the last receipt said, and its generation; that of the terms without bids.
fn last_end(auction: &BookedAuction, bids: &[AckedBid]) -> (u64, Option<u32>) {
    bids.last().map_or((auction.terms.ends_us, None), |bid| (bid.ends_us, Some(bid.position.epoch.0)))
}

fn check_state(
    auction: &BookedAuction,
    computed: &Computed<'_>,
    state: &AuctionState,
    now_us: u64,
    findings: &mut Findings,
) {
    let mut differs = |field: &str, is: String, should_be: String| {
        if is != should_be {
            findings
                .add(Kind::Auction, auction.id, || format!("{field} is {is}, its bids make it {should_be}"));
        }
    };
    differs("price", format!("{:?}", state.price), format!("{:?}", computed.price()));
    differs("min_next", state.min_next.to_string(), computed.min_next().to_string());
    differs("bid_count", state.bid_count.to_string(), computed.bids().to_string());
    let (word, winner) = match computed.outcome() {
        _ if state.ends_us > now_us + SLACK_US => ("open", computed.leader()),
        // Within the slack both are right.
        _ if state.state == "open" && state.ends_us + SLACK_US > now_us => ("open", computed.leader()),
        Outcome::Awarded(winner, _) => ("awarded", Some(winner)),
        Outcome::Unsold => ("unsold", None),
    };
    differs("state", state.state.clone(), word.to_owned());
    differs("leader", format!("{:?}", state.leader), format!("{winner:?}"));
    let met = match auction.terms.reserve_price {
        None => "none",
        Some(reserve) if computed.price().is_some_and(|price| price >= reserve) => "met",
        Some(_) => "not_met",
    };
    differs("reserve_status", state.reserve_status.clone(), met.to_owned());
}

/// What holds of an auction whatever became of the bids that are not known.
fn bound(
    auction: &BookedAuction,
    bids: &[AckedBid],
    unresolved: u64,
    state: Option<&AuctionState>,
    findings: &mut Findings,
) {
    for pair in bids.windows(2).filter(|pair| pair[1].price < pair[0].price) {
        findings.add(Kind::Receipt, auction.id, || {
            format!("the price falls from {:?} to {:?}", pair[0], pair[1])
        });
    }
    let Some(state) = state else { return };
    let known = bids.len() as u64;
    let most = if auction.is_complete { known + unresolved } else { u64::MAX };
    if !(known..=most).contains(&state.bid_count) {
        findings.add(Kind::Auction, auction.id, || {
            format!("has {} bids, {known} to {most} are possible", state.bid_count)
        });
    }
    let last_price = bids.last().map(|bid| bid.price);
    if state.price < last_price {
        let is = state.price;
        findings.add(Kind::Auction, auction.id, || {
            format!("price is {is:?}, the last receipt said {last_price:?}")
        });
    }
}
