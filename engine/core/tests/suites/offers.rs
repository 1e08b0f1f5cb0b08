//! Goal: a second chance costs what the runner-up would have paid without those before them, and tells nobody a maximum.
//!
//! Method: one short scenario for each kind of "before" and "behind". The random tests check the same bound from the log
//! alone, and the oracle comes to the same prices.
//!
//! Some sites ask for more. eBay ("Making Second Chance Offers", ebay.co.uk, id 4142) and Galéria Savaria ("What is a second
//! chance offer?") offer at the runner-up's own last bid: 35.00 in the first scenario, where it is 20.50 here. There the
//! bids of losers are public in the end; here nobody's are.

use crate::common::*;
use gavel_core::auction::{ReserveStatus, View};
use gavel_core::command::StandingBids;
use gavel_core::event::{AfterUnpaid, Outcome};
use gavel_core::terms::{BuyNow, BuyNowPolicy};
use gavel_core::*;

/// These bids in this order, a second apart, and the end.
fn ended(terms: TermsDraft, bids: &[(u64, u64)]) -> Driven {
    let mut driven = Driven::open(terms);
    for (&(bidder, sum), second) in bids.iter().zip(1..) {
        driven.accept(bid(bidder, sum), time(second));
    }
    driven.event(Command::Pulse, time(3_600));
    driven
}

/// The next offer: to whom, at which price; `None` when nobody is left. The view shows the same.
fn offer(driven: &mut Driven) -> Option<(u64, u64)> {
    let command = match driven.auction.state() {
        State::Awarded => Command::Unpaid,
        _ => Command::DeclineOffer { bidder: driven.auction.view().leader.unwrap() },
    };
    let (EventKind::Unpaid { next, .. } | EventKind::OfferEnded { next, .. }) =
        driven.event(command, time(4_000))
    else {
        panic!("no end of a sale")
    };
    let AfterUnpaid::Offered { to, price, until } = next else { return None };
    assert_eq!(until, time(4_000 + 86_400));
    let view = driven.auction.view();
    assert_eq!((view.state, view.leader, view.price), (State::Offered, Some(to), Some(price)));
    Some((to.to_bits() as u64, price.get()))
}

#[test]
fn the_price_is_one_step_above_those_behind() {
    let increments = table(&[(0, 5), (1_00, 25), (5_00, 50), (25_00, 1_00)]);
    let terms = TermsDraft { increments, ..draft() };
    let mut driven = ended(terms, &[(1, 20_00), (2, 35_00), (3, 90_00)]);
    assert_eq!(driven.shown(), (36_00, 3));
    assert_eq!(offer(&mut driven), Some((2, 20_50)));
    assert_eq!(offer(&mut driven), Some((1, 1)), "nobody is behind: the opening price");
    assert_eq!(offer(&mut driven), None);
    assert_eq!(driven.auction.state(), State::Unsold);
}

#[test]
fn nothing_that_is_public_depends_on_the_maximum_of_who_gets_the_offer() {
    let shown = |maximum: u64| -> (Option<(u64, u64)>, View) {
        let mut driven = ended(draft(), &[(3, 100), (2, maximum), (1, 2_000)]);
        (offer(&mut driven), driven.auction.view())
    };
    let expected = shown(300);
    assert_eq!(expected.0, Some((2, 101)));
    for maximum in [102, 400, 999, 1_000] {
        assert_eq!(shown(maximum), expected);
    }
    let bound = shown(101);
    assert_eq!(bound.0, Some((2, 101)), "all of a maximum, where the bids behind ask for it");
}

#[test]
fn an_equal_maximum_behind_takes_the_price_up_to_it() {
    let mut driven = ended(draft(), &[(3, 301), (4, 400), (5, 400), (1, 1_000)]);
    assert_eq!(offer(&mut driven), Some((4, 400)));
    assert_eq!(offer(&mut driven), Some((5, 302)), "301 and a step");
}

#[test]
fn a_reserve_is_reached_at_once_and_keeps_out_who_does_not_reach_it() {
    let terms = || TermsDraft { reserve_price: Some(amount(250)), ..draft() };
    let mut driven = ended(terms(), &[(3, 100), (2, 300), (1, 1_000)]);
    assert_eq!(offer(&mut driven), Some((2, 250)));
    assert_eq!(driven.auction.view().reserve, ReserveStatus::Met);
    assert_eq!(offer(&mut driven), None, "100 does not reach it");
    let mut exact = ended(terms(), &[(2, 250), (1, 1_000)]);
    assert_eq!(offer(&mut exact), Some((2, 250)));
}

#[test]
fn who_is_passed_over_for_a_ban_does_not_raise_the_price_and_who_is_behind_does() {
    let bids = [(3, 100), (2, 200), (5, 700), (1, 1_000)];
    let terms = || TermsDraft { opening_price: Some(amount(10)), ..draft() };
    let mut driven = ended(terms(), &bids);
    driven.event(ban(5, StandingBids::Keep), time(3_900));
    driven.event(ban(3, StandingBids::Keep), time(3_900));
    assert_eq!(offer(&mut driven), Some((2, 101)), "5 is passed over, the bid of 3 stands");
    assert_eq!(offer(&mut driven), None);

    let mut wide = ended(terms(), &bids);
    wide.bans.ban(account(5), None);
    assert_eq!(offer(&mut wide), Some((2, 101)));
    assert_eq!(offer(&mut wide), Some((3, 10)));
}

#[test]
fn who_is_passed_over_may_be_before_by_the_order_of_equal_bids_alone() {
    let mut driven = ended(draft(), &[(3, 100), (5, 400), (2, 400), (1, 1_000)]);
    driven.event(ban(5, StandingBids::Keep), time(3_900));
    assert_eq!(offer(&mut driven), Some((2, 101)));
}

#[test]
fn a_purchase_below_the_leaders_maximum_counts_no_more_once_it_is_not_paid() {
    let buy_now = Some(BuyNow { price: amount(200), policy: BuyNowPolicy::Always });
    let mut driven = Driven::open(TermsDraft { buy_now, ..draft() });
    driven.accept(bid(2, 900), time(1));
    driven.accept(bid(3, 40), time(2));
    driven.accept(Command::BuyNow { bidder: account(1), id: None }, time(3));
    assert_eq!(driven.shown(), (200, 1));
    assert_eq!(offer(&mut driven), Some((2, 41)));
    assert_eq!(offer(&mut driven), Some((3, 1)));
}

#[test]
fn all_bids_of_who_was_tried_are_out_also_the_low_ones() {
    let mut driven = ended(draft(), &[(1, 50), (2, 60), (3, 55), (1, 500)]);
    assert_eq!(offer(&mut driven), Some((2, 56)), "the 55 of 3, not the 50 of 1");
    let mut alone = ended(draft(), &[(1, 50), (2, 60), (1, 500)]);
    assert_eq!(offer(&mut alone), Some((2, 1)));
}

#[test]
fn without_secret_maxima_a_bid_is_its_price() {
    let mut driven = ended(TermsDraft { proxy: Some(false), ..draft() }, &[(3, 100), (2, 300), (1, 1_000)]);
    assert_eq!(offer(&mut driven), Some((2, 300)));
    assert_eq!(offer(&mut driven), Some((3, 100)));
}

#[test]
fn an_accepted_offer_is_awarded_at_its_price_and_a_replay_asks_no_rule() {
    let mut driven = ended(draft(), &[(3, 100), (2, 300), (1, 1_000)]);
    assert_eq!(offer(&mut driven), Some((2, 101)));
    driven.event(Command::AcceptOffer { bidder: account(2) }, time(4_100));
    let view = driven.auction.view();
    assert_eq!((view.state, view.price), (State::Awarded, Some(amount(101))));

    // A log in which the offer was decided at another price, as rules of another day might have: it stays what it was.
    for (event, _) in &mut driven.log {
        if let EventKind::Unpaid { next: AfterUnpaid::Offered { price, .. }, .. } = &mut event.kind {
            *price = amount(300);
        }
    }
    assert_eq!(driven.replayed().view().price, Some(amount(300)));
    let first = driven.log.iter().find_map(|(event, _)| match event.kind {
        EventKind::Ended { outcome: Outcome::Awarded { price, .. }, .. } => Some(price),
        _ => None,
    });
    assert_eq!(first, Some(amount(301)), "what the winner was asked for");
}
