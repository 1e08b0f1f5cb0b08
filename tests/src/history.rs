//! A log of auctions of any day, in memory: decided by the engine's rules at times that the test chooses. For suites that need more than the
//! days that a real server lives.

use gavel_core::auction::State;
use gavel_core::command::StandingBids;
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BanBook, BidId, Command, Context, Currency, Decision, Details,
    Duration, Epoch, EventKind, Lsn, Open, Position, Reason, Retraction, ShardEvent, ShardId, Stamp, Terms,
    TermsDraft, Timestamp,
};
use gavel_log::{Frame, FrameBuilder, Log, LogReader, MemoryLog, PushError, record};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Microseconds of a day.
const DAY_US: u64 = 86_400_000_000;

/// A log and the auctions that it came of.
#[derive(Debug, Default)]
pub struct History {
    log: MemoryLog,
    auctions: BTreeMap<AuctionId, Auction>,
    opened: BTreeMap<(u16, ShardId), u64>,
    waiting: BTreeMap<ShardId, Vec<Vec<u8>>>,
}

/// A time of a day: days since 1970, then seconds.
#[must_use]
pub fn at(day: u16, seconds: u64) -> Timestamp {
    Timestamp::from_micros(u64::from(day) * DAY_US + seconds * 1_000_000).expect("a time in bounds")
}

/// A bidder.
#[must_use]
pub fn account(number: u64) -> AccountId {
    AccountId::from_integer(number)
}

/// An amount.
#[must_use]
pub fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).expect("an amount in bounds")
}

impl History {
    /// Nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens an auction that runs for an hour from this time on.
    pub fn open(&mut self, shard: u8, now: Timestamp) -> AuctionId {
        let (shard, day) = (ShardId(shard), now.day() as u16);
        let number = self.opened.entry((day, shard)).or_default();
        *number += 1;
        let id = AuctionId::new(day, shard, *number).expect("an id in bounds");
        let draft = TermsDraft {
            seller: Some(account(7)),
            currency: Currency::new(*b"EUR"),
            starts_at: Some(now),
            ends_at: Some(now.saturating_add(Duration::from_secs(3_600))),
            proxy: Some(true),
            retraction: Some(Retraction::Until(Duration::ZERO)),
            payment_window: Some(Duration::from_secs(3_600)),
            offer_window: Some(Duration::from_secs(3_600)),
            ..TermsDraft::default()
        };
        let terms = Terms::validate(draft, now).expect("valid terms");
        let open =
            Open { terms, details: Details("{\"title\":\"a \\\"vase\\\"\"}".into()), id: None, digest: 7 };
        let event = Auction::open(id, open, Stamp::at(now)).expect("an opening");
        let position = self.append(shard, |out| record::encode_event(&event, out));
        self.auctions.insert(id, Auction::from_opened(&event, position).expect("an auction"));
        id
    }

    /// Carries a command out; false where it decided nothing.
    pub fn act(&mut self, id: AuctionId, command: &Command, now: Timestamp) -> bool {
        let auction = &self.auctions[&id];
        let bans = BanBook::default();
        let context = Context { stamp: Stamp::at(now), bans: &bans };
        let Ok(Decision::Event(event)) = auction.decide(command, &context) else { return false };
        let position = self.append(id.shard(), |out| record::encode_event(&event, out));
        self.auctions.get_mut(&id).expect("an auction").apply(&event, position);
        true
    }

    /// A bid, which must be taken.
    pub fn bid(&mut self, id: AuctionId, bidder: u64, minor_units: u64, now: Timestamp) -> BidId {
        let command = Command::Bid { bidder: account(bidder), amount: amount(minor_units), id: None };
        assert!(self.act(id, &command, now), "a bid of {minor_units} in {id}");
        BidId::assigned(id, self.auctions[&id].seq())
    }

    /// A start of the engine, as each shard's log begins with.
    pub fn start(&mut self, shard: u8, now: Timestamp) {
        let event = ShardEvent::EpochStarted { epoch: Epoch(1), at: now, alive_until: None };
        let _position = self.append(ShardId(shard), |out| record::encode_shard_event(&event, out));
    }

    /// An auction with a bit of everything, by its number; final unless `is_left_open`.
    pub fn eventful(&mut self, shard: u8, now: Timestamp, number: u64, is_left_open: bool) -> AuctionId {
        let reason = || Reason("because".into());
        let later = |seconds| now.saturating_add(Duration::from_secs(seconds));
        let id = self.open(shard, now);
        let bids: Vec<BidId> = (0..12 + number % 5)
            .map(|bid| self.bid(id, 1 + (bid + number) % 4, 1_000 + 500 * bid, later(1 + bid)))
            .collect();
        // Not every auction lies in one frame.
        self.commit();
        let asked = match number % 5 {
            0 => self.act(id, &Command::Retract { bid: bids[3], reason: reason() }, later(60)),
            1 => self.act(id, &Command::Remove { bidder: account(2), reason: reason() }, later(60)),
            2 => {
                let ban = Command::Ban { bidder: account(3), standing: StandingBids::Remove };
                self.act(id, &ban, later(60))
            }
            3 => self.act(id, &Command::Edit { details: Details("{\"more\":1}".into()) }, later(60)),
            _ => true,
        };
        assert!(asked, "auction {number} takes its command");
        self.bid(id, 9, 50_000, later(70));
        if is_left_open {
            return id;
        }
        match number % 3 {
            0 => assert!(self.act(id, &Command::Cancel { reason: reason() }, later(80))),
            1 => {
                assert!(self.act(id, &Command::Pulse, later(3_600)));
                assert!(self.act(id, &Command::Paid, later(3_700)));
            }
            _ => {
                assert!(self.act(id, &Command::Pulse, later(3_600)));
                assert!(self.act(id, &Command::Unpaid, later(3_700)), "an offer follows");
                let mut seconds = 3_700;
                while !self.auctions[&id].state().is_final() {
                    seconds += 3_600;
                    assert!(self.act(id, &Command::Pulse, later(seconds)), "the offer expires");
                }
            }
        }
        assert!(self.auctions[&id].state().is_final());
        id
    }

    /// Where an auction is in its life.
    #[must_use]
    pub fn state(&self, id: AuctionId) -> State {
        self.auctions[&id].state()
    }

    /// All auctions.
    pub fn auctions(&self) -> impl Iterator<Item = &Auction> {
        self.auctions.values()
    }

    /// Makes all that has happened durable.
    pub fn commit(&mut self) {
        for (shard, records) in std::mem::take(&mut self.waiting) {
            let mut builder = FrameBuilder::new(shard, Epoch(1), self.log.tip(shard));
            let mut frames: Vec<Frame> = Vec::new();
            for record in records {
                if let Err(PushError::Full) = builder.push(&record) {
                    frames.extend(builder.finish());
                    builder.push(&record).expect("room in a new frame");
                }
            }
            frames.extend(builder.finish());
            for frame in frames {
                self.log.commit(&[frame]).expect("a commit");
            }
        }
    }

    /// To read what is durable.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn LogReader> {
        self.log.reader()
    }

    /// The shards and their durable ends.
    #[must_use]
    pub fn ends(&self) -> Vec<(ShardId, Lsn)> {
        self.log.shards().into_iter().map(|shard| (shard, self.log.durable(shard))).collect()
    }

    /// How many records there are of each kind: bids, other events of auctions, events of shards.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for shard in self.log.shards() {
            for frame in self.log.read_from(shard, Lsn(1)) {
                for (_, bytes) in frame.expect("a frame").records() {
                    let kind = match record::decode(bytes).expect("a record") {
                        record::Record::Auction(event) => match event.kind {
                            EventKind::BidAccepted(_) | EventKind::BoughtNow { .. } => 0,
                            _ => 1,
                        },
                        record::Record::Shard(_) => 2,
                    };
                    counts[kind] += 1;
                }
            }
        }
        counts
    }

    fn append(&mut self, shard: ShardId, encode: impl FnOnce(&mut Vec<u8>)) -> Position {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        let waiting = self.waiting.entry(shard).or_default();
        waiting.push(bytes);
        let lsn = Lsn(self.log.durable(shard).0 + waiting.len() as u64);
        Position { shard, epoch: Epoch(1), lsn }
    }
}
