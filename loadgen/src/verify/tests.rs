//! Goal: the comparison finds each kind of lie an engine could tell, and nothing where it tells the truth.
//! Method: a book and states made by hand from a worked example, then changed in one place at a time.

use super::book::BookedAuction;
use super::compare::compare;
use super::resolve::Fates;
use super::state::AuctionState;
use super::*;
use crate::ledger::AckedBid;
use crate::terms::{KnownTerms, TermsPlan};
use crate::units::Clock;
use gavel_core::{AccountId, AuctionId, BidId, Epoch, Lsn, Position, Seq, ShardId, Standing};

const HOUR_US: u64 = 3_600_000_000;

fn bid(number: u64, bidder: u64, amount: u64, standing: Standing, price: u64, ends_us: u64) -> AckedBid {
    let auction = AuctionId::new(20_780, ShardId(3), 1).unwrap();
    AckedBid {
        auction: 0,
        bidder: AccountId::from_integer(bidder),
        amount,
        id: BidId::assigned(auction, Seq(number as u32 + 1)),
        chosen: false,
        standing,
        position: Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(100 + number) },
        price,
        min_next: price + 100,
        ends_us,
        sent_us: ends_us - HOUR_US,
        acked_us: ends_us - HOUR_US + 800,
    }
}

/// An open auction with three bids, and what the engine should show of it.
fn example(ended: bool) -> (Book, Vec<Option<AuctionState>>) {
    let now_us = Clock::start().now_us();
    let ends_us = if ended { now_us - HOUR_US } else { now_us + HOUR_US };
    let terms = KnownTerms::parse(&TermsPlan::standard(true).json(0, ends_us)).unwrap();
    let auction =
        BookedAuction { id: AuctionId::new(20_780, ShardId(3), 1).unwrap(), terms, is_complete: true };
    let acked = vec![
        bid(1, 7, 5_000, Standing::Leading, 1_000, ends_us),
        bid(2, 8, 2_000, Standing::Outbid, 2_100, ends_us),
        bid(3, 9, 6_000, Standing::Leading, 5_100, ends_us),
    ];
    let state = AuctionState {
        state: if ended { "awarded" } else { "open" }.into(),
        price: Some(5_100),
        min_next: 5_200,
        leader: Some(AccountId::from_integer(9)),
        bid_count: 3,
        reserve_status: "none".into(),
        ends_us,
        at_us: 0,
        seq: 4,
        epoch: 1,
    };
    (Book { auctions: vec![auction], acked, ..Book::default() }, vec![Some(state)])
}

/// The kinds found in the example after a change.
fn found(ended: bool, change: impl Fn(&mut Book, &mut AuctionState)) -> Vec<Kind> {
    let (mut book, mut states) = example(ended);
    change(&mut book, states[0].as_mut().unwrap());
    let mut findings = Findings::new(10);
    compare(&book, &Fates::default(), &states, &mut findings);
    assert_eq!(findings.is_empty(), findings.details.is_empty());
    findings.counts.into_keys().collect()
}

#[test]
fn the_truth_has_no_differences() {
    assert_eq!(found(false, |_, _| ()), []);
    assert_eq!(found(true, |_, _| ()), []);
}

#[test]
fn a_wrong_state_is_found_field_by_field() {
    let changes: [fn(&mut AuctionState); 6] = [
        |state| state.price = Some(5_000),
        |state| state.leader = Some(AccountId::from_integer(7)),
        |state| state.bid_count = 4,
        |state| state.min_next = 5_101,
        |state| state.state = "unsold".into(),
        |state| state.reserve_status = "met".into(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        for ended in [false, true] {
            assert_eq!(found(ended, |_, state| change(state)), [Kind::Auction], "change {number}");
        }
    }
}

#[test]
fn an_auction_that_did_not_end_is_found() {
    assert_eq!(found(true, |_, state| state.state = "open".into()), [Kind::Auction]);
    assert_eq!(found(false, |_, state| state.state = "awarded".into()), [Kind::Auction]);
}

#[test]
fn a_wrong_receipt_is_found() {
    assert_eq!(found(false, |book, _| book.acked[1].price = 2_000), [Kind::Receipt]);
    assert_eq!(found(false, |book, _| book.acked[1].standing = Standing::Leading), [Kind::Receipt]);
    assert_eq!(found(false, |book, _| book.acked[2].min_next = 5_300), [Kind::Receipt]);
}

#[test]
fn a_bid_that_should_not_have_been_accepted_is_found() {
    let accept_too_low = |book: &mut Book, _: &mut AuctionState| book.acked[1].amount = 1_050;
    assert_eq!(found(false, accept_too_low), [Kind::Receipt]);
}

#[test]
fn a_bid_that_was_decided_in_another_order_is_found() {
    let swap = |book: &mut Book, _: &mut AuctionState| {
        (book.acked[0].position.lsn, book.acked[1].position.lsn) =
            (book.acked[1].position.lsn, book.acked[0].position.lsn);
        book.sort();
    };
    assert!(found(false, swap).contains(&Kind::Receipt));
}

#[test]
fn a_place_in_the_log_that_was_given_twice_is_found() {
    assert_eq!(found(false, |book, _| book.acked[1].position.lsn = Lsn(101)), [Kind::Position]);
    assert_eq!(found(false, |book, _| book.acked[1].position.shard = ShardId(4)), [Kind::Position]);
    assert_eq!(found(false, |book, _| book.acked[0].position.epoch = Epoch(2)), [Kind::Position]);
}

#[test]
fn an_end_moves_only_by_rules_or_later_in_a_new_generation() {
    assert_eq!(found(false, |_, state| state.ends_us += 1), [Kind::End]);
    assert_eq!(found(false, |book, _| book.acked[2].ends_us += 1), [Kind::End], "there and back again");
    let give_back = |epoch| {
        move |_: &mut Book, state: &mut AuctionState| {
            (state.ends_us, state.epoch) = (state.ends_us + 9, epoch)
        }
    };
    assert_eq!(found(false, give_back(2)), []);
    assert_eq!(found(false, give_back(1)), [Kind::End]);
}

#[test]
fn a_ledger_that_was_not_closed_only_bounds() {
    let open = |bid_count, price| {
        found(false, move |book, state| {
            book.auctions[0].is_complete = false;
            (state.bid_count, state.price) = (bid_count, Some(price));
            state.leader = Some(AccountId::from_integer(77));
        })
    };
    assert_eq!(open(3, 5_100), []);
    assert_eq!(open(9, 8_000), [], "bids that the ledger does not know");
    assert_eq!(open(2, 5_100), [Kind::Auction], "fewer bids than it knows");
    assert_eq!(open(4, 5_000), [Kind::Auction], "a price below the last receipt's");
}

#[test]
fn unresolved_bids_allow_so_many_more_and_no_others() {
    for (bid_count, expected) in [(3, true), (4, true), (5, false)] {
        let (book, mut states) = example(false);
        states[0].as_mut().unwrap().bid_count = bid_count;
        let fates = Fates { unresolved: [(0, 1)].into(), ..Fates::default() };
        let mut findings = Findings::new(10);
        let compared = compare(&book, &fates, &states, &mut findings);
        assert_eq!((findings.is_empty(), compared.bounded), (expected, 1), "{bid_count} bids");
    }
}

#[test]
fn the_verdict_counts_all_and_describes_the_first() {
    let (mut book, states) = example(false);
    book.acked.iter_mut().for_each(|bid| bid.min_next += 1);
    let mut findings = Findings::new(2);
    compare(&book, &Fates::default(), &states, &mut findings);
    assert_eq!((findings.counts[&Kind::Receipt], findings.details.len()), (3, 2));
}
