//! Records: one decided fact each, as bytes, and back.
//!
//! A record's first byte is its form. A form's layout never changes once it was released; what is new gets a new form, and
//! old forms are read for ever. Nothing here is a domain type laid out in memory: each form has types of its own, and
//! reading one checks every bound of the domain again, because bytes from a disk are only bytes.
//!
//! | form | content | layout |
//! |---|---|---|
//! | 1 | an accepted bid, the usual kind | `v1::bid`: 55 bytes, up to 87 |
//! | 2 | any event of an auction | `v1::event`: rkyv |
//! | 3 | an event of a shard | `v1::shard`: rkyv |
//! | 4 | auctions that have left memory | `v1::retired`: 8 bytes each |

mod v1;

use gavel_core::{Event, FieldError, ShardEvent, Timestamp};

/// One record, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Something happened to an auction.
    Auction(Event),
    /// Something happened to the shard.
    Shard(ShardEvent),
}

impl Record {
    /// When it happened: the auction's own time, or the shard's.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Auction(event) => event.at,
            Self::Shard(
                ShardEvent::EpochStarted { at, .. }
                | ShardEvent::Banned { at, .. }
                | ShardEvent::Unbanned { at, .. }
                | ShardEvent::PlacementChanged { at, .. }
                | ShardEvent::AuctionsRetired { at, .. },
            ) => *at,
        }
    }
}

/// Why bytes are no record. A frame's checksum holds, so this means a newer writer or a defect, not a bad disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No bytes at all.
    #[error("an empty record")]
    Empty,
    /// A form this version does not know.
    #[error("record form {found}; this version reads forms 1 to 4")]
    Form {
        /// The form found.
        found: u8,
    },
    /// The bytes are not laid out as the form says.
    #[error("a record of form {form} that is not laid out as one")]
    Layout {
        /// The form.
        form: u8,
    },
    /// A field is outside the domain's bounds.
    #[error("a record whose {field} is out of bounds")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// The terms of an opening do not hold together.
    #[error("a record of terms that are not valid: {0:?}")]
    Terms(Vec<FieldError>),
}

/// Appends the record of an auction's event. Does not allocate for an accepted bid beyond what `out` needs to grow.
pub fn encode_event(event: &Event, out: &mut Vec<u8>) {
    if !v1::bid::encode(event, out) {
        v1::event::encode(event, out);
    }
}

/// Appends the record of a shard's event.
pub fn encode_shard_event(event: &ShardEvent, out: &mut Vec<u8>) {
    v1::shard::encode(event, out);
}

/// Reads a record. Does not allocate for an accepted bid.
///
/// # Errors
/// The bytes are no record of a form that this version knows.
pub fn decode(record: &[u8]) -> Result<Record, RecordError> {
    let (&form, body) = record.split_first().ok_or(RecordError::Empty)?;
    match form {
        v1::bid::FORM => v1::bid::decode(body).map(Record::Auction),
        v1::event::FORM => v1::event::decode(body).map(Record::Auction),
        v1::shard::FORM => v1::shard::decode(body).map(Record::Shard),
        v1::retired::FORM => v1::retired::decode(body).map(Record::Shard),
        found => Err(RecordError::Form { found }),
    }
}
