//! The arguments that commands have in common, and the two commands that bidding consists of.

use super::{Request, RequestError};
use crate::catalogue::{self, Entry};
use crate::decode::Args;
use crate::time_text::{TIME_MUST, parse_time};
use gavel_core::command::Reason;
use gavel_core::limits::REASON_BYTES_MAX;
use gavel_core::{AccountId, Amount, AuctionId, BidId, OpenId, ShardId, Timestamp};

/// The arguments after the entry's name, when they are as many as it takes (and at hand).
#[inline]
pub(super) fn counted<'a, 'b>(
    args: &'b Args<'a>,
    entry: &'static Entry,
) -> Result<&'b [&'a [u8]], RequestError> {
    let words = entry.words();
    if (words + entry.min..=words + entry.max).contains(&args.len()) {
        Ok(&args.at_hand()[words..])
    } else {
        Err(RequestError::Arity(entry))
    }
}

/// `BID <auction> <bidder> <amount> [ID <uuid>]`
#[inline]
pub(super) fn bid(args: &Args<'_>) -> Result<Request, RequestError> {
    let (auction, bidder, amount, id) = match *args.at_hand() {
        [_, auction, bidder, amount] => (auction, bidder, amount, None),
        [_, auction, bidder, amount, word, id] if word.eq_ignore_ascii_case(b"ID") => {
            (auction, bidder, amount, Some(id))
        }
        [_, _, _, _, word, _] => return Err(RequestError::unexpected(&catalogue::BID, word)),
        _ => return Err(RequestError::Arity(&catalogue::BID)),
    };
    Ok(Request::Bid {
        auction: auction_id(auction)?,
        bidder: account("bidder", bidder)?,
        amount: self::amount("amount", amount)?,
        id: id.map(|id| bid_id("ID", id)).transpose()?,
    })
}

/// `BUYNOW <auction> <bidder> [ID <uuid>]`
pub(super) fn buy_now(args: &Args<'_>) -> Result<Request, RequestError> {
    let (auction, bidder, id) = match *args.at_hand() {
        [_, auction, bidder] => (auction, bidder, None),
        [_, auction, bidder, word, id] if word.eq_ignore_ascii_case(b"ID") => (auction, bidder, Some(id)),
        [_, _, _, word, _] => return Err(RequestError::unexpected(&catalogue::BUYNOW, word)),
        _ => return Err(RequestError::Arity(&catalogue::BUYNOW)),
    };
    Ok(Request::BuyNow {
        auction: auction_id(auction)?,
        bidder: account("bidder", bidder)?,
        id: id.map(|id| bid_id("ID", id)).transpose()?,
    })
}

#[inline]
pub(super) fn auction_id(text: &[u8]) -> Result<AuctionId, RequestError> {
    AuctionId::parse(text).ok_or_else(|| {
        RequestError::argument("auction", "must be an auction's id such as 20261122-003-00000042", text)
    })
}

#[inline]
pub(super) fn account(name: &'static str, text: &[u8]) -> Result<AccountId, RequestError> {
    AccountId::parse(text).ok_or_else(|| {
        let must = "must be an integer 0 ..= 18446744073709551615 or a UUID whose upper half is not zero";
        RequestError::argument(name, must, text)
    })
}

/// An amount that somebody pays: at least 1.
#[inline]
pub(super) fn amount(name: &'static str, text: &[u8]) -> Result<Amount, RequestError> {
    integer(text)
        .filter(|&value| value > 0)
        .and_then(Amount::new)
        .ok_or_else(|| RequestError::argument(name, "must be an integer 1 ..= 9007199254740991", text))
}

/// A plain decimal number of up to 19 digits: no sign, no leading zero.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    text.iter()
        .try_fold(0_u64, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0')))
}

#[inline]
pub(super) fn bid_id(name: &'static str, text: &[u8]) -> Result<BidId, RequestError> {
    BidId::parse(text).ok_or_else(|| RequestError::argument(name, UUID_MUST, text))
}

pub(super) fn open_id(text: &[u8]) -> Result<OpenId, RequestError> {
    OpenId::parse(text).ok_or_else(|| RequestError::argument("ID", UUID_MUST, text))
}

const UUID_MUST: &str = "must be a UUID such as 0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";

pub(super) fn shard(text: &[u8]) -> Result<ShardId, RequestError> {
    integer(text)
        .and_then(|value| u8::try_from(value).ok())
        .map(ShardId)
        .ok_or_else(|| RequestError::argument("shard", "must be an integer 0 ..= 255", text))
}

pub(super) fn time(name: &'static str, text: &[u8]) -> Result<Timestamp, RequestError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(parse_time)
        .ok_or_else(|| RequestError::argument(name, TIME_MUST, text))
}

pub(super) fn reason(text: &[u8]) -> Result<Reason, RequestError> {
    if text.len() > REASON_BYTES_MAX {
        return Err(RequestError::Long { name: "reason", bytes: text.len(), bytes_max: REASON_BYTES_MAX });
    }
    Ok(Reason(plain_text("reason", text)?.into()))
}

/// Text that every reader behind the log can store: UTF-8, not empty, without the character U+0000.
pub(super) fn plain_text<'a>(name: &'static str, text: &'a [u8]) -> Result<&'a str, RequestError> {
    std::str::from_utf8(text).ok().filter(|text| !text.is_empty() && !text.contains('\0')).ok_or_else(|| {
        RequestError::argument(name, "must be UTF-8, not empty, without the character U+0000", text)
    })
}
