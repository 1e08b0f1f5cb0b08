//! The part of the terms that a marketplace says the same of most of its items.
//!
//! Millions of auctions have a handful of these. Each thread remembers those that it met last, so that they lie in memory once for each
//! thread, and mostly in a processor's cache, instead of once for each auction. Who meets more of them than are remembered loses that, and
//! nothing else.

use super::{Increments, Retraction, SoftClose};
use crate::{Currency, Duration};
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

/// What an auction's terms say apart from the item: who sells it, when, and for which prices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HouseRules {
    /// The currency that all amounts count the minor unit of.
    pub currency: Currency,
    /// The steps by price.
    pub increments: Increments,
    /// Late bids move the end.
    pub soft_close: Option<SoftClose>,
    /// True: a bid is a secret maximum. False: a bid is the price itself.
    pub proxy: bool,
    /// Whether and until when a bid can be taken back.
    pub retraction: Retraction,
    /// How long the winner has to pay.
    pub payment_window: Duration,
    /// How long the runner-up has to take a second chance.
    pub offer_window: Duration,
}

/// How many rules a thread remembers, at most: each has one place that it can be at, by its hash.
const REMEMBERED: usize = 256;

thread_local! {
    static MET: RefCell<[Option<Arc<HouseRules>>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

impl HouseRules {
    /// These rules; where this thread has met the same ones not long ago, those.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let place = hasher.finish() as usize % REMEMBERED;
        MET.with_borrow_mut(|met| match &mut met[place] {
            Some(known) if **known == self => Arc::clone(known),
            other => Arc::clone(other.insert(Arc::new(self))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IncrementStep, defaults};
    use super::*;
    use crate::Amount;

    fn rules(step: u64) -> HouseRules {
        let row = IncrementStep { from: Amount::ZERO, step: Amount::new(step).unwrap() };
        HouseRules {
            currency: Currency::new(*b"KRW").unwrap(),
            increments: Increments::new(vec![row]).unwrap(),
            soft_close: None,
            proxy: defaults::PROXY,
            retraction: defaults::RETRACTION,
            payment_window: defaults::PAYMENT_WINDOW,
            offer_window: defaults::OFFER_WINDOW,
        }
    }

    #[test]
    fn the_same_rules_lie_in_memory_once() {
        let (one, other, again) = (rules(1).shared(), rules(2).shared(), rules(1).shared());
        assert!(Arc::ptr_eq(&one, &again));
        assert!(!Arc::ptr_eq(&one, &other));
        assert_eq!(*other, rules(2));
    }

    #[test]
    fn more_rules_than_are_remembered_are_still_what_they_were() {
        let all: Vec<_> = (1..=4 * REMEMBERED as u64).map(|step| rules(step).shared()).collect();
        assert!((1..).zip(&all).all(|(step, shared)| **shared == rules(step)));
        assert!((1..).zip(&all).all(|(step, shared)| *rules(step).shared() == **shared));
    }
}
