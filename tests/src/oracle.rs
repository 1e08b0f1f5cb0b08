//! Price and leader of an ascending auction, computed a second time: the plain case (secret maxima, one step at every
//! price, no reserve, no buy-now), which is what the suites open.

use crate::Standing;

/// An auction, as its accepted bids in the order of the log make it.
#[derive(Clone, Copy, Debug)]
pub struct Ascending {
    opening: u64,
    step: u64,
    lead: Option<Lead>,
    price: u64,
}

#[derive(Clone, Copy, Debug)]
struct Lead {
    bidder: u64,
    maximum: u64,
}

impl Ascending {
    /// No bid yet.
    #[must_use]
    pub fn new(opening: u64, step: u64) -> Self {
        Self { opening, step, lead: None, price: 0 }
    }

    /// Takes the next accepted bid; how it stands and the price after it.
    pub fn bid(&mut self, bidder: u64, maximum: u64) -> (Standing, u64) {
        match self.lead {
            None => self.lead_at(bidder, maximum, self.opening),
            // Raising one's own maximum moves nothing.
            Some(lead) if lead.bidder == bidder => {
                self.lead_at(bidder, maximum.max(lead.maximum), self.price)
            }
            // The price rises one step above the loser's maximum, but never above the winner's.
            Some(lead) if maximum > lead.maximum => {
                self.lead_at(bidder, maximum, maximum.min(lead.maximum + self.step))
            }
            // The earlier of two equal maxima leads.
            Some(lead) => {
                self.price = lead.maximum.min(maximum + self.step);
                (Standing::Outbid, self.price)
            }
        }
    }

    /// The price; `None` before the first bid.
    #[must_use]
    pub fn price(&self) -> Option<u64> {
        self.lead.map(|_| self.price)
    }

    /// Who leads.
    #[must_use]
    pub fn leader(&self) -> Option<u64> {
        self.lead.map(|lead| lead.bidder)
    }

    fn lead_at(&mut self, bidder: u64, maximum: u64, price: u64) -> (Standing, u64) {
        self.lead = Some(Lead { bidder, maximum });
        self.price = price;
        (Standing::Leading, price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_rises_only_as_far_as_it_must() {
        let mut auction = Ascending::new(1_000, 100);
        assert_eq!(auction.bid(1, 5_000), (Standing::Leading, 1_000));
        assert_eq!(auction.bid(2, 2_000), (Standing::Outbid, 2_100));
        assert_eq!(auction.bid(2, 4_950), (Standing::Outbid, 5_000));
        assert_eq!(auction.bid(3, 5_000), (Standing::Outbid, 5_000));
        assert_eq!(auction.bid(1, 6_000), (Standing::Leading, 5_000));
        assert_eq!(auction.bid(2, 7_000), (Standing::Leading, 6_100));
        assert_eq!((auction.price(), auction.leader()), (Some(6_100), Some(2)));
    }
}
