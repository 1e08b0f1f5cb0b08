//! The auctions that most happens to: a bounded estimate for operators.
//!
//! Of every [`SAMPLED_COMMITS`]-th commit, up to [`SAMPLED_CHANGES`] changes are counted in [`PLACES`] places; an auction that finds none
//! takes over the place with the least ("space saving"), so that a hot one is never missed. Counts halve with every
//! [`HALF_LIFE_US`]: what was hot an hour ago is not hot. The log thread's work for it is bounded by these numbers alone.

use gavel_core::{AuctionId, Timestamp};
use parking_lot::Mutex;

/// Auctions that are counted at the same time.
const PLACES: usize = 64;
/// Of so many commits one is looked at.
const SAMPLED_COMMITS: u64 = 8;
/// Changes of one commit that are looked at.
const SAMPLED_CHANGES: usize = 256;
/// After so many microseconds a count is worth half.
const HALF_LIFE_US: u64 = 10_000_000;

/// The auctions that most happens to.
#[derive(Debug, Default)]
pub(crate) struct Hottest(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    commits: u64,
    halved_at: Timestamp,
    places: Vec<(AuctionId, f64)>,
}

impl Hottest {
    /// Counts a commit's changes: auctions, each with how many events it had.
    pub(crate) fn count(&self, now: Timestamp, changes: impl Iterator<Item = (AuctionId, u32)>) {
        let mut places = self.0.lock();
        places.commits += 1;
        if !places.commits.is_multiple_of(SAMPLED_COMMITS) {
            return;
        }
        places.halve(now);
        for (auction, events) in changes.take(SAMPLED_CHANGES) {
            places.add(auction, f64::from(events));
        }
    }

    /// The hottest first, at most `most`, each with an estimate of its events per second, lately.
    pub(crate) fn list(&self, now: Timestamp, most: usize) -> Vec<(AuctionId, f64)> {
        let mut places = self.0.lock();
        places.halve(now);
        let mut all = places.places.clone();
        drop(places);
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        // What comes evenly at one per second is worth its half-life over the logarithm of two in the long run.
        let per_second = SAMPLED_COMMITS as f64 * std::f64::consts::LN_2 / (HALF_LIFE_US as f64 / 1e6);
        all.into_iter().take(most).map(|(auction, count)| (auction, count * per_second)).collect()
    }
}

impl Places {
    /// Lets the counts age, in steps of a tenth of their half-life.
    fn halve(&mut self, now: Timestamp) {
        let age_us = now.since(self.halved_at).micros();
        if age_us >= HALF_LIFE_US / 10 {
            let factor = 0.5_f64.powf(age_us as f64 / HALF_LIFE_US as f64);
            self.places.iter_mut().for_each(|(_, count)| *count *= factor);
            self.places.retain(|(_, count)| *count >= 0.01);
            self.halved_at = now;
        }
    }

    fn add(&mut self, auction: AuctionId, events: f64) {
        if let Some((_, count)) = self.places.iter_mut().find(|(known, _)| *known == auction) {
            *count += events;
        } else if self.places.len() < PLACES {
            self.places.push((auction, events));
        } else if let Some(least) = self.places.iter_mut().min_by(|(_, one), (_, other)| one.total_cmp(other))
        {
            *least = (auction, least.1 + events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::ShardId;

    fn auction(number: u64) -> AuctionId {
        AuctionId::new(1, ShardId(0), number).unwrap()
    }

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    /// 100 commits a second with one event of the hot auction and one of ever another.
    fn a_minute(hottest: &Hottest) -> Timestamp {
        for number in 0..6_000 {
            let changes = [(auction(1), 1), (auction(2 + number % 1_000), 1)];
            hottest.count(at(number * 10_000), changes.into_iter());
        }
        at(60_000_000)
    }

    #[test]
    fn a_hot_auction_is_found_among_many_and_its_rate_is_about_right() {
        let hottest = Hottest::default();
        let now = a_minute(&hottest);
        let listed = hottest.list(now, 3);
        assert_eq!(listed.len(), 3);
        assert_eq!(listed[0].0, auction(1));
        assert!((70.0..140.0).contains(&listed[0].1), "{listed:?}");
    }

    #[test]
    fn what_was_hot_cools_and_is_forgotten() {
        let hottest = Hottest::default();
        let now = a_minute(&hottest);
        let hot = hottest.list(now, 1)[0].1;
        let later = hottest.list(at(70_000_000), 1)[0].1;
        assert!((0.45..0.55).contains(&(later / hot)), "{hot}, {later}");
        assert_eq!(hottest.list(at(600_000_000), 10), []);
    }

    #[test]
    fn places_are_bounded() {
        let hottest = Hottest::default();
        for number in 0..10_000 {
            hottest.count(at(number), std::iter::once((auction(number + 1), 1)));
        }
        assert_eq!(hottest.list(at(10_000), usize::MAX).len(), PLACES);
    }
}
