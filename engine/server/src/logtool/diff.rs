//! `gavel log diff`: two directories, shard by shard: where they part, or which is ahead.

use super::error::ToolError;
use super::progress::Progress;
use super::replay::in_parallel;
use super::source::Source;
use crate::cli::DataFlags;
use crate::exit::Exit;
use crate::output::{self, grouped};
use clap::Args;
use gavel_core::{Lsn, Position, ShardId};
use gavel_log::{ChainHash, Frame};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The examples in the help.
pub(super) const HELP: &str = "\
Compares record by record what both hold: two data directories, or one and a backup. How records are packed into frames does not \
matter. Where one begins later (its earlier records have expired), the comparison begins there.

Examples:
  gavel log diff /srv/gavel /backup/gavel
  gavel log diff /srv/gavel /backup/gavel --json | jq '.shards[] | select(.part != null)'

Exits with 0 when they agree as far as both go (one may be ahead), with 1 when they part in any shard, with 2 when one of them can't \
be opened, with 5 when one can't be read to the end.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct DiffFlags {
    /// A data directory or backup
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another one
    #[arg(value_name = "B")]
    b: PathBuf,
    #[command(flatten)]
    pub(super) data: DataFlags,
}

/// How two logs of one shard compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Compared {
    shard: ShardId,
    /// The first record that both hold; `None` when there is none.
    from: Option<Lsn>,
    /// The last record that both hold alike, from there on.
    common: Option<Lsn>,
    /// The first record that differs, as each has it.
    part: Option<(Position, Position)>,
    /// The last record of each; 0 where there is none.
    ends: [Lsn; 2],
}

/// Compares and prints.
pub(super) fn run(flags: &DiffFlags, json: bool) -> Result<Exit, ToolError> {
    if flags.data.is_given() {
        return Err(ToolError::Usage(
            "diff takes its two directories as arguments, not by --data".to_owned(),
        ));
    }
    let sides = [Source::open(&flags.a)?, Source::open(&flags.b)?];
    let shards: BTreeSet<ShardId> = sides.iter().flat_map(Source::shards).collect();
    let shards: Vec<ShardId> = shards.into_iter().collect();
    let total = shards.iter().map(|&shard| sides[0].records_from(shard, sides[0].oldest(shard))).sum();
    let progress = Progress::records("comparing", total);
    let compared = in_parallel(&shards, |shard| compare(&sides, shard, &progress))?;
    drop(progress);
    let printed = output::data(&if json { to_json(&compared) } else { to_text(&compared) });
    let parted = compared.iter().any(|compared| compared.part.is_some());
    Ok(if printed == Exit::Ok && parted { Exit::Failure } else { printed })
}

fn compare(sides: &[Source; 2], shard: ShardId, progress: &Progress) -> Result<Compared, ToolError> {
    let ends = [0, 1].map(|side: usize| sides[side].tip(shard).lsn);
    let from = sides[0].oldest(shard).max(sides[1].oldest(shard));
    let both = ends[0].min(ends[1]);
    let mut compared = Compared { shard, from: None, common: None, part: None, ends };
    if from > both {
        return Ok(compared);
    }
    compared.from = Some(from);
    let [mut a, mut b] = [0, 1].map(|side: usize| Records::new(&sides[side], shard, from));
    let mut next = from;
    while next <= both {
        if let Some(last) = same_frame(&mut a, &mut b)? {
            progress.add(last.0 + 1 - next.0);
            compared.common = Some(last);
            next = last.next();
            continue;
        }
        let (Some(left), Some(right)) = (a.next(next)?, b.next(next)?) else { break };
        if left != right {
            compared.part = Some((left.0, right.0));
            break;
        }
        progress.add(1);
        compared.common = Some(next);
        next = next.next();
    }
    Ok(compared)
}

/// When both are about to begin the same frame, skips it, and says where it ends.
fn same_frame(a: &mut Records, b: &mut Records) -> Result<Option<Lsn>, ToolError> {
    let (Some(left), Some(right)) = (a.whole_frame()?, b.whole_frame()?) else { return Ok(None) };
    if left != right {
        return Ok(None);
    }
    let last = a.skip_frame();
    b.skip_frame();
    Ok(last)
}

/// One shard's records of one side, in order.
struct Records {
    shard: ShardId,
    frames: gavel_log::Frames,
    frame: Option<Frame>,
    /// The next record that is wanted.
    next: Lsn,
}

impl Records {
    fn new(source: &Source, shard: ShardId, from: Lsn) -> Self {
        Self { shard, frames: source.read_from(shard, from), frame: None, next: from }
    }

    /// The frame that holds the next record.
    fn frame(&mut self) -> Result<Option<&Frame>, ToolError> {
        while self.frame.as_ref().is_none_or(|frame| frame.last() < self.next) {
            match self.frames.next() {
                Some(frame) => self.frame = Some(frame?),
                None => return Ok(None),
            }
        }
        Ok(self.frame.as_ref())
    }

    /// The hash of the frame that begins with the next record; `None` when the next record is inside of one.
    fn whole_frame(&mut self) -> Result<Option<ChainHash>, ToolError> {
        let next = self.next;
        Ok(self.frame()?.filter(|frame| frame.first() == next).map(Frame::hash))
    }

    fn skip_frame(&mut self) -> Option<Lsn> {
        let last = self.frame.as_ref()?.last();
        self.next = last.next();
        Some(last)
    }

    /// The record, and where it is.
    fn next(&mut self, lsn: Lsn) -> Result<Option<(Position, Vec<u8>)>, ToolError> {
        let shard = self.shard;
        let record = self.frame()?.and_then(|frame| {
            let (lsn, bytes) = frame.records().find(|(at, _)| *at == lsn)?;
            Some((Position { shard, epoch: frame.epoch(), lsn }, bytes.to_vec()))
        });
        self.next = lsn.next();
        Ok(record)
    }
}

fn to_text(compared: &[Compared]) -> String {
    if compared.is_empty() {
        return "neither holds a record".to_owned();
    }
    compared.iter().map(words).collect::<Vec<_>>().join("\n")
}

fn words(compared: &Compared) -> String {
    let Compared { shard, from, common, part, ends: [a, b] } = *compared;
    let Some(from) = from else {
        return format!("shard {shard}: no record is in both (A ends with record {}, B with {})", a.0, b.0);
    };
    if let Some((left, right)) = part {
        let common = common.map_or_else(
            || "they have no record in common".to_owned(),
            |common| format!("alike up to record {}", common.0),
        );
        return format!(
            "shard {shard}: they part at record {}: A has {left}, B has {right}, and another content; {common}",
            left.lsn.0
        );
    }
    let ahead = match a.0.cmp(&b.0) {
        std::cmp::Ordering::Equal => "neither is ahead".to_owned(),
        std::cmp::Ordering::Greater => format!("A is ahead by {} records", grouped(a.0 - b.0)),
        std::cmp::Ordering::Less => format!("B is ahead by {} records", grouped(b.0 - a.0)),
    };
    format!("shard {shard}: alike from record {} to {}; {ahead}", from.0, common.unwrap_or(from).0)
}

fn to_json(compared: &[Compared]) -> String {
    let shard = |compared: &Compared| -> Value {
        let Compared { shard, from, common, part, ends } = *compared;
        json!({
            "shard": shard.0,
            "from": from.map(|from| from.0),
            "common": common.map(|common| common.0),
            "part": part.map(|(a, b)| json!({ "a": a.to_string(), "b": b.to_string() })),
            "ends": ends.map(|end| end.0),
        })
    };
    let parted = compared.iter().any(|compared| compared.part.is_some());
    json!({ "parted": parted, "shards": compared.iter().map(shard).collect::<Vec<_>>() }).to_string()
}
