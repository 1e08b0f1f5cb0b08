//! Form 1: an accepted bid in as few bytes as it takes. Nearly every record of a busy log is one of these.
//!
//! ```text
//!  form 1 | flags 1 | format 1 | auction 8 | seq 4 | received 8 | decided 4 | at 4 | bidder 8 | amount 8 | price 8
//!         | bidder's upper half 8, if WIDE_BIDDER | bid id 16, if CHOSEN_ID | new end 8, if EXTENDED
//! ```
//!
//! `decided` and `at` are microseconds after `received`. A bid id is left out when it is the one the engine assigns, which
//! auction and seq give again. A bid that does not fit (decided an hour after it was received, or before) takes form 2.

use super::super::RecordError;
use super::ASCENDING;
use super::read::{amount, auction, field, time};
use gavel_core::event::{BidAccepted, Origin};
use gavel_core::{AccountId, BidId, Event, EventKind, Seq, Stamp, Timestamp};
use rkyv::api::low::{access, to_bytes_in_with_alloc};
use rkyv::rancor::{Failure, Panic, ResultExt};
use rkyv::ser::allocator::SubAllocator;

pub(in super::super) const FORM: u8 = 1;

const LEADING: u8 = 1;
const FROM_ENGINE: u8 = 1 << 1;
const WIDE_BIDDER: u8 = 1 << 2;
const CHOSEN_ID: u8 = 1 << 3;
const EXTENDED: u8 = 1 << 4;
const KNOWN_FLAGS: u8 = (1 << 5) - 1;

/// The part that every bid has.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Base {
    flags: u8,
    format: u8,
    auction: u64,
    seq: u32,
    received_us: u64,
    decided_after_us: u32,
    at_after_us: u32,
    bidder_low: u64,
    amount: u64,
    price: u64,
}

const BASE_BYTES: usize = size_of::<ArchivedBase>();
const _: () = assert!(1 + BASE_BYTES == crate::limits::PLAIN_BID_BYTES);

/// Appends the record and says so, or leaves `out` alone when the event is no bid or does not fit the form.
#[inline]
pub(in super::super) fn encode(event: &Event, out: &mut Vec<u8>) -> bool {
    let EventKind::BidAccepted(bid) = &event.kind else { return false };
    let Some(base) = base(event, bid) else { return false };
    out.push(FORM);
    // Nothing in `Base` allocates or can fail.
    to_bytes_in_with_alloc::<_, _, Panic>(&base, &mut *out, SubAllocator::new(&mut [])).always_ok();
    if base.flags & WIDE_BIDDER != 0 {
        out.extend_from_slice(&((bid.bidder.to_bits() >> 64) as u64).to_le_bytes());
    }
    if base.flags & CHOSEN_ID != 0 {
        out.extend_from_slice(&bid.id.to_bits().to_le_bytes());
    }
    if let Some(end) = bid.extended_to {
        out.extend_from_slice(&end.micros().to_le_bytes());
    }
    true
}

fn base(event: &Event, bid: &BidAccepted) -> Option<Base> {
    let Event { auction, seq, stamp: Stamp { received, decided }, at, origin, kind: _ } = *event;
    let BidAccepted { id, bidder, amount, price, leading, extended_to } = *bid;
    let after = |time: Timestamp| u32::try_from(time.micros().checked_sub(received.micros())?).ok();
    let mut flags = 0;
    let mut set = |flag, on| flags |= if on { flag } else { 0 };
    set(LEADING, leading);
    set(FROM_ENGINE, origin == Origin::Engine);
    set(WIDE_BIDDER, bidder.to_bits() >> 64 != 0);
    set(CHOSEN_ID, id != BidId::assigned(auction, seq));
    set(EXTENDED, extended_to.is_some());
    Some(Base {
        flags,
        format: ASCENDING,
        auction: auction.to_bits(),
        seq: seq.0,
        received_us: received.micros(),
        decided_after_us: after(decided)?,
        at_after_us: after(at)?,
        bidder_low: bidder.to_bits() as u64,
        amount: amount.get(),
        price: price.get(),
    })
}

/// Reads what follows the form byte.
#[inline]
pub(in super::super) fn decode(body: &[u8]) -> Result<Event, RecordError> {
    const LAYOUT: RecordError = RecordError::Layout { form: FORM };
    let (base, tail) = body.split_first_chunk::<BASE_BYTES>().ok_or(LAYOUT)?;
    let base = access::<ArchivedBase, Failure>(base).map_err(|_| LAYOUT)?;
    if base.flags & !KNOWN_FLAGS != 0 {
        return Err(LAYOUT);
    }
    if base.format != ASCENDING {
        return Err(field("format"));
    }
    let tail = Tail::read(base.flags, tail).ok_or(LAYOUT)?;
    event(base, &tail)
}

/// The parts that only some bids have.
struct Tail {
    bidder_high: u64,
    id: Option<u128>,
    extended_to: Option<u64>,
}

impl Tail {
    /// `None` unless the bytes are exactly what the flags say.
    fn read(flags: u8, bytes: &[u8]) -> Option<Self> {
        let mut tail = Self { bidder_high: 0, id: None, extended_to: None };
        let mut rest = bytes;
        if flags & WIDE_BIDDER != 0 {
            tail.bidder_high = u64::from_le_bytes(take(&mut rest)?);
        }
        if flags & CHOSEN_ID != 0 {
            tail.id = Some(u128::from_le_bytes(take(&mut rest)?));
        }
        if flags & EXTENDED != 0 {
            tail.extended_to = Some(u64::from_le_bytes(take(&mut rest)?));
        }
        rest.is_empty().then_some(tail)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*head)
}

fn event(base: &ArchivedBase, tail: &Tail) -> Result<Event, RecordError> {
    let (id, seq) = (auction(base.auction.to_native())?, Seq(base.seq.to_native()));
    let received_us = base.received_us.to_native();
    // The sum of a time within bounds and 32 bits cannot overflow; `time` checks both.
    let after = |us: u32, name| time(received_us.saturating_add(u64::from(us)), name);
    let bid = BidAccepted {
        id: tail.id.map_or_else(|| BidId::assigned(id, seq), BidId::from_bits),
        bidder: AccountId::from_bits(
            u128::from(tail.bidder_high) << 64 | u128::from(base.bidder_low.to_native()),
        ),
        amount: amount(base.amount.to_native(), "amount")?,
        price: amount(base.price.to_native(), "price")?,
        leading: base.flags & LEADING != 0,
        extended_to: tail.extended_to.map(|us| time(us, "new end")).transpose()?,
    };
    Ok(Event {
        auction: id,
        seq,
        stamp: Stamp {
            received: time(received_us, "time of receipt")?,
            decided: after(base.decided_after_us.to_native(), "time of decision")?,
        },
        at: after(base.at_after_us.to_native(), "time")?,
        origin: if base.flags & FROM_ENGINE != 0 { Origin::Engine } else { Origin::Client },
        kind: EventKind::BidAccepted(bid),
    })
}
