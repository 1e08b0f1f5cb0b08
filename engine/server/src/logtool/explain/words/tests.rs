//! Worked examples of every rule, in exact words; and every kind of event has words, with secrets and without.
//!
//! The auctions are real ones: each command is judged by the rules, and what they decide is what is told.

use super::*;
use gavel_core::command::StandingBids;
use gavel_core::terms::{BuyNow, BuyNowPolicy, IncrementStep, SoftClose, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{
    Auction, AuctionId, BanBook, BidId, Command, Context, Currency, Decision, Details, Epoch, Lsn, Open,
    Position, ShardId, Stamp, TermsDraft,
};
use std::collections::BTreeSet;

/// An auction that is driven by commands, and told.
struct Driven {
    auction: Auction,
    stand: Stand,
    bans: BanBook,
    opened: Words,
    kinds: BTreeSet<&'static str>,
    last: Event,
}

/// 2026-11-22T09:00:00Z and so many seconds.
fn time(seconds: u64) -> Timestamp {
    Timestamp::from_micros((1_795_338_000 + seconds) * 1_000_000).unwrap()
}

fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn account(id: u64) -> AccountId {
    AccountId::from_integer(id)
}

fn at(lsn: u64) -> Position {
    Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(lsn) }
}

fn bid(bidder: u64, of: u64) -> Command {
    Command::Bid { bidder: account(bidder), amount: amount(of), id: None }
}

fn because() -> Reason {
    Reason("typed a zero too many".into())
}

/// Seller 7, for an hour, from 1,000 in steps of 100.
fn draft() -> TermsDraft {
    TermsDraft {
        seller: Some(account(7)),
        currency: Currency::new(*b"KRW"),
        starts_at: Some(time(0)),
        ends_at: Some(time(3_600)),
        opening_price: Some(amount(1_000)),
        increments: Some(vec![IncrementStep { from: Amount::ZERO, step: amount(100) }]),
        ..TermsDraft::default()
    }
}

fn soft(mode: SoftCloseMode, trigger: SoftCloseTrigger, extension_s: u64) -> Option<SoftClose> {
    Some(SoftClose {
        mode,
        trigger,
        window: Duration::from_secs(60),
        extension: Duration::from_secs(extension_s),
        hard_end: Some(time(3_700)),
    })
}

impl Driven {
    fn open(draft: TermsDraft) -> Self {
        Self::open_at(draft, 0)
    }

    fn open_at(draft: TermsDraft, second: u64) -> Self {
        let id = AuctionId::new(20_779, ShardId(3), 42).unwrap();
        let terms = Terms::validate(draft, time(second)).unwrap();
        let open = Open { terms, details: Details("{}".into()), id: None, digest: 7 };
        let event = Auction::open(id, open, Stamp::at(time(second))).unwrap();
        let auction = Auction::from_opened(&event, at(1)).unwrap();
        let stand = Stand::opened(&event, at(1)).unwrap();
        let telling =
            Telling { stand: &stand, before: None, after: stand.facts(), outage: None, secret: false };
        let opened = words(&event, &telling);
        let kinds = BTreeSet::from([gavel_wire::event_json::type_name(&event.kind)]);
        Self { auction, stand, bans: BanBook::default(), opened, kinds, last: event }
    }

    /// The words for what the command comes to, without secrets and with them.
    fn both(&mut self, command: Command, second: u64) -> [Words; 2] {
        let context = Context { stamp: Stamp::at(time(second)), bans: &self.bans };
        let event = match self.auction.decide(&command, &context) {
            Ok(Decision::Event(event)) => event,
            other => panic!("{command:?} came to {other:?}"),
        };
        let position = at(self.auction.position().lsn.0 + 3);
        self.auction.apply(&event, position);
        assert!(self.stand.is_next(&event));
        let before = Some(self.stand.facts());
        self.stand.apply(&event, position);
        assert_eq!(self.stand.facts().view, self.auction.view());
        self.kinds.insert(gavel_wire::event_json::type_name(&event.kind));
        let after = self.stand.facts();
        let outage = Some((time(10), time(20)));
        let told = [false, true]
            .map(|secret| words(&event, &Telling { stand: &self.stand, before, after, outage, secret }));
        self.last = event;
        told
    }

    /// The lines that are told without secrets.
    fn lines(&mut self, command: Command, second: u64) -> Vec<String> {
        let [Words { title, lines }, _] = self.both(command, second);
        assert!(!title.is_empty() && lines.iter().all(|line| !line.is_empty()) && !lines.is_empty());
        lines
    }

    /// The first line that is told without secrets.
    fn first(&mut self, command: Command, second: u64) -> String {
        self.lines(command, second).swap_remove(0)
    }
}

#[test]
fn who_leads_is_told_with_the_rule_that_made_the_price() {
    let mut driven = Driven::open(draft());
    assert_eq!(
        driven.first(bid(8, 3_000), 1),
        "accepted: leads at 1,000, the opening price, as no other bid stands"
    );
    assert_eq!(
        driven.first(bid(9, 1_500), 2),
        "accepted and outbid at once: another bidder's maximum is higher; the price rises to 1,600, one step of 100 above this bid"
    );
    assert_eq!(
        driven.first(bid(8, 3_050), 3),
        "accepted: leads as before, at 1,600; to raise one's own maximum does not move the price"
    );
    assert_eq!(
        driven.first(bid(9, 3_000), 4),
        "accepted and outbid at once: another bidder's maximum is higher, by less than a step; the price rises to it, 3,050"
    );
    let [public, secret] = driven.both(bid(9, 5_000), 5);
    assert_eq!(public.title, "bid by 9");
    assert_eq!(
        public.lines,
        [
            "accepted: leads at 3,150, one step of 100 above the second-highest maximum, which is another bidder's"
        ]
    );
    assert_eq!(secret.title, "bid by 9, up to 5,000");
    assert_eq!(
        secret.lines,
        ["accepted: leads at 3,150, one step of 100 above the second-highest maximum, 3,050, which is 8's"]
    );
    assert_eq!(
        driven.first(bid(8, 5_000), 6),
        "accepted and outbid at once: another bidder's maximum is equal, and of equal maxima the earlier leads; the price rises to \
         5,000"
    );
}

#[test]
fn a_maximum_below_the_next_step_is_offered_in_full() {
    let mut driven = Driven::open(draft());
    driven.first(bid(8, 3_000), 1);
    assert_eq!(
        driven.first(bid(9, 3_050), 2),
        "accepted: leads at 3,050, all that was bid: it is above the second-highest maximum, which is another bidder's, by less than \
         the step of 100"
    );
}

#[test]
fn without_secret_maxima_a_bid_is_the_price() {
    let mut driven = Driven::open(TermsDraft { proxy: Some(false), ..draft() });
    let [public, _] = driven.both(bid(8, 3_000), 1);
    assert_eq!(public.title, "bid by 8 of 3,000");
    assert_eq!(public.lines, ["accepted: leads at 3,000; without secret maxima a bid is the price"]);
}

#[test]
fn a_reserve_price_is_told_by_its_status_and_itself_only_among_secrets() {
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(7_700)), ..draft() });
    assert_eq!(driven.opened.lines[1], "it is not sold below a reserve price");
    let [public, secret] = driven.both(bid(8, 3_000), 1);
    assert_eq!(public.lines[1], "the reserve price is not reached yet");
    assert_eq!(secret.lines[1], "the reserve price of 7,700 is not reached yet");
    let [public, secret] = driven.both(Command::LowerReserve { reserve: Some(amount(5_500)) }, 2);
    assert_eq!(public.lines, ["the reserve price is lowered", "the reserve price is not reached yet"]);
    assert_eq!(secret.lines[0], "the reserve price is lowered from 7,700 to 5,500");
    assert_eq!(
        driven.lines(bid(9, 6_000), 3),
        [
            "accepted: leads at 5,500, the reserve price: a maximum that reaches it lifts the price to it at once",
            "the reserve price is reached"
        ]
    );
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(7_700)), ..draft() });
    driven.first(bid(8, 3_000), 1);
    assert_eq!(
        driven.first(bid(8, 8_000), 2),
        "accepted: leads as before; the higher maximum reaches the reserve price, so that the price rises to it at once: 7,700"
    );
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(7_700)), ..draft() });
    driven.first(bid(8, 3_000), 1);
    assert_eq!(
        driven.lines(Command::LowerReserve { reserve: Some(amount(2_000)) }, 2),
        [
            "the reserve price is lowered",
            "the leader's maximum reaches it, so that the price rises to it at once: 2,000",
            "the reserve price is reached"
        ]
    );
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(7_700)), ..draft() });
    assert_eq!(
        driven.first(Command::LowerReserve { reserve: None }, 2),
        "the reserve price is dropped: the highest bid wins, whatever it is"
    );
}

#[test]
fn nobody_s_maximum_is_in_the_words_without_secrets() {
    let mut driven = Driven::open(TermsDraft {
        reserve_price: Some(amount(98_765)),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        ..draft()
    });
    let mut all = Vec::new();
    for (second, command) in [
        bid(8, 43_210),
        bid(9, 2_000),
        bid(8, 54_321),
        Command::Retract { bid: BidId::assigned(driven.auction.id(), gavel_core::Seq(4)), reason: because() },
        Command::LowerReserve { reserve: Some(amount(87_654)) },
        Command::Ban { bidder: account(9), standing: StandingBids::Remove },
        Command::End,
    ]
    .into_iter()
    .enumerate()
    {
        let [Words { title, lines }, secret] = driven.both(command, second as u64 + 1);
        all.push(title);
        all.extend(lines);
        assert!(!secret.lines.is_empty());
    }
    let told = all.join("\n").replace(',', "");
    for number in ["43210", "54321", "98765", "87654"] {
        assert!(!told.contains(number), "{number} in:\n{told}");
    }
}

#[test]
fn the_buy_now_price_goes_by_its_policy() {
    let with = |policy| TermsDraft { buy_now: Some(BuyNow { price: amount(5_000), policy }), ..draft() };
    let mut driven = Driven::open(with(BuyNowPolicy::UntilFirstBid));
    assert_eq!(
        driven.lines(bid(8, 3_000), 1)[1],
        "the buy-now price of 5,000 is gone: the first bid removes it"
    );
    let mut driven = Driven::open(with(BuyNowPolicy::Always));
    assert_eq!(driven.lines(bid(8, 6_000), 1).len(), 1);
    assert_eq!(
        driven.lines(bid(9, 5_000), 2)[1],
        "the buy-now price of 5,000 is gone: the next bid would have to be higher"
    );
    let mut driven = Driven::open(with(BuyNowPolicy::UntilFirstBid));
    assert_eq!(
        driven.lines(Command::BuyNow { bidder: account(8), id: None }, 1),
        [
            "sold at 5,000, the buy-now price, which could be had as there was no bid yet; the auction is over with it",
            "to be paid until 2026-11-29T09:00:01Z"
        ]
    );
    assert_eq!(driven.first(Command::Paid, 2), "closed: the winner has paid, and nothing changes any more");
}

#[test]
fn soft_close_says_window_trigger_and_reckoning() {
    use SoftCloseMode::{FromBid, FromEnd, Reset};
    use SoftCloseTrigger::{Any, Leader, Price};
    let told = |soft_close, bids: &[(Command, u64)]| {
        let mut driven = Driven::open(TermsDraft { soft_close, ..draft() });
        let mut last = Vec::new();
        for (command, second) in bids {
            last = driven.lines(command.clone(), *second);
        }
        last.into_iter().find(|line| line.starts_with("soft close"))
    };
    assert_eq!(told(soft(FromBid, Any, 60), &[(bid(8, 3_000), 3_539)]), None, "before the window");
    let first = "soft close: 12 s before the end, within its window of 1 min";
    let from = "so that the end moves from 2026-11-22T10:00:00Z to";
    assert_eq!(
        told(soft(FromBid, Any, 60), &[(bid(8, 3_000), 3_588)]).unwrap(),
        format!(
            "{first}, where every bid counts, {from} 2026-11-22T10:00:48Z: the time of the bid and 1 min"
        )
    );
    assert_eq!(
        told(soft(FromEnd, Price, 30), &[(bid(8, 3_000), 1), (bid(9, 2_000), 3_588)]).unwrap(),
        format!(
            "{first}, and it has raised the price, {from} 2026-11-22T10:00:30Z: the end before it and 30 s"
        )
    );
    assert_eq!(
        told(soft(Reset, Leader, 5), &[(bid(8, 3_000), 1), (bid(9, 4_000), 3_588)]).unwrap(),
        format!(
            "{first}, and it has made a new leader, {from} 2026-11-22T09:59:53Z: the time left is set to 5 s"
        )
    );
    assert_eq!(
        told(soft(FromBid, Leader, 60), &[(bid(8, 3_000), 1), (bid(9, 2_000), 3_588)]).unwrap(),
        format!("{first}, but the end stays: only a bid that makes a new leader moves it")
    );
    assert_eq!(
        told(soft(FromBid, Price, 60), &[(bid(8, 3_000), 1), (bid(8, 4_000), 3_588)]).unwrap(),
        format!("{first}, but the end stays: only a bid that raises the price moves it")
    );
    assert_eq!(
        told(soft(FromBid, Any, 5), &[(bid(8, 3_000), 3_588)]).unwrap(),
        format!("{first}, but the end stays: 5 s from the bid is no later than it")
    );
    assert_eq!(
        told(soft(FromEnd, Any, 600), &[(bid(8, 3_000), 3_588)]).unwrap(),
        format!(
            "{first}, where every bid counts, {from} 2026-11-22T10:01:40Z: the end before it and 10 min, but not beyond the hard end of \
             the terms, 2026-11-22T10:01:40Z"
        )
    );
    let late = [(bid(8, 3_000), 3_588), (bid(9, 4_000), 3_660)];
    assert_eq!(
        told(soft(FromEnd, Any, 600), &late).unwrap(),
        "soft close: 40 s before the end, within its window of 1 min, but the end stays: it cannot go beyond the hard end of the terms, \
         2026-11-22T10:01:40Z"
    );
}

#[test]
fn the_end_is_told_with_what_decided_it() {
    let mut driven = Driven::open(draft());
    driven.first(bid(8, 3_000), 1);
    assert_eq!(
        driven.lines(Command::Pulse, 3_600),
        [
            "its end has come",
            "awarded: 8 leads and wins at 1,000; there is no reserve price",
            "to be paid until 2026-11-29T10:00:00Z"
        ]
    );
    let mut driven = Driven::open(draft());
    assert_eq!(
        driven.lines(Command::End, 5),
        ["ended before its time, by command of the seller or an operator", "unsold: no bid stands"]
    );
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(7_700)), ..draft() });
    driven.first(bid(8, 3_000), 1);
    let [public, secret] = driven.both(Command::Pulse, 3_600);
    assert_eq!(public.lines[1], "unsold: the reserve price was not reached");
    assert_eq!(secret.lines[1], "unsold: the reserve price of 7,700 was not reached");
    let later = TermsDraft { starts_at: Some(time(60)), ..draft() };
    let mut driven = Driven::open(later.clone());
    assert_eq!(
        driven.opened.lines[0],
        "scheduled: bids are taken from 2026-11-22T09:01:00Z to 2026-11-22T10:00:00Z"
    );
    assert_eq!(driven.first(Command::Pulse, 60), "open: its start has come, and bids are taken");
    let mut driven = Driven::open(later);
    assert_eq!(driven.first(Command::Pulse, 3_600), "start and end have come, and nobody has bid");
    assert_eq!(
        Driven::open_at(draft(), 5).opened.lines[0],
        "open at once: its start had come; bids are taken to 2026-11-22T10:00:00Z"
    );
}

#[test]
fn second_chances_say_why_this_price() {
    let mut driven = Driven::open(draft());
    for (bidder, of) in [(10, 1_000), (9, 2_000), (8, 3_000)] {
        driven.first(bid(bidder, of), 1);
    }
    driven.first(Command::Pulse, 3_600);
    let rule = "the price that they would have paid, had nobody who comes before them ever bid (the winner, earlier offers, banned bidders)";
    assert_eq!(
        driven.lines(Command::Unpaid, 3_700),
        [
            "8 does not pay, as was said by command".to_owned(),
            format!("second chance for 9 at 1,100, until 2026-11-23T10:01:40Z: {rule}")
        ]
    );
    let [Words { title, lines }, _] = driven.both(Command::DeclineOffer { bidder: account(9) }, 3_800);
    assert_eq!(title, "offer declined");
    assert_eq!(
        lines,
        [
            "9 does not take the second chance".to_owned(),
            format!("second chance for 10 at 1,000, until 2026-11-23T10:03:20Z: {rule}")
        ]
    );
    assert_eq!(
        driven.lines(Command::AcceptOffer { bidder: account(10) }, 3_900),
        ["awarded: 10 takes the second chance and wins at 1,000", "to be paid until 2026-11-29T10:05:00Z"]
    );
    assert_eq!(
        driven.lines(Command::Pulse, 10 * 86_400),
        [
            "the time in which 10 had to pay has passed",
            "unsold: nobody is left who has a standing bid, is not banned"
        ]
    );
    let mut driven = Driven::open(draft());
    driven.first(bid(9, 2_000), 1);
    driven.first(bid(8, 3_000), 1);
    driven.first(Command::Pulse, 3_600);
    driven.first(Command::Unpaid, 3_700);
    let [Words { title, lines }, _] = driven.both(Command::Pulse, 10 * 86_400);
    assert_eq!(title, "offer expired");
    assert_eq!(lines[0], "the time in which 9 could take the second chance has passed");
}

#[test]
fn bids_that_are_taken_away_are_told_with_what_is_left() {
    let terms = TermsDraft { retraction: Some(Retraction::Until(Duration::from_secs(600))), ..draft() };
    let mut driven = Driven::open(terms);
    driven.first(bid(9, 2_000), 1);
    driven.first(bid(8, 3_000), 2);
    let id = BidId::assigned(driven.auction.id(), gavel_core::Seq(3));
    let [Words { title, lines }, secret] = driven.both(Command::Retract { bid: id, reason: because() }, 3);
    assert_eq!(title, "bid of 8 retracted");
    let left = "leader and price are computed anew, as if that bid had never been: 9 leads at 1,000";
    let allowed = "the terms allow it as long as more than 10 min is left; reason: “typed a zero too many”";
    assert_eq!(
        lines,
        [format!("their bid, record 3 of this auction, is taken back; {allowed}"), left.to_owned()]
    );
    assert_eq!(
        secret.lines[0],
        format!("their bid, record 3 of this auction of 3,000, is taken back; {allowed}")
    );
    driven.first(bid(10, 4_000), 4);
    assert_eq!(
        driven.lines(Command::Remove { bidder: account(10), reason: because() }, 5),
        [
            "1 bid is removed by an operator; reason: “typed a zero too many”",
            "leader and price are computed anew, as if those bids had never been: 9 leads at 1,000"
        ]
    );
    assert_eq!(
        driven.lines(Command::Ban { bidder: account(9), standing: StandingBids::Remove }, 6),
        [
            "9 may not bid here any more, and their bids go with the ban",
            "leader and price are computed anew, as if those bids had never been: no bid stands"
        ]
    );
    assert_eq!(
        driven.lines(Command::Ban { bidder: account(10), standing: StandingBids::Keep }, 7),
        ["10 may not bid here any more; their standing bids, if any, stay"]
    );
    assert_eq!(
        driven.first(Command::Unban { bidder: account(9) }, 8),
        "the ban of 9 from this auction is lifted; bids that went with it do not come back"
    );
}

#[test]
fn a_removal_with_a_wider_ban_names_it() {
    let mut driven = Driven::open(draft());
    driven.first(bid(9, 2_000), 1);
    driven.first(Command::Remove { bidder: account(9), reason: because() }, 2);
    let event = Event { origin: Origin::Engine, ..driven.last.clone() };
    let facts = driven.stand.facts();
    let telling =
        Telling { stand: &driven.stand, before: Some(facts), after: facts, outage: None, secret: false };
    assert_eq!(
        words(&event, &telling).lines[0],
        "1 bid is removed with a ban of wider scope than this auction"
    );
}

#[test]
fn ends_that_move_say_who_moved_them() {
    let mut driven = Driven::open(draft());
    assert_eq!(
        driven.first(Command::Extend { ends_at: time(3_660) }, 1),
        "the end moves from 2026-11-22T10:00:00Z to 2026-11-22T10:01:00Z, by command of the seller or an operator"
    );
    assert_eq!(
        driven.first(Command::GiveBack { ends_at: time(3_670) }, 20),
        "the end moves from 2026-11-22T10:01:00Z to 2026-11-22T10:01:10Z: the auction gets back time of an outage, from \
         2026-11-22T09:00:10Z (the last sign of life) to 2026-11-22T09:00:20Z"
    );
    assert_eq!(
        driven.first(Command::Edit { details: Details("{}".into()) }, 21),
        "the details are replaced: there was no bid yet"
    );
    driven.first(bid(8, 3_000), 22);
    assert_eq!(
        driven.first(Command::Edit { details: Details("{}".into()) }, 23),
        "appended to the details: once there was a bid, what bidders have relied on stays"
    );
    assert_eq!(
        driven.first(Command::Cancel { reason: because() }, 24),
        "called off before its end, so that nobody wins; reason: “typed a zero too many”"
    );
}

/// The examples above come to every kind of event there is. That every kind is listed, the compiler sees to: a new one has no words
/// until `Telling::event` names it.
#[test]
fn every_kind_of_event_has_words() {
    let mut kinds = BTreeSet::new();
    let mut driven = Driven::open(TermsDraft {
        starts_at: Some(time(60)),
        reserve_price: Some(amount(1_200)),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        buy_now: Some(BuyNow { price: amount(5_000), policy: BuyNowPolicy::Always }),
        ..draft()
    });
    let id = driven.auction.id();
    let commands = [
        (Command::LowerReserve { reserve: Some(amount(1_000)) }, 1),
        (Command::Pulse, 60),
        (bid(8, 3_000), 61),
        (Command::Retract { bid: BidId::assigned(id, gavel_core::Seq(4)), reason: because() }, 62),
        (bid(9, 3_000), 63),
        (Command::Remove { bidder: account(9), reason: because() }, 64),
        (Command::Extend { ends_at: time(4_000) }, 65),
        (Command::Edit { details: Details("{}".into()) }, 66),
        (Command::Ban { bidder: account(10), standing: StandingBids::Keep }, 67),
        (Command::Unban { bidder: account(10) }, 68),
        (bid(11, 2_000), 69),
        (bid(12, 2_500), 70),
        (bid(13, 2_700), 71),
        (Command::End, 72),
        (Command::Unpaid, 73),
        (Command::DeclineOffer { bidder: account(12) }, 74),
        (Command::AcceptOffer { bidder: account(11) }, 75),
        (Command::Paid, 76),
    ];
    for (command, second) in commands {
        driven.lines(command, second);
    }
    kinds.append(&mut driven.kinds);
    let mut driven = Driven::open(TermsDraft {
        buy_now: Some(BuyNow { price: amount(5_000), policy: BuyNowPolicy::Always }),
        ..draft()
    });
    driven.lines(Command::BuyNow { bidder: account(8), id: None }, 1);
    kinds.append(&mut driven.kinds);
    let mut driven = Driven::open(draft());
    driven.lines(Command::Cancel { reason: because() }, 1);
    kinds.append(&mut driven.kinds);
    assert_eq!(kinds.len(), 17, "{kinds:?}");
}

#[test]
fn a_stand_that_is_taken_from_an_auction_goes_on_as_the_one_that_was_followed() {
    let mut driven = Driven::open(TermsDraft {
        reserve_price: Some(amount(2_500)),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        ..draft()
    });
    let chosen = BidId::from_bits(0x9b1d_eb4d_3b7d_4bad_9bdd_2b0d_7b3d_0001);
    driven.first(Command::Bid { bidder: account(8), amount: amount(2_000), id: Some(chosen) }, 1);
    driven.first(bid(9, 3_000), 2);
    driven.first(Command::Bid { bidder: account(8), amount: amount(3_500), id: None }, 3);
    driven.first(Command::Remove { bidder: account(8), reason: because() }, 4);
    driven.stand = Stand::restored(driven.auction.clone());
    assert_eq!(
        driven.stand.bid(chosen).map(|bid| (bid.bidder, bid.amount)),
        Some((account(8), amount(2_000)))
    );
    assert_eq!(
        driven.both(bid(10, 4_000), 5)[1].lines[0],
        "accepted: leads at 3,100, one step of 100 above the second-highest maximum, 3,000, which is 9's"
    );
}

#[test]
fn events_of_the_shard_are_told_where_they_touch_the_auction() {
    let id = AuctionId::new(20_779, ShardId(3), 42).unwrap();
    let told = |event| shard_words(&event, id, account(7)).map(|(_, words)| words.lines[0].clone());
    let banned = |seller| gavel_core::ShardEvent::Banned {
        bidder: account(8),
        seller,
        standing: StandingBids::Keep,
        at: time(1),
    };
    assert_eq!(told(banned(None)).unwrap(), "8 may not bid in any auction any more; standing bids stay");
    assert_eq!(
        told(banned(Some(account(7)))).unwrap(),
        "8 may not bid in the auctions of seller 7 any more; standing bids stay"
    );
    assert_eq!(told(banned(Some(account(6)))), None);
    let retired =
        |auction| gavel_core::ShardEvent::AuctionsRetired { auctions: Box::new([auction]), at: time(1) };
    assert!(told(retired(id)).unwrap().contains("has left the engine's memory"));
    assert_eq!(told(retired(AuctionId::new(20_779, ShardId(3), 43).unwrap())), None);
}

#[test]
fn lengths_of_time_are_told_in_their_two_largest_units() {
    for (micros, text) in [
        (0, "0 µs"),
        (999, "999 µs"),
        (1_500, "1 ms"),
        (12_000_000, "12 s"),
        (12_345_678, "12 s 345 ms"),
        (90_000_000, "1 min 30 s"),
        (3_600_000_000, "1 h"),
        (90_061_000_000, "1 d 1 h"),
    ] {
        assert_eq!(span(Duration::from_micros(micros)), text);
    }
}
