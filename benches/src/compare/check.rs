//! Whether a contestant has done its work: what it stored is what it acknowledged, and price and leader are those that the stored bids
//! make.
//!
//! The judge is the load generator's oracle, which shares no code with any of the contestants.

use super::work::terms;
use crate::error::BenchError;
use gavel_core::{AccountId, Standing};
use gavel_loadgen::oracle::Computed;

/// Auctions whose bids are looked at one by one: the first few, among them those that a skewed load bids on most.
pub const SAMPLE: u32 = 4;

/// One stored bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBid {
    /// Who bid.
    pub bidder: u64,
    /// How much at most.
    pub amount: u64,
    /// The price after it.
    pub price: u64,
    /// Whether the bidder led after it.
    pub leading: bool,
}

/// An auction as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredAuction {
    /// Its bids in the order of their acceptance.
    pub bids: Vec<StoredBid>,
    /// Who leads.
    pub leader: Option<u64>,
    /// The price.
    pub price: Option<u64>,
}

/// The numbers of the auctions to look at, of so many.
pub fn sample(auctions: u32) -> impl Iterator<Item = u32> {
    0..auctions.min(SAMPLE)
}

/// Demands that as many bids are stored as were acknowledged.
///
/// # Errors
/// They are not.
pub fn counts(stored: u64, acknowledged: u64) -> Result<(), BenchError> {
    if stored == acknowledged {
        return Ok(());
    }
    Err(BenchError::Check(format!("{acknowledged} bids were acknowledged, {stored} are stored")))
}

/// Demands that every stored bid has the price and standing that the bids before it give it, and that the auction's leader and price are
/// those of the last.
///
/// # Errors
/// The first bid that is not as it should be, or the auction.
pub fn auction(stored: &StoredAuction) -> Result<(), BenchError> {
    let StoredAuction { bids, leader, price } = stored;
    let terms = terms()?;
    let mut computed = Computed::new(&terms);
    for (place, bid) in bids.iter().enumerate() {
        let judged = computed.bid(AccountId::from_integer(bid.bidder), bid.amount);
        if (judged.price, judged.standing == Standing::Leading) != (bid.price, bid.leading) {
            return Err(BenchError::Check(format!(
                "bid {} is stored as {bid:?}, should be {judged:?}",
                place + 1
            )));
        }
    }
    let should_be = (computed.leader(), computed.price());
    if should_be == (leader.map(AccountId::from_integer), *price) {
        return Ok(());
    }
    Err(BenchError::Check(format!(
        "an auction has leader and price {leader:?}, {price:?}; its bids make {should_be:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sold() -> StoredAuction {
        let bid = |bidder, amount, price, leading| StoredBid { bidder, amount, price, leading };
        let bids = vec![bid(7, 1_000, 1_000, true), bid(8, 1_500, 1_100, true), bid(9, 1_200, 1_300, false)];
        StoredAuction { bids, leader: Some(8), price: Some(1_300) }
    }

    #[test]
    fn what_is_right_passes_and_every_wrong_field_is_found() {
        auction(&sold()).unwrap();
        auction(&StoredAuction::default()).unwrap();
        let wrong: [fn(&mut StoredAuction); 5] = [
            |stored| stored.leader = Some(9),
            |stored| stored.price = Some(1_200),
            |stored| stored.bids[2].leading = true,
            |stored| stored.bids[1].price = 1_200,
            |stored| stored.bids.truncate(2),
        ];
        for bend in wrong {
            let mut stored = sold();
            bend(&mut stored);
            assert!(auction(&stored).is_err(), "{stored:?}");
        }
    }

    #[test]
    fn a_lost_bid_is_found() {
        counts(5, 5).unwrap();
        assert_eq!(
            counts(4, 5).unwrap_err().to_string(),
            "the check after the load: 5 bids were acknowledged, 4 are stored"
        );
    }
}
