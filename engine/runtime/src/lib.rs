//! The engine: shard actors, the commit pipeline, the router, the live view, recovery.
//!
//! One bid crosses three hand-offs, and on none of them anything waits for room:
//!
//! ```text
//! Port ──(1) a batch per shard──▶ shard actor ──(2) records + answers──▶ log thread ──(3) answers──▶ Port
//! takes credit, groups            decides, applies, numbers              frames, commits, publishes
//! ```
//!
//! - **No acknowledgement leaves before its commit.** Rejections take the same way, so nobody learns of a bid that could still
//!   be lost.
//! - **Readers take the live view**, never a mailbox.
//! - **A failed commit ends the engine.** It is never tried again, and nothing is answered after it.

mod attempts;
mod by_day;
mod clock;
mod committer;
mod consumers;
mod credit;
mod engine;
mod follow;
mod histogram;
mod hottest;
mod keeper;
mod lag;
pub mod limits;
mod live;
mod message;
mod openings;
mod operators;
mod options;
mod port;
mod recovery;
mod replica;
mod ring;
mod router;
mod shard;
mod stages;
mod stamps;
mod stats;
mod storage;

pub use attempts::{AttemptCounts, AttemptsOptions, Cause};
pub use clock::{Clock, SystemTimeSource, TimeSource};
pub use consumers::{
    Attached, ConsumerReport, Consumers, ConsumersFileError, Cursor, ForgetError, TakenOver, TooManyConsumers,
};
pub use engine::{Engine, Failure, LogState, OpenLog, Phase, StartError};
pub use follow::{Follow, FollowError};
pub use histogram::Histogram;
pub use lag::{ConsumerLag, Lag};
pub use live::{LiveAuction, LiveCounts, LiveView, View};
pub use message::{Answers, AuctionCommand, Opening, Reply, Submission, Task, Ticket, WideBan};
pub use openings::PushedOpening;
pub use operators::ChangeError;
pub use options::{EngineOptions, HistoryOptions, OptionsError, OutagePolicy};
pub use port::{Port, Refusal};
pub use recovery::Progress;
pub use replica::{Replica, ReplicaError};
pub use router::{Handle, ShardReport};
pub use shard::{ReplayError, ReplayProblem};
pub use stages::Stages;
pub use stamps::Received;
pub use stats::{HoldTimes, Refusals, Stats};
pub use storage::{SnapshotReport, StorageReport};
