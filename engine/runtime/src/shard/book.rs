//! A shard's state, and what it does with each task. No threads, no clock, no I/O: the actor around it brings the time, the log
//! thread takes what it decides, and recovery runs [`Book::replay`] over the same records.
//!
//! Invariants:
//! - Every event is applied the moment it is decided and has the next Lsn: memory is ahead of the disk, never beside it.
//! - What is decided is handed on in order, together with every reply that depends on it.

use super::due::DueQueue;
use crate::live::{ByDay, LiveAuction, insert, lookup, lookup_mut};
use crate::message::{Decided, Opening, Records, Reply, Submission, Task, Ticket, WideBan};
use gavel_core::ban::Ban;
use gavel_core::command::{Reason, StandingBids};
use gavel_core::digest::Digest;
use gavel_core::event::{EventKind, Origin, ShardEvent};
use gavel_core::limits::AUCTIONS_PER_SHARD_MAX;
use gavel_core::placement::PlacementChange;
use gavel_core::rejection::{LimitReached, Missing};
use gavel_core::{
    Auction, AuctionId, BanBook, Command, Context, Decision, Duration, Epoch, Event, Lsn, OpenId, Position,
    Rejection, ShardId, Stamp, Timestamp,
};
use gavel_log::record::{Record, encode_event, encode_shard_event};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One auction of the shard.
struct Entry {
    auction: Auction,
    live: Arc<LiveAuction>,
    /// The earliest time the due queue has for it.
    queued: Option<Timestamp>,
    /// True while the auction is in `touched`.
    touched: bool,
}

/// An opening that can be asked for again.
#[derive(Clone, Copy)]
struct Opened {
    digest: u128,
    auction: AuctionId,
    position: Position,
}

/// A shard's state.
pub(crate) struct Book {
    shard: ShardId,
    epoch: Epoch,
    next: Lsn,
    auctions: ByDay<Box<Entry>>,
    auction_count: usize,
    /// The last sequence given on each day.
    sequences: BTreeMap<u16, u64>,
    bans: BanBook,
    openings: HashMap<OpenId, Opened, foldhash::fast::RandomState>,
    due: DueQueue,
    /// Auctions changed since the last [`Book::take`].
    touched: Vec<AuctionId>,
    opened: Vec<Arc<LiveAuction>>,
    /// Changes of placement logged since the last [`Book::take`].
    changes: Vec<(PlacementChange, Timestamp)>,
    records: Records,
}

impl Book {
    /// An empty shard before its first record.
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            epoch: Epoch(0),
            next: Lsn(1),
            auctions: Vec::new(),
            auction_count: 0,
            sequences: BTreeMap::new(),
            bans: BanBook::default(),
            openings: HashMap::default(),
            due: DueQueue::default(),
            touched: Vec::new(),
            opened: Vec::new(),
            changes: Vec::new(),
            records: Records::default(),
        }
    }

    /// Judges a submission and takes what it leads to in. `decided` is the engine's time now.
    pub(crate) fn handle(&mut self, submission: Submission, decided: Timestamp) -> (Ticket, Reply) {
        let stamp = Stamp { received: submission.received, decided };
        let reply = match submission.task {
            Task::Auction(id, command) => self.command(id, &command, stamp),
            Task::Open(opening) => self.open(*opening, stamp),
            Task::Ban(ban) => self.ban(ban, stamp),
            Task::Placement(change) => Ok(Reply::Done(Some(self.log_placement(*change, stamp.received)))),
        };
        (submission.ticket, reply.unwrap_or_else(Reply::Rejected))
    }

    fn command(&mut self, id: AuctionId, command: &Command, stamp: Stamp) -> Result<Reply, Rejection> {
        // The table goes by day and sequence: another shard's auction must not be taken for the one of ours beside it.
        let entry = lookup(&self.auctions, id).filter(|_| id.shard() == self.shard);
        let entry = entry.ok_or(Rejection::NotFound(Missing::Auction))?;
        let context = Context { stamp, bans: &self.bans };
        match entry.auction.decide(command, &context)? {
            Decision::Event(event) => {
                let position = Position { shard: self.shard, epoch: self.epoch, lsn: self.next };
                let bid = match &event.kind {
                    EventKind::BidAccepted(bid) => Some(bid.id),
                    EventKind::BoughtNow { id, .. } => Some(*id),
                    _ => None,
                };
                self.log_event(id, &event, position);
                let receipt = bid.and_then(|bid| lookup(&self.auctions, id)?.auction.receipt(bid));
                Ok(receipt.map_or(Reply::Done(Some(position)), Reply::Receipt))
            }
            Decision::Repeat(receipt) => Ok(Reply::Receipt(receipt)),
            Decision::Nothing => Ok(Reply::Done(None)),
        }
    }

    /// Logs an event of an auction that exists and applies it.
    fn log_event(&mut self, id: AuctionId, event: &Event, position: Position) {
        encode_event(event, &mut self.records.bytes);
        self.end_record();
        if let Some(entry) = lookup_mut(&mut self.auctions, id) {
            entry.auction.apply(event, position);
            if !entry.touched {
                entry.touched = true;
                self.touched.push(id);
            }
            self.due.follow(id, entry.auction.next_due(), &mut entry.queued);
        }
    }

    fn log_shard_event(&mut self, event: &ShardEvent) -> Position {
        let position = self.next_position();
        encode_shard_event(event, &mut self.records.bytes);
        self.end_record();
        position
    }

    /// Where the next record will be.
    fn next_position(&self) -> Position {
        Position { shard: self.shard, epoch: self.epoch, lsn: self.next }
    }

    /// Numbers the record that was just encoded.
    fn end_record(&mut self) {
        if self.records.ends.is_empty() {
            self.records.first = self.next;
        }
        // A batch's records are far below 4 GiB: credit bounds the batch, and a record is at most one frame.
        self.records.ends.push(u32::try_from(self.records.bytes.len()).unwrap_or(u32::MAX));
        self.next = self.next.next();
    }

    fn open(&mut self, opening: Opening, stamp: Stamp) -> Result<Reply, Rejection> {
        if let Some(known) = opening.id.and_then(|id| self.openings.get(&id)) {
            return if known.digest == opening.digest {
                Ok(Reply::Opened(known.auction, known.position))
            } else {
                Err(Rejection::IdConflict)
            };
        }
        let open = opening.judged?;
        if self.auction_count >= AUCTIONS_PER_SHARD_MAX {
            return Err(Rejection::TooLarge(LimitReached::Auctions));
        }
        let id = self.next_id(stamp).ok_or(Rejection::TooLarge(LimitReached::Sequence))?;
        let event = Auction::open(id, open, stamp)?;
        let position = self.next_position();
        encode_event(&event, &mut self.records.bytes);
        self.end_record();
        if let Some(live) = self.add(&event, position) {
            self.opened.push(live);
        }
        Ok(Reply::Opened(id, position))
    }

    /// The id that the next auction opened at this time gets.
    fn next_id(&self, stamp: Stamp) -> Option<AuctionId> {
        let day = u16::try_from(stamp.received.day()).ok()?;
        let last = self.sequences.get(&day).copied().unwrap_or(0);
        AuctionId::new(day, self.shard, last + 1)
    }

    /// Takes a new auction in. `None` if the event opens nothing.
    fn add(&mut self, event: &Event, position: Position) -> Option<Arc<LiveAuction>> {
        let auction = Auction::from_opened(event, position)?;
        if let EventKind::Opened(opened) = &event.kind
            && let Some(open_id) = opened.id
        {
            self.openings.insert(open_id, Opened { digest: opened.digest, auction: event.auction, position });
        }
        let id = event.auction;
        let live = LiveAuction::new(id, auction.terms().clone(), auction.view());
        let mut entry = Entry { auction, live: Arc::clone(&live), queued: None, touched: false };
        self.due.follow(id, entry.auction.next_due(), &mut entry.queued);
        insert(&mut self.auctions, id, Box::new(entry));
        self.auction_count += 1;
        let last = self.sequences.entry(id.day()).or_default();
        *last = (*last).max(id.sequence());
        Some(live)
    }

    fn ban(&mut self, wide: WideBan, stamp: Stamp) -> Result<Reply, Rejection> {
        let WideBan { bidder, seller, ban } = wide;
        let (scope, at) = (Ban { bidder, seller }, stamp.received);
        let Some(standing) = ban else {
            self.bans.check_unban(scope)?;
            self.bans.unban(bidder, seller);
            return Ok(Reply::Done(Some(self.log_shard_event(&ShardEvent::Unbanned { bidder, seller, at }))));
        };
        let first = self.next;
        let checked = self.bans.check_ban(scope);
        match &checked {
            Ok(()) => {
                self.bans.ban(bidder, seller);
                self.log_shard_event(&ShardEvent::Banned { bidder, seller, standing, at });
            }
            Err(Rejection::TooLarge(_)) => return checked.map(|()| Reply::Done(None)),
            Err(_) => {}
        }
        if standing == StandingBids::Remove {
            self.remove_everywhere(scope, stamp);
        }
        // A ban that was there already is refused, unless it had bids left to remove (a crash may have come between).
        if self.next == first {
            checked?;
        }
        Ok(Reply::Done(Some(Position { shard: self.shard, epoch: self.epoch, lsn: first })))
    }

    /// Bans of wider scope than one auction.
    pub(crate) fn bans(&self) -> &BanBook {
        &self.bans
    }

    /// Takes over the bans of another shard that this one lacks, as it is to obey what is in force everywhere.
    pub(crate) fn take_bans_over(&mut self, bans: &[Ban], at: Timestamp) {
        let stamp = Stamp::at(at);
        for &Ban { bidder, seller } in bans {
            if self.bans.contains(Ban { bidder, seller }) {
                continue;
            }
            let wide = WideBan { bidder, seller, ban: Some(StandingBids::Keep) };
            if let Err(rejection) = self.ban(wide, stamp) {
                tracing::error!(%bidder, %rejection, "a ban could not be taken over");
            }
        }
    }

    /// Removes the bids of a bidder who was banned from all auctions within the ban's scope. An auction that is over refuses,
    /// and keeps its bids: a ban changes nothing that is decided.
    ///
    /// Looks at every auction of the shard: bans that remove are rare, and an index by bidder would cost every bid.
    fn remove_everywhere(&mut self, scope: Ban, stamp: Stamp) {
        let command = Command::Remove { bidder: scope.bidder, reason: Reason("banned".into()) };
        for id in self.ids() {
            let Some(entry) = lookup(&self.auctions, id) else { continue };
            if scope.seller.is_none_or(|seller| seller == entry.auction.terms().seller)
                && let Ok(Decision::Event(mut event)) =
                    entry.auction.decide(&command, &Context { stamp, bans: &self.bans })
            {
                event.origin = Origin::Engine;
                self.log_event(id, &event, self.next_position());
            }
        }
    }

    /// Decides what time alone has made due by `up_to`, for at most `auctions_max` auctions. True when more is due.
    pub(crate) fn pulse(&mut self, up_to: Timestamp, decided: Timestamp, auctions_max: usize) -> bool {
        for _ in 0..auctions_max {
            let Some((due, id)) = self.due.pop(up_to) else { return false };
            let Some(entry) = lookup_mut(&mut self.auctions, id) else { continue };
            if entry.queued != Some(due) {
                continue;
            }
            entry.queued = None;
            self.carry_out(id, &Command::Pulse, Stamp { received: up_to, decided });
            if let Some(entry) = lookup_mut(&mut self.auctions, id) {
                self.due.follow(id, entry.auction.next_due(), &mut entry.queued);
            }
        }
        self.due.next().is_some_and(|due| due <= up_to)
    }

    /// Carries out a command of the engine's own on one auction, again and again until nothing follows from it.
    fn carry_out(&mut self, id: AuctionId, command: &Command, stamp: Stamp) {
        while let Some(entry) = lookup(&self.auctions, id)
            && let Ok(Decision::Event(event)) =
                entry.auction.decide(command, &Context { stamp, bans: &self.bans })
        {
            self.log_event(id, &event, self.next_position());
            if !matches!(command, Command::Pulse) {
                break;
            }
        }
    }

    /// When the next thing is due by time alone.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// Starts a generation: its first record. `alive_until` is the last moment the generation before is known to have lived.
    pub(crate) fn start_epoch(&mut self, epoch: Epoch, at: Timestamp, alive_until: Option<Timestamp>) {
        self.epoch = epoch;
        self.log_shard_event(&ShardEvent::EpochStarted { epoch, at, alive_until });
    }

    /// Logs a change of placement. Only shard 0 does.
    pub(crate) fn log_placement(&mut self, change: PlacementChange, at: Timestamp) -> Position {
        let position = self.log_shard_event(&ShardEvent::PlacementChanged { change: change.clone(), at });
        self.changes.push((change, at));
        position
    }

    /// Moves the end of every auction that bids are taken in and that would end between `from` and `to`, as `new_end` says,
    /// which is told the end and how much time the auction has lost. Returns how many were moved.
    ///
    /// An auction with an event after `from` has got its time back for what was before it: a start that a crash has cut
    /// short had come as far as this auction.
    pub(crate) fn give_back(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        new_end: impl Fn(Timestamp, Duration) -> Timestamp,
        now: Timestamp,
    ) -> usize {
        let mut moved = 0;
        for id in self.ids() {
            let Some(entry) = lookup(&self.auctions, id) else { continue };
            let view = entry.auction.view();
            let running = matches!(view.state, gavel_core::State::Open | gavel_core::State::Scheduled);
            let from = from.max(view.at);
            if running && view.ends_at > from && view.ends_at <= to {
                let before = self.next;
                let command = Command::GiveBack { ends_at: new_end(view.ends_at, now.since(from)) };
                self.carry_out(id, &command, Stamp::at(now));
                moved += usize::from(self.next > before);
            }
        }
        moved
    }

    fn ids(&self) -> Vec<AuctionId> {
        let auctions = self.auctions.iter().flat_map(|(_, day)| day.iter().flatten());
        auctions.map(|entry| entry.auction.id()).collect()
    }

    /// Takes a record of the log in, in its order. Returns a change of placement, which is not the shard's own business.
    ///
    /// # Errors
    /// When the record can't follow on what was replayed before: the log is not one that this engine wrote.
    pub(crate) fn replay(
        &mut self,
        record: Record,
        position: Position,
    ) -> Result<Option<PlacementChange>, ReplayError> {
        if position.lsn != self.next {
            return Err(ReplayError { position, problem: ReplayProblem::Gap { expected: self.next } });
        }
        self.next = self.next.next();
        self.epoch = position.epoch;
        match record {
            Record::Auction(event) => self.replay_event(&event, position).map(|()| None),
            Record::Shard(event) => Ok(self.replay_shard_event(event)),
        }
    }

    fn replay_event(&mut self, event: &Event, position: Position) -> Result<(), ReplayError> {
        let err = |problem| ReplayError { position, problem };
        match lookup_mut(&mut self.auctions, event.auction) {
            Some(entry) if entry.auction.is_next(event) => {
                entry.auction.apply(event, position);
                self.due.follow(event.auction, entry.auction.next_due(), &mut entry.queued);
                Ok(())
            }
            Some(_) => Err(err(ReplayProblem::Seq { auction: event.auction })),
            None => self
                .add(event, position)
                .map(|_| ())
                .ok_or(err(ReplayProblem::Unopened { auction: event.auction })),
        }
    }

    fn replay_shard_event(&mut self, event: ShardEvent) -> Option<PlacementChange> {
        match event {
            ShardEvent::EpochStarted { .. } => None,
            ShardEvent::Banned { bidder, seller, .. } => {
                self.bans.ban(bidder, seller);
                None
            }
            ShardEvent::Unbanned { bidder, seller, .. } => {
                self.bans.unban(bidder, seller);
                None
            }
            ShardEvent::PlacementChanged { change, .. } => Some(change),
        }
    }

    /// After replay: brings the live view's copies up to date and hands all of them out.
    pub(crate) fn live_auctions(
        &self,
    ) -> impl Iterator<Item = (&Arc<LiveAuction>, gavel_core::auction::View)> {
        let entries = self.auctions.iter().flat_map(|(_, day)| day.iter().flatten());
        entries.map(|entry| (&entry.live, entry.auction.view()))
    }

    /// Takes what was decided since the last call, with the answers that depend on it. The answers may be empty.
    pub(crate) fn take(&mut self, answers: Vec<(Ticket, Reply)>) -> Decided {
        let mut views = Vec::with_capacity(self.touched.len());
        for id in self.touched.drain(..) {
            if let Some(entry) = lookup_mut(&mut self.auctions, id) {
                entry.touched = false;
                views.push((Arc::clone(&entry.live), entry.auction.view()));
            }
        }
        Decided {
            shard: self.shard,
            records: std::mem::take(&mut self.records),
            views,
            opened: std::mem::take(&mut self.opened),
            changes: std::mem::take(&mut self.changes),
            answers,
            answer_to: None,
        }
    }

    /// The sum of the digests of all auctions and bans.
    pub(crate) fn digest(&self) -> Digest {
        let entries = self.auctions.iter().flat_map(|(_, day)| day.iter().flatten());
        entries.map(|entry| Digest::from(entry.auction.digest())).chain([self.bans.digest()]).sum()
    }

    /// How many auctions were opened on a day.
    pub(crate) fn opened_on(&self, day: u16) -> u64 {
        self.sequences.get(&day).copied().unwrap_or(0)
    }

    /// The openings that can be asked for again.
    pub(crate) fn open_ids(&self) -> impl Iterator<Item = OpenId> {
        self.openings.keys().copied()
    }

    /// The Lsn of the last record.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.next.0 - 1)
    }

    /// The shard.
    pub(crate) fn shard(&self) -> ShardId {
        self.shard
    }

    /// Auctions in memory.
    pub(crate) fn auction_count(&self) -> usize {
        self.auction_count
    }
}

/// A record that can't follow on what was replayed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record at {position} can't be taken in: {problem}")]
pub struct ReplayError {
    /// Where.
    pub position: Position,
    /// Why.
    pub problem: ReplayProblem,
}

/// Why a record can't follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayProblem {
    /// Records are missing before it.
    #[error("record {} was expected here", expected.0)]
    Gap {
        /// What should have come.
        expected: Lsn,
    },
    /// It is not the next of its auction.
    #[error("it is not the next record of auction {auction}")]
    Seq {
        /// The auction.
        auction: AuctionId,
    },
    /// Its auction was never opened.
    #[error("auction {auction} was never opened")]
    Unopened {
        /// The auction.
        auction: AuctionId,
    },
}
