//! Goal: after any crash everything acknowledged is there, as it was told; state is what the records alone say; no position ever
//! means two things.
//! Method: storms of random commands, seeded, over a log that fails at a random commit in a random way. After each crash the digests
//! of the recovered shards are compared with a fold of the surviving records through the rules alone, every acknowledged bid is
//! sent again with its id, and must get its first answer.

use crate::common::{Client, Dice, Gate, account, amount, draft, options, reason, restart, rounds, secs};
use crate::common::{launch, reach};
use gavel_core::command::StandingBids;
use gavel_core::event::ShardEvent;
use gavel_core::rejection::Missing;
use gavel_core::{
    Auction, AuctionId, BanBook, BidId, Command, Digest, Epoch, Lsn, Position, Receipt, Rejection,
    Retraction, ShardId, TermsDraft,
};
use gavel_engine::{Engine, LogState, Phase, Reply, Ticket};
use gavel_log::record::{Record, decode};
use gavel_log::{Contents, Fault, Faults, LogReader, LossyLog};
use std::collections::{HashMap, HashSet};

pub(crate) const SHARDS: usize = 3;

/// What the records of a shard say by themselves.
#[derive(Default)]
pub(crate) struct Fold {
    last: Lsn,
    auctions: HashMap<AuctionId, Auction>,
    bans: BanBook,
    pub(crate) retired: HashSet<AuctionId>,
}

impl Fold {
    pub(crate) fn of(contents: &Contents, shard: ShardId) -> Self {
        let mut fold = Self::default();
        for frame in contents.read_from(shard, Lsn(1)).map(Result::unwrap) {
            for (lsn, bytes) in frame.records() {
                fold.take(decode(bytes).expect("a record"), Position { shard, epoch: frame.epoch(), lsn });
            }
        }
        fold
    }

    fn take(&mut self, record: Record, position: Position) {
        self.last = position.lsn;
        match record {
            Record::Auction(event) => match self.auctions.get_mut(&event.auction) {
                Some(auction) => auction.apply(&event, position),
                None => {
                    let auction = Auction::from_opened(&event, position).expect("an opening");
                    self.auctions.insert(event.auction, auction);
                }
            },
            Record::Shard(ShardEvent::Banned { bidder, seller, .. }) => {
                assert!(self.bans.ban(bidder, seller))
            }
            Record::Shard(ShardEvent::Unbanned { bidder, seller, .. }) => {
                assert!(self.bans.unban(bidder, seller))
            }
            Record::Shard(ShardEvent::AuctionsRetired { auctions, .. }) => {
                for auction in auctions {
                    assert!(self.auctions.remove(&auction).expect("it was there").state().is_final());
                    self.retired.insert(auction);
                }
            }
            Record::Shard(_) => {}
        }
    }

    /// The digest of its auctions and bans.
    pub(crate) fn digest(&self) -> Digest {
        let auctions = self.auctions.values().map(|auction| Digest::from(auction.digest()));
        auctions.chain([self.bans.digest()]).sum()
    }
}

pub(crate) async fn assert_folds(engine: &Engine, contents: &Contents, seed: u64) {
    for report in engine.handle().inspect().await {
        let fold = Fold::of(contents, report.shard);
        let expected = (fold.last, fold.auctions.len(), fold.digest());
        assert_eq!(
            (report.applied, report.auctions, report.digest),
            expected,
            "seed {seed}, shard {}",
            report.shard
        );
    }
}

/// What was acknowledged, over all crashes.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) auctions: Vec<AuctionId>,
    pub(crate) bids: Vec<(AuctionId, Command, Receipt)>,
    /// Every position that anybody was told, and what it was told for.
    positions: HashMap<Position, String>,
}

impl Ledger {
    fn note(&mut self, sent: Sent, reply: &Reply, epoch: Epoch, seed: u64) {
        let (position, what) = match (sent, reply) {
            (Sent::Command(id, command), Reply::Receipt(receipt)) => {
                let what = format!("{:?}", receipt.bid);
                self.bids.push((id, command, *receipt));
                (receipt.position, what)
            }
            (Sent::Open, Reply::Opened(id, position)) => {
                self.auctions.push(*id);
                (*position, id.to_string())
            }
            (Sent::Command(id, command), Reply::Done(Some(position))) => {
                (*position, format!("{id} {command:?}"))
            }
            _ => return,
        };
        assert_eq!(position.epoch, epoch, "seed {seed}: {what}");
        if let Some(other) = self.positions.insert(position, what.clone()) {
            assert_eq!(other, what, "seed {seed}: {position} means two things");
        }
    }
}

enum Sent {
    Open,
    Command(AuctionId, Command),
}

fn command(dice: &mut Dice, bids: &[(AuctionId, Command, Receipt)], id: AuctionId) -> Command {
    let bidder = account(1 + dice.below(8));
    match dice.below(20) {
        0 => Command::Remove { bidder, reason: reason() },
        1 => Command::Ban { bidder, standing: dice.pick(&[StandingBids::Keep, StandingBids::Remove]) },
        2 => Command::Unban { bidder },
        3 if dice.once_in(4) => Command::End,
        4 if dice.once_in(4) => Command::Cancel { reason: reason() },
        5 | 6 => match bids.iter().rev().find(|(of, ..)| *of == id) {
            Some((_, _, receipt)) => Command::Retract { bid: receipt.bid, reason: reason() },
            None => Command::Paid,
        },
        7 => Command::Unpaid,
        _ => {
            let id = Some(BidId::from_bits(u128::from(dice.next()) << 64 | 1));
            Command::Bid { bidder, amount: amount(1 + dice.below(100_000)), id }
        }
    }
}

/// Sends commands until the engine fails or enough were sent; notes every answer.
pub(crate) async fn storm(engine: &Engine, dice: &mut Dice, ledger: &mut Ledger, commands: u64, seed: u64) {
    let (mut client, epoch) = (Client::new(engine), engine.handle().epoch().unwrap());
    let ends_at = client.handle.now().saturating_add(secs(86_400));
    let mut sent: Vec<(Ticket, Sent)> = Vec::new();
    for _ in 0..commands {
        let pushed = if ledger.auctions.is_empty() || dice.once_in(40) {
            let (seller, retraction) =
                (Some(account(100 + dice.below(50))), Some(Retraction::Until(secs(0))));
            let terms = TermsDraft { seller, retraction, ..draft(ends_at) };
            client.push_open(terms).map(|ticket| (ticket, Sent::Open))
        } else {
            let id = dice.pick(&ledger.auctions);
            let command = command(dice, &ledger.bids, id);
            let pushed = client.push(client.handle.now(), id, command.clone());
            pushed.map(|ticket| (ticket, Sent::Command(id, command)))
        };
        let Ok(pushed) = pushed else { break };
        sent.push(pushed);
        if dice.once_in(8) {
            client.port.flush();
        }
        if (ledger.auctions.is_empty() || dice.once_in(60))
            && !settle(&mut client, &mut sent, ledger, epoch, seed).await
        {
            return;
        }
    }
    settle(&mut client, &mut sent, ledger, epoch, seed).await;
}

/// Waits for all answers that come; false when the engine has failed instead.
async fn settle(
    client: &mut Client,
    sent: &mut Vec<(Ticket, Sent)>,
    ledger: &mut Ledger,
    epoch: Epoch,
    seed: u64,
) -> bool {
    client.port.flush();
    let mut all = true;
    for (ticket, sent) in sent.drain(..) {
        match client.answer_unless_failed(ticket).await {
            Some(reply) => ledger.note(sent, &reply, epoch, seed),
            None => all = false,
        }
    }
    all
}

/// Every bid that was ever acknowledged, sent again with its id, gets its first answer; and nothing changes by it. Auctions that
/// the log says have left memory are not known any more.
pub(crate) async fn assert_acknowledged(
    engine: &Engine,
    ledger: &Ledger,
    retired: &HashSet<AuctionId>,
    seed: u64,
) {
    let before: Vec<_> = engine.handle().inspect().await;
    let mut client = Client::new(engine);
    for id in &ledger.auctions {
        let is_there = engine.handle().live(*id).is_some();
        assert_eq!(is_there, !retired.contains(id), "seed {seed}: auction {id}");
    }
    for (id, command, receipt) in &ledger.bids {
        let again = client.ask(*id, command.clone()).await;
        let gone = Reply::Rejected(Rejection::NotFound(Missing::Auction));
        let expected = if retired.contains(id) { gone } else { Reply::Receipt(*receipt) };
        assert_eq!(again, expected, "seed {seed}: {id} {command:?}");
    }
    assert_eq!(engine.handle().inspect().await, before, "seed {seed}");
}

pub(crate) fn fault(dice: &mut Dice) -> Faults {
    let fault = match dice.below(4) {
        0 => Fault::DiskFull,
        1 => Fault::SyncFails,
        2 => Fault::SyncFailsAfterAll,
        _ => Fault::WriteFails { survivors: dice.below(4) as usize },
    };
    Faults { commit: Some((1 + dice.below(25), fault)), ..Faults::default() }
}

async fn round(seed: u64) {
    let (mut dice, mut ledger) = (Dice(seed), Ledger::default());
    let (mut disk, mut last_epoch) = (Contents::default(), Epoch(0));
    for _ in 0..6 {
        let gate = Gate::default();
        let lossy = LossyLog::open(&disk, fault(&mut dice));
        disk = lossy.disk();
        let state = LogState { alive_until: disk.marked_at(), ..LogState::default() };
        let engine = launch(gate.before(lossy), state, options(SHARDS));
        let handle = engine.handle();
        let reached = *handle.phases().wait_for(|phase| *phase >= Phase::Ready).await.unwrap();
        if reached == Phase::Ready {
            let epoch = handle.epoch().unwrap();
            assert!(epoch > last_epoch, "seed {seed}");
            last_epoch = epoch;
            let commands = dice.below(800);
            storm(&engine, &mut dice, &mut ledger, commands, seed).await;
            if handle.phase() == Phase::Ready {
                // All is answered, so what the running shards have is what the disk has.
                assert_folds(&engine, &disk, seed).await;
            }
        }
        drop(engine);
        gate.wait_until_gone();
        assert!(!gate.closed(), "seed {seed}: a crash");
    }
    let engine = restart(&disk, options(SHARDS)).await;
    assert!(engine.handle().epoch().unwrap() > last_epoch, "seed {seed}");
    assert_folds(&engine, &disk, seed).await;
    assert_acknowledged(&engine, &ledger, &HashSet::new(), seed).await;
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn storms_and_crashes_lose_nothing_that_was_acknowledged() {
    let first = std::env::var("GAVEL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + rounds(25) {
        eprintln!("seed {seed}");
        round(seed).await;
    }
}

#[tokio::test]
async fn an_engine_that_was_never_stopped_and_one_that_recovers_have_the_same_digests() {
    let (seed, mut dice, mut ledger) = (77, Dice(77), Ledger::default());
    let log = gavel_log::MemoryLog::new();
    let contents = log.contents();
    let engine = launch(log, LogState::default(), options(SHARDS));
    reach(&engine.handle(), Phase::Ready).await;
    storm(&engine, &mut dice, &mut ledger, 5_000, seed).await;
    let digests = |reports: Vec<gavel_engine::ShardReport>| {
        reports.into_iter().map(|report| (report.shard, report.auctions, report.digest)).collect::<Vec<_>>()
    };
    let running = digests(engine.handle().inspect().await);
    engine.stop().await.unwrap();
    assert!(ledger.bids.len() > 500, "{} bids", ledger.bids.len());
    let engine = restart(&contents, options(SHARDS)).await;
    assert_eq!(digests(engine.handle().inspect().await), running);
    assert_acknowledged(&engine, &ledger, &HashSet::new(), seed).await;
    engine.stop().await.unwrap();
}
