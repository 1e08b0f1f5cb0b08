//! The answer to an accepted bid: `[LEADING|OUTBID|SOLD, position, price, min_next, ends_at_us, bid_id]`.

use crate::Reply;
use gavel_core::{BidId, Epoch, Lsn, Position, ShardId};

/// How a bid stood right after it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It leads.
    Leading,
    /// Another maximum is at least as high.
    Outbid,
    /// Bought now.
    Sold,
}

/// An accepted bid, as the server told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Leading, outbid or sold.
    pub standing: Standing,
    /// The record in the log.
    pub position: Position,
    /// The price after the bid, in minor units.
    pub price: u64,
    /// The least amount that would be accepted next.
    pub min_next: u64,
    /// The auction's end after the bid, in microseconds since 1970.
    pub ends_at_us: u64,
    /// The bid.
    pub bid: BidId,
}

impl Receipt {
    /// The receipt in a reply; `None` when the reply is an error.
    ///
    /// # Panics
    /// When the reply is neither.
    #[must_use]
    pub fn accepted(reply: &Reply) -> Option<Self> {
        if reply.code().is_some() {
            return None;
        }
        let [standing, position, price, min_next, ends_at, bid] = reply.elements() else {
            panic!("expected a receipt of six elements, got {reply:?}");
        };
        Some(Self {
            standing: read_standing(standing.text()),
            position: read_position(position.text()),
            price: unsigned(price),
            min_next: unsigned(min_next),
            ends_at_us: unsigned(ends_at),
            bid: bid.text().parse().expect("a bid id"),
        })
    }

    /// The receipt in the reply to a bid that must be accepted.
    pub fn expect(reply: &Reply) -> Self {
        Self::accepted(reply).unwrap_or_else(|| panic!("expected an accepted bid, got {reply:?}"))
    }
}

/// A position's text form, `shard-epoch-lsn`.
#[must_use]
pub fn read_position(text: &str) -> Position {
    let numbers: Vec<u64> = text.split('-').map(|part| part.parse().expect("a decimal")).collect();
    let [shard, epoch, lsn] = numbers[..] else { panic!("expected shard-epoch-lsn, got {text}") };
    Position {
        shard: ShardId(u8::try_from(shard).expect("a shard")),
        epoch: Epoch(u32::try_from(epoch).expect("an epoch")),
        lsn: Lsn(lsn),
    }
}

fn read_standing(word: &str) -> Standing {
    match word {
        "LEADING" => Standing::Leading,
        "OUTBID" => Standing::Outbid,
        "SOLD" => Standing::Sold,
        other => panic!("expected LEADING, OUTBID or SOLD, got {other}"),
    }
}

fn unsigned(reply: &Reply) -> u64 {
    u64::try_from(reply.integer()).expect("not negative")
}
