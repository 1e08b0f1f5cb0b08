//! The log: frames, records, and where they are kept. `FORMAT.md` draws the bytes and lists the invariants.
//!
//! # For whoever writes to it
//!
//! One thread owns the [`Log`]. Per shard it keeps a [`FrameBuilder`] made from the shard's [`Tip`]; encoded
//! [`record`]s are pushed into it, and the finished frames of all shards go into one [`commit`](Log::commit):
//!
//! ```
//! use gavel_core::{Epoch, Lsn, ShardEvent, ShardId, Timestamp};
//! use gavel_log::{FrameBuilder, Log, MemoryLog, record};
//!
//! let mut log = MemoryLog::new();
//! let (shard, epoch) = (ShardId(3), Epoch(1));
//! let mut builder = FrameBuilder::new(shard, epoch, log.tip(shard));
//!
//! let started = ShardEvent::EpochStarted { epoch, at: Timestamp::default(), alive_until: None };
//! let mut bytes = Vec::new();
//! record::encode_shard_event(&started, &mut bytes);
//! assert_eq!(builder.push(&bytes), Ok(Lsn(1)));
//! let frame = builder.finish().expect("a record was pushed");
//! log.commit(&[frame])?;
//!
//! assert_eq!(log.durable(shard), Lsn(1));
//! # Ok::<(), gavel_log::LogError>(())
//! ```
//!
//! A failed commit is fatal: the log takes nothing more, and the process should say why and exit. [`Log::mark`] is to be
//! called about once a second with the engine's time, [`Log::close`] at a clean stop.
//!
//! # For whoever reads it
//!
//! [`Log::reader`] gives a handle for any thread; [`LogReader::read_from`] reads one shard's durable frames in order, and
//! several shards can be read in parallel. Recovery reads every shard from `Lsn(1)`, decodes each record with
//! [`record::decode`], and starts the epoch after [`Opened::last_epoch`] (without sled: after the tips').

pub mod archive;
pub mod attempts;
pub mod chain;
pub mod clock;
mod files;
mod floor;
pub mod follow;
pub mod frame;
pub mod identity;
mod joined;
pub mod limits;
pub mod lock;
pub mod log;
pub mod lossy;
pub mod mark;
pub mod memory;
pub mod offline;
mod quiet;
pub mod record;
pub mod scanner;
pub mod sled_log;
pub mod snapshot;
pub mod state;
pub mod trim;

pub use archive::{Archive, ArchiveError};
pub use chain::{Chain, ChainError, ChainHash, Tip};
pub use files::clear_unfinished;
pub use frame::{Frame, FrameBuilder, FrameError, PushError, Records, UncheckedFrame};
pub use identity::IdentityError;
pub use lock::{DirLock, LockError};
pub use log::{Frames, Log, LogError, LogReader, ReadCause, ReadError, Refusal, Tips};
pub use lossy::{Fault, Faults, LossyLog};
pub use mark::Mark;
pub use memory::{Contents, MemoryLog};
pub use offline::{Offline, OfflineError};
pub use record::{Record, RecordError};
pub use scanner::{Scan, scan_dir};
pub use sled_log::{OpenError, OpenOptions, OpenWarning, Opened, SledLog, check_ours};
pub use snapshot::SnapshotError;
pub use trim::{Expired, Expiry, Moved, ShardUsage, Trim, TrimError, Usage};
