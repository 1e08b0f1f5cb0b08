//! What requests ask for and what is answered, as JSON. `/openapi.json` is made from these.

use super::body::{FromBody, from_json};
use super::problem::Problem;
use super::text::{AccountText, AuctionText, BidText, CurrencyText, PositionText, TimeText};
use gavel_core::command::{Reason, StandingBids};
use gavel_core::limits::REASON_BYTES_MAX;
use gavel_core::{Amount, Currency, Details, Receipt, Standing};
use gavel_wire::currency_exponent;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A bid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBid {
    /// Who bids.
    pub(super) bidder: AccountText,
    /// The secret maximum (where the terms have no proxy bidding: the price itself), in the currency's minor unit.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = u64, minimum = 1, maximum = 9007199254740991u64)]
    pub(super) amount: Amount,
}

/// One line of a stream of bids.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BidLine {
    /// In which auction.
    pub(super) auction: AuctionText,
    /// Who bids.
    pub(super) bidder: AccountText,
    /// As of a single bid.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = u64, minimum = 1, maximum = 9007199254740991u64)]
    pub(super) amount: Amount,
    /// The bid's id, so that a retry is the same bid. Without it: that of the stream's `Idempotency-Key` and the line's number, else one
    /// that the engine assigns.
    #[serde(default)]
    pub(super) id: Option<BidText>,
}

/// Who takes an auction at its buy-now price, or takes or declines an offer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ByBidder {
    /// Who.
    pub(super) bidder: AccountText,
}

/// A bid to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retraction {
    /// Which.
    pub(super) bid_id: BidText,
    /// Why, 1 to 256 bytes.
    #[serde(deserialize_with = "reason")]
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    pub(super) reason: Reason,
}

/// A bidder whose bids are to be removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    /// Whose.
    pub(super) bidder: AccountText,
    /// Why, 1 to 256 bytes.
    #[serde(deserialize_with = "reason")]
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    pub(super) reason: Reason,
}

/// A later end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Extension {
    /// The new end; absolute, so that a retry extends nothing twice.
    pub(super) ends_at: TimeText,
}

/// Why an auction is called off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancellation {
    /// Why, 1 to 256 bytes.
    #[serde(deserialize_with = "reason")]
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    pub(super) reason: Reason,
}

/// A lower reserve price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReserve {
    /// The new reserve price in the currency's minor unit; null drops it.
    #[serde(deserialize_with = "optional_amount")]
    #[schema(value_type = Option<u64>, required = true, minimum = 1, maximum = 9007199254740991u64)]
    pub(super) amount: Option<Amount>,
}

/// What happens to the standing bids of a bidder who is banned.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBan {
    /// `keep` unless said.
    #[serde(default)]
    pub(super) standing_bids: Standings,
}

/// What happens to standing bids.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standings {
    /// They stay.
    #[default]
    Keep,
    /// They are removed, and prices are computed anew.
    Remove,
}

/// Nothing: the path says it all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// New details before the first bid, further ones after it.
#[derive(Debug)]
pub(super) struct NewDetails(pub(super) Details);

/// New details before the first bid, further ones after it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDetails)]
pub(super) struct DetailsBody<'a> {
    /// For the readers; at most 16,384 bytes without spaces, at most 32 deep.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    details: &'a serde_json::value::RawValue,
}

/// What an accepted bid is told, as over RESP.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BidReceipt {
    /// `leading`; `outbid`: accepted, but another maximum is at least as high; `sold`: bought now.
    status: &'static str,
    /// The bid's record.
    position: PositionText,
    /// The price after the bid.
    price: u64,
    /// The least amount that anybody else could bid next.
    min_next: u64,
    /// The currency whose minor unit all amounts count.
    currency: Option<CurrencyText>,
    /// How many decimals that minor unit is, by ISO 4217; null where it says none.
    currency_exponent: Option<u8>,
    /// The auction's end after the bid.
    ends_at: TimeText,
    /// The bid.
    bid_id: BidText,
}

/// A command was carried out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// Where it is recorded; null when it was so already.
    pub(super) position: Option<PositionText>,
}

impl BidReceipt {
    pub(super) fn new(receipt: &Receipt, currency: Option<Currency>) -> Self {
        let Receipt { standing, price, min_next, ends_at, bid, position } = *receipt;
        Self {
            status: match standing {
                Standing::Leading => "leading",
                Standing::Outbid => "outbid",
                Standing::Sold => "sold",
            },
            position: PositionText(position),
            price: price.get(),
            min_next: min_next.get(),
            currency: currency.map(CurrencyText),
            currency_exponent: currency.and_then(currency_exponent),
            ends_at: TimeText(ends_at),
            bid_id: BidText(bid),
        }
    }
}

impl From<Standings> for StandingBids {
    fn from(standings: Standings) -> Self {
        match standings {
            Standings::Keep => Self::Keep,
            Standings::Remove => Self::Remove,
        }
    }
}

macro_rules! from_body {
    ($($type:ty)*) => {$(
        impl FromBody for $type {
            fn from_body(body: &[u8]) -> Result<Self, Problem> {
                from_json(body)
            }
        }
    )*};
}
from_body!(NewBid ByBidder Retraction Removal Extension Cancellation NewReserve);

impl FromBody for Nothing {
    const MAY_BE_ABSENT: bool = true;

    fn from_body(body: &[u8]) -> Result<Self, Problem> {
        from_json(body)
    }
}

impl FromBody for NewBan {
    const MAY_BE_ABSENT: bool = true;

    fn from_body(body: &[u8]) -> Result<Self, Problem> {
        from_json(body)
    }
}

impl FromBody for NewDetails {
    fn from_body(body: &[u8]) -> Result<Self, Problem> {
        let DetailsBody { details } = serde_json::from_slice(body)
            .map_err(|error| Problem::invalid(format_args!("the body is not what it must be: {error}")))?;
        Ok(Self(gavel_wire::terms::parse_details(details.get().as_bytes())?))
    }
}

const AMOUNT_MUST: &str = "an amount must be an integer 1 ..= 9007199254740991 (the currency's minor unit)";

fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<Amount, D::Error> {
    let number = u64::deserialize(from)?;
    Amount::new(number).filter(|_| number > 0).ok_or_else(|| D::Error::custom(AMOUNT_MUST))
}

fn optional_amount<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Amount>, D::Error> {
    let Some(number) = Option::<u64>::deserialize(from)? else { return Ok(None) };
    Amount::new(number).filter(|_| number > 0).map(Some).ok_or_else(|| D::Error::custom(AMOUNT_MUST))
}

fn reason<'de, D: Deserializer<'de>>(from: D) -> Result<Reason, D::Error> {
    let text = String::deserialize(from)?;
    let fits = (1..=REASON_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
    let must = || {
        D::Error::custom(format_args!(
            "a reason is 1 to {REASON_BYTES_MAX} bytes, without the character U+0000"
        ))
    };
    if fits { Ok(Reason(text.into())) } else { Err(must()) }
}

/// A body that is no JSON object of the right form is `INVALID`, as over RESP.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_integers_within_their_bounds() {
        let bid =
            |amount: &str| NewBid::from_body(format!(r#"{{"bidder":"7","amount":{amount}}}"#).as_bytes());
        assert_eq!(bid("9007199254740991").unwrap().amount, Amount::MAX);
        for wrong in ["0", "-1", "1.5", "1e3", "\"5\"", "9007199254740992", "null", "18446744073709551616"] {
            assert!(bid(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn unknown_fields_are_named_with_the_known_ones() {
        let error = NewBid::from_body(br#"{"bidder":"7","amount":5,"max":9}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `max`, expected `bidder` or `amount`"), "{error}");
        assert_eq!("INVALID", error.split(' ').next().unwrap());
    }
}
