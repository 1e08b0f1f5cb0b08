//! The language on the wire: RESP2 and RESP3 as Redis speaks them, the commands and replies of Gavel in it, and the
//! Rust client.
//!
//! Pure encode and decode; only [`client`] and [`feed`] know a socket.
//!
//! ```text
//! bytes ──Decoder──▶ Args (slices of the buffer) ──request::parse──▶ Request (owned) ──▶ the engine
//! bytes ◀──reply::*── Receipt | Rejection | View                                    ◀──  its answer
//! ```
//!
//! **Invariants.** Nothing that a peer sends makes this crate panic, recurse without bound, or hold more memory than
//! [`limits`] says. Bidding allocates nothing in either direction. Secret maxima and reserve amounts have no encoder, but for the
//! secret form of [`event_json`], which is for operators alone.

pub mod bid_reply;
pub mod catalogue;
pub mod client;
pub mod code;
pub mod decode;
pub mod encode;
pub mod event_json;
pub mod feed;
pub mod limits;
pub mod reply;
pub mod request;
pub mod terms;
pub mod time_text;
pub mod value;
pub mod view_json;

pub use bid_reply::{BidReply, read_bid_reply};
pub use client::{Client, ClientError};
pub use code::Code;
pub use decode::{Args, Decoder, Item, ProtocolError, Refusal, Step};
pub use reply::Protocol;
pub use request::{Request, RequestError};
pub use value::{ServerError, Value};
