//! `gavel log explain`: one auction's history in words, each record with the rule that made it.

mod print;
mod refused;
mod stand;
mod story;
mod words;

use super::error::ToolError;
use super::progress::Progress;
use super::source::Source;
use crate::cli::DataFlags;
use crate::exit::Exit;
use clap::Args;
use gavel_core::{AuctionId, Seq};
use print::{Json, Print, Text};
use std::path::Path;
use story::{Question, Story};

/// The examples in the help.
pub(super) const HELP: &str = "\
Tells each record of the auction with what it came to and by which rule: who leads and why at this price, why the end moved or did \
not, reserve price, second chances, bans, time given back. In words that can be read to a bidder: nobody's maximum and no reserve \
price is in them, unless --secret is given.

Between the records are the attempts that were refused, from the server's journal of them. That journal is bounded and may have \
gaps: what is not in it may have been tried all the same. What is a record is certain.

Where the auction's first records have left the archive, it is told how it stood in the oldest snapshot there is, and goes on from \
there.

Examples:
  gavel log explain 20261122-003-00000042
  gavel log explain 20261122-003-00000042 --at 17         up to its record 17, and how it stood then
  gavel log explain 20261122-003-00000042 --secret        with maxima and reserve price
  gavel log explain 20261122-003-00000042 --json | jq '.entries[] | select(.type == \"refused\")'

Exits with 1 when there is no such auction or record, with 5 when the records can't be read to the end.";

/// The flags.
#[derive(Debug, Args)]
pub(crate) struct ExplainFlags {
    /// The auction
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// Stop after this record of the auction, its number as in `seq`
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u32).range(1..))]
    at: Option<u32>,
    /// Tell maxima and the reserve price, too
    #[arg(long)]
    secret: bool,
    #[command(flatten)]
    pub(super) data: DataFlags,
}

/// Tells it.
pub(super) fn run(flags: &ExplainFlags, dir: &Path, json: bool) -> Result<Exit, ToolError> {
    let question = Question { auction: flags.auction, at: flags.at.map(Seq), secret: flags.secret };
    let source = Source::open(dir)?;
    if json {
        tell(&source, question, Json::new(question))
    } else {
        tell(&source, question, Text::new(question))
    }
}

fn tell(source: &Source, question: Question, mut print: impl Print) -> Result<Exit, ToolError> {
    let shard = question.auction.shard();
    let progress = Progress::records("reading", source.records_from(shard, source.oldest(shard)));
    let story = Story::new(source, question, |entry| print.entry(&entry))?;
    let told = story.run(|records| progress.add(records));
    drop(progress);
    match told {
        Ok(ending) => print.end(&ending).map(|()| Exit::Ok),
        Err(problem) => {
            print.cut_off()?;
            Err(problem)
        }
    }
}
