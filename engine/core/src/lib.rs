//! The rules of auctions.
//!
//! Pure: nothing here knows a disk, a socket, a thread, a clock or a source of randomness. Time and ids come in as
//! arguments, so the same commands give the same events on every machine and in every replay.
//!
//! The two functions everything turns on:
//!
//! ```text
//! decide(&state, command, context) -> Event | Repeat | Rejection     reads the state, changes nothing
//! apply(&mut state, event, position)                                 total; all that recovery runs
//! ```

pub mod amount;
pub mod auction;
pub mod ban;
pub mod command;
pub mod consumer;
pub mod digest;
pub mod event;
pub mod id;
pub mod limits;
pub mod placement;
pub mod position;
pub mod rejection;
pub mod store;
pub mod terms;
pub mod time;

pub use amount::{Amount, Currency};
pub use auction::{Auction, Context, Decision, Receipt, Standing, State};
pub use ban::BanBook;
pub use command::{Command, Open, Reason};
pub use consumer::ConsumerName;
pub use digest::Digest;
pub use event::{Event, EventKind, ShardEvent};
pub use id::{AccountId, AuctionId, BidId, LogId, OpenId, ShardId};
pub use position::{Epoch, Lsn, Position, Seq};
pub use rejection::Rejection;
pub use terms::{
    BuyNow, Details, FieldError, IncrementStep, Increments, Retraction, SoftClose, Terms, TermsDraft,
};
pub use time::{Duration, Stamp, Timestamp};
