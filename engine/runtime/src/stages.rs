//! Where the time of a command goes, from the moment that its connection had read it to the moment that its answer was written.
//!
//! ```text
//! received ──queue──▶ the shard begins its batch ──decide──▶ handed to the log ──commit──▶ durable, answered ──reply──▶ written
//! ```
//!
//! A batch is looked at as one: each of its commands counts with the time of the whole, which is what it waited. So four readings of the
//! clock are enough for a batch of any size. What a stage begins with is what the one before ended with: added up, they are the whole way.

use crate::histogram::Histogram;
use gavel_core::Timestamp;

/// Times of commands in each stage, in microseconds, since the start.
#[derive(Debug)]
pub struct Stages {
    /// Waiting for the shard, in its mailbox.
    pub queue: Histogram,
    /// With the shard: the rules, and encoding what follows from them.
    pub decide: Histogram,
    /// With the log thread: waiting for the commit before, then for its own.
    pub commit: Histogram,
    /// On the way back: until the connection's system call has taken the answer (over HTTP: until the connection has it).
    pub reply: Histogram,
}

impl Default for Stages {
    fn default() -> Self {
        let [queue, decide, commit, reply] = std::array::from_fn(|_| Histogram::of_stages());
        Self { queue, decide, commit, reply }
    }
}

impl Stages {
    /// Each stage's name and times, in the order of a command's way.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &Histogram); 4] {
        let Self { queue, decide, commit, reply } = self;
        [("queue", queue), ("decide", decide), ("commit", commit), ("reply", reply)]
    }
}

/// Counts `commands` that were in a stage from one moment to the other. The shards' own work, which nobody has asked for, is none.
pub(crate) fn count(stage: &Histogram, from: Timestamp, until: Timestamp, commands: usize) {
    if commands > 0 {
        stage.record_many(until.since(from).micros(), commands as u64);
    }
}
