//! Goal: the rules do what they say, whatever happens in whatever order.
//!
//! Method: random terms and random commands go to the engine's rules and to a naive second implementation (`oracle/`). Both
//! must come to the same events, rejections, receipts and view after every step; what must always hold is checked besides;
//! and the auction that recovery makes of the log must have the same digest. In one of the tests the auction is exported all
//! the time, a few items after each step, and as soon as its copy is complete and has caught up, the copy goes on in its place. A failure prints the commands it shrank to.
//! `GAVEL_TEST_ROUNDS` multiplies the rounds.

use crate::common::image::Image;
use crate::common::{Driven, at, rounds};
use crate::oracle::{Answer, Oracle};
use crate::random::{Action, Step, Wide};
use crate::{invariants, random};
use gavel_core::auction::export::Export;
use gavel_core::event::{AfterUnpaid, EventKind, Outcome};
use gavel_core::{BanBook, Context, Decision, Event, Rejection, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

/// Both implementations side by side.
struct Pair {
    driven: Driven,
    oracle: Oracle,
    wide: Vec<(gavel_core::AccountId, Option<gavel_core::AccountId>)>,
    now: Timestamp,
    /// An export under way.
    export: Option<(Image, Export)>,
    copies: usize,
}

impl Pair {
    fn open(draft: gavel_core::TermsDraft) -> Self {
        let driven = Driven::open(draft);
        let (opened, position) = &driven.log[0];
        let oracle = Oracle::new(opened.auction, driven.auction.terms(), opened.at, *position);
        Self { now: crate::common::time(-30), driven, oracle, wide: vec![], export: None, copies: 0 }
    }

    fn step(&mut self, step: &Step) {
        self.now = step.when.after(self.now, self.oracle.next_due());
        match &step.action {
            Action::Command(make) => {
                let command = make.command(&self.oracle);
                let expected = self.oracle.judge(&command, self.now, &self.wide);
                let context = Context { stamp: at(self.now), bans: &self.driven.bans };
                let decided = self.driven.auction.decide(&command, &context);
                let event = self.agree(&command, expected, decided);
                if let Some(event) = event {
                    self.apply(event);
                }
            }
            Action::Wide(wide) => self.change_bans(*wide),
        }
        assert_eq!(self.driven.auction.view(), self.oracle.view());
        assert_eq!(self.driven.auction.next_due(), self.oracle.next_due());
        invariants::hold(&self.driven);
    }

    /// Both must have come to the same; the event, if there is one.
    fn agree(
        &self,
        command: &gavel_core::Command,
        expected: Result<Answer, Rejection>,
        decided: Result<Decision, Rejection>,
    ) -> Option<Event> {
        match (expected, decided) {
            (Ok(Answer::Fact(kind)), Ok(Decision::Event(event))) => {
                assert_eq!(event.kind, kind, "{command:?}");
                let next = (self.oracle.id, self.oracle.seq + 1, self.now.max(self.oracle.at), at(self.now));
                assert_eq!((event.auction, event.seq.0, event.at, event.stamp), next);
                return Some(event);
            }
            (Ok(Answer::Again(expected)), Ok(Decision::Repeat(receipt))) => assert_eq!(receipt, expected),
            (Ok(Answer::Nothing), Ok(Decision::Nothing)) => {}
            (Err(expected), Err(rejection)) => assert_eq!(rejection, expected, "{command:?}"),
            (expected, decided) => panic!("{command:?}: expected {expected:?}, decided {decided:?}"),
        }
        None
    }

    fn apply(&mut self, event: Event) {
        let before = self.driven.auction.view();
        let position = self.driven.next_position();
        assert!(self.driven.auction.is_next(&event));
        self.driven.auction.apply(&event, position);
        self.oracle.take(&event.kind, event.at, position);
        invariants::moved_rightly(&before, &self.driven.auction.view(), &event);
        if let EventKind::BidAccepted(_) | EventKind::BoughtNow { .. } = event.kind {
            let last = self.oracle.bids.last().unwrap();
            assert_eq!(self.driven.auction.receipt(last.id), Some(last.receipt));
        }
        self.driven.log.push((event, position));
    }

    /// Exports so many items more. Once that is all, the copy takes what has come since, and then the original's place.
    fn export(&mut self, items: u32) {
        let (mut image, mut export) = self.export.take().unwrap_or_else(|| {
            let mut image = Image::default();
            let export = self.driven.auction.export(&mut image);
            (image, export)
        });
        if self.driven.auction.export_more(&mut export, items, &mut image).is_err() {
            return;
        }
        if !export.is_complete() {
            self.export = Some((image, export));
            return;
        }
        let mut copy = image.import().unwrap();
        self.driven.log.iter().for_each(|(event, position)| copy.apply(event, *position));
        assert_eq!(copy.digest(), self.driven.auction.digest());
        self.driven.auction = copy;
        self.copies += 1;
    }

    fn change_bans(&mut self, Wide { bidder, seller, lift }: Wide) {
        let entry = (crate::common::account(bidder), seller.then(|| crate::common::account(0)));
        if lift {
            self.driven.bans.unban(entry.0, entry.1);
            self.wide.retain(|other| *other != entry);
        } else if self.driven.bans.ban(entry.0, entry.1) {
            self.wide.push(entry);
        }
    }

    /// Every bid can be asked for again, and a replay of the log comes to the same state.
    fn check_end(&self) {
        for bid in &self.oracle.bids {
            assert_eq!(self.driven.auction.receipt(bid.id), Some(bid.receipt));
        }
        assert_eq!(self.driven.replayed().digest(), self.driven.auction.digest());
        let count = self.driven.auction.view();
        assert_eq!(count.bid_count as usize, self.oracle.bids.iter().filter(|bid| !bid.gone).count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000 * rounds(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agree_with_the_oracle(draft in random::terms(), steps in prop::collection::vec(random::step(), 1..120)) {
        let mut pair = Pair::open(draft);
        steps.iter().for_each(|step| pair.step(step));
        pair.check_end();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000 * rounds(), failure_persistence: None, ..ProptestConfig::default() })]

    /// The auction is exported all the time, and replaced by its copy.
    #[test]
    fn copies_agree_with_the_oracle(
        draft in random::terms(),
        steps in prop::collection::vec((random::step(), 1_u32..12), 1..120),
    ) {
        let mut pair = Pair::open(draft);
        for (step, items) in &steps {
            pair.step(step);
            pair.export(*items);
        }
        pair.check_end();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12 * rounds(), failure_persistence: None, ..ProptestConfig::default() })]

    /// As above, but the auction is replaced by its copy all the time.
    #[test]
    fn copies_agree_with_the_oracle_on_long_auctions(
        steps in prop::collection::vec((random::crowd_step(), 60_u32..200), 150..300),
    ) {
        let mut pair = Pair::open(random::crowd_terms());
        for (step, items) in &steps {
            pair.step(step);
            pair.export(*items);
        }
        pair.check_end();
        prop_assert!(pair.copies > 0, "every export was void");
    }

    /// Beyond the sizes at which bids and bidders are looked through: indexes and segments.
    #[test]
    fn agree_with_the_oracle_on_long_auctions(steps in prop::collection::vec(random::crowd_step(), 150..300)) {
        let mut pair = Pair::open(random::crowd_terms());
        steps.iter().for_each(|step| pair.step(step));
        pair.check_end();
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000 * rounds(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Extreme amounts and times come to events or rejections, never to a panic.
    #[test]
    fn extremes_do_no_harm(draft in random::extreme_terms(), steps in prop::collection::vec(random::extreme_step(), 1..60)) {
        let terms = gavel_core::Terms::validate(draft, crate::common::time(-3_600)).unwrap();
        let mut auction = random::opened(terms);
        let bans = BanBook::default();
        for (step, (command, received)) in steps.into_iter().enumerate() {
            let context = Context { stamp: at(received), bans: &bans };
            match auction.decide(&command, &context) {
                Ok(Decision::Event(event)) => auction.apply(&event, random::position(step)),
                Ok(_) => {}
                Err(rejection) => prop_assert!(!rejection.to_string().is_empty()),
            }
            let view = auction.view();
            prop_assert!(view.at >= received.min(view.at) && view.min_next <= gavel_core::Amount::MAX);
        }
    }
}

/// The generators are worth something only if they get everywhere: every kind of event, every kind of rejection.
#[test]
fn random_commands_reach_every_event_and_every_rejection() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    let steps = prop::collection::vec(random::step(), 119);
    for _ in 0..1_000 {
        let mut pair = Pair::open(random::terms().new_tree(&mut runner).unwrap().current());
        for step in steps.new_tree(&mut runner).unwrap().current() {
            if let Action::Command(make) = &step.action {
                let now = step.when.after(pair.now, pair.oracle.next_due());
                let decided = pair.driven.decide(&make.command(&pair.oracle), now);
                reached.insert(name(decided));
            }
            pair.step(&step);
        }
    }
    let listed: Vec<&str> = reached.iter().map(String::as_str).collect();
    assert_eq!(listed, REACHED);
}

/// The name of the event or rejection, with the reason where it has one.
fn name(decided: Result<Decision, Rejection>) -> String {
    match decided {
        Ok(Decision::Repeat(_)) => "Repeat".into(),
        Ok(Decision::Nothing) => "Nothing".into(),
        Ok(Decision::Event(event)) => match event.kind {
            EventKind::Ended { outcome: Outcome::Unsold(reason), .. } => format!("Ended {reason:?}"),
            EventKind::Unpaid { next: AfterUnpaid::Unsold, .. } => "Unpaid, nobody left".into(),
            kind => variant(&kind),
        },
        Err(Rejection::NotFound(missing)) => format!("NotFound {missing:?}"),
        Err(Rejection::State(_, reason)) => format!("State {reason:?}"),
        Err(Rejection::Invalid(reason)) => format!("Invalid {reason:?}"),
        Err(rejection) => variant(&rejection),
    }
}

fn variant(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|letter| letter.is_alphabetic()).collect()
}

/// All but what needs other sizes or other scopes (limits, missing auctions).
#[rustfmt::skip]
const REACHED: &[&str] = &[
    "Banned", "BidAccepted", "BidRetracted", "BidderBanned", "BidderUnbanned", "BidsRemoved", "BoughtNow",
    "Cancelled", "Closed", "DetailsEdited", "EndMoved", "Ended", "Ended NoBids", "Ended ReserveNotMet",
    "IdConflict", "Invalid Amount", "Invalid AssignedId", "Invalid End", "Invalid Reason",
    "Invalid ReserveNotLower", "NotFound Ban", "NotFound Bid", "NotFound Bidder", "NotStarted", "Nothing",
    "OfferAccepted", "OfferEnded", "Paid", "Repeat", "ReserveLowered", "SellerBid", "Started",
    "State AlreadyBanned", "State BeyondHardEnd", "State BuyNowGone", "State EndNotLater", "State NoBuyNow",
    "State NoReserve", "State NoRetraction", "State NotOfferee", "State ReserveMet", "State WrongState",
    "TooLow", "Unpaid", "Unpaid, nobody left",
];
