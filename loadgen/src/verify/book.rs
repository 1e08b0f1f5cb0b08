//! Several ledgers as one: auctions numbered through, bids by auction and in the order of the log.

use crate::ledger::{AckedBid, Ledger, ReadError, UnknownBid};
use crate::terms::KnownTerms;
use gavel_core::AuctionId;
use std::ops::Range;
use std::path::PathBuf;

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) auctions: Vec<BookedAuction>,
    /// Once sorted: by auction, then in the order of the log.
    pub(super) acked: Vec<AckedBid>,
    pub(super) unknown: Vec<UnknownBid>,
    /// How auctions ended, in the server's words.
    pub(super) outcomes: Vec<(u32, String)>,
    pub(super) incomplete_ledgers: u64,
    pub(super) torn_bytes: u64,
}

#[derive(Debug)]
pub(super) struct BookedAuction {
    pub(super) id: AuctionId,
    pub(super) terms: KnownTerms,
    /// False when its ledger was not closed.
    pub(super) is_complete: bool,
}

impl Book {
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, ReadError> {
        let mut book = Self::default();
        for path in paths {
            book.add(Ledger::read(path)?);
        }
        book.sort();
        Ok(book)
    }

    pub(super) fn add(&mut self, ledger: Ledger) {
        let Ledger { run: _, auctions, terms, acked, unknown, outcomes, complete, torn_bytes } = ledger;
        let first = self.auctions.len() as u32;
        let booked = |(opened, terms): (crate::ledger::OpenedAuction, KnownTerms)| BookedAuction {
            id: opened.auction,
            terms,
            is_complete: complete,
        };
        self.auctions.extend(auctions.into_iter().zip(terms).map(booked));
        self.acked.extend(acked.into_iter().map(|bid| AckedBid { auction: bid.auction + first, ..bid }));
        self.unknown
            .extend(unknown.into_iter().map(|bid| UnknownBid { auction: bid.auction + first, ..bid }));
        self.outcomes.extend(outcomes.into_iter().map(|(auction, text)| (auction + first, text)));
        self.incomplete_ledgers += u64::from(!complete);
        self.torn_bytes += torn_bytes;
    }

    pub(super) fn sort(&mut self) {
        self.acked.sort_unstable_by_key(|bid| (bid.auction, bid.position.lsn, bid.position.epoch));
        self.unknown.sort_by_key(|bid| bid.auction);
    }

    /// One auction's acknowledged bids; the book must be sorted.
    pub(super) fn acked_of(&self, auction: u32) -> Range<usize> {
        let start = self.acked.partition_point(|bid| bid.auction < auction);
        start..start + self.acked[start..].partition_point(|bid| bid.auction == auction)
    }

    pub(super) fn id(&self, auction: u32) -> AuctionId {
        self.auctions[auction as usize].id
    }
}
