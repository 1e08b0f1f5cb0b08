//! A shard's state, and what it does with each task. No threads, no clock, no I/O: the actor around it brings the time, the log
//! thread takes what it decides, and recovery runs [`Book::replay`] over the same records.
//!
//! Invariants:
//! - Every event is applied the moment it is decided and has the next Lsn: memory is ahead of the disk, never beside it.
//! - What is decided is handed on in order, together with every reply that depends on it.

mod bans;
mod journal;
mod replay;
mod restore;
mod retire;
mod slice;
mod time;

pub use replay::{ReplayError, ReplayProblem};
pub(crate) use restore::digest_of;
pub(crate) use slice::{Cursor, Slice};

use super::due::DueQueue;
use crate::by_day::ByDay;
use crate::live::LiveAuction;
use crate::message::{Decided, LoggedChange, Opening, Reply, Submission, Ticket, Work};
use gavel_core::digest::Digest;
use gavel_core::event::{EventKind, Origin, ShardEvent};
use gavel_core::limits::AUCTIONS_PER_SHARD_MAX;
use gavel_core::placement::PlacementChange;
use gavel_core::rejection::{LimitReached, Missing};
use gavel_core::store::SplitTable;
use gavel_core::{
    Auction, AuctionId, BanBook, Command, Context, Decision, Duration, Epoch, Event, Lsn, OpenId, Position,
    Rejection, ShardId, Stamp, Timestamp,
};
use gavel_log::state;
use journal::Journal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One auction of the shard.
struct Entry {
    auction: Auction,
    live: Arc<LiveAuction>,
    /// The request that opened it, where it can be asked for again.
    opening: Option<Box<state::Opening>>,
    /// The earliest time the due queue has for it.
    queued: Option<Timestamp>,
    /// True while the auction is in `touched`.
    touched: bool,
}

// One of these for each auction, and exactly one size of memory that allocators have.
const _: () = assert!(size_of::<Entry>() == 224);

impl Entry {
    /// Writes a decided event down and applies it.
    fn take_in(
        &mut self,
        event: &Event,
        journal: &mut Journal,
        touched: &mut Vec<AuctionId>,
        due: &mut Agenda,
    ) -> Position {
        let position = journal.event(event);
        self.auction.apply(event, position);
        if !std::mem::replace(&mut self.touched, true) {
            touched.push(event.auction);
        }
        due.follow(self);
        position
    }
}

/// What comes by time alone, and when.
struct Agenda {
    queue: DueQueue,
    /// How long after its last event a final auction leaves memory.
    retire_after: Duration,
}

impl Agenda {
    /// When time next does something to an auction: by the rules, or by letting it leave memory.
    fn due(&self, auction: &Auction) -> Timestamp {
        auction.next_due().unwrap_or_else(|| auction.at().saturating_add(self.retire_after))
    }

    /// Makes sure that the auction comes up in time.
    fn follow(&mut self, entry: &mut Entry) {
        let due = self.due(&entry.auction);
        self.queue.follow(entry.auction.id(), due, &mut entry.queued);
    }
}

/// A shard's state.
pub(crate) struct Book {
    journal: Journal,
    auctions: ByDay<Box<Entry>>,
    /// The last sequence given on each day.
    sequences: BTreeMap<u16, u64>,
    bans: BanBook,
    /// Auctions by the requests that opened them. The requests are with the auctions.
    openings: SplitTable<AuctionId>,
    due: Agenda,
    /// When the generation began.
    started: Option<Timestamp>,
    /// In recovery from a snapshot: the latest record that its state may know of.
    fuzzy_until: Lsn,
    /// Auctions changed since the last [`Book::take`].
    touched: Vec<AuctionId>,
    opened: Vec<Arc<LiveAuction>>,
    /// Changes of placement logged since the last [`Book::take`].
    changes: Vec<LoggedChange>,
    /// Auctions that have left memory since the last [`Book::take`].
    retired: Vec<(AuctionId, Option<OpenId>)>,
}

impl Book {
    /// An empty shard before its first record. Final auctions leave its memory so long after their last event.
    pub(crate) fn new(shard: ShardId, retire_after: Duration) -> Self {
        Self {
            journal: Journal::new(shard),
            auctions: ByDay::default(),
            sequences: BTreeMap::new(),
            bans: BanBook::default(),
            openings: SplitTable::default(),
            due: Agenda { queue: DueQueue::default(), retire_after },
            started: None,
            fuzzy_until: Lsn(0),
            touched: Vec::new(),
            opened: Vec::new(),
            changes: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// Lets the processor fetch what the bids among these will need, all at once; see [`Auction::touch`].
    pub(crate) fn touch(&self, submissions: &[Submission]) {
        let (mut last, mut seen) = (None, 0);
        for submission in submissions {
            if let Work::Auction(id, Command::Bid { bidder, .. }) = &submission.task.0
                && last.replace(*id) != Some(*id)
                && let Some(entry) = self.auctions.get(*id)
            {
                seen ^= entry.auction.touch(*bidder);
            }
        }
        std::hint::black_box(seen);
    }

    /// Judges a submission and takes what it leads to in. `decided` is the engine's time now.
    pub(crate) fn handle(&mut self, submission: Submission, decided: Timestamp) -> (Ticket, Reply) {
        let stamp = Stamp { received: submission.received, decided };
        let reply = match submission.task.0 {
            Work::Auction(id, command) => self.command(id, &command, stamp),
            Work::Open(opening) => self.open(*opening, stamp),
            Work::Ban(ban) => self.ban(ban, stamp),
            Work::Placement(change) => Ok(Reply::Done(Some(self.log_placement(*change, stamp.received)))),
        };
        (submission.ticket, reply.unwrap_or_else(Reply::Rejected))
    }

    fn command(&mut self, id: AuctionId, command: &Command, stamp: Stamp) -> Result<Reply, Rejection> {
        let entry = self.auctions.get_mut(id).ok_or(Rejection::NotFound(Missing::Auction))?;
        match entry.auction.decide(command, &Context { stamp, bans: &self.bans })? {
            Decision::Event(event) => {
                let position = entry.take_in(&event, &mut self.journal, &mut self.touched, &mut self.due);
                let bid = match &event.kind {
                    EventKind::BidAccepted(bid) => Some(bid.id),
                    EventKind::BoughtNow { id, .. } => Some(*id),
                    _ => None,
                };
                let receipt = bid.and_then(|bid| entry.auction.receipt(bid));
                Ok(receipt.map_or(Reply::Done(Some(position)), Reply::Receipt))
            }
            Decision::Repeat(receipt) => Ok(Reply::Receipt(receipt)),
            Decision::Nothing => Ok(Reply::Done(None)),
        }
    }

    /// Judges a command of the engine's own. False when nothing follows from it.
    fn carry_out(&mut self, id: AuctionId, command: &Command, stamp: Stamp) -> bool {
        let Some(entry) = self.auctions.get_mut(id) else { return false };
        let Ok(Decision::Event(mut event)) =
            entry.auction.decide(command, &Context { stamp, bans: &self.bans })
        else {
            return false;
        };
        event.origin = Origin::Engine;
        entry.take_in(&event, &mut self.journal, &mut self.touched, &mut self.due);
        true
    }

    fn open(&mut self, opening: Opening, stamp: Stamp) -> Result<Reply, Rejection> {
        if let Some((auction, known)) = opening.id.and_then(|id| self.opened_by(id)) {
            let position = Position { shard: self.journal.shard, epoch: known.epoch, lsn: known.lsn };
            let same = known.digest == opening.digest;
            return if same { Ok(Reply::Opened(auction, position)) } else { Err(Rejection::IdConflict) };
        }
        let open = opening.judged?;
        if self.auctions.len() >= AUCTIONS_PER_SHARD_MAX {
            return Err(Rejection::TooLarge(LimitReached::Auctions));
        }
        let id = self.next_id(stamp).ok_or(Rejection::TooLarge(LimitReached::Sequence))?;
        let event = Auction::open(id, open, stamp)?;
        let position = self.journal.event(&event);
        if let Some(live) = self.add(&event, position) {
            self.opened.push(live);
        }
        Ok(Reply::Opened(id, position))
    }

    /// The id that the next auction opened at this time gets.
    fn next_id(&self, stamp: Stamp) -> Option<AuctionId> {
        let day = u16::try_from(stamp.received.day()).ok()?;
        let last = self.sequences.get(&day).copied().unwrap_or(0);
        AuctionId::new(day, self.journal.shard, last + 1)
    }

    /// The auction that a request has opened, and the request.
    fn opened_by(&self, id: OpenId) -> Option<(AuctionId, &state::Opening)> {
        let opening =
            |auction: AuctionId| self.auctions.get(auction).and_then(|entry| entry.opening.as_deref());
        let is = |&auction: &AuctionId| opening(auction).is_some_and(|opening| opening.id == id);
        let auction = *self.openings.find(id, is)?;
        opening(auction).map(|opening| (auction, opening))
    }

    /// Takes a new auction in. `None` if the event opens nothing.
    fn add(&mut self, event: &Event, position: Position) -> Option<Arc<LiveAuction>> {
        let auction = Auction::from_opened(event, position)?;
        let Position { epoch, lsn, .. } = position;
        let opening = match &event.kind {
            EventKind::Opened(opened) => {
                opened.id.map(|id| state::Opening { id, digest: opened.digest, lsn, epoch })
            }
            _ => None,
        };
        Some(self.enter(auction, opening))
    }

    /// Puts an auction into all tables.
    fn enter(&mut self, auction: Auction, opening: Option<state::Opening>) -> Arc<LiveAuction> {
        let id = auction.id();
        if let Some(opening) = &opening {
            self.openings.insert_new(opening.id, id);
        }
        let live = LiveAuction::new(id, auction.terms().clone(), auction.view());
        let opening = opening.map(Box::new);
        let mut entry =
            Box::new(Entry { auction, live: Arc::clone(&live), opening, queued: None, touched: false });
        self.due.follow(&mut entry);
        self.auctions.insert(id, entry);
        self.note_sequence(id.day(), id.sequence());
        live
    }

    /// No later auction of this day gets this sequence, or one before it.
    fn note_sequence(&mut self, day: u16, sequence: u64) {
        let last = self.sequences.entry(day).or_default();
        *last = (*last).max(sequence);
    }

    /// Starts a generation: its first record. `alive_until` is the last moment the generation before is known to have lived.
    pub(crate) fn start_epoch(&mut self, epoch: Epoch, at: Timestamp, alive_until: Option<Timestamp>) {
        self.journal.epoch = epoch;
        self.started = Some(at);
        self.journal.shard_event(&ShardEvent::EpochStarted { epoch, at, alive_until });
    }

    /// Logs a change of placement. Only shard 0 does.
    pub(crate) fn log_placement(&mut self, change: PlacementChange, at: Timestamp) -> Position {
        let position = self.journal.shard_event(&ShardEvent::PlacementChanged { change: change.clone(), at });
        self.changes.push(LoggedChange { change, at, lsn: position.lsn });
        position
    }

    fn ids(&self) -> Vec<AuctionId> {
        self.auctions.iter().map(|entry| entry.auction.id()).collect()
    }

    /// Takes what was decided since the last call, with the answers that depend on it. The answers may be empty.
    pub(crate) fn take(&mut self, answers: Vec<(Ticket, Reply)>) -> Decided {
        let mut views = Vec::with_capacity(self.touched.len());
        for id in self.touched.drain(..) {
            if let Some(entry) = self.auctions.get_mut(id) {
                entry.touched = false;
                views.push((Arc::clone(&entry.live), entry.auction.view()));
            }
        }
        Decided {
            shard: self.journal.shard,
            records: self.journal.take(),
            views,
            opened: std::mem::take(&mut self.opened),
            retired: std::mem::take(&mut self.retired),
            changes: std::mem::take(&mut self.changes),
            answers,
            decided_at: Timestamp::default(),
            refused: Vec::new(),
            answer_to: None,
        }
    }

    /// The sum of the digests of all auctions and bans.
    pub(crate) fn digest(&self) -> Digest {
        self.auctions
            .iter()
            .map(|entry| Digest::from(entry.auction.digest()))
            .chain([self.bans.digest()])
            .sum()
    }

    /// How many auctions were opened on a day.
    pub(crate) fn opened_on(&self, day: u16) -> u64 {
        self.sequences.get(&day).copied().unwrap_or(0)
    }

    /// The openings that can be asked for again.
    pub(crate) fn open_ids(&self) -> impl Iterator<Item = OpenId> + '_ {
        let opening =
            |&auction: &AuctionId| self.auctions.get(auction).and_then(|entry| entry.opening.as_ref());
        self.openings.iter().filter_map(opening).map(|opening| opening.id)
    }

    /// The Lsn of the last record.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.journal.next.0 - 1)
    }

    /// The shard.
    pub(crate) fn shard(&self) -> ShardId {
        self.journal.shard
    }

    /// Auctions in memory.
    pub(crate) fn auction_count(&self) -> usize {
        self.auctions.len()
    }
}
