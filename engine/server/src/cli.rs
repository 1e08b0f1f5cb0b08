//! The command line.
//!
//! Data goes to stdout, progress and errors to stderr; `--json` is understood everywhere. The exit codes are part of the
//! help, and never change.

use crate::backup::BackupFlags;
use crate::client::{self, ClientCommand};
use crate::completions::{self, CompletionsFlags};
use crate::config::{Address, Given, Settings, UnknownVariables};
use crate::consumer::ConsumerCommand;
use crate::documents::{self, ProjectFlags};
use crate::exit::{EXIT_CODES_HELP, Exit};
use crate::logtool::{self, LogCommand};
use crate::manual::{self, ManFlags};
use crate::postgres::{
    FlushFlags, OutboxFlags, PostgresCommand, RebuildCommand, RepublishFlags, VerifyCommand,
};
use crate::restore::RestoreFlags;
use crate::shards::ShardsCommand;
use crate::{backup, consumer, demo, output, postgres, restore, serve, shards};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  gavel demo                                see a closing-minute storm, a crash and a recovery
  gavel serve                               take bids on 127.0.0.1:7400 (RESP) and 127.0.0.1:7480 (HTTP), data in ./gavel-data
  gavel serve --data /srv/gavel --resp 0.0.0.0:7400
  gavel open --seller 7 --currency KRW --for 10m      prints the new auction's id
  gavel bid 20261122-003-00000042 8 10600
  gavel watch 20261122-003-00000042         every change, until it is final
  redis-cli -p 7400 BID 20261122-003-00000042 8 10600
  gavel shards list                         shards and policy of the running server
  gavel shards simulate --add 2 --days 30   what adding two shards would do
  gavel man ~/.local/share/man/man1         these pages for `man gavel`";

const SERVE_HELP: &str = "\
Settings: each is taken from the first of these that has it:
  1. a flag                 --pulse-grace-ms 10
  2. the environment        GAVEL_PULSE_GRACE_MS=10
  3. the settings file      pulse_grace_ms = 10
  4. the default
`gavel config` prints what is in force, and where each value came from.

Examples:
  gavel serve
  gavel serve --data /srv/gavel --resp 0.0.0.0:7400 --log-format json
  gavel serve --shards 8 --outage fixed:300
  gavel serve --http 0.0.0.0:7480
  gavel serve --http off
  gavel serve --postgres postgresql://flusher@db/auctions     everything also in PostgreSQL, behind the log
  gavel serve --mongodb mongodb://projector@db/auctions       and as documents in MongoDB, which answer the queries
  gavel serve --documents embedded                            the same without MongoDB, in a file of the data directory
  GAVEL_CONFIG=/etc/gavel.toml gavel serve";

const SERVE_ABOUT: &str = "\
Take bids: recover what the data directory holds, listen, and run until SIGTERM or SIGINT.

A stop in order refuses new work, finishes what was taken, marks the log as clean and exits with 0.";

const CONFIG_HELP: &str = "\
Settings: each is taken from the first of these that has it:
  1. a flag                 --pulse-grace-ms 10
  2. the environment        GAVEL_PULSE_GRACE_MS=10
  3. the settings file      pulse_grace_ms = 10
  4. the default

Examples:
  gavel config                              what is in force, and where each value came from
  gavel config --example > gavel.toml       a file to begin with: every setting with its default
  gavel config --config /etc/gavel.toml --json";

const DEMO_HELP: &str = "\
Examples:
  gavel demo
  gavel demo --seconds 60 --data /tmp/demo
  gavel demo --json | jq .verdict.ok";

const VERSION_HELP: &str = "\
Examples:
  gavel version
  gavel version --json";

const DEMO_ABOUT: &str = "\
Show it all: an engine in a directory of its own, and the last minute of an auction over TCP.

Runs engine and load, kills the engine's process once in the middle, recovers, verifies every acknowledged bid, and prints the \
verdict. Says where the data is and how to bid into it.";

/// Takes bids: an in-memory bidding engine whose every acknowledged bid is on disk.
#[derive(Debug, Parser)]
#[command(name = "gavel", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    /// Print data as JSON on stdout
    #[arg(long, global = true, display_order = 1_000)]
    json: bool,
    #[command(flatten)]
    early: EarlyFlags,
    #[command(subcommand)]
    command: Command,
}

/// Flags about the connection that stand before the command. Those behind it, of the same ids, are the commands' own; clap hands on
/// what is said here to them.
#[derive(Debug, Args)]
struct EarlyFlags {
    #[arg(long, global = true, hide = true, value_name = "HOST:PORT", value_parser = Address::of_server)]
    server: Option<Address>,
    #[arg(long, global = true, hide = true, value_name = "TIME", value_parser = client::seconds)]
    retry_for: Option<Duration>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take bids
    #[command(long_about = SERVE_ABOUT, after_help = SERVE_HELP)]
    Serve(SettingsFlags),
    /// Show it all: an engine in a fresh directory, a closing-minute storm over TCP, a report
    #[command(long_about = DEMO_ABOUT, after_help = DEMO_HELP)]
    Demo(DemoFlags),
    #[command(flatten)]
    Client(ClientCommand),
    /// List, add and drain shards, and say where new auctions go
    #[command(subcommand, after_help = shards::HELP)]
    Shards(ShardsCommand),
    /// Look at a data directory or a backup: inspect, verify, replay, explain, export, salvage, diff
    #[command(subcommand, after_help = logtool::HELP)]
    Log(LogCommand),
    /// Copy everything that was decided into a second directory, once or continuously
    #[command(long_about = backup::ABOUT, after_help = backup::HELP)]
    Backup(BackupFlags),
    /// Make a data directory of a backup
    #[command(long_about = restore::ABOUT, after_help = restore::HELP)]
    Restore(RestoreFlags),
    /// List the consumers of the feed, and forget those that are gone
    #[command(subcommand, after_help = consumer::HELP)]
    Consumer(ConsumerCommand),
    /// Write everything that a server decides to PostgreSQL, in a process of its own
    #[command(long_about = postgres::FLUSH_ABOUT, after_help = postgres::FLUSH_HELP)]
    Flush(FlushFlags),
    /// Keep the documents that pages read, in a process of its own, and answer queries from them
    #[command(long_about = documents::ABOUT, after_help = documents::HELP)]
    Project(ProjectFlags),
    /// Compare what the log says with what a consumer has
    #[command(subcommand, after_help = postgres::VERIFY_HELP)]
    Verify(VerifyCommand),
    /// Fill an empty consumer from archive and log
    #[command(subcommand, after_help = postgres::REBUILD_HELP)]
    Rebuild(RebuildCommand),
    /// Deliver records to a consumer again
    #[command(long_about = postgres::REPUBLISH_ABOUT, after_help = postgres::REPUBLISH_HELP)]
    Republish(Box<RepublishFlags>),
    /// Show what is delivered to each consumer, pending and parked
    #[command(long_about = postgres::OUTBOX_ABOUT, after_help = postgres::OUTBOX_HELP)]
    Outbox(OutboxFlags),
    /// Migrate the write databases, see how far they are, and what was put aside
    #[command(subcommand, after_help = postgres::HELP)]
    Postgres(PostgresCommand),
    /// Print the settings in force, and where each came from
    #[command(after_help = CONFIG_HELP)]
    Config(ConfigFlags),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = completions::HELP)]
    Completions(CompletionsFlags),
    /// Write the help of every command as manual pages
    #[command(after_help = manual::HELP)]
    Man(ManFlags),
    /// Print the version
    #[command(after_help = VERSION_HELP)]
    Version,
}

/// The flags of all commands that need the settings.
#[derive(Debug, Args)]
struct SettingsFlags {
    #[command(flatten)]
    given: Given,
    /// The settings file, TOML [default: $GAVEL_CONFIG, else ./gavel.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The flags of all commands that only read a data directory.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataFlags {
    /// The data directory, or a backup [default: as `gavel config` says]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The settings file, TOML [default: $GAVEL_CONFIG, else ./gavel.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The flags of `gavel config`.
#[derive(Debug, Args)]
struct ConfigFlags {
    /// Print a settings file with every setting, commented: what it is, its unit, bounds and default
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    settings: SettingsFlags,
}

/// The flags of the demo.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoFlags {
    /// Directory of all data; must be empty or missing [default: a fresh temporary one]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How long the storm lasts, 1 to 3600 s
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
}

impl DataFlags {
    /// Whether a directory was named on the command line.
    pub(crate) fn is_given(&self) -> bool {
        self.data.is_some()
    }
}

impl From<&DataFlags> for SettingsFlags {
    fn from(flags: &DataFlags) -> Self {
        let DataFlags { data, config } = flags.clone();
        Self { given: Given::data(data), config }
    }
}

/// Does what the process's command line asks for.
pub(crate) fn run() -> Exit {
    match parse(std::env::args_os()) {
        Ok(cli) => dispatch(cli),
        Err(answer) => {
            // The help, asked for or not, or what is wrong; when it can't be written, the exit code still says it.
            drop(answer.print());
            if answer.use_stderr() { Exit::Usage } else { Exit::Ok }
        }
    }
}

/// The exit codes close the long help of every command.
fn parse<T: Into<std::ffi::OsString> + Clone>(
    words: impl IntoIterator<Item = T>,
) -> Result<Cli, clap::Error> {
    let matches = with_exit_codes(Cli::command()).try_get_matches_from(words)?;
    match useless_flag(&Cli::command(), &matches) {
        Some(problem) => Err(problem),
        None => Cli::from_arg_matches(&matches),
    }
}

/// A flag about the connection to a server, given to a command that makes none.
fn useless_flag(all: &clap::Command, matches: &ArgMatches) -> Option<clap::Error> {
    let (mut command, mut inner) = (all, matches);
    while let Some((name, further)) = inner.subcommand() {
        (command, inner) = (command.find_subcommand(name)?, further);
    }
    let is_given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let is_own = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
    let useless = ["server", "retry_for"].into_iter().filter(is_given).find(|id| !is_own(id))?;
    let words = format!("`{}` has no --{}\n", command.get_name(), useless.replace('_', "-"));
    Some(all.clone().error(ErrorKind::UnknownArgument, words))
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let before = command.get_after_help().map_or_else(String::new, |help| format!("{help}\n\n"));
    command.after_long_help(format!("{before}{EXIT_CODES_HELP}")).mut_subcommands(with_exit_codes)
}

fn dispatch(cli: Cli) -> Exit {
    let Cli { json, early: _, command } = cli;
    match command {
        Command::Serve(flags) => {
            load(flags, |settings, unknown| serve::run(settings, unknown.as_ref(), json))
        }
        Command::Demo(flags) => demo::run(&flags, json),
        Command::Shards(command) => shards::run(&command, json),
        Command::Backup(flags) => backup::run(&flags, json),
        Command::Restore(flags) => restore::run(&flags, json),
        Command::Consumer(command) => consumer::run(&command, json),
        Command::Log(command) => {
            with_settings(command.data().into(), |settings| logtool::run(&command, settings, json))
        }
        Command::Flush(flags) => {
            let (given, config) = flags.given();
            with_settings(SettingsFlags { given, config }, |settings| postgres::flush(&flags, settings))
        }
        Command::Project(flags) => {
            let (given, config) = flags.given();
            with_settings(SettingsFlags { given, config }, |settings| documents::run(&flags, settings))
        }
        Command::Verify(command) => {
            let (given, config) = command.given();
            with_settings(SettingsFlags { given, config }, |settings| {
                postgres::verify(&command, settings, json)
            })
        }
        Command::Rebuild(command) => {
            let (given, config) = command.given();
            with_settings(SettingsFlags { given, config }, |settings| {
                postgres::rebuild(&command, settings, json)
            })
        }
        Command::Republish(flags) => {
            let (given, config) = flags.given();
            with_settings(SettingsFlags { given, config }, |settings| {
                postgres::republish(&flags, settings, json)
            })
        }
        Command::Outbox(flags) => {
            let (given, config) = flags.given();
            with_settings(SettingsFlags { given, config }, |settings| {
                postgres::outbox(&flags, settings, json)
            })
        }
        Command::Postgres(command) => {
            let (given, config) = command.databases().given();
            with_settings(SettingsFlags { given, config }, |settings| postgres::run(&command, settings, json))
        }
        Command::Client(command) => client::run(&command, json),
        Command::Config(ConfigFlags { example: true, .. }) => example(),
        Command::Config(ConfigFlags { settings, .. }) => {
            with_settings(settings, |settings| output::data(&describe(settings, json)))
        }
        Command::Completions(flags) => completions::run(flags, with_exit_codes(Cli::command())),
        Command::Man(flags) => manual::run(&flags, with_exit_codes(Cli::command()), json),
        Command::Version => output::data(&version(json)),
    }
}

/// As [`load`]; what is strange about the environment is said at once.
fn with_settings(flags: SettingsFlags, then: impl FnOnce(&Settings) -> Exit) -> Exit {
    load(flags, |settings, unknown| {
        if let Some(unknown) = unknown {
            output::warning(&unknown);
        }
        then(settings)
    })
}

/// Reads the settings, and looks for variables of the environment that are none of them.
fn load(flags: SettingsFlags, then: impl FnOnce(&Settings, Option<UnknownVariables>) -> Exit) -> Exit {
    match Settings::load(flags.given, flags.config.as_deref(), |name| std::env::var_os(name)) {
        Ok(settings) => {
            let names = std::env::vars_os().map(|(name, _)| name);
            let unknown = UnknownVariables::among(&settings, names);
            then(&settings, unknown)
        }
        Err(problem) => output::failure(Exit::Usage, &problem),
    }
}

/// The defaults, whatever is set.
fn example() -> Exit {
    match Settings::load(Given::default(), Some(Path::new("/dev/null")), |_| None) {
        Ok(defaults) => output::data(&defaults.example()),
        Err(problem) => output::failure(Exit::Failure, &problem),
    }
}

fn describe(settings: &Settings, json: bool) -> String {
    let values = settings.values();
    if json {
        let entry = |(name, value): &(&str, serde_json::Value)| {
            ((*name).to_owned(), serde_json::json!({ "value": value, "from": settings.origin(name) }))
        };
        return serde_json::Value::Object(values.iter().map(entry).collect()).to_string();
    }
    let pairs: Vec<_> = values.iter().map(|(name, value)| (name, format!("{name} = {value}"))).collect();
    let width = pairs.iter().map(|(_, pair)| pair.len()).max().unwrap_or(0);
    let lines = pairs.iter().map(|(name, pair)| format!("{pair:<width$}  # {}", settings.origin(name)));
    lines.collect::<Vec<_>>().join("\n")
}

fn version(json: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if json { serde_json::json!({ "version": version }).to_string() } else { format!("gavel {version}") }
}

#[cfg(test)]
mod tests;
