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

mod clock;
mod committer;
mod credit;
mod engine;
pub mod limits;
mod live;
mod message;
mod options;
mod port;
mod recovery;
mod router;
mod shard;
mod stats;

pub use clock::{Clock, SystemTimeSource, TimeSource};
pub use engine::{Engine, Failure, LogState, OpenLog, Phase, StartError};
pub use live::{LiveAuction, LiveView, View};
pub use message::{Answers, Opening, Reply, Submission, Task, Ticket, WideBan};
pub use options::{EngineOptions, OptionsError, OutagePolicy};
pub use port::{Port, Refusal};
pub use recovery::Progress;
pub use router::{ChangeError, Handle, PushedOpening, ShardReport};
pub use shard::{ReplayError, ReplayProblem};
pub use stats::Stats;
