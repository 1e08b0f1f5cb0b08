//! Goal: an auction is as small as it says: with ten bidders and bids at most 1 KiB in all, a bid of many 33 bytes, or
//! 60 to 72 (as the index is more or less full) where clients choose the ids.
//!
//! Method: a counting allocator, alone in this test binary; what is counted is what the auction holds, the struct included.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail, and say what it found"
)]

#[path = "suites/common/mod.rs"]
mod common;

use common::*;
use gavel_core::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that the process holds.
fn held() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// An auction with so many bids, each of another bidder and raising the price, and the bytes it holds.
fn bytes(bids: u64, bid_of: impl Fn(u64) -> Command) -> isize {
    let before = held();
    let Driven { mut auction, bans, log } = Driven::open(draft());
    let position = log[0].1;
    drop(log);
    for n in 1..=bids {
        let context = Context { stamp: at(time(1)), bans: &bans };
        let Ok(Decision::Event(event)) = auction.decide(&bid_of(n), &context) else {
            panic!("bid {n} was refused")
        };
        auction.apply(&event, position);
    }
    let held = held() - before + size_of::<Auction>() as isize;
    assert_eq!(u64::from(auction.view().bid_count), bids);
    held
}

fn with_chosen_id(n: u64) -> Command {
    Command::Bid { bidder: account(n), amount: amount(10 * n), id: Some(chosen(n.into())) }
}

/// One test, so that no other allocates meanwhile.
#[test]
fn auctions_and_bids_are_small() {
    an_auction_with_ten_bidders_and_bids();
    a_bid_of_many();
}

fn an_auction_with_ten_bidders_and_bids() {
    let (empty, assigned, chosen) =
        (bytes(0, |n| bid(n, 10 * n)), bytes(10, |n| bid(n, 10 * n)), bytes(10, with_chosen_id));
    println!("no bids: {empty}, ten: {assigned}, ten with ids of the clients' choosing: {chosen} bytes");
    assert!(empty <= 512, "{empty}");
    assert!(assigned <= 1_024, "{assigned}");
    assert!(chosen <= 1_280, "{chosen}");
}

fn a_bid_of_many() {
    let bids = 100_000;
    for (name, chooses, most) in [("assigned", false, 40), ("chosen", true, 72)] {
        let held = bytes(bids, |n| {
            let id = chooses.then(|| chosen(n.into()));
            Command::Bid { bidder: account(1 + n % 1_000), amount: amount(10 * n), id }
        });
        println!("{name} ids: {} bytes per bid", held / bids as isize);
        assert!(held / (bids as isize) <= most, "{name}: {held}");
    }
}
