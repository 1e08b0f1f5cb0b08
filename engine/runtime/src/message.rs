//! What travels between sessions, shards and the log thread.
//!
//! ```text
//! Port ──Batch──▶ Shard ──Decided──▶ log thread ──Answers──▶ Port
//! ```
//!
//! Every command in a batch has a ticket, and every ticket comes back exactly once, in an [`Answers`].

use crate::attempts::Attempt;
use crate::live::{LiveAuction, View};
use gavel_core::command::{ShardKeyed, StandingBids};
use gavel_core::placement::PlacementChange;
use gavel_core::{
    AccountId, AuctionId, Command, Lsn, Open, OpenId, Position, Receipt, Rejection, ShardId, Timestamp,
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A command's number within its port. The port's owner chooses it and gets it back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// One command on its way to a shard.
#[derive(Debug)]
pub struct Submission {
    /// Comes back with the answer.
    pub ticket: Ticket,
    /// When the session had read the whole command.
    pub received: Timestamp,
    /// What is asked.
    pub task: Task,
}

/// What a shard can be asked. Made from commands that know their shard, and so can't be sent to another.
#[derive(Debug)]
pub struct Task(pub(crate) Work);

/// What a shard does.
#[derive(Debug)]
pub(crate) enum Work {
    /// Something of one auction.
    Auction(AuctionId, Command),
    /// Opens an auction on the shard that it was placed on.
    Open(Box<Opening>),
    /// Bans or unbans in all auctions of the shard, or in those of one seller.
    Ban(WideBan),
    /// Logs a change of shards or policy. Only shard 0 is asked.
    Placement(Box<PlacementChange>),
}

/// A command to one auction. Its shard is in the auction's id.
#[derive(Debug)]
pub struct AuctionCommand {
    /// To which.
    pub auction: AuctionId,
    /// What is to be done.
    pub command: Command,
}

/// Work for a shard that was chosen: by placement, or because all shards are asked.
#[derive(Debug)]
pub(crate) struct ShardWork {
    pub(crate) shard: ShardId,
    pub(crate) work: Work,
}

impl ShardKeyed for AuctionCommand {
    fn shard(&self) -> ShardId {
        self.auction.shard()
    }
}

impl ShardKeyed for ShardWork {
    fn shard(&self) -> ShardId {
        self.shard
    }
}

impl From<AuctionCommand> for Task {
    fn from(AuctionCommand { auction, command }: AuctionCommand) -> Self {
        Self(Work::Auction(auction, command))
    }
}

impl From<ShardWork> for Task {
    fn from(work: ShardWork) -> Self {
        Self(work.work)
    }
}

/// A request to open an auction, as the rules have judged its terms.
///
/// Terms that were fine are refused when they are sent again after their end. A retry is to hear the first answer all the
/// same; so the shard, which knows the id, has the last word.
#[derive(Debug)]
pub struct Opening {
    /// The client's id for the request.
    pub id: Option<OpenId>,
    /// Digest of the request, from [`Open::digest_of`].
    pub digest: u128,
    /// The valid terms, or what is wrong with them.
    pub judged: Result<Open, Rejection>,
}

impl Task {
    /// The client's id of a request to open.
    pub(crate) fn open_id(&self) -> Option<OpenId> {
        match &self.0 {
            Work::Open(opening) => opening.id,
            _ => None,
        }
    }
}

/// A ban (or its end) of wider scope than one auction, as one shard carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WideBan {
    /// Who.
    pub bidder: AccountId,
    /// In whose auctions; `None` for everybody's.
    pub seller: Option<AccountId>,
    /// `Some`: ban, and what happens to standing bids. `None`: lift the ban.
    pub ban: Option<StandingBids>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A bid or purchase was accepted.
    Receipt(Receipt),
    /// An auction is open (now, or by an earlier request with the same id).
    Opened(AuctionId, Position),
    /// Carried out; where it is recorded. `None`: it was so already.
    Done(Option<Position>),
    /// Refused by the rules.
    Rejected(Rejection),
}

/// Answers to commands of one port, in the order in which one shard decided them.
#[derive(Debug)]
pub struct Answers {
    /// What became of each command.
    pub replies: Vec<(Ticket, Reply)>,
    /// When they were given, for [`Port::delivered`](crate::Port::delivered).
    pub given_at: Timestamp,
}

/// Commands for one shard from one port, in order.
#[derive(Debug, actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Batch {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) answer_to: AnswerTo,
}

/// Whom to answer, and whose credit the answered commands hold.
#[derive(Clone, Debug)]
pub(crate) struct AnswerTo {
    pub(crate) port: mpsc::Sender<Answers>,
    pub(crate) pool: Pool,
}

/// Whose credit a command holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// That of all connections.
    Bidders,
    /// That of commands to all shards.
    Operators,
}

/// What a shard has decided in one go, on its way to the disk. Nothing of it may be seen before it is there.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) shard: ShardId,
    pub(crate) records: Records,
    /// The auctions that the records are about, and how they stand after them.
    pub(crate) views: Vec<(Arc<LiveAuction>, View)>,
    /// Auctions among them that nobody knows yet.
    pub(crate) opened: Vec<Arc<LiveAuction>>,
    /// Auctions that have left memory, with the ids of the requests that opened them.
    pub(crate) retired: Vec<(AuctionId, Option<OpenId>)>,
    /// Changes of placement among the records.
    pub(crate) changes: Vec<LoggedChange>,
    pub(crate) answers: Vec<(Ticket, Reply)>,
    /// For the journal of attempts.
    pub(crate) refused: Vec<Attempt>,
    /// When the shard was done with it.
    pub(crate) decided_at: Timestamp,
    /// Whom to answer; `None` for the shard's own pulses, which hold no credit.
    pub(crate) answer_to: Option<AnswerTo>,
}

/// A change of placement, where it is logged.
#[derive(Clone, Debug)]
pub(crate) struct LoggedChange {
    pub(crate) change: PlacementChange,
    /// When it was decided.
    pub(crate) at: Timestamp,
    /// Its record in shard 0.
    pub(crate) lsn: Lsn,
}

/// Encoded records with consecutive Lsns.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The Lsn of the first; meaningless when there are none.
    pub(crate) first: Lsn,
    pub(crate) bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    pub(crate) ends: Vec<u32>,
}

impl Records {
    /// The records, one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let end = end as usize;
            let record = &self.bytes[start..end];
            start = end;
            record
        })
    }
}
