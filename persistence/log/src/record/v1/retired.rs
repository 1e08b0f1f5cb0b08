//! Form 4: final auctions that have left memory.
//!
//! ```text
//!  form 4 | at 8 | auction 8 × n, 1 ..= 256
//! ```

use super::super::RecordError;
use super::read::{auction, field, time};
use gavel_core::limits::RETIRED_PER_EVENT_MAX;
use gavel_core::{AuctionId, ShardEvent, Timestamp};

pub(in super::super) const FORM: u8 = 4;

/// Appends the record.
pub(in super::super) fn encode(auctions: &[AuctionId], at: Timestamp, out: &mut Vec<u8>) {
    assert!(
        (1..=RETIRED_PER_EVENT_MAX).contains(&auctions.len()),
        "{} auctions retired in one event",
        auctions.len()
    );
    out.push(FORM);
    out.extend_from_slice(&at.micros().to_le_bytes());
    auctions.iter().for_each(|auction| out.extend_from_slice(&auction.to_bits().to_le_bytes()));
}

/// Reads what follows the form byte.
pub(in super::super) fn decode(body: &[u8]) -> Result<ShardEvent, RecordError> {
    const LAYOUT: RecordError = RecordError::Layout { form: FORM };
    let (at, auctions) = body.split_first_chunk::<8>().ok_or(LAYOUT)?;
    let (auctions, rest) = auctions.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(LAYOUT);
    }
    if !(1..=RETIRED_PER_EVENT_MAX).contains(&auctions.len()) {
        return Err(field("number of auctions"));
    }
    let auctions = auctions.iter().map(|bits| auction(u64::from_le_bytes(*bits)));
    Ok(ShardEvent::AuctionsRetired {
        auctions: auctions.collect::<Result<_, _>>()?,
        at: time(u64::from_le_bytes(*at), "time")?,
    })
}
