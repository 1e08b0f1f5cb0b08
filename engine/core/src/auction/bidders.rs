//! Who has bid here. A bidder is a number, given in the order of the first bids, so that a bid takes four bytes for it.

use crate::AccountId;
use crate::store::{Packed, Segmented, SplitTable};

/// Up to so many bidders are found by looking through them all.
const SCAN_MAX: usize = 16;

/// Everybody who has bid, and how many of their bids stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Bidders {
    list: Segmented<Bidder>,
    index: Option<Box<SplitTable<u32>>>,
    standing: u32,
}

/// Twenty bytes.
#[derive(Clone, Copy, Debug)]
struct Bidder {
    account: Packed,
    standing: u32,
}

const _: () = assert!(size_of::<Bidder>() == 20);

impl Bidder {
    fn account(&self) -> AccountId {
        AccountId::from_bits(self.account.bits())
    }
}

impl Bidders {
    /// Without bidders, but with room for so many, as far as that is reasonable.
    pub(super) fn with_room(bidders: u32) -> Self {
        Self { list: Segmented::with_room(bidders as usize), ..Self::default() }
    }

    /// The accounts from this number on, in the order of their numbers.
    pub(super) fn accounts_from(&self, from: usize) -> impl Iterator<Item = AccountId> {
        self.list.iter_from(from).map(Bidder::account)
    }

    /// Gives an account the next number, with no bid that stands. False when it has one.
    pub(super) fn restore(&mut self, account: AccountId) -> bool {
        let is_new = self.find(account).is_none();
        if is_new {
            self.add(account);
        }
        is_new
    }

    /// Counts one more bid that stands.
    pub(super) fn count_standing(&mut self, number: u32) {
        if let Some(bidder) = self.list.get_mut(number as usize) {
            self.standing += u32::from(bidder.standing == 0);
            bidder.standing += 1;
        }
    }

    /// Everybody who has ever bid; numbers are below it.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bidders with at least one bid that stands.
    pub(super) fn standing(&self) -> u32 {
        self.standing
    }

    /// The account of a bidder; `None` for a number that was not given.
    pub(super) fn account(&self, bidder: u32) -> Option<AccountId> {
        self.list.get(bidder as usize).map(Bidder::account)
    }

    /// The bidder's number; `None` when they have not bid here.
    pub(super) fn find(&self, account: AccountId) -> Option<u32> {
        let packed = Packed::new(account.to_bits());
        match &self.index {
            None => self.list.iter().position(|bidder| bidder.account == packed).map(|at| at as u32),
            Some(index) => {
                let is =
                    |&number: &u32| self.list.get(number as usize).is_some_and(|it| it.account == packed);
                index.find(account.to_bits(), is).copied()
            }
        }
    }

    /// How many of the bidder's bids stand.
    pub(super) fn standing_of(&self, bidder: u32) -> u32 {
        self.list.get(bidder as usize).map_or(0, |bidder| bidder.standing)
    }

    /// The bidder's number, given now if need be. Counts one more bid that stands.
    pub(super) fn count_bid(&mut self, account: AccountId) -> u32 {
        let number = self.find(account).unwrap_or_else(|| self.add(account));
        self.count_standing(number);
        number
    }

    /// Counts so many bids less.
    pub(super) fn uncount(&mut self, bidder: u32, bids: u32) {
        if let Some(bidder) = self.list.get_mut(bidder as usize) {
            self.standing -= u32::from(bidder.standing > 0 && bidder.standing <= bids);
            bidder.standing = bidder.standing.saturating_sub(bids);
        }
    }

    fn add(&mut self, account: AccountId) -> u32 {
        let number = self.list.len() as u32;
        self.list.push(Bidder { account: Packed::new(account.to_bits()), standing: 0 });
        if self.index.is_none() && self.list.len() > SCAN_MAX {
            self.index = Some(Box::default());
            (0..=number).for_each(|number| self.enter(number));
        } else {
            self.enter(number);
        }
        number
    }

    /// Enters a bidder into the index, where there is one.
    fn enter(&mut self, number: u32) {
        let (Some(index), Some(bidder)) = (&mut self.index, self.list.get(number as usize)) else { return };
        index.insert_new(bidder.account.bits(), number);
    }
}
