//! Random histories of one shard: a few auctions whose commands come in turn, and what they come to.

use gavel_core::command::StandingBids;
use gavel_core::terms::{BuyNow, BuyNowPolicy, SoftClose, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BanBook, BidId, Command, Context, Currency, Decision, Details,
    Duration, Epoch, Event, EventKind, IncrementStep, Lsn, Open, Position, Reason, Retraction, ShardEvent,
    ShardId, Stamp, Terms, TermsDraft, Timestamp,
};
use gavel_log::follow::Records;
use gavel_log::record::{encode_event, encode_shard_event};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub(crate) const SHARD: ShardId = ShardId(3);

/// One record of the shard.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    /// `None`: of the shard itself.
    pub(crate) event: Option<Event>,
    bytes: Vec<u8>,
}

/// A shard's log.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) log: Vec<Entry>,
    auctions: Vec<Auction>,
    bans: BanBook,
}

pub(crate) fn time(millis: u64) -> Timestamp {
    Timestamp::from_micros((1_795_338_000_000 + millis) * 1_000 + 7).unwrap()
}

pub(crate) fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap()
}

/// Every third is a UUID.
pub(crate) fn account(number: u64) -> AccountId {
    let wide = 0x0197_b1c2_7d3e_7a4b_8c5d_6e7f_8091_0000 + u128::from(number);
    if number % 3 == 2 { AccountId::from_bits(wide) } else { AccountId::from_integer(number) }
}

pub(crate) fn auction_id(sequence: u64) -> AuctionId {
    AuctionId::new(20_779, SHARD, sequence).unwrap()
}

impl History {
    /// What a seed makes.
    pub(crate) fn random(seed: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut history = Self::default();
        let auctions = dice.random_range(1..5);
        let mut now = 0;
        for _ in 0..dice.random_range(20..400) {
            now += dice.random_range(0..4_000);
            if dice.random_bool(0.02) {
                history.note(now);
            }
            let open = history.auctions.len();
            if open < auctions && (open == 0 || dice.random_bool(0.1)) {
                history.open(draft(&mut dice, now), details(&mut dice), now);
            } else {
                let nth = dice.random_range(0..open);
                let command = history.command(&mut dice, nth);
                history.run(nth, &command, now);
            }
        }
        history
    }

    /// The place of the next record. Every ninth record is the first of a new epoch.
    fn next_position(&self) -> Position {
        let lsn = self.log.len() as u64 + 1;
        Position { shard: SHARD, epoch: Epoch(1 + lsn as u32 / 9), lsn: Lsn(lsn) }
    }

    pub(crate) fn open(&mut self, draft: TermsDraft, details: Details, now: u64) -> usize {
        let terms = Terms::validate(draft, time(now)).unwrap();
        let open = Open { terms, details, id: None, digest: 7 };
        let id = auction_id(self.auctions.len() as u64 + 1);
        let event = Auction::open(id, open, Stamp::at(time(now))).unwrap();
        self.auctions.push(Auction::from_opened(&event, self.next_position()).unwrap());
        self.push(event);
        self.auctions.len() - 1
    }

    /// True when it came to an event.
    pub(crate) fn run(&mut self, nth: usize, command: &Command, now: u64) -> bool {
        let context = Context { stamp: Stamp::at(time(now)), bans: &self.bans };
        let Ok(Decision::Event(event)) = self.auctions[nth].decide(command, &context) else { return false };
        let position = self.next_position();
        self.auctions[nth].apply(&event, position);
        self.push(event);
        true
    }

    fn push(&mut self, event: Event) {
        let mut bytes = Vec::new();
        encode_event(&event, &mut bytes);
        self.log.push(Entry { position: self.next_position(), event: Some(event), bytes });
    }

    /// An event of the shard, which no document is about.
    fn note(&mut self, now: u64) {
        let mut bytes = Vec::new();
        let banned = ShardEvent::Banned {
            bidder: account(9),
            seller: None,
            standing: StandingBids::Keep,
            at: time(now),
        };
        encode_shard_event(&banned, &mut bytes);
        self.log.push(Entry { position: self.next_position(), event: None, bytes });
    }

    /// These records, as a projector gets them.
    pub(crate) fn records(&self, which: std::ops::Range<usize>) -> Records {
        let mut records = Records::new(SHARD);
        self.log[which].iter().for_each(|entry| records.push(entry.position, &entry.bytes));
        records
    }

    /// An auction's bids so far.
    pub(crate) fn bids(&self, auction: AuctionId) -> Vec<BidId> {
        let events = self.log.iter().filter_map(|entry| entry.event.as_ref());
        let bids = events.filter(|event| event.auction == auction).filter_map(|event| match &event.kind {
            EventKind::BidAccepted(bid) => Some(bid.id),
            _ => None,
        });
        bids.collect()
    }

    fn command(&self, dice: &mut ChaCha8Rng, nth: usize) -> Command {
        let auction = &self.auctions[nth];
        let bidder = account(dice.random_range(1..9));
        let leader = auction.view().leader.unwrap_or(bidder);
        let reason = || Reason("because".into());
        let end = auction.view().ends_at;
        match dice.random_range(0..60) {
            0 => Command::Remove { bidder, reason: reason() },
            1 => Command::Remove { bidder: leader, reason: reason() },
            2..5 => {
                let bids = self.bids(auction.id());
                let last = bids.len().saturating_sub(dice.random_range(1..6));
                let bid = bids.get(last).copied().unwrap_or(BidId::from_bits(1));
                Command::Retract { bid, reason: reason() }
            }
            5 | 6 => Command::Ban { bidder, standing: StandingBids::Remove },
            7 => Command::Ban { bidder, standing: StandingBids::Keep },
            8 | 9 => Command::Unban { bidder },
            10 => {
                let reserve = dice.random_bool(0.6).then(|| amount(dice.random_range(1..3_000)));
                Command::LowerReserve { reserve }
            }
            11 => Command::Edit { details: details(dice) },
            12 => Command::Extend { ends_at: end.saturating_add(Duration::from_secs(30)) },
            13 => Command::GiveBack { ends_at: end.saturating_add(Duration::from_secs(20)) },
            14 if dice.random_bool(0.2) => Command::Cancel { reason: reason() },
            15 if dice.random_bool(0.3) => Command::End,
            16 => Command::BuyNow { bidder, id: None },
            17 | 18 => Command::Unpaid,
            19 | 20 => Command::AcceptOffer { bidder: leader },
            21 => Command::DeclineOffer { bidder: leader },
            22 if dice.random_bool(0.3) => Command::Paid,
            23..29 => Command::Pulse,
            _ => {
                let next = auction.view().min_next.get();
                let amount = amount(next + dice.random_range(0..400));
                let id = dice.random_bool(0.3).then(|| BidId::from_bits(dice.random::<u128>() | 1 << 127));
                Command::Bid { bidder, amount, id }
            }
        }
    }
}

pub(crate) fn details(dice: &mut ChaCha8Rng) -> Details {
    let texts = [
        r#"{}"#,
        r#"{"title":"A vase","description":"Blue, with a crack","category":"ceramics","images":["1.jpg"],"year":1910}"#,
        r#"{"title":7,"images":["2.jpg","3.jpg"]}"#,
    ];
    Details(texts[dice.random_range(0..texts.len())].into())
}

fn draft(dice: &mut ChaCha8Rng, now: u64) -> TermsDraft {
    let soft = SoftClose {
        mode: SoftCloseMode::FromBid,
        trigger: SoftCloseTrigger::Any,
        window: Duration::from_secs(60),
        extension: Duration::from_secs(90),
        hard_end: None,
    };
    let policy = if dice.random_bool(0.5) { BuyNowPolicy::Always } else { BuyNowPolicy::UntilFirstBid };
    let row = |from, step| IncrementStep { from: amount(from), step: amount(step) };
    TermsDraft {
        seller: Some(account(dice.random_range(100..102))),
        currency: Currency::new(if dice.random_bool(0.7) { *b"EUR" } else { *b"KRW" }),
        starts_at: Some(time(now + dice.random_range(0..20_000))),
        ends_at: Some(time(now + dice.random_range(100_000..600_000))),
        opening_price: Some(amount(100)),
        reserve_price: dice.random_bool(0.6).then(|| amount(3_000)),
        buy_now: dice.random_bool(0.4).then(|| BuyNow { price: amount(9_000), policy }),
        increments: Some(vec![row(0, 5), row(1_000, 50)]),
        soft_close: dice.random_bool(0.5).then_some(soft),
        proxy: Some(dice.random_bool(0.7)),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        payment_window: Some(Duration::from_secs(100)),
        offer_window: Some(Duration::from_secs(50)),
        ..TermsDraft::default()
    }
}
