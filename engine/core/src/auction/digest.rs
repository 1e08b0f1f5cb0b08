//! One number for the whole state: equal exactly when two auctions would answer everything alike from here on.

use super::history::Rare;
use super::{Auction, Lead};
use crate::digest::Canon;

impl Auction {
    /// 256-bit digest over the whole state, for comparing engines; [`Digest`](crate::Digest) adds them up. It depends on
    /// what the state is, not on how it lies in memory. Reads every bid.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let Self {
            id,
            terms,
            bids: _,
            bidders,
            lead,
            reserve,
            ends_at,
            deadline,
            at,
            lsn,
            epoch,
            seq,
            rare,
            state,
        } = self;
        let mut canon = Canon::new("gavel auction 1");
        canon.number(id.to_bits());
        canon.terms(terms);
        canon.raw(&[*state as u8]);
        canon.raw(&seq.0.to_le_bytes());
        canon.raw(&epoch.0.to_le_bytes());
        [at.micros(), ends_at.micros(), deadline.micros(), lsn.0]
            .iter()
            .for_each(|&number| canon.number(number));
        canon.optional(*reserve);
        canon.option(*lead, |canon, Lead { max, price, bidder }| {
            canon.optional(bidders.account(bidder));
            canon.number(max);
            canon.number(price);
        });
        self.digest_bids(&mut canon);
        self.digest_rare(rare.as_deref().unwrap_or(&Rare::default()), &mut canon);
        canon.finish()
    }

    fn digest_bids(&self, canon: &mut Canon) {
        canon.number(self.bids.len() as u64);
        for (id, bid) in self.bids.with_ids(self.id) {
            let account = self.bidders.account(bid.bidder).map_or(0, crate::AccountId::to_bits);
            let mut bytes = [0; 60];
            bytes[..16].copy_from_slice(&id.to_bits().to_le_bytes());
            bytes[16..32].copy_from_slice(&account.to_le_bytes());
            bytes[32..40].copy_from_slice(&bid.amount_and_flags().to_le_bytes());
            bytes[40..48].copy_from_slice(&bid.price.get().to_le_bytes());
            bytes[48..56].copy_from_slice(&bid.lsn.0.to_le_bytes());
            bytes[56..].copy_from_slice(&bid.seq.0.to_le_bytes());
            canon.raw(&bytes);
        }
    }

    /// An auction that has no `Rare` and one whose `Rare` is empty are the same.
    fn digest_rare(&self, rare: &Rare, canon: &mut Canon) {
        let Rare { banned, tried, edits, epochs, ends } = rare;
        canon.number(*edits);
        canon.number(banned.len() as u64);
        banned.iter().for_each(|&account| canon.number(account));
        canon.number(tried.len() as u64);
        tried.iter().for_each(|&bidder| canon.optional(self.bidders.account(bidder)));
        canon.number(epochs.len() as u64);
        for (epoch, before) in epochs {
            canon.number(epoch.0);
            canon.number(before.0);
        }
        canon.number(ends.len() as u64);
        for (seq, ends_at) in ends.iter().map(|mark| mark.parts()) {
            canon.number(seq.0);
            canon.number(ends_at);
        }
    }
}
