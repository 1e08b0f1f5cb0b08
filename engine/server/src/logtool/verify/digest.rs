//! The same state on two ways: from the newest snapshot and the records behind it, and from further back.

use super::{Found, way_words};
use crate::logtool::error::ToolError;
use crate::logtool::progress::Progress;
use crate::logtool::replay::{Until, in_parallel, replay_on};
use crate::logtool::source::Source;
use gavel_core::{Digest, Lsn, ShardId};
use gavel_engine::Replica;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Where a way begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With the first record.
    Start,
    /// With a snapshot.
    Snapshot(PathBuf),
}

/// What came out for one shard.
pub(super) struct Outcome {
    pub(super) shard: ShardId,
    /// The last record that was taken in.
    last: Lsn,
    /// The digest on each way, the newest beginning first. One where there is no second way.
    digests: Vec<(Way, Result<Digest, ToolError>)>,
    /// A running server has taken snapshots that are later than what was read, or removed those that were to be read.
    overtaken: bool,
}

/// Rebuilds every shard on two ways, without the files that are known to be damaged. Further damage is part of an outcome.
pub(super) fn check(source: &Source, damaged: &[PathBuf]) -> Result<Vec<Outcome>, ToolError> {
    let shards = source.shards();
    let records = |shard: &ShardId| 2 * source.tip(*shard).lsn.0;
    let progress = Progress::records("replaying", shards.iter().map(records).sum());
    in_parallel(&shards, |shard| check_shard(source, shard, damaged, &progress))
}

/// Takes the two newest ways that there are: whole snapshots and, where it is not gone, the first record.
fn check_shard(
    source: &Source,
    shard: ShardId,
    damaged: &[PathBuf],
    progress: &Progress,
) -> Result<Outcome, ToolError> {
    let (oldest, last) = (source.oldest(shard), source.tip(shard).lsn);
    let mut outcome = Outcome { shard, last, digests: Vec::new(), overtaken: false };
    let snapshots = source.snapshots(shard)?.into_iter().filter(|path| !damaged.contains(path));
    let start = (oldest <= Lsn(1)).then_some(Way::Start);
    for way in snapshots.map(Way::Snapshot).chain(start) {
        if outcome.digests.len() == 2 {
            break;
        }
        let begin = match &way {
            Way::Start => Replica::new(shard),
            Way::Snapshot(path) => match Replica::from_snapshot(path) {
                Ok((replica, head, foot)) if oldest <= head.from.lsn.next() && foot.until <= last => replica,
                Ok((_, _, foot)) => {
                    outcome.overtaken |= foot.until > last;
                    continue;
                }
                Err(_) if !path.exists() => {
                    outcome.overtaken = true;
                    continue;
                }
                Err(error) => {
                    outcome.digests.push((way, Err(error.into())));
                    continue;
                }
            },
        };
        let digest = digest(begin, source, progress);
        outcome.digests.push((way, digest));
    }
    Ok(outcome)
}

fn digest(mut replica: Replica, source: &Source, progress: &Progress) -> Result<Digest, ToolError> {
    progress.add(replica.last().0);
    replay_on(&mut replica, source, Until::default(), progress)?;
    Ok(replica.digest())
}

impl Outcome {
    /// What is wrong, if anything is.
    pub(super) fn problem(&self) -> Option<Found> {
        let found = |problem| Found { file: None, shard: Some(self.shard), at: Some(self.last), problem };
        let failed = self.digests.iter().find_map(|(way, digest)| Some((way, digest.as_ref().err()?)));
        if let Some((way, error)) = failed {
            return Some(found(format!(
                "shard {}: no state comes out from {}: {error}",
                self.shard,
                way_words(way)
            )));
        }
        let digests: Vec<(&Way, Digest)> =
            self.digests.iter().filter_map(|(way, digest)| Some((way, *digest.as_ref().ok()?))).collect();
        match digests[..] {
            [(first, one), (second, other)] if one != other => Some(found(format!(
                "shard {}: the state at record {} has digest {one} from {}, and {other} from {}",
                self.shard,
                self.last.0,
                way_words(first),
                way_words(second)
            ))),
            [] if !self.overtaken => Some(found(format!(
                "shard {}: no state can be rebuilt, as the history begins after its first record and no whole snapshot reaches back to it",
                self.shard
            ))),
            _ => None,
        }
    }

    pub(super) fn words(&self) -> String {
        let way = |(way, digest): &(Way, Result<Digest, ToolError>)| {
            let digest = digest.as_ref().map_or_else(|_| "none".to_owned(), Digest::to_string);
            format!("{digest} from {}", way_words(way))
        };
        let ways: Vec<_> = self.digests.iter().map(way).collect();
        if ways.is_empty() {
            return format!(
                "shard {}: no digest: its snapshots are later than what was read of its records",
                self.shard
            );
        }
        format!("shard {}: digest {}", self.shard, ways.join(", "))
    }

    pub(super) fn to_json(&self) -> Value {
        let way = |(way, digest): &(Way, Result<Digest, ToolError>)| json!({ "from": way_words(way), "digest": digest.as_ref().ok().map(Digest::to_string) });
        self.digests.iter().map(way).collect()
    }
}
