//! Commands that are sent together.

use crate::encode;
use crate::value::Value;
use gavel_core::{AccountId, Amount, AuctionId, BidId, Position, Receipt, Standing, Timestamp};

/// Commands to be sent at once, in order. At most [`PIPELINE_MAX`](crate::limits::PIPELINE_MAX).
///
/// Not for `SUBSCRIBE`, `UNSUBSCRIBE` and `QUIT`, which are not answered with one reply each.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    bytes: Vec<u8>,
    len: usize,
}

impl Pipeline {
    /// No commands.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), len: 0 }
    }

    /// Adds any command.
    pub fn command(&mut self, arguments: &[&[u8]]) {
        encode::command(&mut self.bytes, arguments);
        self.len += 1;
    }

    /// Adds a bid.
    pub fn bid(&mut self, auction: AuctionId, bidder: AccountId, amount: Amount, id: Option<BidId>) {
        encode::bid(&mut self.bytes, auction, bidder, amount, id);
        self.len += 1;
    }

    /// Commands so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes all commands out, and keeps the buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.len = 0;
    }

    /// The commands as they are sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Value {
    /// The receipt that this is, as the answer to `BID` and `BUYNOW`.
    #[must_use]
    pub fn to_receipt(&self) -> Option<Receipt> {
        let Self::Array(parts) = self else { return None };
        let [standing, place, price, min_next, ends_at, bid] = parts.as_slice() else { return None };
        Some(Receipt {
            standing: match standing.as_bytes()? {
                b"LEADING" => Standing::Leading,
                b"OUTBID" => Standing::Outbid,
                b"SOLD" => Standing::Sold,
                _ => return None,
            },
            price: Amount::new(price.as_u64()?)?,
            min_next: Amount::new(min_next.as_u64()?)?,
            ends_at: Timestamp::from_micros(ends_at.as_u64()?)?,
            bid: BidId::parse(bid.as_bytes()?)?,
            position: Position::parse(place.as_bytes()?)?,
        })
    }
}
