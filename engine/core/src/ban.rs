//! Bans of wider scope than one auction, as one shard knows them: by everybody, or by one seller.

use crate::digest::{Canon, Digest};
use crate::limits::BANS_MAX;
use crate::rejection::{LimitReached, Missing, StateReason};
use crate::store::SplitTable;
use crate::{AccountId, Rejection, State};

/// A ban: who, and from whose auctions (`None`: everybody's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ban {
    /// Who may not bid.
    pub bidder: AccountId,
    /// On whose auctions; `None` for all.
    pub seller: Option<AccountId>,
}

/// Who may not bid in any auction, or in any of one seller's. At most [`BANS_MAX`] entries, about 100 bytes each; looking
/// up costs next to nothing while there are none.
#[derive(Clone, Debug, Default)]
pub struct BanBook {
    bans: Option<Box<SplitTable<Ban>>>,
    /// How many are by one seller.
    by_seller: usize,
}

impl BanBook {
    /// True when the bidder may not bid on the seller's auctions.
    #[must_use]
    #[inline]
    pub fn is_banned(&self, bidder: AccountId, seller: AccountId) -> bool {
        !self.is_empty()
            && (self.contains(Ban { bidder, seller: None })
                || self.by_seller > 0 && self.contains(Ban { bidder, seller: Some(seller) }))
    }

    /// True when exactly this ban is in force.
    #[must_use]
    pub fn contains(&self, ban: Ban) -> bool {
        self.bans.as_ref().is_some_and(|bans| bans.find(ban, |other| *other == ban).is_some())
    }

    /// Number of bans.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bans.as_ref().map_or(0, |bans| bans.len())
    }

    /// True when nobody is banned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Judges a new ban.
    ///
    /// # Errors
    /// `STATE` when it is in force already, `TOOLARGE` when there are too many.
    pub fn check_ban(&self, ban: Ban) -> Result<(), Rejection> {
        if self.contains(ban) {
            return Err(Rejection::State(State::Open, StateReason::AlreadyBanned));
        }
        if self.len() >= BANS_MAX {
            return Err(Rejection::TooLarge(LimitReached::Bans));
        }
        Ok(())
    }

    /// Judges the lifting of a ban.
    ///
    /// # Errors
    /// `NOTFOUND` when it is not in force.
    pub fn check_unban(&self, ban: Ban) -> Result<(), Rejection> {
        if self.contains(ban) { Ok(()) } else { Err(Rejection::NotFound(Missing::Ban)) }
    }

    /// Takes a decided ban in. Total: one that is in force changes nothing; false then.
    pub fn ban(&mut self, bidder: AccountId, seller: Option<AccountId>) -> bool {
        let ban = Ban { bidder, seller };
        if self.contains(ban) {
            return false;
        }
        let bans = self.bans.get_or_insert_default();
        bans.insert_new(ban, ban);
        self.by_seller += usize::from(seller.is_some());
        true
    }

    /// Takes the lifting of a ban in. Total: one that is not in force changes nothing; false then.
    pub fn unban(&mut self, bidder: AccountId, seller: Option<AccountId>) -> bool {
        let ban = Ban { bidder, seller };
        let Some(bans) = &mut self.bans else { return false };
        let removed = bans.remove(ban, |other| *other == ban).is_some();
        self.by_seller -= usize::from(removed && seller.is_some());
        removed
    }

    /// All bans, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Ban> {
        self.bans.iter().flat_map(|bans| bans.iter().copied())
    }

    /// In how many parts [`BanBook::part`] hands the bans out.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.bans.as_ref().map_or(0, |bans| bans.tables())
    }

    /// The bans of one part, at most about 1,800. Whoever visits all parts from the first on, until there are no more, meets every
    /// ban that is in force all the while, though bans come and go between two parts. They may meet it twice.
    pub fn part(&self, part: usize) -> impl Iterator<Item = Ban> {
        self.bans.iter().flat_map(move |bans| bans.iter_table(part).copied())
    }

    /// The sum of the digests of all bans.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.iter().map(Ban::digest).sum()
    }
}

impl Ban {
    /// The digest of this ban alone.
    #[must_use]
    pub fn digest(self) -> Digest {
        let mut canon = Canon::new("gavel ban 1");
        canon.number(self.bidder);
        canon.optional(self.seller);
        canon.finish().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u64) -> AccountId {
        AccountId::from_integer(n)
    }

    #[test]
    fn scopes_are_apart_and_lifted_apart() {
        let mut book = BanBook::default();
        assert!(!book.is_banned(account(1), account(9)) && book.is_empty());
        assert!(book.ban(account(1), Some(account(9))) && !book.ban(account(1), Some(account(9))));
        assert!(book.is_banned(account(1), account(9)) && !book.is_banned(account(1), account(8)));
        assert!(book.ban(account(1), None));
        assert!(book.is_banned(account(1), account(8)));
        assert!(book.unban(account(1), Some(account(9))) && !book.unban(account(1), Some(account(9))));
        assert!(book.is_banned(account(1), account(9)), "the wider ban is still in force");
        assert_eq!(book.iter().collect::<Vec<_>>(), [Ban { bidder: account(1), seller: None }]);
        assert!(book.unban(account(1), None) && !book.is_banned(account(1), account(9)));
        let ban = Ban { bidder: account(1), seller: None };
        assert_eq!(book.check_unban(ban), Err(Rejection::NotFound(Missing::Ban)));
        assert_eq!(book.check_ban(ban), Ok(()));
    }

    #[test]
    fn the_digest_is_of_the_bans_not_of_their_history() {
        let (mut one, mut other) = (BanBook::default(), BanBook::default());
        assert_eq!(one.digest(), other.digest());
        for n in 0..5_000 {
            one.ban(account(n), (n % 2 == 0).then(|| account(7)));
            other.ban(account(4_999 - n), (n % 2 == 1).then(|| account(7)));
        }
        assert_eq!((one.len(), one.digest()), (5_000, other.digest()));
        one.ban(account(6_000), None);
        assert_ne!(one.digest(), other.digest());
        one.unban(account(6_000), None);
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn the_book_is_bounded() {
        let mut book = BanBook::default();
        (0..BANS_MAX as u64).for_each(|n| assert!(book.ban(account(n), None)));
        let one_more = Ban { bidder: account(u64::MAX), seller: None };
        assert_eq!(book.check_ban(one_more), Err(Rejection::TooLarge(LimitReached::Bans)));
    }
}
