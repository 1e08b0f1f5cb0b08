//! Goal: what bidders and readers are told: receipts and retries, secret maxima, bounds, words, digests.
//!
//! Method: short scenarios, one rule each.

use crate::common::*;
use gavel_core::auction::ReserveStatus;
use gavel_core::command::StandingBids;
use gavel_core::limits::*;
use gavel_core::rejection::{InvalidReason, LimitReached, StateReason};
use gavel_core::terms::{BuyNow, BuyNowPolicy, Retraction};
use gavel_core::*;

fn with_id(bidder: u64, sum: u64, id: BidId) -> Command {
    Command::Bid { bidder: account(bidder), amount: amount(sum), id: Some(id) }
}

#[test]
fn a_retry_gets_the_first_answer_in_every_state_and_after_withdrawal() {
    let mut driven =
        Driven::open(TermsDraft { retraction: Some(Retraction::Until(Duration::ZERO)), ..draft() });
    let first = driven.accept(with_id(1, 100, chosen(1)), time(1));
    assert_eq!((first.standing, first.price, first.min_next), (Standing::Leading, amount(1), amount(2)));
    let second = driven.accept(bid(2, 40), time(2));
    assert_eq!((second.standing, second.price, second.min_next), (Standing::Outbid, amount(41), amount(42)));
    assert_ne!(first.position, second.position);
    let assigned = with_id(2, 40, second.bid);
    let again = |driven: &Driven, when: Timestamp| {
        assert_eq!(driven.decide(&with_id(1, 100, chosen(1)), when), Ok(Decision::Repeat(first)));
        assert_eq!(driven.decide(&assigned, when), Ok(Decision::Repeat(second)));
        for other in [with_id(1, 101, chosen(1)), with_id(2, 100, chosen(1)), with_id(2, 41, second.bid)] {
            assert_eq!(driven.decide(&other, when), Err(Rejection::IdConflict));
        }
        let purchase = Command::BuyNow { bidder: account(1), id: Some(chosen(1)) };
        assert_eq!(driven.decide(&purchase, when), Err(Rejection::IdConflict));
    };
    again(&driven, time(3));
    driven.event(Command::Retract { bid: chosen(1), reason: reason() }, time(4));
    driven.event(ban(2, StandingBids::Remove), time(5));
    assert_eq!(driven.auction.view().price, None);
    again(&driven, time(6));
    driven.event(Command::Pulse, time(3_600));
    again(&driven, time(3_601));
}

#[test]
fn a_refused_id_is_judged_anew() {
    let mut driven = Driven::open(draft());
    driven.accept(bid(1, 100), time(1));
    assert_eq!(driven.refuse(with_id(2, 1, chosen(7)), time(2)), Rejection::TooLow(amount(2)));
    driven.accept(with_id(2, 50, chosen(7)), time(3));
}

#[test]
fn an_assigned_id_can_not_be_chosen() {
    let mut driven = Driven::open(draft());
    driven.accept(with_id(1, 100, chosen(1)), time(1));
    let other = AuctionId::new(20_779, ShardId(3), 43).unwrap();
    let next = driven.auction.seq().next();
    for id in [
        BidId::assigned(auction_id(), Seq(2)),
        BidId::assigned(auction_id(), next),
        BidId::assigned(other, Seq(2)),
    ] {
        assert_eq!(driven.refuse(with_id(2, 50, id), time(2)), Rejection::Invalid(InvalidReason::AssignedId));
    }
}

#[test]
fn receipts_keep_epoch_and_end_of_their_time() {
    let mut driven = Driven::open(draft());
    let receipts: Vec<Receipt> = (1..=20)
        .map(|n| {
            driven.event(Command::Extend { ends_at: time(3_600 + n) }, time(n));
            driven.accept(bid(n as u64, 10 * n as u64), time(n))
        })
        .collect();
    for (receipt, n) in receipts.iter().zip(1..) {
        assert_eq!(receipt.ends_at, time(3_600 + n));
        assert_eq!(driven.auction.receipt(receipt.bid), Some(*receipt));
        let logged = driven.log.iter().find(|(_, position)| *position == receipt.position).unwrap();
        assert!(matches!(&logged.0.kind, EventKind::BidAccepted(bid) if bid.id == receipt.bid));
    }
    assert_eq!(receipts[19].position.epoch, Epoch(6), "several epochs were passed");
}

#[test]
fn only_the_leader_hears_of_their_maximum() {
    let mut driven = Driven::open(draft());
    driven.accept(bid(1, 1_000), time(1));
    assert_eq!(driven.refuse(bid(1, 900), time(2)), Rejection::TooLow(amount(1_001)));
    assert_eq!(driven.refuse(bid(2, 1), time(2)), Rejection::TooLow(amount(2)));
    let view = driven.auction.view();
    assert_eq!((view.price, view.min_next), (Some(amount(1)), amount(2)));
    driven.event(ban(1, StandingBids::Keep), time(3));
    assert_eq!(driven.refuse(bid(1, 900), time(4)), Rejection::Banned, "not even a banned leader");
    assert_eq!(driven.shown(), (1, 1), "kept bids stand");
}

#[test]
fn bans_of_any_scope_keep_bidders_out() {
    let mut driven = Driven::open(draft());
    driven.bans.ban(account(1), None);
    driven.bans.ban(account(2), Some(account(0)));
    driven.bans.ban(account(3), Some(account(7)));
    assert_eq!(driven.refuse(bid(1, 10), time(1)), Rejection::Banned);
    assert_eq!(driven.refuse(bid(2, 10), time(1)), Rejection::Banned);
    driven.accept(bid(3, 10), time(1));
    assert_eq!(driven.refuse(bid(0, 20), time(2)), Rejection::SellerBid);
}

#[test]
fn the_price_that_can_rise_no_further_says_so() {
    let mut driven = Driven::open(TermsDraft { increments: table(&[(0, 100)]), ..draft() });
    driven.accept(bid(1, AMOUNT_MAX), time(1));
    assert_eq!(driven.refuse(bid(1, AMOUNT_MAX), time(2)), Rejection::TooLarge(LimitReached::Price));
    driven.accept(bid(2, AMOUNT_MAX - 50), time(3));
    let view = driven.auction.view();
    assert_eq!((view.price, view.min_next), (Some(Amount::MAX), Amount::MAX));
    let refused = driven.refuse(bid(3, AMOUNT_MAX), time(4));
    assert_eq!(refused.to_string(), format!("no higher amount is left: amounts are at most {AMOUNT_MAX}"));
}

#[test]
fn buy_now_goes_by_its_policy() {
    let with = |policy| {
        let buy_now = Some(BuyNow { price: amount(100), policy });
        Driven::open(TermsDraft { buy_now, retraction: Some(Retraction::Until(secs(0))), ..draft() })
    };
    let buy = Command::BuyNow { bidder: account(5), id: None };
    let mut until_first_bid = with(BuyNowPolicy::UntilFirstBid);
    let only_bid = until_first_bid.accept(bid(1, 10), time(1)).bid;
    let gone = Rejection::State(State::Open, StateReason::BuyNowGone);
    assert_eq!(until_first_bid.refuse(buy.clone(), time(2)), gone);
    until_first_bid.event(Command::Retract { bid: only_bid, reason: reason() }, time(3));
    assert_eq!(until_first_bid.refuse(buy.clone(), time(4)), gone, "for good");

    let mut always = with(BuyNowPolicy::Always);
    always.accept(bid(1, 500), time(1));
    always.accept(bid(2, 98), time(2));
    assert_eq!(always.shown(), (99, 1));
    assert_eq!(always.auction.view().buy_now, Some(amount(100)), "the next bid could be had for it");
    let mut passed = with(BuyNowPolicy::Always);
    passed.accept(bid(1, 500), time(1));
    passed.accept(bid(2, 99), time(2));
    assert_eq!(passed.refuse(buy.clone(), time(3)), gone);
    assert_eq!(passed.auction.view().buy_now, None);

    let receipt = always.accept(buy, time(3));
    let expected = (Standing::Sold, amount(100), time(3));
    assert_eq!((receipt.standing, receipt.price, receipt.ends_at), expected);
    let view = always.auction.view();
    assert_eq!((view.state, view.leader, view.ends_at), (State::Awarded, Some(account(5)), time(3)));
    assert_eq!(always.refuse(bid(1, 900), time(4)), Rejection::Closed(time(3)));
}

#[test]
fn a_lower_reserve_can_be_reached_at_once() {
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(500)), ..draft() });
    driven.accept(bid(1, 300), time(1));
    assert_eq!((driven.shown(), driven.auction.view().reserve), ((1, 1), ReserveStatus::NotMet));
    let lower = |to: Option<u64>| Command::LowerReserve { reserve: to.map(amount) };
    assert_eq!(driven.refuse(lower(Some(500)), time(2)), Rejection::Invalid(InvalidReason::ReserveNotLower));
    driven.event(lower(Some(400)), time(2));
    assert_eq!((driven.shown(), driven.auction.view().reserve), ((1, 1), ReserveStatus::NotMet));
    driven.event(lower(Some(250)), time(3));
    assert_eq!((driven.shown(), driven.auction.view().reserve), ((250, 1), ReserveStatus::Met));
    assert_eq!(driven.refuse(lower(None), time(4)), Rejection::State(State::Open, StateReason::ReserveMet));
}

#[test]
fn time_given_back_may_pass_the_hard_end_but_bids_may_not() {
    let mut terms = draft();
    terms.soft_close = soft(terms::SoftCloseMode::FromEnd, terms::SoftCloseTrigger::Any, 300, 300);
    terms.soft_close.as_mut().unwrap().hard_end = Some(time(3_700));
    let mut driven = Driven::open(terms);
    assert_eq!(driven.accept(bid(1, 10), time(3_500)).ends_at, time(3_700), "capped");
    assert_eq!(driven.accept(bid(2, 20), time(3_600)).ends_at, time(3_700), "no further");
    assert_eq!(driven.refuse(bid(2, 40), time(3_700)), Rejection::Closed(time(3_700)));
    let beyond = Rejection::State(State::Open, StateReason::BeyondHardEnd);
    assert_eq!(driven.refuse(Command::Extend { ends_at: time(3_701) }, time(3_650)), beyond);
    driven.event(Command::GiveBack { ends_at: time(4_500) }, time(4_000));
    assert_eq!(driven.accept(bid(1, 30), time(4_400)).ends_at, time(4_500), "its new end is its hard end");
}

#[test]
fn a_bid_stamped_before_the_end_counts_until_an_event_has_ended_the_auction() {
    let mut driven = Driven::open(draft());
    driven.accept(bid(1, 10), time(1));
    assert_eq!(driven.refuse(bid(2, 20), time(3_600)), Rejection::Closed(time(3_600)));
    let edit = Command::Edit { details: Details("{}".into()) };
    assert_eq!(driven.refuse(edit, time(3_601)), Rejection::Closed(time(3_600)), "nothing slips in between");
    driven.accept(bid(2, 20), Timestamp::from_micros(time(3_600).micros() - 1).unwrap());
    driven.event(Command::Pulse, time(3_600));
    assert_eq!(driven.refuse(bid(3, 30), time(3_599)), Rejection::Closed(time(3_600)));
}

#[test]
fn edits_and_bans_are_bounded_and_the_bounds_have_words() {
    let mut driven = Driven::open(draft());
    let edit = || Command::Edit { details: Details("{}".into()) };
    (0..EDITS_PER_AUCTION_MAX).for_each(|_| drop(driven.event(edit(), time(1))));
    assert_eq!(driven.refuse(edit(), time(1)).to_string(), "details can be changed at most 1000 times");
    (0..AUCTION_BANS_MAX as u64).for_each(|n| drop(driven.event(ban(n, StandingBids::Keep), time(1))));
    let one_more = ban(AUCTION_BANS_MAX as u64, StandingBids::Keep);
    assert_eq!(driven.refuse(one_more, time(1)), Rejection::TooLarge(LimitReached::Bans));
    let large = Command::Edit { details: Details("x".repeat(DETAILS_BYTES_MAX + 1).into()) };
    assert_eq!(driven.refuse(large, time(1)).to_string(), "details are at most 16384 bytes");
    for words in ["".into(), "x".repeat(REASON_BYTES_MAX + 1)] {
        let cancel = Command::Cancel { reason: Reason(words.into()) };
        assert_eq!(driven.refuse(cancel, time(1)), Rejection::Invalid(InvalidReason::Reason));
    }
}

#[test]
fn digests_are_of_the_state_not_of_the_memory() {
    let build = |limit: usize| {
        let mut driven = Driven::open(draft());
        for n in 1..=limit as u64 {
            driven.accept(with_id(n, 10 * n, chosen(n.into())), time(1));
        }
        driven
    };
    for limit in [0, 1, 16, 17, 100, 5_000] {
        let driven = build(limit);
        assert_eq!(driven.auction.digest(), driven.replayed().digest());
        assert_eq!(driven.auction.digest(), driven.auction.clone().digest());
    }
    let (one, mut other) = (build(20), build(20));
    other.event(Command::Extend { ends_at: time(3_601) }, time(1));
    assert_ne!(one.auction.digest(), other.auction.digest());
}

#[test]
fn an_event_that_the_auction_has_or_that_is_not_its_own_changes_nothing() {
    let mut driven = Driven::open(draft());
    driven.accept(bid(1, 10), time(1));
    let before = driven.auction.digest();
    let (event, position) = driven.log[1].clone();
    driven.auction.apply(&event, position);
    assert!(!driven.auction.is_next(&event));
    let stranger = Event { auction: AuctionId::new(1, ShardId(3), 1).unwrap(), seq: Seq(3), ..event };
    driven.auction.apply(&stranger, position);
    assert!(!driven.auction.is_next(&stranger));
    assert_eq!(driven.auction.digest(), before);
}
