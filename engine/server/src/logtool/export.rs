//! `gavel log export`: records as JSON, one object per line, shard by shard, in the order of their positions.

use super::error::ToolError;
use super::lines::Lines;
use super::progress::Progress;
use super::range::{Bound, Place, Range};
use super::source::Source;
use crate::cli::DataFlags;
use crate::exit::Exit;
use clap::{Args, ValueEnum};
use gavel_core::{AuctionId, Position, ShardId};
use gavel_log::Frame;
use gavel_log::record::{Record, decode};
use gavel_wire::event_json::{self, Form};
use std::path::Path;

/// The examples in the help.
pub(super) const HELP: &str = "\
Prints one JSON object per record: its position, what happened, and the results. Without --secret, what everybody may see: no \
bidder's maximum, no reserve price, none of what callers keep to themselves (placement keys, ids of requests, reasons of \
removals, who is banned).

--from and --until take a position (3-1-42: shard, epoch, record; it chooses the shard too) or a time (RFC 3339; when the record \
was decided). Both ends belong to what is printed.

Examples:
  gavel log export > everything.ndjson
  gavel log export --auction 20261122-003-00000042
  gavel log export --shard 3 --from 2026-11-22T09:59:00Z --until 2026-11-22T10:00:00Z
  gavel log export --from 3-1-1000 --until 3-1-2000 --secret
  gavel log export | jq -c 'select(.type == \"ended\")'

Exits with 5 when the records can't be read to the end; what comes before the damage is printed.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct ExportFlags {
    #[command(flatten)]
    pub(super) data: DataFlags,
    /// How to write records
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// Only the records of this auction
    #[arg(long, value_name = "AUCTION")]
    auction: Option<AuctionId>,
    /// Only the records of this shard
    #[arg(long, value_name = "SHARD")]
    shard: Option<ShardId>,
    /// From this position or time on
    #[arg(long, value_name = "POSITION|TIME")]
    from: Option<Bound>,
    /// Up to and including this position or time
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<Bound>,
    /// Print what is secret, too: maxima, reserve prices, reasons, keys
    #[arg(long)]
    secret: bool,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object per line
    Ndjson,
}

/// Prints what is wanted.
pub(super) fn run(flags: &ExportFlags, dir: &Path) -> Result<Exit, ToolError> {
    let Format::Ndjson = flags.format;
    let range = Range { from: flags.from, until: flags.until };
    let of_auction = flags.auction.map(AuctionId::shard);
    let shard = flags.one_shard(of_auction).and_then(|shard| range.shard(shard)).map_err(ToolError::Usage)?;
    let source = Source::open(dir)?;
    let shards = source.shards_of(shard)?;
    let first = |shard: ShardId| range.first(source.oldest(shard));
    let total = shards.iter().map(|&shard| source.records_from(shard, first(shard))).sum();
    let progress = Progress::records("exporting", total);
    let form = if flags.secret { Form::Secret } else { Form::Public };
    let mut export = Export { lines: Lines::stdout(), range, auction: flags.auction, form, line: Vec::new() };
    for &shard in &shards {
        let printed = export.shard(&source, shard, first(shard), &progress);
        if let Err(problem) = printed {
            export.lines.finish()?;
            return Err(problem);
        }
    }
    export.lines.finish()?;
    Ok(Exit::Ok)
}

impl ExportFlags {
    /// The shard that auction and shard name.
    fn one_shard(&self, of_auction: Option<ShardId>) -> Result<Option<ShardId>, String> {
        match (of_auction, self.shard) {
            (Some(auction), Some(shard)) if auction != shard => {
                Err(format!("the auction is of shard {auction}, not of shard {shard}"))
            }
            (auction, shard) => Ok(auction.or(shard)),
        }
    }
}

struct Export {
    lines: Lines,
    range: Range,
    auction: Option<AuctionId>,
    form: Form,
    line: Vec<u8>,
}

impl Export {
    fn shard(
        &mut self,
        source: &Source,
        shard: ShardId,
        first: gavel_core::Lsn,
        progress: &Progress,
    ) -> Result<(), ToolError> {
        for frame in source.read_from(shard, first) {
            let frame = frame?;
            if !self.frame(&frame)? {
                break;
            }
            progress.add(frame.count().into());
        }
        Ok(())
    }

    /// Prints the wanted records of a frame. False once a position is behind the range: nothing follows then.
    fn frame(&mut self, frame: &Frame) -> Result<bool, ToolError> {
        for (lsn, bytes) in frame.records() {
            let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
            let record = decode(bytes).map_err(|cause| ToolError::Record { position, cause })?;
            match self.range.place(position, record.at()) {
                Place::Inside => self.record(&record, position)?,
                Place::Before => {}
                // Times may go back where the clock was set back between two generations; positions never do.
                Place::Behind if matches!(self.range.until, Some(Bound::Position(_))) => return Ok(false),
                Place::Behind => {}
            }
        }
        Ok(true)
    }

    fn record(&mut self, record: &Record, position: Position) -> Result<(), ToolError> {
        self.line.clear();
        match (record, self.auction) {
            (Record::Auction(event), wanted) if wanted.is_none_or(|wanted| wanted == event.auction) => {
                event_json::event(&mut self.line, position, event, self.form);
            }
            (Record::Shard(event), None) => {
                event_json::shard_event(&mut self.line, position, event, self.form);
            }
            _ => return Ok(()),
        }
        self.line.push(b'\n');
        self.lines.write(&self.line)
    }
}
