//! Subscriptions: confirmations and messages, in the shapes that Redis clients know from `SUBSCRIBE`.

use super::{Protocol, bulk, integer, length, null, push};
use gavel_core::AuctionId;

/// Bytes of `auction:` and an id, which has a fixed width.
const CHANNEL_BYTES: usize = 8 + 21;

fn channel(out: &mut Vec<u8>, auction: AuctionId) {
    length(out, b'$', CHANNEL_BYTES);
    out.extend_from_slice(b"auction:");
    out.extend_from_slice(&auction.to_text());
    out.extend_from_slice(b"\r\n");
}

fn count(out: &mut Vec<u8>, subscriptions: usize) {
    integer(out, i64::try_from(subscriptions).unwrap_or(i64::MAX));
}

/// Confirms one channel of a `SUBSCRIBE`; `subscriptions` is how many the connection has after it.
pub fn subscribed(out: &mut Vec<u8>, auction: AuctionId, subscriptions: usize, protocol: Protocol) {
    push(out, 3, protocol);
    bulk(out, b"subscribe");
    channel(out, auction);
    count(out, subscriptions);
}

/// Confirms one channel of an `UNSUBSCRIBE`; without a channel when there was none to end.
pub fn unsubscribed(out: &mut Vec<u8>, auction: Option<AuctionId>, subscriptions: usize, protocol: Protocol) {
    push(out, 3, protocol);
    bulk(out, b"unsubscribe");
    match auction {
        Some(auction) => channel(out, auction),
        None => null(out, protocol),
    }
    count(out, subscriptions);
}

/// One message of a subscription.
pub fn message(out: &mut Vec<u8>, auction: AuctionId, payload: &[u8], protocol: Protocol) {
    push(out, 3, protocol);
    bulk(out, b"message");
    channel(out, auction);
    bulk(out, payload);
}

/// What `PING` answers on a RESP2 connection that has subscriptions.
pub fn pong_subscribed(out: &mut Vec<u8>, payload: &[u8]) {
    super::array(out, 2);
    bulk(out, b"pong");
    bulk(out, payload);
}
