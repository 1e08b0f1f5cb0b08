//! A small consumer of the feed in a process of its own, to be killed: appends every record that it is handed to a file, which is
//! also its cursor, and follows on from there.
//!
//! ```text
//! feed_tail SERVER FILE NAME [SHARD …]       all shards of the server, unless some are named
//! ```
//!
//! One line per record: its position and a hash of its bytes. Ends only with an error: whatever can't be gone on with.

use gavel_core::{Position, ShardId};
use gavel_wire::feed::{Consumer, FeedEvent, FeedOptions, shards};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

type Failed = Box<dyn Error>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ended = match &words[..] {
        [server, file, name, shards @ ..] => tail(server, Path::new(file), name, shards),
        _ => Err("usage: feed_tail SERVER FILE NAME [SHARD …]".into()),
    };
    match ended {
        Ok(never) => match never {},
        Err(error) => {
            // Where nobody listens there is nobody to tell.
            drop(writeln!(std::io::stderr(), "feed_tail: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn tail(server: &str, path: &Path, name: &str, named: &[String]) -> Result<std::convert::Infallible, Failed> {
    let server: SocketAddr = server.parse()?;
    let options = FeedOptions { name: Some(name.parse()?), ..FeedOptions::default() };
    let (mut file, mut positions) = resume(path)?;
    let all = if named.is_empty() { shards_when_there(server, &options)? } else { numbers(named)? };
    for shard in all {
        positions.entry(shard).or_insert(Position::start(shard));
    }
    let mut consumer = Consumer::new(server, options, positions.into_values());
    loop {
        if let FeedEvent::Frame(frame) = consumer.next()? {
            let lines: String =
                frame.records().map(|(at, record)| format!("{at} {}\n", blake3::hash(record))).collect();
            // One write, which a kill does by halves at worst; half a line at the end is cut off at the next start.
            file.write_all(lines.as_bytes())?;
            consumer.acknowledge(frame.last());
        }
    }
}

fn numbers(words: &[String]) -> Result<Vec<ShardId>, Failed> {
    words.iter().map(|word| Ok(ShardId(word.parse()?))).collect()
}

/// Asks until somebody answers: the server may be down just now.
fn shards_when_there(server: SocketAddr, options: &FeedOptions) -> Result<Vec<ShardId>, Failed> {
    loop {
        match shards(server, options) {
            Ok(shards) => return Ok(shards),
            Err(error) if error.is_transient() => std::thread::sleep(std::time::Duration::from_millis(20)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The file, without a line that was cut off, and the last position of each shard in it.
fn resume(path: &Path) -> Result<(File, BTreeMap<ShardId, Position>), Failed> {
    let mut file = File::options().create(true).read(true).write(true).truncate(false).open(path)?;
    let text = std::fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    let mut positions = BTreeMap::new();
    for line in text[..whole].lines() {
        let position = line.split_once(' ').and_then(|(position, _)| Position::parse(position.as_bytes()));
        let position = position.ok_or_else(|| format!("no position: {line}"))?;
        positions.insert(position.shard, position);
    }
    Ok((file, positions))
}
