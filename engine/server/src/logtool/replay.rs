//! `gavel log replay`: every shard's state, rebuilt from the files alone, and its digest.

use super::error::ToolError;
use super::progress::Progress;
use super::range::{Bound, Place, Range};
use super::source::Source;
use crate::cli::DataFlags;
use crate::exit::Exit;
use crate::output;
use clap::Args;
use gavel_core::{Digest, Lsn, Position, ShardId};
use gavel_engine::Replica;
use gavel_log::Frame;
use gavel_log::record::decode;
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The examples in the help.
pub(super) const HELP: &str = "\
Runs what recovery runs, over the same records, and prints for each shard its last record, the auctions in memory and the digest \
of its state: the lines of `INFO digest`. Equal digests are equal states.

--until takes a position (3-1-42: shard, epoch, record; only that shard is replayed) or a time (RFC 3339; records decided after it \
are left out).

Examples:
  gavel log replay
  redis-cli -p 7400 INFO digest                      the same, asked of the running server
  gavel log replay --until 2026-11-22T10:00:00Z
  gavel log replay --until 3-1-42 --json

Exits with 5 when the records can't be read, or can't follow each other.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct ReplayFlags {
    #[command(flatten)]
    pub(super) data: DataFlags,
    /// Up to and including this position or time [default: all there is]
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<Bound>,
}

/// One shard after replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replayed {
    shard: ShardId,
    applied: Lsn,
    auctions: usize,
    digest: Digest,
}

/// Rebuilds and prints.
pub(super) fn run(flags: &ReplayFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    let range = Range { from: None, until: flags.until };
    let one = range.shard(None).map_err(ToolError::Usage)?;
    let source = Source::open(dir)?;
    let shards = source.shards_of(one);
    let total = shards.iter().map(|&shard| source.tip(shard).lsn.0).sum();
    let progress = Progress::records("replaying", total);
    let replayed = in_parallel(&shards, |shard| replay(&source, shard, range, &progress))?;
    drop(progress);
    Ok(output::data(&if json { to_json(&replayed) } else { to_text(&replayed) }))
}

fn to_text(replayed: &[Replayed]) -> String {
    let line = |replayed: &Replayed| {
        let Replayed { shard, applied, auctions, digest } = replayed;
        format!("shard{shard}:applied={},auctions={auctions},digest={digest}", applied.0)
    };
    replayed.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn to_json(replayed: &[Replayed]) -> String {
    let shard = |replayed: &Replayed| {
        let Replayed { shard, applied, auctions, digest } = replayed;
        json!({ "shard": shard.0, "applied": applied.0, "auctions": auctions, "digest": digest.to_string() })
    };
    json!({ "shards": replayed.iter().map(shard).collect::<Vec<_>>() }).to_string()
}

fn replay(source: &Source, shard: ShardId, range: Range, progress: &Progress) -> Result<Replayed, ToolError> {
    let mut replica = Replica::new(shard);
    for frame in source.read_from(shard, Lsn(1)) {
        let frame = frame?;
        if !apply(&mut replica, &frame, range)? {
            break;
        }
        progress.add(frame.count().into());
    }
    Ok(Replayed {
        shard,
        applied: replica.last(),
        auctions: replica.auction_count(),
        digest: replica.digest(),
    })
}

/// Takes a frame's records in. False when one is behind the range.
fn apply(replica: &mut Replica, frame: &Frame, range: Range) -> Result<bool, ToolError> {
    for (lsn, bytes) in frame.records() {
        let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
        let record = decode(bytes).map_err(|cause| ToolError::Record { position, cause })?;
        if range.place(position, record.at()) == Place::Behind {
            return Ok(false);
        }
        replica.apply(record, position)?;
    }
    Ok(true)
}

/// Does the work for each shard, as many at a time as there are cores, and gives the results in the shards' order.
pub(super) fn in_parallel<T: Send>(
    shards: &[ShardId],
    work: impl Fn(ShardId) -> Result<T, ToolError> + Sync,
) -> Result<Vec<T>, ToolError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((index, &shard)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, shards.get(index)?)))
        {
            done.push((index, work(shard)?));
        }
        Ok::<_, ToolError>(done)
    };
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(shards.len())).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::with_capacity(shards.len());
        for worker in workers {
            all.extend(worker.join().map_err(|_| ToolError::Defect("a worker has panicked"))??);
        }
        Ok::<_, ToolError>(all)
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}
