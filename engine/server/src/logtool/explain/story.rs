//! One auction's history, record by record, with the refused attempts between them.
//!
//! Invariants:
//! - One record is held at a time, and the auction itself; however long the shard's log is.
//! - A record's rule is told only from the state before it. Where that is not known any more (the history begins later), the record
//!   is told as it stands, until a snapshot says how the auction stood.

use super::refused;
use super::stand::{Facts, Stand};
use super::words::{Telling, Words, shard_words, words};
use crate::logtool::error::ToolError;
use crate::logtool::source::Source;
use gavel_core::{AuctionId, Event, Lsn, Position, Seq, ShardEvent, Terms, Timestamp};
use gavel_log::attempts::Attempt;
use gavel_log::record::{Record, decode};
use std::iter::Peekable;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// The auction.
    pub(super) auction: AuctionId,
    /// The last record that is told; `None` for all.
    pub(super) at: Option<Seq>,
    /// Whether maxima and the reserve price are told.
    pub(super) secret: bool,
}

/// One thing that happened, in the order in which it did.
pub(super) enum Entry<'a> {
    /// Comes first.
    Begin {
        /// Where the history begins.
        beginning: Beginning,
        /// The terms, where they are known.
        terms: Option<&'a Terms>,
        /// Whether there is a journal of refused attempts.
        journal: bool,
    },
    /// A record of the auction, with the state after it. No state where the one before it is not known.
    Record(&'a Event, Position, Option<(Words, Facts)>),
    /// A record of the shard that touches the auction.
    Shard(Position, Timestamp, Words),
    /// An attempt that was refused.
    Refused(&'a Attempt<'static>, Words),
}

/// Where the history of the auction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With its opening.
    Opening,
    /// Its earlier records are gone from log and archive: the shard's history begins with this record.
    Later {
        /// The oldest record of the shard that there is.
        oldest: Lsn,
        /// The last record of the auction that a snapshot knows of; `None` when none has the auction.
        snapshot: Option<Seq>,
    },
}

/// How it came out.
pub(super) struct Ending {
    /// The terms and the state after the last record that was told; `None` where no state is known.
    pub(super) stands: Option<(Terms, Facts)>,
}

/// Goes through the history, and hands out each entry.
pub(super) struct Story<'a, F> {
    question: Question,
    source: &'a Source,
    refused: Peekable<Box<dyn Iterator<Item = Result<Attempt<'static>, ToolError>>>>,
    stand: Option<Stand>,
    /// How the auction stood in a snapshot, until the records have come to it.
    snapshot: Option<Stand>,
    begun: bool,
    outage: Option<(Timestamp, Timestamp)>,
    tell: F,
}

impl<'a, F: FnMut(Entry<'_>) -> Result<(), ToolError>> Story<'a, F> {
    /// A story that is still to be told.
    pub(super) fn new(source: &'a Source, question: Question, tell: F) -> Result<Self, ToolError> {
        let attempts = refused::read(source.dir(), question.auction)?;
        let refused = (Box::new(attempts) as Box<dyn Iterator<Item = _>>).peekable();
        Ok(Self { question, source, refused, stand: None, snapshot: None, begun: false, outage: None, tell })
    }

    /// Tells all of it.
    pub(super) fn run(mut self, mut on_records: impl FnMut(u64)) -> Result<Ending, ToolError> {
        let shard = self.question.auction.shard();
        for frame in self.source.read_from(shard, self.source.oldest(shard)) {
            let frame = frame?;
            for (lsn, bytes) in frame.records() {
                let position = Position { shard, epoch: frame.epoch(), lsn };
                let record = decode(bytes).map_err(|cause| ToolError::Record { position, cause })?;
                if self.record(record, position)? {
                    return self.end();
                }
            }
            on_records(frame.count().into());
        }
        if let Some(at) = self.question.at {
            return Err(self.no_such_record(at));
        }
        self.tell_refused_before(None)?;
        self.end()
    }

    fn no_such_record(&self, at: Seq) -> ToolError {
        let auction = self.question.auction;
        match &self.stand {
            Some(stand) => ToolError::NoRecord { auction, at, last: stand.seq() },
            None => ToolError::NoAuction { auction, oldest: self.source.oldest(auction.shard()) },
        }
    }

    fn end(mut self) -> Result<Ending, ToolError> {
        let auction = self.question.auction;
        if !self.begun {
            // No record of it is left: a snapshot may still have it.
            let beginning = self.look_for_snapshot()?;
            if self.snapshot.is_none() {
                return Err(ToolError::NoAuction { auction, oldest: self.source.oldest(auction.shard()) });
            }
            self.stand = self.snapshot.take();
            let (terms, journal) =
                (self.stand.as_ref().map(Stand::terms), refused::has_journal(self.source.dir()));
            (self.tell)(Entry::Begin { beginning, terms, journal })?;
        }
        let stand = self.stand.or(self.snapshot);
        Ok(Ending { stands: stand.map(|stand| (stand.terms().clone(), stand.facts())) })
    }

    /// Takes a record of the shard in. True when it was the last that was asked for.
    fn record(&mut self, record: Record, position: Position) -> Result<bool, ToolError> {
        match record {
            Record::Auction(event) if event.auction == self.question.auction => {
                self.tell_refused_before(Some(event.stamp.received))?;
                self.event(&event, position)?;
                Ok(self.question.at == Some(event.seq))
            }
            Record::Auction(_) => Ok(false),
            Record::Shard(event) => self.shard_event(&event, position).map(|()| false),
        }
    }

    fn event(&mut self, event: &Event, position: Position) -> Result<(), ToolError> {
        if !self.begun {
            self.begin(event, position)?;
        }
        if self.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_next(event)) {
            self.stand = self.snapshot.take();
        }
        let Some(stand) = self.stand.as_mut() else {
            return (self.tell)(Entry::Record(event, position, None));
        };
        let before = (stand.seq() < event.seq).then(|| stand.facts());
        if before.is_some() {
            if !stand.is_next(event) {
                return Err(ToolError::Gap { position, auction: event.auction });
            }
            stand.apply(event, position);
        }
        let after = stand.facts();
        let telling = Telling { stand, before, after, outage: self.outage, secret: self.question.secret };
        let told = words(event, &telling);
        (self.tell)(Entry::Record(event, position, Some((told, after))))
    }

    /// The first record that there is of the auction.
    fn begin(&mut self, event: &Event, position: Position) -> Result<(), ToolError> {
        self.begun = true;
        self.stand = Stand::opened(event, position);
        let beginning = if self.stand.is_some() { Beginning::Opening } else { self.look_for_snapshot()? };
        let known = self.stand.as_ref().or(self.snapshot.as_ref());
        let journal = refused::has_journal(self.source.dir());
        (self.tell)(Entry::Begin { beginning, terms: known.map(Stand::terms), journal })
    }

    fn look_for_snapshot(&mut self) -> Result<Beginning, ToolError> {
        let auction = self.question.auction;
        self.snapshot = self.source.auction_in_snapshot(auction)?.map(Stand::restored);
        let oldest = self.source.oldest(auction.shard());
        Ok(Beginning::Later { oldest, snapshot: self.snapshot.as_ref().map(Stand::seq) })
    }

    fn shard_event(&mut self, event: &ShardEvent, position: Position) -> Result<(), ToolError> {
        if let ShardEvent::EpochStarted { epoch: _, at, alive_until } = event {
            self.outage = alive_until.map(|from| (from, *at));
        }
        let Some(stand) = &self.stand else { return Ok(()) };
        let told = shard_words(event, self.question.auction, stand.terms().seller);
        let Some((at, words)) = told else { return Ok(()) };
        self.tell_refused_before(Some(at))?;
        (self.tell)(Entry::Shard(position, at, words))
    }

    /// Tells the attempts that were received before this time; all that are left without one.
    fn tell_refused_before(&mut self, time: Option<Timestamp>) -> Result<(), ToolError> {
        let is_before = |attempt: &Result<Attempt<'static>, ToolError>| {
            attempt.as_ref().map_or(true, |attempt| time.is_none_or(|time| attempt.at < time))
        };
        while let Some(attempt) = self.refused.next_if(is_before) {
            let attempt = attempt?;
            let facts = self.stand.as_ref().map(Stand::facts);
            let words = refused::words(&attempt, facts.as_ref(), self.question.secret);
            (self.tell)(Entry::Refused(&attempt, words))?;
        }
        Ok(())
    }
}
