//! What is compared of one bid or event, whichever side it comes from, as bytes that are hashed.

use gavel_core::{Position, Seq, Stamp, Timestamp};

/// A short digest of some content. Different content has another, as far as can be told in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Short(pub(super) u64);

/// Appends the parts of a line, so that no two different lines have the same bytes.
pub(super) struct Line(blake3::Hasher);

impl Line {
    pub(super) fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    pub(super) fn number(mut self, number: i64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub(super) fn optional(self, number: Option<i64>) -> Self {
        let present = self.number(i64::from(number.is_some()));
        present.number(number.unwrap_or_default())
    }

    pub(super) fn text(self, text: &str) -> Self {
        let mut line = self.number(text.len() as i64);
        line.0.update(text.as_bytes());
        line
    }

    pub(super) fn finish(self) -> Short {
        let hash = self.0.finalize();
        let first = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        Short(u64::from_le_bytes(first))
    }
}

/// What bids and events have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) epoch: i64,
    pub(super) lsn: i64,
    /// Times in microseconds.
    pub(super) at: i64,
    pub(super) received: i64,
    pub(super) decided: i64,
}

impl Place {
    pub(super) fn new(seq: Seq, position: Position, at: Timestamp, stamp: Stamp) -> Self {
        let micros = |time: Timestamp| time.micros().cast_signed();
        Self {
            seq: seq.0.into(),
            epoch: position.epoch.0.into(),
            lsn: position.lsn.0.cast_signed(),
            at: micros(at),
            received: micros(stamp.received),
            decided: micros(stamp.decided),
        }
    }

    pub(super) fn line(self) -> Line {
        let Self { seq, epoch, lsn, at, received, decided } = self;
        [seq, epoch, lsn, at, received, decided].into_iter().fold(Line::new(), Line::number)
    }
}

/// A bid's content, but for whether it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct BidLine<'a> {
    pub(super) place: Place,
    pub(super) id: u128,
    pub(super) bidder: &'a str,
    pub(super) price: i64,
    pub(super) status: &'a str,
    pub(super) extended_to: Option<i64>,
}

impl BidLine<'_> {
    pub(super) fn short(self) -> Short {
        let Self { place, id, bidder, price, status, extended_to } = self;
        let id = [id as u64, (id >> 64) as u64].map(u64::cast_signed);
        let line = id.into_iter().fold(place.line(), Line::number).text(bidder).number(price);
        line.text(status).optional(extended_to).finish()
    }
}
