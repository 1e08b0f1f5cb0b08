//! Auctions in Redis: made before a load, looked at after it.

use super::{Connection, Server, integer};
use crate::compare::check::{self, StoredAuction, StoredBid};
use crate::compare::work::{OPENING_PRICE, STEP, seller};
use crate::error::BenchError;
use gavel_wire::value::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// An hour, for which auctions are open, in seconds.
const OPEN_FOR_S: u64 = 3_600;
/// Stored bids that are asked for at once.
const PAGE: usize = 1_000;

/// Makes the auctions of this work.
///
/// # Errors
/// What Redis says.
pub async fn prepare(server: &Server, auctions: u32) -> Result<(), BenchError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let open = |auction| {
        let [ends, seller, opening, step] =
            [now + OPEN_FOR_S, seller(auction), OPENING_PRICE, STEP].map(|field| field.to_string());
        let key = key('a', auction);
        let words = ["HSET", &key, "ends", &ends, "seller", &seller, "opening", &opening, "step", &step];
        words.map(str::to_owned).to_vec()
    };
    Connection::open(&server.socket()).await?.call_all((0..auctions).map(open)).await?;
    Ok(())
}

/// `a:7`, an auction; `b:7`, its bids.
pub(super) fn key(kind: char, auction: u32) -> String {
    format!("{kind}:{auction}")
}

/// Holds what is stored for so many auctions against how many bids were acknowledged.
///
/// # Errors
/// What is not as it should be, or what Redis says.
pub async fn verify(server: &Server, auctions: u32, acknowledged: u64) -> Result<(), BenchError> {
    let mut connection = Connection::open(&server.socket()).await?;
    let length = |auction| vec!["LLEN".to_owned(), key('b', auction)];
    let lengths = connection.call_all((0..auctions).map(length)).await?;
    let lengths =
        lengths.iter().map(integer).collect::<Option<Vec<_>>>().ok_or(BenchError::Missing("length"))?;
    check::counts(lengths.into_iter().map(i64::cast_unsigned).sum(), acknowledged)?;
    for auction in check::sample(auctions) {
        check::auction(&stored_auction(&mut connection, auction).await?)?;
    }
    Ok(())
}

async fn stored_auction(connection: &mut Connection, auction: u32) -> Result<StoredAuction, BenchError> {
    let mut bids = Vec::new();
    loop {
        let (from, to) = (bids.len().to_string(), (bids.len() + PAGE - 1).to_string());
        let page = connection.call(&["LRANGE", &key('b', auction), &from, &to].map(str::as_bytes)).await?;
        let Value::Array(page) = page else { return Err(BenchError::Missing("page of bids")) };
        if page.is_empty() {
            break;
        }
        bids.extend(
            page.iter().map(stored_bid).collect::<Option<Vec<_>>>().ok_or(BenchError::Missing("bid"))?,
        );
    }
    let state = connection.call(&["HMGET", &key('a', auction), "leader", "price"].map(str::as_bytes)).await?;
    let Value::Array(state) = state else { return Err(BenchError::Missing("state")) };
    let number = |place: usize| state.get(place).and_then(Value::as_str).and_then(|text| text.parse().ok());
    Ok(StoredAuction { bids, leader: number(0), price: number(1) })
}

/// As `bid.lua` writes it: bidder, amount, price, whether it leads.
fn stored_bid(value: &Value) -> Option<StoredBid> {
    let numbers: Vec<u64> = value.as_str()?.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [bidder, amount, price, leads] = numbers[..] else { return None };
    Some(StoredBid { bidder, amount, price, leading: leads == 1 })
}
