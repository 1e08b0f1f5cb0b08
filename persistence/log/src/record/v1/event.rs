//! Form 2: any event of an auction, as an rkyv archive after the form byte.

use super::kind::Kind;
use super::read::{auction, field, time};
use super::{super::RecordError, ASCENDING};
use gavel_core::event::Origin;
use gavel_core::{Event, Seq, Stamp};
use rkyv::rancor::{Failure, Panic, ResultExt};

pub(in super::super) const FORM: u8 = 2;

#[derive(rkyv::Archive, rkyv::Serialize)]
struct Auctions {
    format: u8,
    /// 0: a client; 1: the engine.
    origin: u8,
    auction: u64,
    seq: u32,
    received_us: u64,
    decided_us: u64,
    at_us: u64,
    kind: Kind,
}

/// Appends the record.
pub(in super::super) fn encode(event: &Event, out: &mut Vec<u8>) {
    let Event { auction, seq, stamp: Stamp { received, decided }, at, origin, kind } = event;
    let archive = Auctions {
        format: ASCENDING,
        origin: match origin {
            Origin::Client => 0,
            Origin::Engine => 1,
        },
        auction: auction.to_bits(),
        seq: seq.0,
        received_us: received.micros(),
        decided_us: decided.micros(),
        at_us: at.micros(),
        kind: kind.into(),
    };
    out.push(FORM);
    // A vector takes whatever is written, and no value here is too large for 32-bit offsets.
    rkyv::api::high::to_bytes_in::<_, Panic>(&archive, &mut *out).always_ok();
}

/// Reads what follows the form byte.
pub(in super::super) fn decode(body: &[u8]) -> Result<Event, RecordError> {
    let archive =
        rkyv::access::<ArchivedAuctions, Failure>(body).map_err(|_| RecordError::Layout { form: FORM })?;
    let ArchivedAuctions { format, origin, auction: id, seq, received_us, decided_us, at_us, kind } = archive;
    if *format != ASCENDING {
        return Err(field("format"));
    }
    Ok(Event {
        auction: auction(id.to_native())?,
        seq: Seq(seq.to_native()),
        stamp: Stamp {
            received: time(received_us.to_native(), "time of receipt")?,
            decided: time(decided_us.to_native(), "time of decision")?,
        },
        at: time(at_us.to_native(), "time")?,
        origin: match origin {
            0 => Origin::Client,
            1 => Origin::Engine,
            _ => return Err(field("origin")),
        },
        kind: kind.try_into()?,
    })
}
