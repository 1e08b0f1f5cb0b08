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

It begins with the newest snapshot that is whole and not too late, or with the first record where there is none or --from-start is \
given.

--until takes a position (3-1-42: shard, epoch, record; only that shard is replayed) or a time (RFC 3339; what happened after it is \
left out). Both are of the state after them.

Examples:
  gavel log replay
  redis-cli -p 7400 INFO digest                      the same, asked of the running server
  gavel log replay --until 2026-11-22T10:00:00Z
  gavel log replay --until 3-1-42 --json
  gavel log replay --from-start                      without the help of a snapshot

Exits with 5 when the records can't be read, or can't follow each other.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct ReplayFlags {
    #[command(flatten)]
    pub(super) data: DataFlags,
    /// Up to and including this position or time [default: all there is]
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<Bound>,
    /// Begin with the first record, not with a snapshot
    #[arg(long)]
    from_start: bool,
}

/// Where replay ends; by default with the last record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Until(pub(super) Option<Bound>);

/// One shard after replay.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Replayed {
    shard: ShardId,
    applied: Lsn,
    auctions: usize,
    digest: Digest,
    /// The snapshot that it began with, by its file's name.
    snapshot: Option<String>,
}

/// Rebuilds and prints.
pub(super) fn run(flags: &ReplayFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    let one = Range { from: None, until: flags.until }.shard(None).map_err(ToolError::Usage)?;
    let source = Source::open(dir)?;
    let shards = source.shards_of(one)?;
    let total = shards.iter().map(|&shard| source.tip(shard).lsn.0).sum();
    let progress = Progress::records("replaying", total);
    let replayed = in_parallel(&shards, |shard| replay(&source, shard, flags, &progress))?;
    drop(progress);
    Ok(output::data(&if json { to_json(&replayed) } else { to_text(&replayed) }))
}

fn to_text(replayed: &[Replayed]) -> String {
    let line = |replayed: &Replayed| {
        let Replayed { shard, applied, auctions, digest, snapshot: _ } = replayed;
        format!("shard{shard}:applied={},auctions={auctions},digest={digest}", applied.0)
    };
    replayed.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn to_json(replayed: &[Replayed]) -> String {
    let shard = |replayed: &Replayed| {
        let Replayed { shard, applied, auctions, digest, snapshot } = replayed;
        json!({
            "shard": shard.0, "applied": applied.0, "auctions": auctions, "digest": digest.to_string(), "snapshot": snapshot,
        })
    };
    json!({ "shards": replayed.iter().map(shard).collect::<Vec<_>>() }).to_string()
}

fn replay(
    source: &Source,
    shard: ShardId,
    flags: &ReplayFlags,
    progress: &Progress,
) -> Result<Replayed, ToolError> {
    let until = Until(flags.until);
    let begin = if flags.from_start { None } else { newest(source, shard, until)? };
    let (mut replica, snapshot) =
        begin.map_or_else(|| (Replica::new(shard), None), |(replica, name)| (replica, Some(name)));
    progress.add(replica.last().0);
    replay_on(&mut replica, source, until, progress)?;
    Ok(Replayed {
        shard,
        applied: replica.last(),
        auctions: replica.auction_count(),
        digest: replica.digest(),
        snapshot,
    })
}

/// The newest whole snapshot that is not later than where replay is to end, and its file's name.
fn newest(source: &Source, shard: ShardId, until: Until) -> Result<Option<(Replica, String)>, ToolError> {
    let last = match until.0 {
        Some(Bound::Position(position)) => position.lsn.min(source.tip(shard).lsn),
        _ => source.tip(shard).lsn,
    };
    for path in source.snapshots(shard)? {
        // One that is damaged is left aside, as recovery does; `verify` lists it.
        let Ok((replica, head, foot)) = Replica::from_snapshot(&path) else { continue };
        let in_time = !matches!(until.0, Some(Bound::Time(until)) if head.at > until);
        if in_time && foot.until <= last && source.oldest(shard) <= head.from.lsn.next() {
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            return Ok(Some((replica, name)));
        }
    }
    Ok(None)
}

/// Takes in what follows, up to where replay ends.
pub(super) fn replay_on(
    replica: &mut Replica,
    source: &Source,
    until: Until,
    progress: &Progress,
) -> Result<(), ToolError> {
    let range = Range { from: None, until: until.0 };
    // A running server goes on meanwhile: what was there when the source was opened counts, so that every way ends alike.
    let last = source.tip(replica.shard()).lsn;
    for frame in source.read_from(replica.shard(), replica.last().next()) {
        let frame = frame?;
        if !apply(replica, &frame, range, last)? {
            break;
        }
        progress.add(frame.count().into());
    }
    Ok(())
}

/// Takes a frame's records in, but for those that the replica has. False when one is behind the range or the last that counts.
fn apply(replica: &mut Replica, frame: &Frame, range: Range, last: Lsn) -> Result<bool, ToolError> {
    let known = replica.last();
    for (lsn, bytes) in frame.records().filter(|(lsn, _)| *lsn > known) {
        let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
        let record = decode(bytes).map_err(|cause| ToolError::Record { position, cause })?;
        if lsn > last || range.place(position, record.at()) == Place::Behind {
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
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&shard) = shards.get(index) else { break Ok::<_, ToolError>(done) };
            done.push((index, work(shard)?));
        }
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
