//! Retention beside the flusher: looks now and then, says what was dropped, and once what is held.

use super::{Hold, Partition, Pass, Policy, RetentionError, run};
use crate::limits::{RETENTION_EVERY, RETRY_MAX};
use crate::{Database, DatabaseError, Set};
use gavel_log::clock::now;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Keeps some databases within what is to be kept. Whoever polls it should have nothing else to do: an export writes files.
#[derive(Debug)]
pub struct Keeper {
    policy: Policy,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    database: Database,
    kept: Arc<Mutex<DatabaseKept>>,
    /// What was said to be held.
    told: Set<String>,
}

/// How it stands, for whoever asks.
#[derive(Clone, Debug)]
pub struct Kept(Vec<Arc<Mutex<DatabaseKept>>>);

/// How it stands with one database.
#[derive(Clone, Debug, Default)]
pub struct DatabaseKept {
    /// What the configuration calls it.
    pub name: String,
    /// Days that were dropped since the start.
    pub dropped_days: u64,
    /// Rows that went with them.
    pub dropped_rows: u64,
    /// Days that are older than is kept, and are held.
    pub held: Vec<Partition>,
    /// Looks that failed since the start.
    pub failures: u64,
    /// Why the latest look failed, if it did.
    pub problem: Option<String>,
}

impl Keeper {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(databases: &[Database], policy: Policy) -> (Self, Kept) {
        let lanes: Vec<Lane> = databases.iter().cloned().map(Lane::new).collect();
        let kept = Kept(lanes.iter().map(|lane| Arc::clone(&lane.kept)).collect());
        (Self { policy, lanes }, kept)
    }

    /// Looks at each database every [`RETENTION_EVERY`], until it is stopped; one that is slow or dead holds no other back. A look that is
    /// under way is given up then: dropping a day is one transaction, so the day is there or gone.
    pub async fn run(self, stopping: watch::Receiver<bool>) {
        let Self { policy, lanes } = self;
        let policy = Arc::new(policy);
        let mut running = JoinSet::new();
        for lane in lanes {
            running.spawn(lane.run(Arc::clone(&policy), stopping.clone()));
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

impl Lane {
    fn new(database: Database) -> Self {
        let kept = DatabaseKept { name: database.name().to_owned(), ..DatabaseKept::default() };
        Self { database, kept: Arc::new(Mutex::new(kept)), told: Set::default() }
    }

    async fn run(mut self, policy: Arc<Policy>, mut stopping: watch::Receiver<bool>) {
        // A start has enough to do; and the flusher makes the schema first.
        let mut pause = RETRY_MAX;
        loop {
            let look = async {
                tokio::time::sleep(pause).await;
                self.look(&policy).await;
            };
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                () = look => {}
            }
            pause = RETENTION_EVERY;
        }
    }

    async fn look(&mut self, policy: &Policy) {
        let looked = self.try_look(policy).await;
        let name = self.database.name();
        let mut kept = self.kept.lock();
        match looked {
            Ok(pass) => {
                kept.problem = None;
                for day in &pass.dropped {
                    kept.dropped_days += 1;
                    kept.dropped_rows += day.rows;
                    let to = day.exported.as_ref().map(|exported| exported.dir.display().to_string());
                    let to = to.map_or_else(String::new, |to| format!(", after they were copied to {to}"));
                    tracing::info!("database `{name}`: dropped the {} rows of {}{to}", day.rows, day.day);
                }
                for day in &pass.busy {
                    tracing::info!("database `{name}`: the rows of {day} are in use; they are dropped later");
                }
                tell_held(name, &mut self.told, &pass.held);
                kept.held = pass.held;
            }
            Err(problem) => {
                kept.failures += 1;
                if kept.problem.as_ref() != Some(&problem) {
                    tracing::warn!("database `{name}`: no partitions are dropped just now: {problem}");
                }
                kept.problem = Some(problem);
            }
        }
    }

    async fn try_look(&self, policy: &Policy) -> Result<Pass, String> {
        let said = |error: DatabaseError| error.to_string();
        let mut client = self.database.client().await.map_err(said)?;
        run(&mut client, policy, now()).await.map_err(|error: RetentionError| error.to_string())
    }
}

/// Says what is held, once for each day.
fn tell_held(name: &str, told: &mut Set<String>, held: &[Partition]) {
    for partition in held.iter().filter(|partition| !told.contains(&partition.day)) {
        match &partition.hold {
            Hold::Unfinished { count, oldest } => tracing::warn!(
                "database `{name}`: the rows of {} could go by their age, and are held by auction {oldest}, which is not final ({count} in all)",
                partition.day
            ),
            Hold::CatchingUp(shard) => tracing::info!(
                "database `{name}`: the rows of {} could go by their age, and stay until shard {shard} is caught up",
                partition.day
            ),
            Hold::Until(_) | Hold::Free => {}
        }
    }
    *told = held.iter().map(|partition| partition.day.clone()).collect();
}

impl Kept {
    /// Each database, in the order of the configuration.
    #[must_use]
    pub fn databases(&self) -> Vec<DatabaseKept> {
        self.0.iter().map(|kept| kept.lock().clone()).collect()
    }
}
