//! What the suites sell: items with plain terms, and the ids that clients would choose.

use crate::Client;
use gavel_core::{AuctionId, BidId};
use serde_json::{Value, json};

/// Who sells in the plain terms; no suite bids as this one.
pub const SELLER: &str = "9000";
/// The first bid's least amount in the plain terms, in minor units.
pub const OPENING_PRICE: u64 = 1_000;
/// The step at every price in the plain terms, in minor units.
pub const STEP: u64 = 100;

/// The terms of an item that is still to be opened.
#[derive(Clone, Debug)]
pub struct Item {
    terms: Value,
}

impl Default for Item {
    fn default() -> Self {
        Self::new()
    }
}

impl Item {
    /// [`SELLER`], one hour from now, secret maxima, opening price and step as above; nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self {
            terms: json!({
                "seller": SELLER,
                "currency": "KRW",
                "duration_s": 3_600,
                "opening_price": OPENING_PRICE,
                "increments": [{"from": 0, "step": STEP}],
                "details": {"title": "a lamp"},
            }),
        }
    }

    /// With one field of the terms set.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.terms[field] = value.into();
        self
    }

    /// With this end instead of a duration, in microseconds since 1970.
    #[must_use]
    pub fn ends_at_us(mut self, micros: u64) -> Self {
        let end = jiff::Timestamp::from_microsecond(micros.cast_signed()).expect("a time jiff can hold");
        self.terms.as_object_mut().expect("terms are an object").remove("duration_s");
        self.with("ends_at", end.to_string())
    }

    /// The terms as JSON text.
    #[must_use]
    pub fn json(&self) -> String {
        self.terms.to_string()
    }

    /// Opens the auction.
    pub fn open(&self, client: &mut Client) -> AuctionId {
        let reply = client.call(&["AUCTION", "OPEN", &self.json()]);
        reply.text().parse().unwrap_or_else(|_| panic!("expected an auction's id, got {reply:?}"))
    }

    /// Opens so many auctions with these terms.
    pub fn open_many(&self, client: &mut Client, count: usize) -> Vec<AuctionId> {
        (0..count).map(|_| self.open(client)).collect()
    }

    /// Opens so many auctions with these terms, each with a placement key of its own, so that they spread over the shards.
    pub fn open_spread(&self, client: &mut Client, count: usize) -> Vec<AuctionId> {
        let keyed = |number| self.clone().with("placement_key", format!("key {number}")).open(client);
        (0..count).map(keyed).collect()
    }
}

/// An id as a client would choose it for its bid: a random-looking UUID of version 4, different for every number.
#[must_use]
pub fn bid_id(number: u64) -> BidId {
    BidId::from_bits(0x5bd1_e995_0000_4000_8000_0000_0000_0000 | u128::from(number))
}

/// The present time of this machine's clock, in microseconds since 1970.
#[must_use]
pub fn now_us() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).expect("after 1970")
}
