//! Goal: a row made of records says exactly what the engine says of its auction, however the records are cut into batches.
//!
//! Method: random commands drive a real auction. Its events become records, random runs of them become batches, and their rows are put
//! into tables in memory by the same rules as the SQL: a row before, its change, the counts, the withdrawals. After each batch the
//! row is held against the auction's own view. Seeds are printed with a failure.

use super::standing::Counts;
use super::{Bid, Change, LeftOut, Rows};
use crate::{Records, Spelling};
use gavel_core::auction::ReserveStatus;
use gavel_core::command::StandingBids;
use gavel_core::terms::{BuyNow, BuyNowPolicy, SoftClose, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BanBook, Command, Context, Currency, Decision, Details, Duration,
    Epoch, Event, Lsn, Open, Position, Reason, Retraction, Seq, ShardId, Stamp, State, Terms, TermsDraft,
    Timestamp,
};
use gavel_log::record::encode_event;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const SPELLING: Spelling = Spelling {
    event: |out, _| out.extend_from_slice(b"{}"),
    event_type: |_| "event",
    shard_event: |out, _, _| out.extend_from_slice(b"{}"),
    shard_event_type: |_| "shard_event",
};

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_micros((1_795_338_000 + seconds) * 1_000_000).unwrap()
}

fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn account(id: u64) -> AccountId {
    AccountId::from_integer(id)
}

/// An auction and the records that made it.
struct Driven {
    auction: Auction,
    bans: BanBook,
    records: Vec<(Position, Event)>,
}

impl Driven {
    fn open(dice: &mut ChaCha8Rng) -> Self {
        let soft = SoftClose {
            mode: SoftCloseMode::FromBid,
            trigger: SoftCloseTrigger::Any,
            window: Duration::from_secs(60),
            extension: Duration::from_secs(90),
            hard_end: None,
        };
        let draft = TermsDraft {
            seller: Some(account(0)),
            currency: Currency::new(*b"EUR"),
            starts_at: Some(time(50)),
            ends_at: Some(time(600)),
            reserve_price: dice.random_bool(0.5).then(|| amount(3_000)),
            buy_now: dice
                .random_bool(0.3)
                .then(|| BuyNow { price: amount(9_000), policy: BuyNowPolicy::Always }),
            soft_close: dice.random_bool(0.5).then_some(soft),
            proxy: Some(dice.random_bool(0.7)),
            retraction: Some(Retraction::Until(Duration::ZERO)),
            payment_window: Some(Duration::from_secs(100)),
            offer_window: Some(Duration::from_secs(50)),
            ..TermsDraft::default()
        };
        let terms = Terms::validate(draft, time(0)).unwrap();
        let open = Open { terms, details: Details("{}".into()), id: None, digest: 7 };
        let id = AuctionId::new(20_779, ShardId(3), 42).unwrap();
        let event = Auction::open(id, open, Stamp::at(time(0))).unwrap();
        let position = Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(1) };
        let auction = Auction::from_opened(&event, position).unwrap();
        Self { auction, bans: BanBook::default(), records: vec![(position, event)] }
    }

    fn run(&mut self, command: &Command, at: Timestamp) {
        let context = Context { stamp: Stamp::at(at), bans: &self.bans };
        if let Ok(Decision::Event(event)) = self.auction.decide(command, &context) {
            let lsn = Lsn(self.records.len() as u64 + 1);
            let position = Position { shard: ShardId(3), epoch: Epoch(1 + lsn.0 as u32 / 9), lsn };
            self.auction.apply(&event, position);
            self.records.push((position, event));
        }
    }
}

fn command(dice: &mut ChaCha8Rng, bids: &[Bid]) -> Command {
    let bidder = account(dice.random_range(1..6));
    let reason = || Reason("because".into());
    match dice.random_range(0..40) {
        0 => Command::Remove { bidder, reason: reason() },
        1 | 2 if !bids.is_empty() => {
            Command::Retract { bid: bids[dice.random_range(0..bids.len())].id, reason: reason() }
        }
        3 => {
            let standing = if dice.random_bool(0.7) { StandingBids::Remove } else { StandingBids::Keep };
            Command::Ban { bidder, standing }
        }
        4 => Command::Unban { bidder },
        5 => Command::LowerReserve {
            reserve: dice.random_bool(0.6).then(|| amount(dice.random_range(1..3_000))),
        },
        6 => Command::Edit { details: Details("{\"a\":1}".into()) },
        7 => Command::Extend { ends_at: time(dice.random_range(600..900)) },
        8 if dice.random_bool(0.2) => Command::Cancel { reason: reason() },
        9 if dice.random_bool(0.3) => Command::End,
        10 => Command::BuyNow { bidder, id: None },
        11 | 12 => Command::Unpaid,
        13 => Command::AcceptOffer { bidder },
        14 => Command::DeclineOffer { bidder },
        15 if dice.random_bool(0.2) => Command::Paid,
        16..24 => Command::Pulse,
        _ => Command::Bid { bidder, amount: amount(dice.random_range(1..80) * 100), id: None },
    }
}

/// The tables, by the same rules as the SQL.
#[derive(Default)]
struct Tables {
    row: Option<Row>,
    bids: Vec<(Bid, Option<Seq>)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    seq: Seq,
    position: Position,
    state: State,
    price: Option<Amount>,
    leader: Option<AccountId>,
    reserve: Option<Amount>,
    ends_at: Timestamp,
    deadline: Option<Timestamp>,
    final_at: Option<Timestamp>,
    bids: i64,
    bidders: i64,
}

impl Tables {
    fn write(&mut self, rows: &Rows) {
        let mut counts = Counts::default();
        for ((_, bidder), tally) in rows.standing.iter() {
            let before =
                self.bids.iter().filter(|(bid, gone)| bid.bidder == bidder && gone.is_none()).count();
            let change = tally.change((before as i64).min(tally.count_up_to()));
            counts.bids += change.bids;
            counts.bidders += change.bidders;
        }
        self.bids.extend(rows.bids.iter().map(|bid| (*bid, None)));
        for gone in &rows.withdrawals {
            for (bid, withdrawn) in &mut self.bids {
                let is_meant = bid.bidder == gone.bidder && gone.bid.is_none_or(|id| id == bid.id);
                if withdrawn.is_none() && is_meant && bid.seq < gone.seq {
                    *withdrawn = Some(gone.seq);
                }
            }
        }
        for opening in &rows.openings {
            assert!(self.row.is_none(), "an auction is opened once");
            self.row = Some(Row {
                seq: opening.seq,
                position: opening.position,
                state: opening.state,
                price: None,
                leader: None,
                reserve: opening.terms.reserve_price,
                ends_at: opening.terms.ends_at,
                deadline: None,
                final_at: None,
                bids: 0,
                bidders: 0,
            });
        }
        let row = self.row.as_mut().unwrap();
        for change in rows.changes() {
            assert_eq!(change.first.0, row.seq.0 + 1, "no event is left out and none comes twice");
            row.change(change);
        }
        row.bids += counts.bids;
        row.bidders += counts.bidders;
    }
}

impl Row {
    fn change(&mut self, change: &Change) {
        (self.seq, self.position) = (change.seq, change.position);
        self.state = change.state.unwrap_or(self.state);
        self.price = change.price.unwrap_or(self.price);
        self.leader = change.leader.unwrap_or(self.leader);
        self.reserve = change.reserve.unwrap_or(self.reserve);
        self.ends_at = change.ends_at.unwrap_or(self.ends_at);
        self.deadline = change.deadline.unwrap_or(self.deadline);
        self.final_at = change.final_at.or(self.final_at);
    }

    /// What the engine says, as a row.
    fn of(auction: &Auction) -> Self {
        let view = auction.view();
        let is_due = matches!(view.state, State::Awarded | State::Offered);
        Self {
            seq: view.seq,
            position: view.position,
            state: view.state,
            price: view.price,
            leader: view.leader,
            // Secret: the view has its status alone, which is compared beside.
            reserve: None,
            ends_at: view.ends_at,
            deadline: if is_due { auction.next_due() } else { None },
            final_at: view.state.is_final().then_some(view.at),
            bids: i64::from(view.bid_count),
            bidders: i64::from(view.bidder_count),
        }
    }
}

fn one_round(seed: u64) -> State {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let (mut driven, mut tables, mut flushed, mut now) = (Driven::open(&mut dice), Tables::default(), 0, 40);
    for _ in 0..dice.random_range(10..120) {
        for _ in 0..dice.random_range(1..12) {
            let bids: Vec<Bid> = tables.bids.iter().map(|(bid, _)| *bid).collect();
            driven.run(&command(&mut dice, &bids), time(now));
            now += dice.random_range(0..4);
        }
        let mut records = Records::new(ShardId(3));
        for (position, event) in &driven.records[flushed..] {
            let mut bytes = Vec::new();
            encode_event(event, &mut bytes);
            records.push(*position, &bytes);
        }
        flushed = driven.records.len();
        if records.is_empty() {
            continue;
        }
        tables.write(&Rows::of(&records, records.len(), &LeftOut::default(), &SPELLING).unwrap());
        let row = tables.row.clone().unwrap();
        let status = match row.reserve {
            None => ReserveStatus::None,
            Some(reserve) if row.price.is_some_and(|price| price >= reserve) => ReserveStatus::Met,
            Some(_) => ReserveStatus::NotMet,
        };
        assert_eq!(status, driven.auction.view().reserve, "seed {seed}");
        assert_eq!(Row { reserve: None, ..row }, Row::of(&driven.auction), "seed {seed}");
    }
    driven.auction.state()
}

#[test]
fn a_row_says_what_the_engine_says_however_the_records_are_cut() {
    let mut ends: Vec<State> = (0..400).map(one_round).collect();
    ends.sort_unstable();
    ends.dedup();
    for state in [State::Open, State::Awarded, State::Offered, State::Closed, State::Unsold, State::Cancelled]
    {
        assert!(ends.contains(&state), "no round ended {state}; the rounds prove too little");
    }
}

#[test]
fn auctions_that_are_held_are_left_out_and_days_are_those_of_the_ids() {
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut driven = Driven::open(&mut dice);
    driven.run(&Command::Bid { bidder: account(1), amount: amount(5_000), id: None }, time(60));
    let mut records = Records::new(ShardId(3));
    for (position, event) in &driven.records {
        let mut bytes = Vec::new();
        encode_event(event, &mut bytes);
        records.push(*position, &bytes);
    }
    let rows = Rows::of(&records, records.len(), &LeftOut::default(), &SPELLING).unwrap();
    assert_eq!((rows.bids.len(), rows.openings.len(), rows.events.len()), (1, 1, 1));
    assert_eq!((rows.days(), rows.at()), (vec![20_779], Some(time(60))));
    let held = std::iter::once(driven.auction.id()).collect();
    let held = LeftOut { held, ..LeftOut::default() };
    let rows = Rows::of(&records, 2, &held, &SPELLING).unwrap();
    assert!(rows.bids.is_empty() && rows.events.is_empty() && rows.changes().is_empty());
    assert_eq!(rows.held.iter().map(|held| held.auction.unwrap().1.0).collect::<Vec<_>>(), [1, 2]);
    let known =
        LeftOut { known: std::iter::once((driven.auction.id(), Seq(1))).collect(), ..LeftOut::default() };
    let rows = Rows::of(&records, 2, &known, &SPELLING).unwrap();
    assert_eq!((rows.openings.len(), rows.bids.len(), rows.held.len()), (0, 1, 0));
    records.push(Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(99) }, b"\xffno record");
    assert_eq!(Rows::of(&records, 3, &held, &SPELLING).unwrap_err().position.lsn, Lsn(99));
}
