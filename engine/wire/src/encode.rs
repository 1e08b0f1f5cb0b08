//! Commands to bytes: the client's half. Appends to a buffer, so that a pipeline is one buffer and one write.

use crate::reply::uuid_text;
use gavel_core::{AccountId, Amount, AuctionId, BidId};

/// Any command, as an array of its arguments.
pub fn command(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    crate::reply::array(out, arguments.len());
    for argument in arguments {
        crate::reply::bulk(out, argument);
    }
}

/// `BID <auction> <bidder> <amount> [ID <uuid>]`, without an allocation beyond the buffer's own growth.
#[inline]
pub fn bid(out: &mut Vec<u8>, auction: AuctionId, bidder: AccountId, amount: Amount, id: Option<BidId>) {
    out.reserve(160);
    out.extend_from_slice(if id.is_some() {
        b"*6\r\n$3\r\nBID\r\n$21\r\n"
    } else {
        b"*4\r\n$3\r\nBID\r\n$21\r\n"
    });
    out.extend_from_slice(&auction.to_text());
    out.extend_from_slice(b"\r\n");
    match u64::try_from(bidder.to_bits()) {
        Ok(integer) => number(out, integer),
        Err(_) => uuid(out, bidder.to_bits()),
    }
    number(out, amount.get());
    if let Some(id) = id {
        out.extend_from_slice(b"$2\r\nID\r\n");
        uuid(out, id.to_bits());
    }
}

#[inline]
fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = itoa::Buffer::new();
    crate::reply::bulk(out, digits.format(value).as_bytes());
}

#[inline]
fn uuid(out: &mut Vec<u8>, bits: u128) {
    out.extend_from_slice(b"$36\r\n");
    out.extend_from_slice(&uuid_text(bits));
    out.extend_from_slice(b"\r\n");
}
