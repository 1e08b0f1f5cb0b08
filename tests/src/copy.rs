//! The relational copy, held against the log: every row of every auction, none missing, none twice, none that is not in the log.
//!
//! What a row should say is computed by folding the log's records with the rules, as the engine does; nothing of the flusher's own way
//! of making rows is used.

use crate::fixtures::bid_id;
use crate::postgres::{Cluster, Row};
use crate::storm::Placed;
use crate::{Client, Reply, Server, records, wait};
use gavel_core::{Auction, AuctionId, Epoch, Event, EventKind, Lsn, Position, ShardId, State, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where each shard's cursor is, in some databases.
#[must_use]
pub fn cursors(cluster: &Cluster, databases: &[&str]) -> BTreeMap<ShardId, Lsn> {
    let ask = "SELECT shard, lsn FROM gavel.cursors WHERE released_at IS NULL";
    let rows = databases.iter().flat_map(|database| cluster.try_sql(database, ask).unwrap_or_default());
    let number =
        |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()).expect("a number");
    rows.map(|row| (ShardId(number(&row[0]) as u8), Lsn(number(&row[1])))).collect()
}

/// Where each shard's log ends.
#[must_use]
pub fn durable(server: &Server) -> BTreeMap<ShardId, Lsn> {
    let reply = server.connect().line("INFO shards");
    let lines = reply.text().lines().filter_map(|line| line.strip_prefix("shard")?.split_once(":durable="));
    let end = |(shard, rest): (&str, &str)| {
        let lsn = rest.split(',').next().and_then(|lsn| lsn.parse().ok()).expect("a number");
        (ShardId(shard.parse().expect("a shard")), Lsn(lsn))
    };
    lines.map(end).collect()
}

/// Waits until the databases have all that the server has.
pub fn wait_until_caught_up(cluster: &Cluster, databases: &[&str], server: &Server) {
    wait::until("the flusher to catch up", || {
        let durable = durable(server);
        (!durable.is_empty() && cursors(cluster, databases) == durable).then_some(())
    });
}

/// Holds the databases' rows against a stopped server's log.
///
/// # Panics
/// At the first difference.
pub fn assert_equal(cluster: &Cluster, databases: &[&str], data: &Path) {
    let log = records::by_auction(data);
    let rows = |ask: &str| -> Vec<Row> {
        let ask = format!("SET search_path = gavel; {ask}");
        databases.iter().flat_map(|database| cluster.sql(database, &ask)).collect()
    };
    let auctions = by_id(rows(AUCTIONS));
    let (mut bids, mut events) = (BTreeMap::new(), BTreeMap::new());
    for row in rows(BIDS) {
        bids.entry(row[0].clone()).or_insert_with(Vec::new).push(row);
    }
    for row in rows(EVENTS) {
        events.entry(row[0].clone()).or_insert_with(Vec::new).push(row);
    }
    let wanted: BTreeSet<_> = log.keys().map(AuctionId::to_string).collect();
    assert_eq!(auctions.keys().cloned().collect::<BTreeSet<_>>(), wanted, "the auctions that there are");
    for (auction, history) in &log {
        let id = Some(auction.to_string());
        let (state, expected) = (folded(history), expected_bids(history));
        assert_eq!(auctions[&auction.to_string()][1..], auction_row(&state, history), "auction {auction}");
        assert_eq!(bids.remove(&id).unwrap_or_default(), expected, "bids of {auction}");
        assert_eq!(events.remove(&id).unwrap_or_default(), expected_events(history), "events of {auction}");
    }
    assert!(bids.is_empty() && events.is_empty(), "rows of auctions that are not in the log");
    let orphans =
        rows("SELECT auction FROM maxima LEFT JOIN bids USING (auction, seq) WHERE bids.seq IS NULL");
    assert!(orphans.is_empty(), "maxima without bids");
}

/// Holds the databases' rows against what bidders were told: each acknowledged bid is a row, once.
///
/// # Panics
/// At the first bid that is missing, is there twice, or is somebody else's.
pub fn assert_acknowledged(cluster: &Cluster, databases: &[&str], placed: &[Placed]) {
    let ask = "SELECT bid_id, gavel.auction_text(auction), bidder, lsn FROM gavel.bids";
    let mut bids: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for mut row in databases.iter().flat_map(|database| cluster.sql(database, ask)) {
        let rest = row.split_off(1);
        bids.entry((row.remove(0), rest[0].clone())).or_default().push(rest);
    }
    assert!(!placed.is_empty(), "nothing was acknowledged");
    for Placed { auction, bidder, number, receipt, .. } in placed {
        let (id, auction) = (bid_id(*number).to_string(), auction.to_string());
        let lsn = receipt.position.lsn.0.to_string();
        let expected = vec![vec![Some(auction.clone()), Some(bidder.to_string()), Some(lsn)]];
        assert_eq!(bids.get(&(Some(id.clone()), Some(auction))), Some(&expected), "bid {id}");
    }
}

const AUCTIONS: &str = "
SELECT auction_text(auction), seq, state, price, leader, bid_count, bidder_count, (extract(epoch FROM ends_at) * 1000000)::bigint,
    (extract(epoch FROM deadline) * 1000000)::bigint, (final_at IS NOT NULL)::text, outcome,
    winning_bid ->> 'bid_id', winning_bid ->> 'bidder', seller, array_to_string(tried, ' ')
FROM auctions";

const BIDS: &str = "
SELECT auction_text(auction), seq, bid_id, bidder, bids.price, status, withdrawn_seq, amount, (extract(epoch FROM at) * 1000000)::bigint
FROM bids LEFT JOIN maxima USING (auction, seq) ORDER BY auction, seq";

const EVENTS: &str = "SELECT auction_text(auction), seq, type, origin FROM events ORDER BY auction, seq";

fn by_id(rows: Vec<Row>) -> BTreeMap<String, Row> {
    let count = rows.len();
    let by_id: BTreeMap<_, _> = rows.into_iter().map(|row| (row[0].clone().expect("an id"), row)).collect();
    assert_eq!(by_id.len(), count, "an auction has one row");
    by_id
}

/// The auction that its events make. Their positions play no part in what is compared.
fn folded(history: &[Event]) -> Auction {
    let position = |event: &Event| Position {
        shard: event.auction.shard(),
        epoch: Epoch(1),
        lsn: Lsn(u64::from(event.seq.0)),
    };
    let mut auction = Auction::from_opened(&history[0], position(&history[0])).expect("an opening first");
    for event in &history[1..] {
        assert!(auction.is_next(event), "the log has all events of {}", event.auction);
        auction.apply(event, position(event));
    }
    auction
}

fn text(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

fn time(at: Timestamp) -> Option<String> {
    text(at.micros())
}

fn auction_row(auction: &Auction, history: &[Event]) -> Row {
    let view = auction.view();
    let is_due = matches!(view.state, State::Awarded | State::Offered);
    let won = matches!(view.state, State::Awarded | State::Offered | State::Closed)
        .then(|| winning(&view.leader, history));
    vec![
        text(view.seq.0),
        text(view.state),
        view.price.and_then(text),
        view.leader.and_then(text),
        text(view.bid_count),
        text(view.bidder_count),
        time(view.ends_at),
        auction.next_due().filter(|_| is_due).and_then(time),
        text(view.state.is_final()),
        outcome(view.state, history),
        won.flatten().and_then(|(bid, _)| text(bid)),
        won.flatten().and_then(|(_, bidder)| text(bidder)),
        text(auction.terms().seller),
        text(tried(history).join(" ")),
    ]
}

/// The purchase; else, of the leader's bids that stand, the highest, and of equal ones the first.
fn winning(
    leader: &Option<gavel_core::AccountId>,
    history: &[Event],
) -> Option<(gavel_core::BidId, gavel_core::AccountId)> {
    let leader = (*leader)?;
    let gone = withdrawn(history);
    let mut best = None;
    for event in history {
        match &event.kind {
            EventKind::BoughtNow { id, buyer, .. } if *buyer == leader => return Some((*id, leader)),
            EventKind::BidAccepted(bid)
                if bid.bidder == leader
                    && !gone.contains_key(&event.seq.0)
                    && best.is_none_or(|(amount, _)| bid.amount > amount) =>
            {
                best = Some((bid.amount, bid.id));
            }
            _ => {}
        }
    }
    best.map(|(_, id)| (id, leader))
}

fn outcome(state: State, history: &[Event]) -> Option<String> {
    use gavel_core::event::{Outcome, UnsoldReason};
    match state {
        State::Scheduled | State::Open => None,
        State::Awarded | State::Closed => text("awarded"),
        State::Offered => text("offered"),
        State::Cancelled => text("cancelled"),
        State::Unsold => {
            let reason = history.iter().rev().find_map(|event| match event.kind {
                EventKind::Ended { outcome: Outcome::Unsold(reason), .. } => Some(reason),
                EventKind::Unpaid { .. } | EventKind::OfferEnded { .. } => Some(UnsoldReason::Unpaid),
                _ => None,
            });
            text(match reason.expect("unsold for a reason") {
                UnsoldReason::NoBids => "no_bids",
                UnsoldReason::ReserveNotMet => "reserve_not_met",
                UnsoldReason::Unpaid => "unpaid",
            })
        }
    }
}

/// Who had the award or the offer and lost it, in that order.
fn tried(history: &[Event]) -> Vec<String> {
    use gavel_core::event::{AfterUnpaid, Outcome};
    let (mut tried, mut has) = (Vec::new(), None);
    for event in history {
        match &event.kind {
            EventKind::Ended { outcome: Outcome::Awarded { winner, .. }, .. } => has = Some(*winner),
            EventKind::BoughtNow { buyer, .. } => has = Some(*buyer),
            EventKind::Unpaid { next, .. } | EventKind::OfferEnded { next, .. } => {
                tried.extend(has.map(|account| account.to_string()));
                has = match next {
                    AfterUnpaid::Offered { to, .. } => Some(*to),
                    AfterUnpaid::Unsold => None,
                };
            }
            _ => {}
        }
    }
    tried
}

/// The bids that were taken out, each with the event that did so.
fn withdrawn(history: &[Event]) -> BTreeMap<u32, u32> {
    let mut gone = BTreeMap::new();
    for event in history {
        let (bidder, only) = match &event.kind {
            EventKind::BidRetracted(retracted) => (retracted.bidder, Some(retracted.id)),
            EventKind::BidsRemoved(removed) => (removed.bidder, None),
            EventKind::BidderBanned { bidder, removed: Some(_) } => (*bidder, None),
            _ => continue,
        };
        for earlier in history.iter().take_while(|earlier| earlier.seq < event.seq) {
            if let EventKind::BidAccepted(bid) = &earlier.kind
                && bid.bidder == bidder
                && only.is_none_or(|only| only == bid.id)
            {
                gone.entry(earlier.seq.0).or_insert(event.seq.0);
            }
        }
    }
    gone
}

fn expected_bids(history: &[Event]) -> Vec<Row> {
    let gone = withdrawn(history);
    let row = |event: &Event| {
        let (id, bidder, price, status, amount) = match &event.kind {
            EventKind::BidAccepted(bid) => {
                let status = if bid.leading { "leading" } else { "outbid" };
                (bid.id, bid.bidder, bid.price, status, bid.amount)
            }
            EventKind::BoughtNow { id, buyer, price, .. } => (*id, *buyer, *price, "sold", *price),
            _ => return None,
        };
        Some(vec![
            text(event.auction),
            text(event.seq.0),
            text(id),
            text(bidder),
            text(price),
            text(status),
            gone.get(&event.seq.0).and_then(text),
            text(amount),
            time(event.at),
        ])
    };
    history.iter().filter_map(row).collect()
}

fn expected_events(history: &[Event]) -> Vec<Row> {
    let is_bid =
        |event: &&Event| matches!(event.kind, EventKind::BidAccepted(_) | EventKind::BoughtNow { .. });
    let others = history.iter().filter(|event| !is_bid(event));
    let origin = |event: &Event| match event.origin {
        gavel_core::event::Origin::Client => "client",
        gavel_core::event::Origin::Engine => "engine",
    };
    let name = gavel_wire::event_json::type_name;
    others
        .map(|event| {
            vec![text(event.auction), text(event.seq.0), text(name(&event.kind)), text(origin(event))]
        })
        .collect()
}

/// One fact of the flusher in a server, from `INFO postgres`: `shard` and the fact's name.
#[must_use]
pub fn fact(client: &mut Client, line: &str, name: &str) -> Option<String> {
    let reply = client.line("INFO postgres");
    let Reply::Bulk(_) = &reply else { return None };
    let facts = reply
        .text()
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':').map(str::to_owned))?;
    facts.split(',').find_map(|fact| fact.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}
