//! What became of bids whose fate the generator never learned. A bid that turns out accepted joins the acknowledged ones.

use super::again::put_bid;
use super::book::Book;
use super::state::AuctionState;
use super::{PROBES_MAX, VerifyError};
use crate::ledger::{AckedBid, UnknownBid};
use crate::link::Link;
use crate::reply::{Reply, encode_get};
use crate::units::Clock;
use gavel_core::{AccountId, BidId, Receipt, Seq};
use std::collections::{BTreeMap, BTreeSet};

/// How unknown bids were resolved.
#[derive(Debug, Default)]
pub(super) struct Fates {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// How many are left, by auction.
    pub(super) unresolved: BTreeMap<u32, u64>,
}

pub(super) fn resolve(link: &mut Link, book: &mut Book) -> Result<Fates, VerifyError> {
    let mut fates = Fates::default();
    let clock = Clock::start();
    let (with_ids, without): (Vec<UnknownBid>, Vec<UnknownBid>) =
        book.unknown.iter().partition(|bid| bid.id.is_some());
    send_again(link, book, &with_ids, &clock, &mut fates)?;
    for bids in without.chunk_by(|a, b| a.auction == b.auction) {
        probe(link, book, bids, &clock, &mut fates)?;
    }
    Ok(fates)
}

/// Sends bids with ids once more.
fn send_again(
    link: &mut Link,
    book: &mut Book,
    bids: &[UnknownBid],
    clock: &Clock,
    fates: &mut Fates,
) -> Result<(), VerifyError> {
    let mut found = Vec::new();
    link.ask_all(
        bids.len(),
        |index, out| {
            let UnknownBid { auction, bidder, amount, id, .. } = bids[index];
            put_bid(out, book.id(auction), bidder, amount, id.unwrap_or(BidId::from_bits(0)));
        },
        |index, reply| match reply {
            Reply::Receipt(receipt) => found.push(acked(&bids[index], &receipt, clock)),
            _ => fates.refused += 1,
        },
    )?;
    fates.accepted += found.len() as u64;
    book.acked.append(&mut found);
    Ok(())
}

/// Looks for bids without ids, all of one auction, behind every seq that no known bid has.
fn probe(
    link: &mut Link,
    book: &mut Book,
    bids: &[UnknownBid],
    clock: &Clock,
    fates: &mut Fates,
) -> Result<(), VerifyError> {
    let Some(auction) = bids.first().map(|bid| bid.auction) else { return Ok(()) };
    let id = book.id(auction);
    let mut contents: BTreeMap<(AccountId, u64), Vec<UnknownBid>> = BTreeMap::new();
    bids.iter().for_each(|&bid| contents.entry((bid.bidder, bid.amount)).or_default().push(bid));
    let state = link.ask_text(|out| encode_get(out, id))?.ok().and_then(|json| AuctionState::parse(&json));
    let seqs = state.map(|state| free_seqs(book, auction, state.seq));
    let Some(seqs) = seqs.filter(|seqs| seqs.len() as u64 * contents.len() as u64 <= PROBES_MAX) else {
        *fates.unresolved.entry(auction).or_default() += bids.len() as u64;
        return Ok(());
    };
    let keys: Vec<(AccountId, u64)> = contents.keys().copied().collect();
    let question = |index: usize| (keys[index / seqs.len()], BidId::assigned(id, seqs[index % seqs.len()]));
    let mut found = Vec::new();
    link.ask_all(
        keys.len() * seqs.len(),
        |index, out| {
            let ((bidder, amount), bid) = question(index);
            put_bid(out, id, bidder, amount, bid);
        },
        |index, reply| {
            if let Reply::Receipt(receipt) = reply {
                found.extend(
                    contents
                        .get_mut(&question(index).0)
                        .and_then(Vec::pop)
                        .map(|bid| acked(&bid, &receipt, clock)),
                );
            }
        },
    )?;
    fates.accepted += found.len() as u64;
    fates.refused += contents.values().map(|left| left.len() as u64).sum::<u64>();
    book.acked.append(&mut found);
    Ok(())
}

/// The seqs of an auction that no known bid has. The first is its opening.
fn free_seqs(book: &Book, auction: u32, last: u32) -> Vec<Seq> {
    let of_auction = book.acked.iter().filter(|bid| bid.auction == auction);
    let known: BTreeSet<u32> =
        of_auction.filter_map(|bid| bid.id.as_assigned()).map(|(_, seq)| seq.0).collect();
    (2..=last).filter(|seq| !known.contains(seq)).map(Seq).collect()
}

fn acked(bid: &UnknownBid, receipt: &Receipt, clock: &Clock) -> AckedBid {
    AckedBid {
        auction: bid.auction,
        bidder: bid.bidder,
        amount: bid.amount,
        id: receipt.bid,
        chosen: bid.id.is_some(),
        standing: receipt.standing,
        position: receipt.position,
        price: receipt.price.get(),
        min_next: receipt.min_next.get(),
        ends_us: receipt.ends_at.micros(),
        sent_us: bid.sent_us,
        acked_us: clock.now_us(),
    }
}
