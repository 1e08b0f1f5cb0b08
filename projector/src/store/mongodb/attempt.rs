//! Trying: with a bound for each try and for all of them, and again where the failure passes.
//!
//! What passes is what a failover, a restart or a lost connection brings. What does not (a missing right, a malformed command) is reported
//! at once.

use super::MongoDb;
use crate::store::StoreError;
use crate::store::limits::{OPERATION_MAX, RETRY_MAX, RETRY_MIN, TRIES_TOGETHER_MAX};
use mongodb::error::{Error, ErrorKind};
use std::time::{Duration, Instant};

/// How long a store waits for MongoDB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// One try.
    pub(super) operation: Duration,
    /// After this no further try is begun.
    pub(super) all_tries: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { operation: OPERATION_MAX, all_tries: TRIES_TOGETHER_MAX }
    }
}

/// How one try failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next may succeed.
    Passing(String),
    /// It would fail again.
    Lasting(String),
}

/// Codes of MongoDB for what passes: no primary, a primary that steps down or starts, nodes that can't reach each other, limits of time,
/// locks, a full disk.
const PASSING_CODES: [i32; 24] = [
    6,      // HostUnreachable
    7,      // HostNotFound
    24,     // LockTimeout
    46,     // LockBusy
    50,     // MaxTimeMSExpired
    64,     // WriteConcernFailed
    79,     // UnknownReplWriteConcern
    89,     // NetworkTimeout
    91,     // ShutdownInProgress
    100,    // UnsatisfiableWriteConcern
    112,    // WriteConflict
    133,    // FailedToSatisfyReadPreference
    134,    // ReadConcernMajorityNotAvailableYet
    175,    // QueryPlanKilled
    189,    // PrimarySteppedDown
    202,    // NetworkInterfaceExceededTimeLimit
    262,    // ExceededTimeLimit
    9001,   // SocketException
    10_107, // NotWritablePrimary
    11_600, // InterruptedAtShutdown
    11_602, // InterruptedDueToReplStateChange
    13_435, // NotPrimaryNoSecondaryOk
    13_436, // NotPrimaryOrSecondary
    14_031, // OutOfDiskSpace
];

/// True for a code that stands for something that passes.
pub(super) fn is_passing(code: i32) -> bool {
    PASSING_CODES.contains(&code)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let passes = match &*error.kind {
            ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. } => true,
            ErrorKind::DnsResolve { .. } => true,
            ErrorKind::Command(command) => is_passing(command.code),
            _ => error.contains_label("RetryableWriteError"),
        };
        let reason = error.kind.to_string();
        if passes { Self::Passing(reason) } else { Self::Lasting(reason) }
    }
}

impl MongoDb {
    /// One try, with its end.
    pub(super) async fn once<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = || Failure::Passing(format!("no answer within {} ms", limit.as_millis()));
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
    }

    /// As many tries as it takes and as there is time for.
    pub(super) async fn persist<T, F>(
        &self,
        operation: &'static str,
        work: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let give_up_at = Instant::now() + self.limits.all_tries;
        let (mut tries, mut pause) = (0, RETRY_MIN);
        loop {
            tries += 1;
            match self.once(self.limits.operation, work()).await {
                Ok(done) => return Ok(done),
                Err(Failure::Lasting(reason)) => return Err(StoreError::Refused { operation, reason }),
                Err(Failure::Passing(reason)) if Instant::now() + pause >= give_up_at => {
                    return Err(StoreError::Unavailable { operation, tries, reason });
                }
                Err(Failure::Passing(_)) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
}
