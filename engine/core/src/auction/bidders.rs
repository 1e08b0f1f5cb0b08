//! Who has bid here. A bidder is a number, given in the order of the first bids, so that a bid takes four bytes for it.
//!
//! How many of a bidder's bids stand is not kept: it is asked for only where bids are withdrawn, which looks at every bid anyway. What
//! is kept is who has none left, which mostly is nobody.

use crate::AccountId;
use crate::store::{Packed, Segmented, SplitTable};

/// Up to so many bidders are found by looking through them all.
const SCAN_MAX: usize = 16;

/// Everybody who has bid: sixteen bytes each.
#[derive(Clone, Debug, Default)]
pub(super) struct Bidders {
    list: Segmented<Packed>,
    more: Option<Box<More>>,
}

/// What most auctions don't need. There is an index if, and only if, the bidders are more than `SCAN_MAX`.
#[derive(Clone, Debug, Default)]
struct More {
    index: Option<SplitTable<u32>>,
    /// The numbers of those whose bids were all withdrawn, ascending.
    out: Vec<u32>,
}

fn account_of(packed: &Packed) -> AccountId {
    AccountId::from_bits(packed.bits())
}

impl Bidders {
    /// Without bidders, but with room for so many, as far as that is reasonable.
    pub(super) fn with_room(bidders: u32) -> Self {
        Self { list: Segmented::with_room(bidders as usize), more: None }
    }

    /// The accounts from this number on, in the order of their numbers.
    pub(super) fn accounts_from(&self, from: usize) -> impl Iterator<Item = AccountId> {
        self.list.iter_from(from).map(account_of)
    }

    /// Gives an account the next number. False when it has one.
    pub(super) fn restore(&mut self, account: AccountId) -> bool {
        let is_new = self.find(account).is_none();
        if is_new {
            self.add(account);
        }
        is_new
    }

    /// Everybody who has ever bid; numbers are below it.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bidders with at least one bid that stands.
    pub(super) fn standing(&self) -> u32 {
        (self.list.len() - self.out().len()) as u32
    }

    /// Whether a bid of this bidder stands. False for a number that was not given.
    pub(super) fn stands(&self, bidder: u32) -> bool {
        (bidder as usize) < self.list.len() && self.out().binary_search(&bidder).is_err()
    }

    fn out(&self) -> &[u32] {
        self.more.as_ref().map_or(&[], |more| &more.out)
    }

    /// The account of a bidder; `None` for a number that was not given.
    pub(super) fn account(&self, bidder: u32) -> Option<AccountId> {
        self.list.get(bidder as usize).map(account_of)
    }

    /// The bidder's number; `None` when they have not bid here.
    pub(super) fn find(&self, account: AccountId) -> Option<u32> {
        let packed = Packed::new(account.to_bits());
        match self.more.as_ref().and_then(|more| more.index.as_ref()) {
            None => self.list.iter().position(|bidder| *bidder == packed).map(|at| at as u32),
            Some(index) => {
                let is = |&number: &u32| self.list.get(number as usize).is_some_and(|it| *it == packed);
                index.find(account.to_bits(), is).copied()
            }
        }
    }

    /// The number of a bidder who has made a bid, given now if need be. Whoever was out is in again.
    pub(super) fn number_for_bid(&mut self, account: AccountId) -> u32 {
        let number = self.find(account).unwrap_or_else(|| self.add(account));
        if let Some(more) = &mut self.more
            && let Ok(place) = more.out.binary_search(&number)
        {
            more.out.remove(place);
        }
        number
    }

    /// Takes down that no bid of this bidder stands any more.
    pub(super) fn set_out(&mut self, bidder: u32) {
        let out = &mut self.more.get_or_insert_default().out;
        if let Err(place) = out.binary_search(&bidder) {
            out.insert(place, bidder);
        }
    }

    fn add(&mut self, account: AccountId) -> u32 {
        let number = self.list.len() as u32;
        self.list.push(Packed::new(account.to_bits()));
        if self.list.len() <= SCAN_MAX {
            return number;
        }
        match &mut self.more.get_or_insert_default().index {
            Some(index) => index.insert_new(account.to_bits(), number),
            none => {
                let mut index = SplitTable::default();
                let numbered = (0..).zip(self.list.iter());
                numbered.for_each(|(number, bidder)| index.insert_new(bidder.bits(), number));
                *none = Some(index);
            }
        }
        number
    }
}
