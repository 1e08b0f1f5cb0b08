//! Gavel, driven over TCP by the load generator's library; and what its log holds afterwards.

use super::check::{self, SAMPLE, StoredAuction, StoredBid};
use super::work::{Load, Work};
use super::{Plan, Sample};
use crate::error::BenchError;
use crate::server::Server;
use gavel_core::{AccountId, AuctionId, Event, EventKind};
use gavel_loadgen::Options;
use gavel_log::LogReader;
use gavel_log::offline::Offline;
use gavel_log::record::{Record, decode};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Bids for the time of the plan, then checks what the log holds.
pub(super) fn load(plan: &Plan, work: Work, load: Load) -> Result<Sample, BenchError> {
    let server = Server::start(&plan.server, &plan.dir)?;
    let report = gavel_loadgen::run(
        Options {
            auctions: work.auctions(),
            bidders: super::work::BIDDERS,
            connections: load.connections,
            pipeline: load.in_flight,
            duration: plan.time,
            distribution: work.distribution(),
            stop: Arc::clone(&plan.stop),
            ..Options::new(server.address())
        },
        |_| {},
    )?;
    if report.server_gone || report.unknown > 0 {
        return Err(BenchError::Check("Gavel has left bids unanswered".to_owned()));
    }
    verify(&server, report.accepted)?;
    Ok(Sample {
        accepted: report.accepted,
        refused: report.answered - report.accepted,
        rate: report.accepted_rate,
        p50_us: Some(report.latency_us.p50),
        p99_us: Some(report.latency_us.p99),
    })
}

/// Demands that the log holds as many bids as were acknowledged, and that the first auctions are what their bids make of them, in the log as in
/// what the server tells of them.
pub(super) fn verify(server: &Server, acknowledged: u64) -> Result<(), BenchError> {
    let (stored, auctions) = read(&server.data())?;
    check::counts(stored, acknowledged)?;
    for (id, bids) in auctions {
        let (leader, price) = ask(server, id)?;
        check::auction(&StoredAuction { bids, leader, price })?;
    }
    Ok(())
}

/// How many bids the log holds, and those of each shard's first auctions in order. Reads the files; the server may run.
fn read(data: &Path) -> Result<(u64, BTreeMap<AuctionId, Vec<StoredBid>>), BenchError> {
    let unreadable = |error: &dyn std::fmt::Display| BenchError::Check(format!("the log: {error}"));
    let log = Offline::open(data).map_err(|error| unreadable(&error))?;
    let (mut stored, mut auctions) = (0, BTreeMap::<AuctionId, Vec<StoredBid>>::new());
    for shard in log.shards() {
        for frame in log.read_from(shard, log.oldest(shard)) {
            for (_, record) in frame.map_err(|error| unreadable(&error))?.records() {
                let Record::Auction(event) = decode(record).map_err(|error| unreadable(&error))? else {
                    continue;
                };
                let Some(bid) = stored_bid(&event) else { continue };
                stored += 1;
                if event.auction.sequence() <= u64::from(SAMPLE) {
                    auctions.entry(event.auction).or_default().push(bid);
                }
            }
        }
    }
    Ok((stored, auctions))
}

fn stored_bid(event: &Event) -> Option<StoredBid> {
    let EventKind::BidAccepted(bid) = &event.kind else { return None };
    Some(StoredBid {
        bidder: number(bid.bidder),
        amount: bid.amount.get(),
        price: bid.price.get(),
        leading: bid.leading,
    })
}

/// The integer that an account of these loads is.
fn number(account: AccountId) -> u64 {
    u64::try_from(account.to_bits()).unwrap_or(u64::MAX)
}

/// Leader and price, as the server tells them.
fn ask(server: &Server, auction: AuctionId) -> Result<(Option<u64>, Option<u64>), BenchError> {
    let id = auction.to_string();
    let words: [&[u8]; 3] = [b"AUCTION", b"GET", id.as_bytes()];
    let answer = server.ask(async |client| Ok(client.call(&words).await?))?;
    let view: serde_json::Value = answer
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or(BenchError::Missing("state"))?;
    Ok((view["leader"].as_str().and_then(|leader| leader.parse().ok()), view["price"].as_u64()))
}
