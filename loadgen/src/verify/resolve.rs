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
    book.sort();
    let mut found = Vec::new();
    for bids in without.chunk_by(|a, b| a.auction == b.auction) {
        found.append(&mut probe(link, book, bids, &clock, &mut fates)?);
    }
    book.acked.append(&mut found);
    Ok(fates)
}

/// Leaves all as they are, where nobody can be asked.
pub(super) fn leave(book: &Book) -> Fates {
    let mut fates = Fates::default();
    book.unknown.iter().for_each(|bid| *fates.unresolved.entry(bid.auction).or_default() += 1);
    fates
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

/// Looks for bids without ids, all of one auction. How many of them were accepted is the number of bids that the auction
/// has and the book has not, so the search ends when so many are found, or all seqs were asked for; the rest were never
/// accepted.
fn probe(
    link: &mut Link,
    book: &Book,
    bids: &[UnknownBid],
    clock: &Clock,
    fates: &mut Fates,
) -> Result<Vec<AckedBid>, VerifyError> {
    let Some(first) = bids.first() else { return Ok(Vec::new()) };
    let (auction, id) = (first.auction, book.id(first.auction));
    let known = &book.acked[book.acked_of(auction)];
    let mut search = Search::new(bids);
    let state = link.ask_text(|out| encode_get(out, id))?.ok().and_then(|json| AuctionState::parse(&json));
    let mut is_settled = state.is_some();
    let hidden = state.as_ref().map_or(0, |state| state.bid_count.saturating_sub(known.len() as u64));
    let seqs = state.map(|state| free_seqs(known, bids, state.seq)).unwrap_or_default();
    let wanted = hidden.min(bids.len() as u64) as usize;
    for seqs in seqs.chunks(SEQS_AT_ONCE) {
        let probes = (seqs.len() * search.left.len()) as u64;
        is_settled = is_settled && (search.found.len() == wanted || search.probes + probes <= PROBES_MAX);
        if !is_settled || search.found.len() == wanted {
            break;
        }
        search.look(link, book, seqs, clock)?;
    }
    let left = (bids.len() - search.found.len()) as u64;
    fates.accepted += search.found.len() as u64;
    if is_settled {
        fates.refused += left;
    } else {
        *fates.unresolved.entry(auction).or_default() += left;
    }
    Ok(search.found)
}

/// So many seqs are asked for before it is seen whether all are found.
const SEQS_AT_ONCE: usize = 64;

/// Bids that are looked for, by what they are. Bids that are alike stand for each other.
struct Search {
    left: BTreeMap<(AccountId, u64), Vec<UnknownBid>>,
    found: Vec<AckedBid>,
    probes: u64,
}

impl Search {
    fn new(bids: &[UnknownBid]) -> Self {
        let mut left: BTreeMap<_, Vec<UnknownBid>> = BTreeMap::new();
        bids.iter().for_each(|&bid| left.entry((bid.bidder, bid.amount)).or_default().push(bid));
        Self { left, found: Vec::new(), probes: 0 }
    }

    /// Asks for every bid that is left under each of these seqs.
    fn look(&mut self, link: &mut Link, book: &Book, seqs: &[Seq], clock: &Clock) -> Result<(), VerifyError> {
        let bids: Vec<UnknownBid> = self.left.values().filter_map(|alike| alike.last().copied()).collect();
        let question = |index: usize| (&bids[index / seqs.len()], seqs[index % seqs.len()]);
        link.ask_all(
            bids.len() * seqs.len(),
            |index, out| {
                let (bid, seq) = question(index);
                let id = book.id(bid.auction);
                put_bid(out, id, bid.bidder, bid.amount, BidId::assigned(id, seq));
            },
            |index, reply| {
                let (bid, _) = question(index);
                let Reply::Receipt(receipt) = reply else { return };
                let alike = self.left.get_mut(&(bid.bidder, bid.amount));
                if let Some(bid) = alike.and_then(Vec::pop) {
                    self.found.push(acked(&bid, &receipt, clock));
                }
            },
        )?;
        self.probes += (bids.len() * seqs.len()) as u64;
        self.left.retain(|_, alike| !alike.is_empty());
        Ok(())
    }
}

/// The seqs of an auction that no known bid has and that these bids can have: after those of all bids that were answered
/// before the first of these was sent.
fn free_seqs(known: &[AckedBid], bids: &[UnknownBid], last: u32) -> Vec<Seq> {
    let sent_us = bids.iter().map(|bid| bid.sent_us).min().unwrap_or(0);
    let seq = |bid: &AckedBid| bid.id.as_assigned().map_or(0, |(_, seq)| seq.0);
    let taken: BTreeSet<u32> = known.iter().map(seq).collect();
    // The first record of an auction is its opening.
    let before = known.iter().filter(|bid| bid.acked_us < sent_us).map(seq).max().unwrap_or(0).max(1);
    (before + 1..=last).filter(|seq| !taken.contains(seq)).map(Seq).collect()
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

#[cfg(test)]
mod tests;
