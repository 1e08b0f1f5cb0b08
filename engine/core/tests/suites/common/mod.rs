//! What the tests of the rules share: short ways to say terms, times and commands, and an auction that is driven by them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod image;

use gavel_core::command::StandingBids;
use gavel_core::terms::SoftCloseMode;
use gavel_core::terms::SoftCloseTrigger;
use gavel_core::*;

/// A moment well after 1970: 2026-11-22T09:00:00Z.
pub(crate) const START_S: u64 = 1_795_338_000;

pub(crate) fn time(seconds_after_start: i64) -> Timestamp {
    let micros = (START_S as i64 + seconds_after_start) * 1_000_000;
    Timestamp::from_micros(micros as u64).unwrap()
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap()
}

pub(crate) fn account(id: u64) -> AccountId {
    AccountId::from_integer(id)
}

pub(crate) fn auction_id() -> AuctionId {
    AuctionId::new(20_779, ShardId(3), 42).unwrap()
}

/// An id as a client would choose it: a version 4 UUID.
pub(crate) fn chosen(n: u128) -> BidId {
    BidId::from_bits(0x9b1d_eb4d_3b7d_4bad_9bdd_2b0d_7b3d_0000 + n)
}

pub(crate) fn reason() -> Reason {
    Reason("because".into())
}

pub(crate) fn at(received: Timestamp) -> Stamp {
    Stamp::at(received)
}

/// Terms with a seller (0), from the start for an hour; everything else by default.
pub(crate) fn draft() -> TermsDraft {
    TermsDraft {
        seller: Some(account(0)),
        currency: Currency::new(*b"KRW"),
        starts_at: Some(time(0)),
        ends_at: Some(time(3_600)),
        ..TermsDraft::default()
    }
}

pub(crate) fn table(rows: &[(u64, u64)]) -> Option<Vec<IncrementStep>> {
    Some(rows.iter().map(|&(from, step)| IncrementStep { from: amount(from), step: amount(step) }).collect())
}

pub(crate) fn soft(
    mode: SoftCloseMode,
    trigger: SoftCloseTrigger,
    window_s: u64,
    extension_s: u64,
) -> Option<SoftClose> {
    Some(SoftClose { mode, trigger, window: secs(window_s), extension: secs(extension_s), hard_end: None })
}

pub(crate) fn bid(bidder: u64, minor_units: u64) -> Command {
    Command::Bid { bidder: account(bidder), amount: amount(minor_units), id: None }
}

pub(crate) fn ban(bidder: u64, standing: StandingBids) -> Command {
    Command::Ban { bidder: account(bidder), standing }
}

/// An auction with the log that made it.
pub(crate) struct Driven {
    pub auction: Auction,
    pub bans: BanBook,
    pub log: Vec<(Event, Position)>,
}

impl Driven {
    /// Opened an hour before its start, so that it is scheduled where the start is `time(0)`.
    pub(crate) fn open(draft: TermsDraft) -> Self {
        let opened_at = time(-3_600);
        let terms = Terms::validate(draft, opened_at).unwrap();
        let open = Open { terms, details: Details("{}".into()), id: None, digest: 7 };
        let event = Auction::open(auction_id(), open, at(opened_at)).unwrap();
        let position = Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(10) };
        let auction = Auction::from_opened(&event, position).unwrap();
        Self { auction, bans: BanBook::default(), log: vec![(event, position)] }
    }

    /// The place of the next record. Every seventh record is the first of a new epoch, and other auctions' lie between.
    pub(crate) fn next_position(&self) -> Position {
        let n = self.log.len() as u64;
        Position { shard: ShardId(3), epoch: Epoch(1 + (n / 7) as u32), lsn: Lsn(10 + 3 * n) }
    }

    pub(crate) fn decide(&self, command: &Command, received: Timestamp) -> Result<Decision, Rejection> {
        self.auction.decide(command, &Context { stamp: at(received), bans: &self.bans })
    }

    /// Decides and applies; what came out.
    pub(crate) fn run(&mut self, command: &Command, received: Timestamp) -> Result<Decision, Rejection> {
        let decision = self.decide(command, received)?;
        if let Decision::Event(event) = &decision {
            let position = self.next_position();
            self.auction.apply(event, position);
            self.log.push((event.clone(), position));
        }
        Ok(decision)
    }

    /// Must come to an event.
    pub(crate) fn event(&mut self, command: Command, received: Timestamp) -> EventKind {
        match self.run(&command, received) {
            Ok(Decision::Event(event)) => event.kind,
            other => panic!("{command:?} came to {other:?}"),
        }
    }

    /// Must be accepted; the receipt.
    pub(crate) fn accept(&mut self, command: Command, received: Timestamp) -> Receipt {
        let id = match self.event(command, received) {
            EventKind::BidAccepted(accepted) => accepted.id,
            EventKind::BoughtNow { id, .. } => id,
            other => panic!("no bid: {other:?}"),
        };
        self.auction.receipt(id).unwrap()
    }

    /// Must be refused.
    pub(crate) fn refuse(&mut self, command: Command, received: Timestamp) -> Rejection {
        match self.run(&command, received) {
            Err(rejection) => rejection,
            other => panic!("{command:?} came to {other:?}"),
        }
    }

    /// Price and leader, as numbers.
    pub(crate) fn shown(&self) -> (u64, u64) {
        let view = self.auction.view();
        (view.price.unwrap().get(), view.leader.unwrap().to_bits() as u64)
    }

    /// The auction that recovery makes of the log.
    pub(crate) fn replayed(&self) -> Auction {
        let (first, position) = &self.log[0];
        let mut auction = Auction::from_opened(first, *position).unwrap();
        for (event, position) in &self.log[1..] {
            assert!(auction.is_next(event));
            auction.apply(event, *position);
        }
        auction
    }
}

/// How many times as many rounds as usual the random tests run.
pub(crate) fn rounds() -> u32 {
    std::env::var("GAVEL_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}
