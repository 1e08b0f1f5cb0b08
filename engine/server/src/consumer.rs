//! `gavel consumer …`: who follows the feed by name, and forgetting who is gone.

use crate::client::{self, LinkError};
use crate::exit::Exit;
use crate::output;
use crate::shards::Server;
use crate::shards::remote::{ask, change};
use clap::Subcommand;
use gavel_core::ConsumerName;
use serde::Deserialize;

/// The examples in the help.
pub(crate) const HELP: &str = "\
The log keeps what consumers with a name still need, until it reaches its stated size; then the archive keeps it, for as long as it
keeps anything.

Examples:
  gavel consumer list
  gavel consumer list --json
  gavel consumer forget old-flusher         the log keeps nothing for it any more";

/// What to do with consumers.
#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerCommand {
    /// List the consumers that follow by name: connected or not, and how far behind
    List(Server),
    /// Forget a consumer that is gone for good
    Forget {
        /// Its name
        #[arg(value_name = "NAME")]
        name: ConsumerName,
        #[command(flatten)]
        server: Server,
    },
}

/// Does it.
pub(crate) fn run(command: &ConsumerCommand, json: bool) -> Exit {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match command {
        ConsumerCommand::List(server) => {
            let listed = ask(*server, &words(&["CONSUMERS", "LIST"])).and_then(|answer| {
                let strange =
                    |problem: serde_json::Error| LinkError::Strange(server.address(), problem.to_string());
                let consumers = Vec::<Consumer>::deserialize(&answer).map_err(strange)?;
                Ok(if json { answer.to_string() } else { list(&consumers) })
            });
            client::print(listed)
        }
        ConsumerCommand::Forget { name, server } => {
            change(*server, &words(&["CONSUMERS", "FORGET", name.as_str()]), json)
        }
    }
}

/// One consumer, as the server lists it.
#[derive(Debug, Deserialize)]
struct Consumer {
    name: String,
    connected: u8,
    last_seen: String,
    shards: Vec<Lag>,
}

#[derive(Debug, Deserialize)]
struct Lag {
    shard: u8,
    cursor: String,
    durable: String,
    records_behind: u64,
    behind_us: u64,
}

fn list(consumers: &[Consumer]) -> String {
    if consumers.is_empty() {
        return "no consumer follows by name".to_owned();
    }
    let heading = ["consumer", "connected", "last seen", "shard", "cursor", "durable", "behind", "oldest"];
    let rows = consumers.iter().flat_map(|consumer| consumer.shards.iter().map(|lag| row(consumer, lag)));
    let rows: Vec<_> = std::iter::once(heading.map(str::to_owned).to_vec()).chain(rows).collect();
    output::table(&rows)
}

fn row(consumer: &Consumer, lag: &Lag) -> Vec<String> {
    let Consumer { name, connected, last_seen, shards: _ } = consumer;
    let Lag { shard, cursor, durable, records_behind, behind_us } = lag;
    // What lies behind the seconds is nothing that people compare.
    let seen =
        last_seen.split_once('.').map_or_else(|| last_seen.clone(), |(seconds, _)| format!("{seconds}Z"));
    vec![
        name.clone(),
        if *connected == 0 { "no" } else { "yes" }.to_owned(),
        seen,
        shard.to_string(),
        cursor.clone(),
        durable.clone(),
        output::grouped(*records_behind),
        format!("{}.{} s", output::grouped(behind_us / 1_000_000), behind_us / 100_000 % 10),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_consumer_has_a_line_for_each_of_its_shards() {
        let lag = |shard, records_behind, behind_us| {
            serde_json::json!({ "shard": shard, "cursor": format!("{shard}-1-2"), "durable": format!("{shard}-1-9"),
                "records_behind": records_behind, "behind_us": behind_us })
        };
        let answer = serde_json::json!([
            { "name": "flusher", "connected": 1, "last_seen": "2026-11-25T10:00:00.123456Z",
              "shards": [lag(0, 1_234, 61_550_000), lag(1, 0, 0)] },
        ]);
        let text = list(&Vec::deserialize(&answer).unwrap());
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "consumer  connected             last seen  shard  cursor  durable  behind  oldest",
                "flusher         yes  2026-11-25T10:00:00Z      0   0-1-2    0-1-9   1,234  61.5 s",
                "flusher         yes  2026-11-25T10:00:00Z      1   1-1-2    1-1-9       0   0.0 s",
            ]
        );
        assert_eq!(list(&[]), "no consumer follows by name");
    }
}
