//! Takes one shard's snapshot: durable end first, then slice by slice, then the wait for the disk.

use super::{Keeper, NotTaken};
use crate::shard::{Cursor, NextSlice, Slice, digest_of};
use crate::storage::SnapshotReport;
use gavel_core::placement::{Placement, PlacementChange, ShardStatus};
use gavel_core::{Digest, Lsn, ShardId};
use gavel_log::snapshot::{self as files, Foot, Head, Writer};
use gavel_log::state::{Encoder, Loader, Restored};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Between two looks whether the shard's records have reached the disk.
const DURABLE_POLL: Duration = Duration::from_millis(1);

/// Changes of placement in one block, at most: a directory may have a hundred thousand.
const CHANGES_PER_BLOCK: usize = 1_000;

/// A snapshot that is being written. What goes in is read back as recovery would, to know its digest.
struct Taking {
    writer: Writer,
    loader: Loader,
    digest: Digest,
    auctions: u64,
}

impl Taking {
    fn block(&mut self, block: &[u8]) -> Result<(), NotTaken> {
        let Self { writer, loader, digest, auctions } = self;
        loader.block(block, |part| {
            *auctions += u64::from(matches!(part, Restored::Auction(..)));
            *digest += digest_of(&part);
        })?;
        writer.block(block).map_err(NotTaken::Io)
    }
}

impl Keeper {
    /// Takes a snapshot of a shard, unless it has no record since its last one.
    pub(super) fn snapshot(&mut self, shard: ShardId) -> Result<(), NotTaken> {
        let (began, at) = (Instant::now(), self.shared.clock.now());
        // The durable end first: every auction is then as it was at this record or later.
        let from = self.tip(shard);
        if from.lsn == self.newest[usize::from(shard.0)].0 {
            return Ok(());
        }
        let writer = Writer::create(&self.options.dir, &Head { shard, from, at })?;
        let mut taking = Taking { writer, loader: Loader::default(), digest: Digest::default(), auctions: 0 };
        let until = self.slices(shard, &mut taking)?;
        if shard == ShardId(0) {
            self.placement(&mut taking)?;
        }
        self.wait_until_durable(shard, until)?;
        let Taking { writer, loader, digest, auctions } = taking;
        loader.finish()?;
        let bytes = writer.bytes();
        writer.finish(&Foot { until, auctions, digest })?;
        self.newest[usize::from(shard.0)] = (from.lsn, at);
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.shared
            .storage
            .lock()
            .took_snapshot(shard, SnapshotReport { from: from.lsn, at, auctions, bytes, took_ms });
        tracing::info!(%shard, from = from.lsn.0, auctions, bytes, took_ms, "a snapshot was taken");
        if let Err(error) = files::remove_old(&self.options.dir, shard) {
            self.shared.storage.lock().failures += 1;
            tracing::warn!(%shard, %error, "older snapshots can't be removed; this is tried again with the next one");
        }
        Ok(())
    }

    /// All slices; the last record that the state in them may know of.
    fn slices(&mut self, shard: ShardId, taking: &mut Taking) -> Result<Lsn, NotTaken> {
        let mut cursor = Cursor::default();
        loop {
            let (next, slice) = self.next_slice(shard, cursor)?;
            let Slice { block, applied, complete } = slice;
            taking.block(&block)?;
            self.buffer = block;
            if complete {
                return Ok(applied);
            }
            cursor = next;
        }
    }

    fn next_slice(&mut self, shard: ShardId, cursor: Cursor) -> Result<(Cursor, Slice), NotTaken> {
        if self.is_stopping() {
            return Err(NotTaken::Stopping);
        }
        let (answer_to, answer) = sync_channel(1);
        let address = self.shared.shards[usize::from(shard.0)].get().ok_or(NotTaken::Stopping)?;
        let question = NextSlice { cursor, buffer: std::mem::take(&mut self.buffer), answer_to };
        // A mailbox has room for the question; a shard that is gone went with the engine.
        address.try_send(question).map_err(|_| NotTaken::Stopping)?;
        answer.recv().map_err(|_| NotTaken::Stopping)
    }

    /// The placement as changes that recreate it. It is what is durable, and says itself up to which record.
    fn placement(&self, taking: &mut Taking) -> Result<(), NotTaken> {
        let (placement, as_of) = self.shared.routing.placement_as_of();
        let mut out = Encoder::new(Vec::new());
        out.placement(as_of);
        for (index, change) in changes(&placement).enumerate() {
            out.change(change);
            if index % CHANGES_PER_BLOCK == CHANGES_PER_BLOCK - 1 {
                taking.block(&std::mem::replace(&mut out, Encoder::new(Vec::new())).finish())?;
            }
        }
        if out.is_empty() { Ok(()) } else { taking.block(&out.finish()) }
    }

    fn wait_until_durable(&self, shard: ShardId, until: Lsn) -> Result<(), NotTaken> {
        while self.tip(shard).lsn < until {
            if self.is_stopping() {
                return Err(NotTaken::Stopping);
            }
            std::thread::sleep(DURABLE_POLL);
        }
        Ok(())
    }
}

/// The changes that make this placement of the one before any change.
fn changes(placement: &Placement) -> impl Iterator<Item = PlacementChange> {
    let added = placement.shards().skip(1).map(|(shard, _)| PlacementChange::ShardAdded(shard));
    let drained = placement.shards().filter(|(_, status)| *status == ShardStatus::Draining);
    let policies = placement.policies().iter().map(|(effective_at, policy)| PlacementChange::PolicySet {
        effective_at: *effective_at,
        policy: policy.clone(),
    });
    let entries = placement
        .directory()
        .iter()
        .map(|(key, shard)| PlacementChange::DirectorySet { key: key.into(), shard: Some(shard) });
    added.chain(drained.map(|(shard, _)| PlacementChange::ShardDrained(shard))).chain(policies).chain(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::Timestamp;
    use gavel_core::placement::{KeyRange, Policy};

    #[test]
    fn the_changes_recreate_the_placement() {
        let time = |seconds: u64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let entry = |key: &str, shard| PlacementChange::DirectorySet { key: key.into(), shard };
        let policy =
            |effective_at, policy| PlacementChange::PolicySet { effective_at: time(effective_at), policy };
        let ranges = [KeyRange { from: "a".into(), shard: ShardId(1) }];
        let history = [
            PlacementChange::ShardAdded(ShardId(1)),
            PlacementChange::ShardAdded(ShardId(2)),
            PlacementChange::ShardDrained(ShardId(0)),
            PlacementChange::ShardAdded(ShardId(0)),
            PlacementChange::ShardDrained(ShardId(2)),
            PlacementChange::ShardDrained(ShardId(0)),
            policy(1, Policy::Sequence),
            policy(50, Policy::Range(ranges.into())),
            policy(60, Policy::Directory),
            entry("k", Some(ShardId(1))),
            entry("l", Some(ShardId(2))),
            entry("k", None),
        ];
        let mut placement = Placement::default();
        history.iter().for_each(|change| placement.apply(change, time(5)));
        let mut copy = Placement::default();
        changes(&placement).for_each(|change| copy.apply(&change, Timestamp::default()));
        assert_eq!(copy, placement);
    }
}
