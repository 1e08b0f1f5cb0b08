//! Asks every acknowledged bid again: the very first answer must come.

use super::book::Book;
use super::findings::{Findings, Kind};
use super::{VerifyError, VerifyProgress};
use crate::ledger::AckedBid;
use crate::link::Link;
use crate::reply::Reply;
use gavel_core::{AccountId, Amount, AuctionId, BidId, Receipt};
use gavel_wire::encode;

/// Progress is told once for so many bids.
const TELL_EVERY: u64 = 50_000;

pub(super) fn ask(
    link: &mut Link,
    book: &Book,
    findings: &mut Findings,
    progress: &mut impl FnMut(&VerifyProgress),
) -> Result<(), VerifyError> {
    let of = book.acked.len() as u64;
    let mut done = 0;
    link.ask_all(
        book.acked.len(),
        |index, out| {
            let bid = &book.acked[index];
            put_bid(out, book.id(bid.auction), bid.bidder, bid.amount, bid.id);
        },
        |index, reply| {
            check(book, &book.acked[index], reply, findings);
            done += 1;
            if done % TELL_EVERY == 0 || done == of {
                progress(&VerifyProgress { step: "asking acknowledged bids again", done, of });
            }
        },
    )?;
    Ok(())
}

/// A bid with its id, as it was sent or as the engine named it.
pub(super) fn put_bid(out: &mut Vec<u8>, auction: AuctionId, bidder: AccountId, amount: u64, id: BidId) {
    encode::bid(out, auction, bidder, Amount::new(amount).unwrap_or(Amount::MAX), Some(id));
}

fn check(book: &Book, bid: &AckedBid, reply: Reply, findings: &mut Findings) {
    let auction = book.id(bid.auction);
    match reply {
        Reply::Receipt(receipt) if is_first_answer(bid, &receipt) => {}
        Reply::Receipt(receipt) => {
            findings.add(Kind::Changed, auction, || format!("bid {}: was {bid:?}, is {receipt:?}", bid.id));
        }
        other => findings.add(Kind::Missing, auction, || {
            let answer = other.into_text().unwrap_or_else(|words| words);
            format!(
                "bid {} at {} by {} of {} is answered `{answer}`",
                bid.id, bid.position, bid.bidder, bid.amount
            )
        }),
    }
}

fn is_first_answer(bid: &AckedBid, receipt: &Receipt) -> bool {
    // Exhaustive, so that a new field of the receipt is compared too.
    let Receipt { standing, price, min_next, ends_at, bid: id, position } = *receipt;
    (standing, position, id) == (bid.standing, bid.position, bid.id)
        && (price.get(), min_next.get(), ends_at.micros()) == (bid.price, bid.min_next, bid.ends_us)
}
