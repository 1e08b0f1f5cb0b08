//! Version 1 of the records. Released layouts: nothing in here may change what it writes or stop reading what it wrote.

pub(super) mod bid;
pub(super) mod event;
mod kind;
mod read;
pub(super) mod retired;
pub(super) mod shard;
mod terms;

/// The format of an auction, carried by every record of one. Ascending is the only one so far.
const ASCENDING: u8 = 0;
