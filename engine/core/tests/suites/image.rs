//! Goal: what an export hands out is the whole state, in runs as short as they are asked for; and data that is no auction's state
//! is refused, with what is wrong. (That a copy answers as its original does is shown in `rules.rs`, against the oracle.)
//!
//! Method: an auction to which everything has happened that it remembers; every lie about it is told once.

use crate::common::image::Image;
use crate::common::*;
use gavel_core::auction::export::BidFacts;
use gavel_core::auction::import::ImportProblem;
use gavel_core::command::StandingBids;
use gavel_core::limits::{AUCTION_BANS_MAX, BIDS_PER_AUCTION_MAX, EDITS_PER_AUCTION_MAX};
use gavel_core::*;

/// Bids with and without ids of the bidders' choosing, a retraction, bans, edits, moved ends, restarts, an award that came to
/// nothing.
fn eventful() -> Driven {
    let retraction = Some(Retraction::Until(secs(0)));
    let mut driven = Driven::open(TermsDraft { retraction, reserve_price: Some(amount(50)), ..draft() });
    for n in 1..=40 {
        let id = (n % 3 == 0).then(|| chosen(n.into()));
        driven.accept(Command::Bid { bidder: account(n), amount: amount(10 * n), id }, time(n as i64));
        if n % 10 == 0 {
            driven.event(Command::Extend { ends_at: time(3_600 + n as i64) }, time(n as i64));
        }
    }
    driven.event(Command::Retract { bid: chosen(39), reason: reason() }, time(50));
    driven.event(ban(7, StandingBids::Remove), time(51));
    driven.event(ban(70, StandingBids::Keep), time(52));
    driven.event(Command::Edit { details: Details("{}".into()) }, time(53));
    driven.event(Command::End, time(54));
    driven.event(Command::Unpaid, time(55));
    driven
}

#[test]
fn a_copy_is_the_same_and_every_list_of_it_counts() {
    let driven = eventful();
    let image = Image::of(&driven.auction);
    let Image { facts: _, banned, bidders, bids, chosen, tried, epochs, ends } = &image;
    let lengths = [banned.len(), bidders.len(), bids.len(), chosen.len(), tried.len()];
    assert_eq!(lengths, [2, 40, 40, 13, 1]);
    assert!(epochs.len() > 3 && ends.len() > 3);
    let copy = image.import().unwrap();
    assert_eq!(copy.digest(), driven.auction.digest());
    assert_eq!(copy.view(), driven.auction.view());
}

#[test]
fn runs_are_as_short_as_asked_for_and_events_in_between_change_nothing_but_withdrawals() {
    let mut driven = Driven::open(TermsDraft { retraction: Some(Retraction::Until(secs(0))), ..draft() });
    for n in 1..=200 {
        driven.accept(bid(n, 10 * n), time(1));
    }
    let before = driven.auction.digest();
    let mut image = Image::default();
    let mut export = driven.auction.export(&mut image);
    for n in 201.. {
        let items = image.bidders.len() + image.bids.len();
        driven.auction.export_more(&mut export, 7, &mut image).unwrap();
        assert!(image.bidders.len() + image.bids.len() - items <= 7);
        if export.is_complete() {
            break;
        }
        driven.accept(bid(n, 10 * n), time(2));
    }
    assert_eq!(image.import().unwrap().digest(), before);
    let mut export = driven.auction.export(&mut image);
    driven.auction.export_more(&mut export, 7, &mut image).unwrap();
    let first = driven.auction.receipt(BidId::assigned(auction_id(), Seq(2))).unwrap();
    driven.event(Command::Retract { bid: first.bid, reason: reason() }, time(3));
    assert!(driven.auction.export_more(&mut export, 7, &mut image).is_err());
}

/// Bends the image of [`eventful`] and says what is then wrong with it.
fn lie(bend: impl FnOnce(&mut Image)) -> ImportProblem {
    let mut image = Image::of(&eventful().auction);
    bend(&mut image);
    image.import().map(|auction| auction.id()).unwrap_err().problem
}

fn lie_about_facts(bend: impl FnOnce(&mut auction::export::Facts)) -> ImportProblem {
    lie(|image| bend(&mut image.facts.as_mut().unwrap().0))
}

fn lie_about_bid(nth: usize, bend: impl FnOnce(&mut BidFacts)) -> ImportProblem {
    lie(|image| bend(&mut image.bids[nth]))
}

#[test]
fn lies_about_the_facts_are_found() {
    assert!(matches!(lie(|it| it.facts.as_mut().unwrap().1.ends_at = time(-9)), ImportProblem::Terms(_)));
    let too_many = |list, count, max| ImportProblem::TooMany { list, count, max };
    let most = AUCTION_BANS_MAX as u32;
    let found = lie_about_facts(|facts| facts.lengths.banned = most + 1);
    assert_eq!(found, too_many("banned bidders", most + 1, most));
    let found = lie_about_facts(|facts| facts.lengths.bids = BIDS_PER_AUCTION_MAX + 1);
    assert_eq!(found, too_many("bids", BIDS_PER_AUCTION_MAX + 1, BIDS_PER_AUCTION_MAX));
    let found = lie_about_facts(|facts| facts.edits = EDITS_PER_AUCTION_MAX + 1);
    assert_eq!(found, too_many("edits", EDITS_PER_AUCTION_MAX + 1, EDITS_PER_AUCTION_MAX));
    assert_eq!(lie_about_facts(|facts| facts.lengths.bidders = 41), too_many("bidders", 41, 40));
    assert_eq!(lie_about_facts(|facts| facts.lengths.chosen = 41), too_many("chosen ids", 41, 40));
    assert_eq!(lie_about_facts(|facts| facts.seq = Seq(0)), too_many("tried bidders", 1, 0));
    assert_eq!(lie_about_facts(|facts| facts.lsn = Lsn(0)), ImportProblem::Bound("latest event"));
    assert_eq!(
        lie_about_facts(|facts| facts.reserve = Some(amount(51))),
        ImportProblem::Bound("reserve price")
    );
    let price = |facts: &mut auction::export::Facts| facts.lead.as_mut().unwrap().price = Amount::MAX;
    assert_eq!(lie_about_facts(price), ImportProblem::Bound("price"));
    let leader = |facts: &mut auction::export::Facts| facts.lead.as_mut().unwrap().bidder = 40;
    assert_eq!(lie_about_facts(leader), ImportProblem::Bidder("leaders"));
}

#[test]
fn lies_about_the_lists_are_found() {
    use ImportProblem::{Bidder, Chosen, Count, Order, Twice};
    let count = |list, expected, found| Count { list, expected, found };
    assert_eq!(lie(|it| it.banned.swap(0, 1)), Order("banned bidders"));
    assert_eq!(lie(|it| it.bidders[39] = account(1)), Twice("bidders"));
    assert_eq!(lie(|it| it.bidders.push(account(99))), count("bidders", 40, 41));
    assert_eq!(lie(|it| it.bids.truncate(39)), count("bids", 40, 39));
    assert_eq!(lie_about_bid(5, |bid| bid.bidder = 40), Bidder("bids"));
    assert_eq!(lie_about_bid(5, |bid| bid.seq = Seq(1)), Order("bids"));
    assert_eq!(lie_about_bid(39, |bid| bid.seq = Seq(1_000)), Order("bids"));
    assert_eq!(lie_about_bid(39, |bid| bid.lsn = Lsn(1_000_000)), Order("bids"));
    assert_eq!(lie_about_bid(0, |bid| bid.chosen = true), Chosen);
    assert_eq!(lie_about_bid(2, |bid| bid.chosen = false), Chosen);
    assert_eq!(lie(|it| it.chosen[1] = it.chosen[0]), Twice("chosen ids"));
    assert_eq!(lie(|it| it.chosen[1] = BidId::assigned(auction_id(), Seq(2))), Chosen);
    assert_eq!(lie(|it| it.chosen.truncate(12)), count("chosen ids", 13, 12));
    assert_eq!(lie(|it| it.tried[0] = 40), Bidder("tried bidders"));
    assert_eq!(lie(|it| it.epochs.swap(0, 1)), Order("epochs"));
    assert_eq!(lie(|it| it.epochs.last_mut().unwrap().0 = Epoch(1_000)), Order("epochs"));
    assert_eq!(lie(|it| it.ends.swap(0, 1)), Order("changes of its end"));
    assert_eq!(lie(|it| it.ends.last_mut().unwrap().0 = Seq(1_000)), Order("changes of its end"));
}
