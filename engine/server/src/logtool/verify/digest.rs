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
    /// The digest on each way, the newest beginning first. One where there is no second way; none where the history has no beginning.
    digests: Vec<(Way, Result<Digest, ToolError>)>,
}

/// Rebuilds every shard on two ways. Damage is part of an outcome.
pub(super) fn check(source: &Source) -> Result<Vec<Outcome>, ToolError> {
    let shards = source.shards();
    let ways: Vec<(ShardId, Vec<Way>)> =
        shards.iter().map(|&shard| Ok((shard, ways(source, shard)?))).collect::<Result<_, ToolError>>()?;
    let records = |(shard, ways): &(ShardId, Vec<Way>)| ways.len() as u64 * source.tip(*shard).lsn.0;
    let progress = Progress::records("replaying", ways.iter().map(records).sum());
    in_parallel(&shards, |shard| {
        let ways = ways.iter().find(|(of, _)| *of == shard).map_or(&[][..], |(_, ways)| ways);
        let digests = ways.iter().map(|way| (way.clone(), digest(source, shard, way, &progress))).collect();
        Ok(Outcome { shard, last: source.tip(shard).lsn, digests })
    })
}

/// The two ways that there are: the two newest of the snapshots and, where it is not gone, the first record.
fn ways(source: &Source, shard: ShardId) -> Result<Vec<Way>, ToolError> {
    let (oldest, last) = (source.oldest(shard), source.tip(shard).lsn);
    let reaches = |from: Lsn| oldest <= from.next() && from <= last;
    let snapshots = source.snapshots(shard)?.into_iter().filter(|path| {
        // A snapshot that can't be opened is among the flaws already.
        gavel_log::snapshot::Reader::open(path).is_ok_and(|reader| reaches(reader.head().from.lsn))
    });
    let start = (oldest <= Lsn(1)).then_some(Way::Start);
    Ok(snapshots.map(Way::Snapshot).chain(start).take(2).collect())
}

fn digest(source: &Source, shard: ShardId, way: &Way, progress: &Progress) -> Result<Digest, ToolError> {
    let mut replica = match way {
        Way::Start => Replica::new(shard),
        Way::Snapshot(path) => Replica::from_snapshot(path)?.0,
    };
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
            [] => Some(found(format!(
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
        format!("shard {}: digest {}", self.shard, ways.join(", "))
    }

    pub(super) fn to_json(&self) -> Value {
        let way = |(way, digest): &(Way, Result<Digest, ToolError>)| json!({ "from": way_words(way), "digest": digest.as_ref().ok().map(Digest::to_string) });
        self.digests.iter().map(way).collect()
    }
}
