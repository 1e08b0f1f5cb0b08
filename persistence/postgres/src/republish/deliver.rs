//! One shard of a run.

use super::plan::Plan;
use super::stage::{self, Keys, Withdrawn, missing};
use super::{RepublishError, Run, Selection, cursor, runs, type_of};
use crate::limits::{CAUGHT_UP_WITHIN, REPUBLISH_BATCH_MAX};
use crate::offline::{Beside, records_of};
use crate::rows::{Bid, Withdrawal};
use crate::value::auction_number;
use crate::write;
use crate::{Map, Rows, Set, Spelling};
use deadpool_postgres::{Client, Transaction};
use gavel_core::{AuctionId, Event, Lsn, Position};
use gavel_log::record::Record;
use std::time::{Duration, Instant};

/// What was delivered of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records that were selected, or that a row needs which was made anew.
    pub records: u64,
    /// Of these, records whose rows were not there, or differed.
    pub written: u64,
    /// Rows of `auctions` that were made anew.
    pub auctions: u64,
    /// False where it was stopped before its end.
    pub is_complete: bool,
}

/// How a delivery is to go on.
#[derive(Clone, Copy)]
pub struct Pace<'a> {
    /// Records a second, at most.
    pub rate: Option<u64>,
    /// Asked between two transactions.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// Delivers what was planned. `on_records` hears how many records further it is.
///
/// # Errors
/// The database or the log fails. What was delivered stays, and the run may be gone on with.
pub async fn deliver(
    client: &mut Client,
    log: Beside<'_>,
    plan: &Plan,
    (selection, spelling): (&Selection, &Spelling),
    run: &Run,
    pace: Pace<'_>,
    on_records: &mut impl FnMut(u64),
) -> Result<Delivered, RepublishError> {
    client.batch_execute(stage::SETUP).await?;
    let withdrawals = withdrawals(log, plan)?;
    let done = run.done.get(&plan.shard).copied().unwrap_or_default();
    let batch = Batch::default();
    let mut delivery = Delivery {
        plan,
        selection,
        spelling,
        run,
        done,
        batch,
        heads: Map::default(),
        withdrawals,
        known: plan.cursor.lsn,
        heads_as_of: None,
        delivered: Delivered::default(),
    };
    let began = Instant::now();
    let limit = pace.rate.map_or(REPUBLISH_BATCH_MAX, |rate| (rate as usize).clamp(1, REPUBLISH_BATCH_MAX));
    for frame in log.log.read_from(plan.shard, plan.oldest) {
        let frame = frame?;
        for read in records_of(&frame, Lsn(0), plan.cursor.lsn) {
            let (position, record) = read?;
            delivery.take(position, record);
            if delivery.batch.records >= limit as u64 {
                if (pace.is_stopped)() {
                    return Ok(delivery.delivered);
                }
                delivery.send(client, log).await?;
                slow_down(pace.rate, delivery.delivered.records, began).await;
            }
        }
        on_records(frame.count().into());
        if (pace.is_stopped)() {
            return Ok(delivery.delivered);
        }
        if frame.last() >= plan.cursor.lsn {
            break;
        }
    }
    // What is not final is as of the cursor, wherever that is by now.
    delivery.heads_as_of = Some(plan.cursor.lsn);
    delivery.batch.last = plan.cursor.lsn;
    delivery.send(client, log).await?;
    delivery.delivered.is_complete = true;
    Ok(delivery.delivered)
}

/// Waits until so many records may have been delivered.
async fn slow_down(rate: Option<u64>, records: u64, began: Instant) {
    if let Some(rate) = rate.filter(|rate| *rate > 0) {
        let due = Duration::from_secs_f64(records as f64 / rate as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
    }
}

/// All events of touched auctions that take bids out, in their order.
type Withdrawals = Map<AuctionId, Vec<Withdrawal>>;

fn withdrawals(log: Beside<'_>, plan: &Plan) -> Result<Withdrawals, RepublishError> {
    let mut found = Withdrawals::default();
    for frame in log.log.read_from(plan.shard, plan.oldest) {
        let frame = frame?;
        for read in records_of(&frame, Lsn(0), plan.cursor.lsn) {
            if let (_, Record::Auction(event)) = read?
                && plan.touched.contains(&event.auction)
            {
                note_withdrawal(&mut found, &event);
            }
        }
        if frame.last() >= plan.cursor.lsn {
            break;
        }
    }
    Ok(found)
}

fn note_withdrawal(found: &mut Withdrawals, event: &Event) {
    if let Some(withdrawal) = Withdrawal::of(event) {
        found.entry(event.auction).or_default().push(withdrawal);
    }
}

/// What is sent with the next transaction.
#[derive(Default)]
struct Batch {
    /// Bids and events, of several auctions.
    rows: Rows,
    keys: Keys,
    /// The auctions' rows that are complete: nothing comes of them any more.
    finished: Vec<Rows>,
    records: u64,
    /// The last record that was looked at.
    last: Lsn,
}

struct Delivery<'a> {
    plan: &'a Plan,
    selection: &'a Selection,
    spelling: &'a Spelling,
    run: &'a Run,
    /// What an earlier part of this run has delivered.
    done: Lsn,
    batch: Batch,
    /// Auctions' rows that are being made.
    heads: Map<AuctionId, Rows>,
    withdrawals: Withdrawals,
    /// The record up to which withdrawals are known.
    known: Lsn,
    /// The record that the open auctions' rows are as of, once the log is read up to the plan's cursor; they go with the last transaction.
    heads_as_of: Option<Lsn>,
    delivered: Delivered,
}

impl Delivery<'_> {
    fn take(&mut self, position: Position, record: Record) {
        let is_wanted = self.plan.wants(&record, self.selection, type_of(&record, self.spelling));
        self.batch.last = position.lsn;
        let is_new = position.lsn > self.done;
        if let Record::Auction(event) = &record
            && self.plan.whole.contains(&event.auction)
        {
            self.head(position, event, is_new);
        }
        if !is_wanted || !is_new {
            return;
        }
        self.batch.records += 1;
        self.batch.keys.push(position, &record);
        match record {
            Record::Auction(event) => self.batch.rows.auction(position, &event, self.spelling),
            Record::Shard(event) => {
                let fact = crate::rows::ShardFact::new(position, &event, self.spelling);
                self.batch.rows.shard_events.push(fact);
            }
        }
    }

    /// An auction's row, one event further. A final one is complete.
    fn head(&mut self, position: Position, event: &Event, is_new: bool) {
        let head = self.heads.entry(event.auction).or_default();
        step(head, position, event, self.spelling);
        if head.changes().iter().any(|change| change.final_at.is_some())
            && let Some(head) = self.heads.remove(&event.auction)
            && is_new
        {
            self.batch.finished.push(head);
        }
    }

    /// One transaction.
    async fn send(&mut self, client: &mut Client, log: Beside<'_>) -> Result<(), RepublishError> {
        let mut batch = std::mem::take(&mut self.batch);
        if self.selection.missing {
            keep_missing(client, &mut batch, self.plan).await?;
        }
        self.approach(client, &mut batch, log).await?;
        for day in batch.rows.days() {
            write::ensure_day(client, day).await?;
        }
        let transaction = client.transaction().await?;
        let held = write::cursor(&transaction, self.plan.shard).await?;
        held.demand(log.id).map_err(write::WriteError::from)?;
        self.catch_up(&mut batch, held.position.lsn, log)?;
        let written = self.write(&transaction, batch.rows).await?;
        let open = if self.heads_as_of.is_some() { std::mem::take(&mut self.heads) } else { Map::default() };
        let heads = batch.finished.into_iter().chain(open.into_values());
        let auctions = write_heads(&transaction, heads, &self.plan.orphans).await?;
        let counts = (batch.records, written + auctions);
        runs::advance(&*transaction, self.run.id, (self.plan.shard, batch.last), counts).await?;
        transaction.commit().await?;
        self.delivered.records += batch.records;
        self.delivered.written += written;
        self.delivered.auctions += auctions;
        Ok(())
    }

    /// Bids and events that are not there, or differ.
    async fn write(&self, transaction: &Transaction<'_>, rows: Rows) -> Result<u64, RepublishError> {
        let withdrawn: Withdrawn = rows
            .bids
            .iter()
            .filter_map(|bid| Some(((auction_number(bid.auction), bid.seq), self.withdrawn(bid)?)))
            .collect();
        Ok(stage::bids(transaction, &rows.bids, &withdrawn).await?
            + stage::events(transaction, &rows.events).await?
            + stage::shard_events(transaction, &rows.shard_events).await?)
    }

    /// The first event that took a bid out.
    fn withdrawn(&self, bid: &Bid) -> Option<gavel_core::Seq> {
        let all = self.withdrawals.get(&bid.auction)?;
        let took = |gone: &&Withdrawal| {
            gone.seq > bid.seq && gone.bidder == bid.bidder && gone.bid.is_none_or(|id| id == bid.id)
        };
        all.iter().find(took).map(|gone| gone.seq)
    }

    /// The record up to which everything is known that the next transaction needs.
    fn as_of(&self) -> Lsn {
        self.heads_as_of.unwrap_or(self.known)
    }

    /// Catches up while the cursor is not held, so that little is left to be read while it is, and nobody waits.
    async fn approach(
        &mut self,
        client: &Client,
        batch: &mut Batch,
        log: Beside<'_>,
    ) -> Result<(), RepublishError> {
        loop {
            let cursor = cursor(client, self.plan.shard, log.id).await?.lsn;
            let rest = cursor.0.saturating_sub(self.as_of().0);
            self.catch_up(batch, cursor, log)?;
            if rest <= CAUGHT_UP_WITHIN {
                return Ok(());
            }
        }
    }

    /// Takes in what the flusher has written since the plan was made, from where it was caught up to last: withdrawals of bids, and, with the
    /// last transaction, events of auctions whose rows are made anew.
    fn catch_up(&mut self, batch: &mut Batch, cursor: Lsn, log: Beside<'_>) -> Result<(), RepublishError> {
        let (shard, after) = (self.plan.shard, self.as_of());
        if cursor <= after {
            return Ok(());
        }
        let durable = log.end_at_least(shard, cursor)?;
        if durable < cursor {
            let cursor = Position { lsn: cursor, ..self.plan.cursor };
            return Err(RepublishError::Ahead { cursor, durable });
        }
        for frame in log.log.read_from(shard, after.next()) {
            let frame = frame?;
            for read in records_of(&frame, after, cursor) {
                if let (position, Record::Auction(event)) = read?
                    && self.plan.touched.contains(&event.auction)
                {
                    self.take_later(batch, position, &event);
                }
            }
            if frame.last() >= cursor {
                break;
            }
        }
        self.known = self.known.max(cursor);
        self.heads_as_of = self.heads_as_of.map(|_| cursor);
        Ok(())
    }

    /// An event behind the plan's cursor.
    fn take_later(&mut self, batch: &mut Batch, position: Position, event: &Event) {
        if position.lsn > self.known {
            note_withdrawal(&mut self.withdrawals, event);
        }
        if self.heads_as_of.is_none() {
            return;
        }
        if let Some(head) = self.heads.get_mut(&event.auction) {
            step(head, position, event, self.spelling);
            // The flusher has put these aside, like those before them.
            if self.plan.orphans.contains(&event.auction) {
                batch.records += 1;
                batch.rows.auction(position, event, self.spelling);
            }
        }
    }
}

/// One event further; its bids and events are delivered by themselves.
fn step(head: &mut Rows, position: Position, event: &Event, spelling: &Spelling) {
    head.auction(position, event, spelling);
    head.bids.clear();
    head.events.clear();
    head.withdrawals.clear();
}

/// Leaves out what is there.
async fn keep_missing(client: &Client, batch: &mut Batch, plan: &Plan) -> Result<(), RepublishError> {
    let missing: Set<Lsn> = missing(&***client, &batch.keys).await?;
    let is_missing = |position: &Position| missing.contains(&position.lsn);
    batch.rows.bids.retain(|bid| is_missing(&bid.position));
    batch.rows.events.retain(|event| is_missing(&event.position));
    batch.rows.shard_events.retain(|event| is_missing(&event.position));
    debug_assert!(batch.finished.len() <= plan.whole.len(), "only rows that are wanted are made");
    Ok(())
}

/// Writes auctions' rows in place of what is there, and takes out of `parked` what only waited for them; says how many.
async fn write_heads(
    transaction: &Transaction<'_>,
    heads: impl Iterator<Item = Rows>,
    orphans: &Set<AuctionId>,
) -> Result<u64, RepublishError> {
    let mut all = Rows::default();
    heads.for_each(|head| all.absorb(head));
    let ids: Vec<i64> = all.openings.iter().map(|opening| auction_number(opening.auction)).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    transaction.execute("DELETE FROM auctions WHERE auction = ANY ($1)", &[&ids]).await?;
    write::rows(transaction, &all, None).await?;
    let orphans = all.openings.iter().map(|opening| opening.auction).filter(|id| orphans.contains(id));
    let orphans: Vec<i64> = orphans.map(auction_number).collect();
    if !orphans.is_empty() {
        transaction.execute("DELETE FROM parked WHERE auction = ANY ($1)", &[&orphans]).await?;
    }
    Ok(ids.len() as u64)
}
