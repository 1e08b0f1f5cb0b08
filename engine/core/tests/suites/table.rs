//! Goal: every command is defined in every state, as the table in `auction.rs` says.
//!
//! Method: one auction is brought into each state, every command is judged there, and the outcome's code is compared with a
//! row of the table below. Then the same once more over all commands and times: no decision changes a final state.

use crate::common::*;
use gavel_core::command::StandingBids;
use gavel_core::terms::{BuyNow, BuyNowPolicy, Retraction};
use gavel_core::*;

/// Terms under which every command can succeed somewhere.
fn terms() -> TermsDraft {
    TermsDraft {
        reserve_price: Some(amount(50)),
        buy_now: Some(BuyNow { price: amount(900), policy: BuyNowPolicy::Always }),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        ..draft()
    }
}

/// The states of the table's columns, each with the time at which it is looked at.
fn states() -> [(&'static str, Driven, Timestamp); 8] {
    let scheduled = || Driven::open(terms());
    let open = || {
        let mut driven = scheduled();
        driven.accept(bid(1, 40), time(10));
        driven.accept(bid(2, 45), time(11));
        driven
    };
    let awarded = || {
        let mut driven = open();
        driven.accept(bid(1, 60), time(12));
        driven.accept(bid(2, 70), time(13));
        driven.event(Command::Pulse, time(3_600));
        driven
    };
    let after = |mut driven: Driven, command: Command| {
        driven.event(command, time(3_700));
        driven
    };
    let unsold = {
        let mut driven = open();
        driven.event(Command::End, time(20));
        driven
    };
    let cancelled = {
        let mut driven = open();
        driven.event(Command::Cancel { reason: reason() }, time(20));
        driven
    };
    [
        ("scheduled", scheduled(), time(-10)),
        ("open", open(), time(20)),
        ("over", open(), time(3_600)),
        ("awarded", awarded(), time(3_601)),
        ("offered", after(awarded(), Command::Unpaid), time(3_701)),
        ("closed", after(awarded(), Command::Paid), time(3_701)),
        ("unsold", unsold, time(30)),
        ("cancelled", cancelled, time(30)),
    ]
}

/// Every command, in the order of the rows.
fn commands() -> Vec<(&'static str, Command)> {
    let first = BidId::assigned(auction_id(), Seq(2));
    vec![
        ("Bid", bid(3, 100)),
        ("BuyNow", Command::BuyNow { bidder: account(3), id: None }),
        ("Retry", Command::Bid { bidder: account(1), amount: amount(40), id: Some(first) }),
        ("Retract", Command::Retract { bid: first, reason: reason() }),
        ("Remove", Command::Remove { bidder: account(1), reason: reason() }),
        ("Extend", Command::Extend { ends_at: time(4_000) }),
        ("End", Command::End),
        ("Cancel", Command::Cancel { reason: reason() }),
        ("Edit", Command::Edit { details: Details("{}".into()) }),
        ("LowerReserve", Command::LowerReserve { reserve: Some(amount(46)) }),
        ("Ban", ban(1, StandingBids::Remove)),
        ("Unban", Command::Unban { bidder: account(9) }),
        ("Paid", Command::Paid),
        ("Unpaid", Command::Unpaid),
        ("AcceptOffer", Command::AcceptOffer { bidder: account(1) }),
        ("DeclineOffer", Command::DeclineOffer { bidder: account(1) }),
        ("GiveBack", Command::GiveBack { ends_at: time(4_000) }),
        ("Pulse", Command::Pulse),
    ]
}

#[rustfmt::skip]
const TABLE: [(&str, [&str; 8]); 18] = [
    //                 scheduled       open              over       awarded           offered          closed     unsold     cancelled
    ("Bid",          ["NOTSTARTED", "BidAccepted",    "CLOSED",  "CLOSED",         "CLOSED",        "CLOSED",  "CLOSED",  "CLOSED"]),
    ("BuyNow",       ["NOTSTARTED", "BoughtNow",      "CLOSED",  "CLOSED",         "CLOSED",        "CLOSED",  "CLOSED",  "CLOSED"]),
    ("Retry",        ["INVALID",    "repeat",         "repeat",  "repeat",         "repeat",        "repeat",  "repeat",  "repeat"]),
    ("Retract",      ["NOTFOUND",   "BidRetracted",   "CLOSED",  "STATE",          "STATE",         "STATE",   "STATE",   "STATE"]),
    ("Remove",       ["NOTFOUND",   "BidsRemoved",    "CLOSED",  "STATE",          "STATE",         "STATE",   "STATE",   "STATE"]),
    ("Extend",       ["EndMoved",   "EndMoved",       "CLOSED",  "STATE",          "STATE",         "STATE",   "STATE",   "STATE"]),
    ("End",          ["STATE",      "Ended",          "CLOSED",  "STATE",          "STATE",         "STATE",   "STATE",   "STATE"]),
    ("Cancel",       ["Cancelled",  "Cancelled",      "CLOSED",  "STATE",          "STATE",         "STATE",   "STATE",   "nothing"]),
    ("Edit",         ["DetailsEdited", "DetailsEdited", "CLOSED", "STATE",         "STATE",         "STATE",   "STATE",   "STATE"]),
    ("LowerReserve", ["ReserveLowered", "ReserveLowered", "CLOSED", "STATE",       "STATE",         "STATE",   "STATE",   "STATE"]),
    ("Ban",          ["BidderBanned", "BidderBanned", "CLOSED",  "BidderBanned",   "BidderBanned",  "STATE",   "STATE",   "STATE"]),
    ("Unban",        ["BidderUnbanned", "BidderUnbanned", "CLOSED", "BidderUnbanned", "BidderUnbanned", "STATE", "STATE",  "STATE"]),
    ("Paid",         ["STATE",      "STATE",          "STATE",   "Paid",           "STATE",         "nothing", "STATE",   "STATE"]),
    ("Unpaid",       ["STATE",      "STATE",          "STATE",   "Unpaid",         "STATE",         "STATE",   "STATE",   "STATE"]),
    ("AcceptOffer",  ["STATE",      "STATE",          "STATE",   "STATE",          "OfferAccepted", "STATE",   "STATE",   "STATE"]),
    ("DeclineOffer", ["STATE",      "STATE",          "STATE",   "STATE",          "OfferEnded",    "STATE",   "STATE",   "STATE"]),
    ("GiveBack",     ["EndMoved",   "EndMoved",       "EndMoved", "STATE",         "STATE",         "STATE",   "STATE",   "STATE"]),
    ("Pulse",        ["nothing",    "nothing",        "Ended",   "nothing",        "nothing",       "nothing", "nothing", "nothing"]),
];

fn outcome(decided: Result<Decision, Rejection>) -> String {
    match decided {
        Ok(Decision::Event(event)) => {
            format!("{:?}", event.kind).chars().take_while(|letter| letter.is_alphabetic()).collect()
        }
        Ok(Decision::Repeat(_)) => "repeat".into(),
        Ok(Decision::Nothing) => "nothing".into(),
        Err(rejection) => refused(&rejection),
    }
}

/// A refusal's name in capitals.
fn refused(rejection: &Rejection) -> String {
    format!("{rejection:?}").to_uppercase().chars().take_while(|letter| letter.is_alphabetic()).collect()
}

#[test]
fn every_command_in_every_state() {
    for (column, (state, mut driven, now)) in states().into_iter().enumerate() {
        // So that there is a ban to be lifted, where one can be made.
        let before = now.min(time(3_599)).max(driven.auction.view().at);
        let banned = driven.run(&ban(9, StandingBids::Keep), before);
        assert_eq!(banned.is_ok(), !driven.auction.state().is_final());
        let commands = commands();
        assert_eq!(commands.len(), TABLE.len());
        for ((name, command), (row, expected)) in commands.iter().zip(TABLE) {
            assert_eq!(*name, row);
            assert_eq!(outcome(driven.decide(command, now)), expected[column], "{name} in {state}");
        }
    }
}

#[test]
fn what_is_due_in_each_state_happens_once_and_then_nothing() {
    let due = [
        ("scheduled", time(0), "Started"),
        ("open", time(3_600), "Ended"),
        ("over", time(3_600), "Ended"),
        ("awarded", time(3_600 + 7 * 86_400), "Unpaid"),
        ("offered", time(3_700 + 86_400), "OfferEnded"),
    ];
    for ((state, mut driven, _), (name, when, event)) in states().into_iter().zip(due) {
        assert_eq!((state, driven.auction.next_due()), (name, Some(when)));
        let just_before = Timestamp::from_micros(when.micros() - 1).unwrap();
        assert_eq!(driven.run(&Command::Pulse, just_before), Ok(Decision::Nothing), "{state}");
        assert_eq!(outcome(driven.run(&Command::Pulse, when)), event, "{state}");
        assert_eq!(driven.run(&Command::Pulse, when), Ok(Decision::Nothing), "{state}");
    }
}

#[test]
fn final_states_are_final() {
    for (state, driven, _) in &states()[5..] {
        assert!(driven.auction.state().is_final() && driven.auction.next_due().is_none());
        for (name, command) in commands() {
            for when in [time(-10), time(40), time(5_000), Timestamp::MAX] {
                let decided = driven.decide(&command, when);
                assert!(!matches!(decided, Ok(Decision::Event(_))), "{name} in {state}: {decided:?}");
            }
        }
    }
}

#[test]
fn an_auction_whose_start_has_come_is_open_without_a_pulse() {
    let mut driven = Driven::open(terms());
    assert_eq!(driven.refuse(bid(1, 40), time(-1)), Rejection::NotStarted(time(0)));
    assert_eq!(driven.accept(bid(1, 40), time(0)).standing, Standing::Leading);
    assert_eq!(driven.auction.state(), State::Open);
    assert_eq!(driven.run(&Command::Pulse, time(1)), Ok(Decision::Nothing), "it has started");

    let mut ended = Driven::open(terms());
    let kind = ended.event(Command::Pulse, time(9_000));
    assert!(matches!(kind, EventKind::Ended { early: false, .. }), "past start and end it ends: {kind:?}");
}

#[test]
fn a_late_payment_counts_and_a_late_acceptance_does_not() {
    let [.., (_, awarded, _), (_, offered, _), _, _, _] = states();
    let late = time(30 * 86_400);
    assert_eq!(outcome(awarded.decide(&Command::Paid, late)), "Paid");
    let accept = Command::AcceptOffer { bidder: account(1) };
    assert_eq!(offered.decide(&accept, late), Err(Rejection::Closed(time(3_700 + 86_400))));
    assert_eq!(outcome(offered.decide(&Command::DeclineOffer { bidder: account(1) }, late)), "OfferEnded");
}

#[test]
fn an_acceptance_sent_twice_changes_nothing() {
    let [.., (_, mut offered, now), _, _, _] = states();
    let accept = Command::AcceptOffer { bidder: account(1) };
    assert_eq!(outcome(offered.run(&accept, now)), "OfferAccepted");
    assert_eq!(offered.run(&accept, now), Ok(Decision::Nothing));
    let other = Command::AcceptOffer { bidder: account(2) };
    assert_eq!(outcome(offered.run(&other, now)), "STATE");
}
