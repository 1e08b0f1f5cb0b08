//! What must hold after every step, said without either implementation: from the log alone.

use crate::common::Driven;
use gavel_core::auction::View;
use gavel_core::event::{AfterUnpaid, EventKind, Outcome};
use gavel_core::*;
use std::cmp::Reverse;

/// The bids that stand, from the log: bidder and amount, in order.
fn standing(log: &[(Event, Position)]) -> Vec<(BidId, AccountId, Amount)> {
    let mut bids = vec![];
    for (event, _) in log {
        match &event.kind {
            EventKind::BidAccepted(bid) => bids.push((bid.id, bid.bidder, bid.amount)),
            EventKind::BidRetracted(gone) => bids.retain(|bid| bid.0 != gone.id),
            EventKind::BidsRemoved(gone) => bids.retain(|bid| bid.1 != gone.bidder),
            EventKind::BidderBanned { bidder, removed: Some(_) } => bids.retain(|bid| bid.1 != *bidder),
            _ => {}
        }
    }
    bids
}

/// While bids are taken: the leader has the highest maximum, the earliest among equals; the price is at most one step above
/// the second maximum (or what the seller asks for) and never above the leader's.
pub(crate) fn hold(driven: &Driven) {
    let view = driven.auction.view();
    no_offer_tells_a_maximum(driven, &view);
    if !matches!(view.state, State::Scheduled | State::Open) {
        return;
    }
    assert!(view.state == State::Scheduled || view.at < view.ends_at || view.seq == Seq(1));
    let bids = standing(&driven.log);
    let Some(max) = bids.iter().map(|bid| bid.2).max() else {
        assert_eq!((view.price, view.leader), (None, None));
        return;
    };
    let first_of_highest = bids.iter().find(|bid| bid.2 == max).unwrap().1;
    assert_eq!(view.leader, Some(first_of_highest));
    let price = view.price.unwrap();
    assert!(price <= max);
    let terms = driven.auction.terms();
    assert!(price >= terms.opening_price);
    if terms.proxy {
        let second = bids.iter().filter(|bid| bid.1 != first_of_highest).map(|bid| bid.2).max();
        let contested = second.map_or(0, |second| second.get() + terms.increments.step_at(second).get());
        let reserve = reserve(driven).filter(|reserve| *reserve <= max).map_or(0, Amount::get);
        let bound = contested.max(terms.opening_price.get()).max(reserve);
        assert!(price.get() <= bound, "the price {price} is above {bound}");
        assert!(second.is_none_or(|second| price >= second));
    } else {
        assert_eq!(price, max);
    }
}

/// A second chance costs what the seller asks for and the bids of those behind the runner-up make of it: at most one step
/// above the highest of them. Their own maximum only bounds it.
fn no_offer_tells_a_maximum(driven: &Driven, view: &View) {
    let Some((offeree, tried)) = buyers(driven).split_last().map(|(last, rest)| (*last, rest.to_vec()))
    else {
        return;
    };
    if tried.is_empty() || view.state == State::Unsold {
        return;
    }
    let bids = standing(&driven.log);
    let (price, own) = (view.price.unwrap(), rank(&bids, offeree).unwrap());
    assert_eq!(view.leader, Some(offeree));
    assert!(price <= own.0);
    let terms = driven.auction.terms();
    let is_behind = |bid: &&(BidId, AccountId, Amount)| {
        bid.1 != offeree && !tried.contains(&bid.1) && rank(&bids, bid.1).unwrap() < own
    };
    let behind: Vec<Amount> = bids.iter().filter(is_behind).map(|bid| bid.2).collect();
    if !terms.proxy {
        assert_eq!(price, own.0, "their bid was the price");
        return;
    }
    let contested = behind.iter().map(|sum| sum.get() + terms.increments.step_at(*sum).get()).max();
    let asked = reserve(driven).max(Some(terms.opening_price)).unwrap();
    let bound = contested.unwrap_or(0).max(asked.get());
    assert!(price.get() <= bound, "{price} was offered, {bound} would be enough: {own:?}");
    assert!(price >= asked && behind.iter().all(|sum| price >= *sum));
}

/// A bidder's place: by their highest amount, the earlier higher among equals.
fn rank(bids: &[(BidId, AccountId, Amount)], bidder: AccountId) -> Option<(Amount, Reverse<usize>)> {
    let own = bids.iter().enumerate().filter(|(_, bid)| bid.1 == bidder);
    own.map(|(when, bid)| (bid.2, Reverse(when))).max()
}

/// Winner and offerees, in order, from the log.
fn buyers(driven: &Driven) -> Vec<AccountId> {
    let buyer = |(event, _): &(Event, Position)| match event.kind {
        EventKind::Ended { outcome: Outcome::Awarded { winner, .. }, .. } => Some(winner),
        EventKind::BoughtNow { buyer, .. } => Some(buyer),
        EventKind::Unpaid { next: AfterUnpaid::Offered { to, .. }, .. }
        | EventKind::OfferEnded { next: AfterUnpaid::Offered { to, .. }, .. } => Some(to),
        _ => None,
    };
    driven.log.iter().filter_map(buyer).collect()
}

/// The reserve price in force, from the log.
fn reserve(driven: &Driven) -> Option<Amount> {
    let lowered = driven.log.iter().rev().find_map(|(event, _)| match event.kind {
        EventKind::ReserveLowered { reserve, .. } => Some(reserve),
        _ => None,
    });
    lowered.unwrap_or(driven.auction.terms().reserve_price)
}

/// Nothing changes after a final state; time never goes back; the price falls by retraction and removal only; the end moves
/// earlier only where the event says so, and is never moved beyond the hard end but by time given back.
pub(crate) fn moved_rightly(before: &View, after: &View, event: &Event) {
    assert!(!before.state.is_final(), "{:?} after {:?}", event.kind, before.state);
    assert!(after.at >= before.at && after.seq == before.seq.next());
    let takes_bids = matches!(after.state, State::Scheduled | State::Open);
    let withdrawn = match &event.kind {
        EventKind::BidRetracted(_) | EventKind::BidsRemoved(_) => true,
        EventKind::BidderBanned { removed, .. } => removed.is_some(),
        _ => false,
    };
    if takes_bids && !withdrawn {
        assert!(after.price >= before.price, "the price fell: {before:?} {after:?}");
    }
    if takes_bids && after.ends_at != before.ends_at {
        match &event.kind {
            EventKind::BidAccepted(bid) => {
                assert_eq!(bid.extended_to, Some(after.ends_at));
                assert!(after.ends_at > event.at);
            }
            EventKind::EndMoved { ends_at, .. } => {
                assert!(after.ends_at == *ends_at && *ends_at > before.ends_at)
            }
            kind => panic!("{kind:?} moved the end"),
        }
    }
}
