//! What a lane speaks: RESP, or HTTP with one bid in each request on connections that are kept alive.
//!
//! Both have pipelines: replies come in the order of the bids. What differs is how a bid is written and how its answer is read; nothing
//! else of a run knows of it.

mod http;

use super::bid::Bid;
use crate::options::Options;
use crate::reply::least_amount;
use gavel_core::{Amount, AuctionId, Receipt};
use gavel_wire::{BidReply, Code, encode, read_bid_reply};
use std::io;
use std::net::SocketAddr;

/// How bids travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Resp,
    Http,
}

/// What a bid was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(Receipt),
    Refused {
        code: Code,
        /// The amount that would have done, where the answer said it.
        least: Option<u64>,
    },
}

impl Face {
    pub(super) fn of(options: &Options) -> Self {
        if options.http.is_some() { Self::Http } else { Self::Resp }
    }

    /// Where bids go.
    pub(super) fn address(options: &Options) -> SocketAddr {
        options.http.unwrap_or(options.server)
    }

    /// Writes a bid.
    pub(super) fn encode(self, out: &mut Vec<u8>, auction: AuctionId, bid: &Bid) {
        let amount = Amount::new(bid.amount).unwrap_or(Amount::MAX);
        match self {
            Self::Resp => encode::bid(out, auction, bid.account(), amount, bid.id),
            Self::Http => http::encode(out, auction, bid),
        }
    }

    /// Reads the answer at the front of what has come, and how many bytes it has; `None` when it is not all there.
    pub(super) fn decode(self, input: &[u8]) -> io::Result<Option<(Answer, usize)>> {
        match self {
            Self::Resp => Ok(read_bid_reply(input)
                .map_err(io::Error::other)?
                .map(|(reply, length)| (resp(reply), length))),
            Self::Http => http::decode(input),
        }
    }
}

fn resp(reply: BidReply<'_>) -> Answer {
    match reply {
        BidReply::Accepted(receipt) => Answer::Accepted(receipt),
        BidReply::Refused { code, words } => {
            Answer::Refused { code, least: if code == Code::TooLow { least_amount(words) } else { None } }
        }
    }
}
