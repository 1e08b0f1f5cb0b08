//! Genuine mongods on free ports of this machine, each with a fresh directory, as a replica set: started, killed, paused, started again, and
//! made to fail by whoever tests or measures.
//!
//! `./test` installs MongoDB 6.0.5 into `.tools/mongodb`; `GAVEL_TEST_MONGOD` names another `mongod` instead.

mod faults;
mod link;
mod node;

pub use faults::Fault;
pub use link::Link;
pub use node::Node;

use crate::process::Process;
use crate::{binaries, wait};
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Names the program.
const PROGRAM_VARIABLE: &str = "GAVEL_TEST_MONGOD";
/// Where `./test` puts it.
const PROGRAM: &str = ".tools/mongodb/fiftyone/db/bin/mongod";
/// What the set is called.
const NAME: &str = "rs0";
/// How long the others wait for a primary's heartbeat before they elect another, in milliseconds. MongoDB's own setting is 10 s.
const ELECTION_TIMEOUT_MS: i32 = 2_000;
/// How long one command of the harness may wait for its server.
const COMMAND_MAX: Duration = Duration::from_secs(10);

/// A replica set. Its nodes are ended, and their directories removed, when it is dropped.
#[derive(Debug)]
pub struct ReplicaSet {
    nodes: Vec<Node>,
}

/// Why there is no replica set.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaSetError {
    /// The program is not there.
    #[error("`{}` is not there; run ./test, which installs it, or name a mongod in {PROGRAM_VARIABLE}", .0.display())]
    Missing(PathBuf),
    /// A directory or a runtime.
    #[error("{what}: {source}")]
    Io {
        /// What was being made.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended instead of starting.
    #[error("mongod ended with {status}; its last messages: {messages}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// What it said.
        messages: String,
    },
    /// It did not get ready.
    #[error("mongod at port {port} did not answer within {} s", wait::PATIENCE.as_secs())]
    NotReady {
        /// Which.
        port: u16,
    },
    /// It would not be made a replica set.
    #[error("the replica set could not be made: {0}")]
    Initiate(#[source] mongodb::error::Error),
}

/// Where the program is.
///
/// # Errors
/// Nowhere.
pub fn program() -> Result<PathBuf, ReplicaSetError> {
    let chosen = std::env::var_os(PROGRAM_VARIABLE).map(PathBuf::from);
    let program = chosen.unwrap_or_else(|| binaries::workspace().join(PROGRAM));
    if program.is_file() { Ok(program) } else { Err(ReplicaSetError::Missing(program)) }
}

impl ReplicaSet {
    /// A set of one node, for a test.
    ///
    /// # Panics
    /// When there is none to be had.
    #[must_use]
    pub fn fresh() -> Self {
        Self::of(1)
    }

    /// A set of so many nodes, for a test.
    ///
    /// # Panics
    /// When there is none to be had.
    #[must_use]
    pub fn of(nodes: usize) -> Self {
        Self::start(&std::env::temp_dir(), nodes).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes so many nodes with directories below `below`, and a replica set of them, which has a primary when this returns.
    ///
    /// # Errors
    /// mongod is not there, or does not start.
    pub fn start(below: &Path, nodes: usize) -> Result<Self, ReplicaSetError> {
        let nodes: Vec<Node> = (0..nodes).map(|_| Node::start(below)).collect::<Result<_, _>>()?;
        let set = Self { nodes };
        set.nodes[0].admin(&set.configuration()).map_err(ReplicaSetError::Initiate)?;
        set.primary();
        Ok(set)
    }

    fn configuration(&self) -> Document {
        let members = self.nodes.iter().enumerate();
        let member =
            |(id, node): (usize, &Node)| doc! { "_id": i32::try_from(id).expect("few"), "host": node.host() };
        let members: Vec<Document> = members.map(member).collect();
        let settings = doc! { "electionTimeoutMillis": ELECTION_TIMEOUT_MS };
        doc! { "replSetInitiate": { "_id": NAME, "members": members, "settings": settings } }
    }

    /// Its nodes, in the order in which they were started.
    pub fn nodes(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// The number of the node that takes writes, once there is one.
    ///
    /// # Panics
    /// When none is found in time.
    pub fn primary(&self) -> usize {
        wait::until("a primary", || self.nodes.iter().position(Node::is_primary))
    }

    /// The connection string, with this path: a database, options, or nothing.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(Node::host).collect();
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("mongodb://{}/{path}{joint}replicaSet={NAME}", hosts.join(","))
    }

    /// SIGSTOP or SIGCONT to one node: its connections stay, and nothing answers, or goes on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, node: usize, signal: Signal) {
        self.nodes[node].signal(signal);
    }

    /// SIGKILL to all of it.
    pub fn kill9(&mut self) {
        self.nodes.iter_mut().for_each(Node::kill9);
    }

    /// Starts those nodes again that have ended, on their directories, and waits until there is a primary.
    ///
    /// # Errors
    /// One does not start.
    pub fn run(&mut self) -> Result<(), ReplicaSetError> {
        self.nodes.iter_mut().try_for_each(Node::run)?;
        self.primary();
        Ok(())
    }

    /// Runs one command on the primary, in this database.
    ///
    /// # Errors
    /// What MongoDB says.
    pub fn command(&self, database: &str, command: &Document) -> Result<Document, mongodb::error::Error> {
        self.nodes[self.primary()].command(database, command)
    }

    /// Makes the primary fail as told.
    ///
    /// # Panics
    /// When it would not.
    pub fn fail(&self, fault: &Fault) {
        let done = self.command("admin", &fault.command());
        done.unwrap_or_else(|error| panic!("a failpoint can be set: {error}"));
    }

    /// Makes every node work again.
    pub fn heal(&self) {
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            node.admin(&Fault::off()).unwrap_or_else(|error| panic!("a failpoint can be cleared: {error}"));
        }
    }
}

/// A connection to this node alone, whatever it is in its set.
async fn direct(host: &str) -> Result<mongodb::Client, mongodb::error::Error> {
    let mut options = ClientOptions::parse(format!("mongodb://{host}/?directConnection=true")).await?;
    options.server_selection_timeout = Some(COMMAND_MAX);
    options.connect_timeout = Some(COMMAND_MAX);
    mongodb::Client::with_options(options)
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> ReplicaSetError {
    move |source| ReplicaSetError::Io { what, source }
}

/// The last of what a mongod wrote: it writes much.
fn last_messages(server: &Process) -> String {
    let output = server.output();
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
