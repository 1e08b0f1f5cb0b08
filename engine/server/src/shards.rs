//! `gavel shards …`: the shards of a running server, asked and changed by RESP; and the simulation of adding some.

mod durable;
mod list;
pub(crate) mod remote;
mod simulate;

use crate::client::Target;
use crate::config::Address;
use crate::exit::Exit;
use clap::{Args, Subcommand, ValueEnum};
pub(crate) use durable::Durable;
use std::time::Duration;

/// The examples in the help.
pub(crate) const HELP: &str = r#"Nothing that exists ever moves: the shard is chosen when an auction opens, and is part of its id.

Examples:
  gavel shards list
  gavel shards add 2                        two more; new auctions go there, too
  gavel shards drain 1                      no new auctions on shard 1
  gavel shards undrain 1                    new auctions on shard 1 again
  gavel shards policy sequence              from now on, in turn
  gavel shards policy directory --from 2026-12-01T00:00:00Z
  gavel shards policy range '[{"from": "", "shard": 0}, {"from": "m", "shard": 1}]'
  gavel shards place 7 3                    a hot seller to shard 3, while the policy is directory
  gavel shards place seller:7 3             auctions with the placement_key "seller:7"
  gavel shards place 7 -                    no more
  gavel shards simulate --add 2 --days 30

An auction's key is the placement_key of its terms; without one, its seller's account as it stands: 7, or a UUID."#;

/// What to do with shards.
#[derive(Debug, Subcommand)]
pub(crate) enum ShardsCommand {
    /// List the shards, the policy in force, and those to come
    #[command(after_help = "Examples:\n  gavel shards list\n  gavel shards list --json | jq .policy")]
    List(Server),
    /// Add shards: new auctions go there, nothing moves
    #[command(after_help = "Examples:\n  gavel shards add\n  gavel shards add 2")]
    Add {
        /// How many
        #[arg(value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
        count: u8,
        #[command(flatten)]
        server: Server,
    },
    /// Place no new auctions on a shard; those it has go on to their ends
    #[command(after_help = "Examples:\n  gavel shards drain 1")]
    Drain {
        /// The shard's number
        #[arg(value_name = "SHARD", value_parser = one_shard)]
        shard: u8,
        #[command(flatten)]
        server: Server,
    },
    /// Take a drain back: place new auctions on the shard again
    #[command(after_help = "Examples:\n  gavel shards undrain 1")]
    Undrain {
        /// The shard's number
        #[arg(value_name = "SHARD", value_parser = one_shard)]
        shard: u8,
        #[command(flatten)]
        server: Server,
    },
    /// Give a placement key a shard in the directory, or (-) remove its entry
    #[command(
        after_help = "Examples:\n  gavel shards place 7 3                    a hot seller to shard 3, while the policy is directory\n  gavel shards place 7 -                    no more"
    )]
    Place {
        /// The placement_key of auctions; for those without one, their seller's bare account, such as 7
        #[arg(value_name = "KEY")]
        key: String,
        /// The shard's number, or - for none
        #[arg(value_name = "SHARD|-", value_parser = shard_or_none, allow_hyphen_values = true)]
        shard: String,
        #[command(flatten)]
        server: Server,
    },
    /// Set how shards are chosen for new auctions
    #[command(
        after_help = "Examples:\n  gavel shards policy sequence              from now on, in turn\n  gavel shards policy directory --from 2026-12-01T00:00:00Z\n  gavel shards policy range '[{\"from\": \"\", \"shard\": 0}, {\"from\": \"m\", \"shard\": 1}]'"
    )]
    Policy {
        /// How new auctions are placed
        #[arg(value_name = "POLICY")]
        policy: PolicyName,
        /// For range: the table as JSON, ascending from ""
        #[arg(value_name = "RANGES", required_if_eq("policy", "range"))]
        ranges: Option<String>,
        /// From when on, RFC 3339 [default: now]
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Show how load evens out after adding shards, on a simulated stream of auctions; asks no server
    #[command(after_help = simulate::HELP)]
    Simulate(simulate::SimulateFlags),
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Server {
    /// The running server
    #[arg(
        id = "server",
        long = "server",
        value_name = "HOST:PORT",
        env = "GAVEL_SERVER",
        default_value = "127.0.0.1:7400",
        value_parser = Address::of_server
    )]
    pub(crate) address: Address,
}

impl Server {
    /// Where it listens.
    pub(crate) const fn address(self) -> Address {
        self.address
    }

    /// To be asked once: what is not answered is not asked again.
    const fn once(self) -> Target {
        Target { server: self, retry_for: Some(Duration::ZERO) }
    }
}

/// The policies, by the names that every face spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyName {
    /// By a hash of the placement key, else of the seller
    Key,
    /// In turn
    Sequence,
    /// By a table of key ranges
    Range,
    /// By the directory's entries, else by key
    Directory,
}

impl PolicyName {
    const fn word(self) -> &'static str {
        match self {
            Self::Key => "KEY",
            Self::Sequence => "SEQUENCE",
            Self::Range => "RANGE",
            Self::Directory => "DIRECTORY",
        }
    }
}

fn one_shard(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| "a shard is 0 ..= 255".to_owned())
}

fn shard_or_none(text: &str) -> Result<String, String> {
    if text == "-" || text.parse::<u8>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("a shard is 0 ..= 255, or -".to_owned())
    }
}

/// Does it.
pub(crate) fn run(command: &ShardsCommand, json: bool) -> Exit {
    match command {
        ShardsCommand::List(server) => remote::list(*server, json),
        ShardsCommand::Simulate(flags) => simulate::run(flags, json),
        ShardsCommand::Add { server, .. }
        | ShardsCommand::Drain { server, .. }
        | ShardsCommand::Undrain { server, .. }
        | ShardsCommand::Place { server, .. }
        | ShardsCommand::Policy { server, .. } => remote::change(*server, &words(command), json),
    }
}

/// The command as the server is told it.
fn words(command: &ShardsCommand) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match command {
        ShardsCommand::List(_) | ShardsCommand::Simulate(_) => words(&["SHARDS"]),
        ShardsCommand::Add { count, .. } => words(&["SHARDS", "ADD", &count.to_string()]),
        ShardsCommand::Drain { shard, .. } => words(&["SHARDS", "DRAIN", &shard.to_string()]),
        ShardsCommand::Undrain { shard, .. } => words(&["SHARDS", "UNDRAIN", &shard.to_string()]),
        ShardsCommand::Place { key, shard, .. } => words(&["SHARDS", "PLACE", key, shard]),
        ShardsCommand::Policy { policy, ranges, from, .. } => {
            let mut all: Vec<String> = words(&["SHARDS", "POLICY", policy.word()]);
            all.extend(ranges.iter().cloned());
            all.extend(from.iter().flat_map(|from| ["FROM".to_owned(), from.clone()]));
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: ShardsCommand,
    }

    fn told(line: &[&str]) -> String {
        match Line::try_parse_from(std::iter::once(&"shards").chain(line)) {
            Ok(line) => words(&line.command).join(" "),
            Err(refusal) => refusal.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn the_server_is_told_what_was_asked_for() {
        for (line, words) in [
            (&["list"][..], "SHARDS"),
            (&["add"], "SHARDS ADD 1"),
            (&["add", "2"], "SHARDS ADD 2"),
            (&["drain", "255"], "SHARDS DRAIN 255"),
            (&["undrain", "1"], "SHARDS UNDRAIN 1"),
            (&["place", "seller:7", "3"], "SHARDS PLACE seller:7 3"),
            (&["place", "seller:7", "-"], "SHARDS PLACE seller:7 -"),
            (&["policy", "key"], "SHARDS POLICY KEY"),
            (&["policy", "range", "[]"], "SHARDS POLICY RANGE []"),
            (
                &["policy", "sequence", "--from", "2026-12-01T00:00:00Z"],
                "SHARDS POLICY SEQUENCE FROM 2026-12-01T00:00:00Z",
            ),
        ] {
            assert_eq!(told(line), words);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_before_any_server_is_asked() {
        for (line, said) in [
            (&["add", "0"][..], "error: invalid value '0' for '[COUNT]': 0 is not in 1..=255"),
            (&["drain", "256"], "error: invalid value '256' for '<SHARD>': a shard is 0 ..= 255"),
            (&["undrain", "256"], "error: invalid value '256' for '<SHARD>': a shard is 0 ..= 255"),
            (&["place", "k", "x"], "error: invalid value 'x' for '<SHARD|->': a shard is 0 ..= 255, or -"),
            (&["policy", "magic"], "error: invalid value 'magic' for '<POLICY>'"),
            (&["policy", "range"], "error: the following required arguments were not provided:"),
            (
                &["list", "--server", "x"],
                "error: invalid value 'x' for '--server <HOST:PORT>': a server is HOST:PORT, such as localhost:7400, 127.0.0.1:7400 or [::1]:7400",
            ),
        ] {
            assert_eq!(told(line), said);
        }
    }
}
