//! An exported auction as plain lists, to be imported again, or bent first.

use gavel_core::auction::export::{BidFacts, Export, Facts, Sink};
use gavel_core::auction::import::{Import, ImportError};
use gavel_core::terms::ValidDraft;
use gavel_core::*;

/// What an export has handed out so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub facts: Option<(Facts, ValidDraft)>,
    pub banned: Vec<AccountId>,
    pub bidders: Vec<AccountId>,
    pub bids: Vec<BidFacts>,
    pub chosen: Vec<BidId>,
    pub tried: Vec<u32>,
    pub epochs: Vec<(Epoch, Seq)>,
    pub ends: Vec<(Seq, Timestamp)>,
}

impl Image {
    /// The whole auction, at once.
    pub(crate) fn of(auction: &Auction) -> Self {
        let mut image = Self::default();
        let mut export: Export = auction.export(&mut image);
        auction.export_more(&mut export, u32::MAX, &mut image).unwrap();
        assert!(export.is_complete());
        image
    }

    /// The auction again, in runs of three items.
    pub(crate) fn import(&self) -> Result<Auction, ImportError> {
        let (facts, terms) = self.facts.clone().unwrap();
        let mut import = Import::begin(&facts, terms)?;
        import.banned(self.banned.iter().copied())?;
        self.bidders.chunks(3).try_for_each(|run| import.bidders(run.iter().copied()))?;
        self.bids.chunks(3).try_for_each(|run| import.bids(run.iter().copied()))?;
        self.chosen.chunks(3).try_for_each(|run| import.chosen(run.iter().copied()))?;
        self.tried.chunks(3).try_for_each(|run| import.tried(run.iter().copied()))?;
        self.epochs.chunks(3).try_for_each(|run| import.epochs(run.iter().copied()))?;
        self.ends.chunks(3).try_for_each(|run| import.ends(run.iter().copied()))?;
        import.finish()
    }
}

fn take<T>(list: &mut Vec<T>, count: u32, items: impl Iterator<Item = T>) {
    let before = list.len();
    list.extend(items);
    assert_eq!(list.len() - before, count as usize, "as many as was said");
    assert!(count > 0, "empty runs are left out");
}

impl Sink for Image {
    fn facts(&mut self, facts: &Facts, terms: &Terms) {
        self.facts = Some((*facts, (**terms).clone()));
    }

    fn banned(&mut self, count: u32, accounts: impl Iterator<Item = AccountId>) {
        take(&mut self.banned, count, accounts);
    }

    fn bidders(&mut self, count: u32, accounts: impl Iterator<Item = AccountId>) {
        take(&mut self.bidders, count, accounts);
    }

    fn bids(&mut self, count: u32, bids: impl Iterator<Item = BidFacts>) {
        take(&mut self.bids, count, bids);
    }

    fn chosen(&mut self, count: u32, ids: impl Iterator<Item = BidId>) {
        take(&mut self.chosen, count, ids);
    }

    fn tried(&mut self, count: u32, bidders: impl Iterator<Item = u32>) {
        take(&mut self.tried, count, bidders);
    }

    fn epochs(&mut self, count: u32, epochs: impl Iterator<Item = (Epoch, Seq)>) {
        take(&mut self.epochs, count, epochs);
    }

    fn ends(&mut self, count: u32, ends: impl Iterator<Item = (Seq, Timestamp)>) {
        take(&mut self.ends, count, ends);
    }
}
