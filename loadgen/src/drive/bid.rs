//! One bid on its way, and the ids that bids are given.

use gavel_core::{AccountId, BidId};

/// A bid that is in flight or will be sent (again). Times in nanoseconds since the run's clock was set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    pub(super) auction: u32,
    pub(super) bidder: u32,
    pub(super) amount: u64,
    pub(super) id: Option<BidId>,
    /// Latency counts from here: the planned time in an open loop, else the first sending.
    pub(super) due_ns: u64,
    /// First sent.
    pub(super) sent_ns: u64,
    /// True once a connection broke while it was unanswered: it may have been accepted.
    pub(super) uncertain: bool,
}

impl Bid {
    pub(super) fn account(&self) -> AccountId {
        AccountId::from_integer(u64::from(self.bidder))
    }
}

/// The ids of one lane's bids: run, lane and a running number in the form of a version 4 UUID.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    run: u64,
    lane: u64,
    next: u64,
}

impl Ids {
    pub(super) fn new(run: u64, lane: u32) -> Self {
        Self { run, lane: u64::from(lane), next: 0 }
    }

    pub(super) fn next(&mut self) -> BidId {
        self.next += 1;
        BidId::from_bits(uuid_bits(self.run, self.lane << 48 | self.next))
    }
}

/// A UUID of version 4 in form, different for different numbers below 2^62 of one run.
pub(crate) fn uuid_bits(run: u64, number: u64) -> u128 {
    // Multiplying by an odd number loses nothing and spreads what runs differ in over all bits.
    let high = run.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !0xf000 | 0x4000;
    let low = number & (u64::MAX >> 2) | 1 << 63;
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_uuids_all_different_and_never_of_the_assigned_form() {
        let mut seen = std::collections::BTreeSet::new();
        for lane in [0, 1, 9_999] {
            let mut ids = Ids::new(1_795_392_000_123_456, lane);
            for id in (0..100).map(|_| ids.next()) {
                assert_eq!(&id.to_string()[14..15], "4");
                assert!("89ab".contains(&id.to_string()[19..20]));
                assert_eq!(id.as_assigned(), None);
                assert!(seen.insert(id), "{id}");
            }
        }
    }
}
