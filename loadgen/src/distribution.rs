//! Which auction the next bid goes to. Every choice comes from a seeded generator, so a seed names a workload.
//!
//! - `uniform`: every connection has auctions of its own and chooses evenly among them. As nobody else bids there, every
//!   bid can be acceptable: this is the workload for throughput.
//! - `zipf:S`: the auction of rank k gets a share proportional to `1 / k^S`; all connections share all auctions.
//! - `hot` or `hot:SHARE`: one auction gets that share of all bids (all of them by default), the others the rest evenly.
//! - `sniping` or `sniping:SECONDS`: auctions end one after the other during the run, and the time from a bid to the end
//!   of its auction is exponential with this mean (2 seconds by default): bids crowd into the last seconds, and a few
//!   arrive too late.
//! - `storm` or `storm:SECONDS`: as sniping, but all auctions end within so many seconds (5 by default) at the end of the run, and late
//!   bids move each end by a second, again and again, for up to two seconds: half of all bids go to auctions in overtime.

use rand_chacha::ChaCha8Rng;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::str::FromStr;
use std::sync::Arc;

mod alias;
mod picker;

pub use alias::AliasTable;
pub use picker::{Ends, Picker};
pub(crate) use picker::{below, exponential, unit};

/// The generator behind every choice: seekable by stream, so each connection has its own.
pub type Chooser = ChaCha8Rng;

/// How bids are spread over auctions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Evenly; each connection has auctions of its own.
    Uniform,
    /// By rank, with this exponent in `0.01 ..= 10`.
    Zipf(f64),
    /// This share (above 0, at most 1) to one auction.
    Hot(f64),
    /// Into the last seconds of auctions that end during the run; mean seconds to the end, `0.001 ..= 3600`.
    Sniping(f64),
    /// The same where all end within so many seconds, `0.1 ..= 3600`, and are bid into overtime.
    Storm(f64),
}

/// Overtime in a storm: each late bid moves the end to so many seconds after it …
pub const OVERTIME_STEP_S: u64 = 1;
/// … but not beyond so many after the planned end.
pub const OVERTIME_S: u64 = 2;

/// A text that names no distribution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no distribution: one of uniform, zipf:EXPONENT (0.01 to 10), hot[:SHARE] (above 0, at most 1), \
     sniping[:SECONDS] (0.001 to 3600), storm[:SECONDS] (0.1 to 3600)"
)]
pub struct DistributionError(pub String);

impl FromStr for Distribution {
    type Err = DistributionError;

    fn from_str(text: &str) -> Result<Self, DistributionError> {
        let wrong = || DistributionError(text.to_owned());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number.parse::<f64>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let distribution = match (name, number) {
            ("uniform", None) => Self::Uniform,
            ("zipf", exponent) => Self::Zipf(exponent.unwrap_or(1.1)),
            ("hot", share) => Self::Hot(share.unwrap_or(1.0)),
            ("sniping", mean) => Self::Sniping(mean.unwrap_or(2.0)),
            ("storm", window) => Self::Storm(window.unwrap_or(5.0)),
            _ => return Err(wrong()),
        };
        if distribution.is_in_bounds() { Ok(distribution) } else { Err(wrong()) }
    }
}

impl Display for Distribution {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf(exponent) => write!(f, "zipf:{exponent}"),
            Self::Hot(share) => write!(f, "hot:{share}"),
            Self::Sniping(mean) => write!(f, "sniping:{mean}"),
            Self::Storm(window) => write!(f, "storm:{window}"),
        }
    }
}

impl Distribution {
    fn is_in_bounds(&self) -> bool {
        match *self {
            Self::Uniform => true,
            Self::Zipf(exponent) => (0.01..=10.0).contains(&exponent),
            Self::Hot(share) => share > 0.0 && share <= 1.0,
            Self::Sniping(mean) => (0.001..=3600.0).contains(&mean),
            Self::Storm(window) => (0.1..=3600.0).contains(&window),
        }
    }

    /// True when auctions end during the run.
    #[must_use]
    pub fn ends_during_run(&self) -> bool {
        matches!(self, Self::Sniping(_) | Self::Storm(_))
    }

    /// True when late bids move ends.
    #[must_use]
    pub fn has_overtime(&self) -> bool {
        matches!(self, Self::Storm(_))
    }

    /// One picker for each of `lanes` connections over `auctions` auctions. `ends` tells when auctions end; only
    /// `sniping` looks at it.
    #[must_use]
    pub fn pickers(&self, auctions: u32, lanes: u32, ends: Ends) -> Vec<Picker> {
        let shared = |picker: Picker| vec![picker; lanes as usize];
        match *self {
            Self::Uniform if auctions >= lanes => {
                (0..lanes).map(|lane| Picker::partition(lane, lanes, auctions)).collect()
            }
            Self::Uniform => {
                (0..lanes).map(|lane| Picker::partition(lane % auctions, auctions, auctions)).collect()
            }
            Self::Zipf(exponent) => {
                let weights = (1..=auctions).map(|rank| f64::from(rank).powf(-exponent));
                shared(Picker::Weighted(Arc::new(AliasTable::new(weights))))
            }
            Self::Hot(share) => shared(Picker::Hot { share, others: auctions - 1 }),
            Self::Sniping(mean) => shared(Picker::Sniping { mean_us: mean * 1e6, ends, auctions }),
            Self::Storm(_) => shared(Picker::Storm { ends, auctions }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const ENDS: Ends = Ends { first_us: 1_000_000, spacing_us: 1_000.0 };

    /// How often each auction is chosen when every lane picks `picks` times at time `now_us`.
    fn counts(text: &str, auctions: u32, lanes: u32, picks: u32, now_us: u64) -> Vec<u32> {
        let distribution: Distribution = text.parse().unwrap();
        let mut counts = vec![0; auctions as usize];
        for (lane, mut picker) in distribution.pickers(auctions, lanes, ENDS).into_iter().enumerate() {
            let mut chooser = Chooser::seed_from_u64(7);
            chooser.set_stream(lane as u64);
            (0..picks).for_each(|_| {
                counts[picker.pick(&mut chooser, now_us, |auction| ENDS.of(auction)) as usize] += 1
            });
        }
        counts
    }

    #[test]
    fn texts_are_read_as_they_are_written_and_nonsense_is_refused() {
        for text in ["uniform", "zipf:1.1", "hot:0.9", "sniping:2.5", "storm:10"] {
            assert_eq!(text.parse::<Distribution>().unwrap().to_string(), text);
        }
        assert_eq!("hot".parse(), Ok(Distribution::Hot(1.0)));
        for wrong in
            ["", "even", "zipf:x", "zipf:0", "zipf:NaN", "hot:0", "hot:1.1", "uniform:1", "sniping:-1"]
        {
            assert!(wrong.parse::<Distribution>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        for text in ["uniform", "zipf:1.1", "hot:0.5", "sniping"] {
            assert_eq!(counts(text, 100, 3, 1_000, 0), counts(text, 100, 3, 1_000, 0), "{text}");
        }
    }

    #[test]
    fn uniform_is_even_and_connections_do_not_share_auctions() {
        let counts = counts("uniform", 100, 4, 25_000, 0);
        assert!(counts.iter().all(|&count| (800..1_200).contains(&count)), "{counts:?}");
        let mut owners = vec![std::collections::BTreeSet::new(); 10];
        for (lane, mut picker) in Distribution::Uniform.pickers(10, 4, ENDS).into_iter().enumerate() {
            let mut chooser = Chooser::seed_from_u64(1);
            for _ in 0..500 {
                owners[picker.pick(&mut chooser, 0, |_| 0) as usize].insert(lane);
            }
        }
        assert!(owners.iter().all(|owners| owners.len() == 1), "{owners:?}");
    }

    #[test]
    fn more_connections_than_auctions_share_them() {
        assert_eq!(counts("uniform", 2, 5, 100, 0), [300, 200]);
    }

    #[test]
    fn zipf_falls_with_the_rank_as_its_exponent_says() {
        let counts = counts("zipf:1", 1_000, 1, 1_000_000, 0);
        let ratio = |a: usize, b: usize| f64::from(counts[a - 1]) / f64::from(counts[b - 1]);
        assert!((1.9..2.1).contains(&ratio(1, 2)), "{}", ratio(1, 2));
        assert!((9.0..11.0).contains(&ratio(1, 10)), "{}", ratio(1, 10));
        assert!((8.5..11.5).contains(&ratio(10, 100)), "{}", ratio(10, 100));
    }

    #[test]
    fn hot_gives_its_share_to_one_auction() {
        assert_eq!(counts("hot", 50, 2, 1_000, 0)[0], 2_000);
        let counts = counts("hot:0.9", 11, 1, 100_000, 0);
        assert!((89_000..91_000).contains(&counts[0]), "{counts:?}");
        assert!(counts[1..].iter().all(|&count| (800..1_200).contains(&count)), "{counts:?}");
    }

    #[test]
    fn sniping_crowds_into_the_auctions_that_end_soon() {
        // Auctions end every millisecond from second 1 on; at 1.5 s, with a mean of 0.1 s, the next hundred are due.
        let counts = counts("sniping:0.1", 1_000, 1, 100_000, 1_500_000);
        assert_eq!(counts[..500].iter().sum::<u32>(), 0, "nobody bids on what has ended");
        let within_mean: u32 = counts[500..600].iter().sum();
        assert!((62_000..64_500).contains(&within_mean), "1 - 1/e of all: {within_mean}");
    }

    #[test]
    fn a_storm_is_half_about_the_next_ends_and_half_about_overtime() {
        // At 1.5 s five hundred have passed their planned end; every second of these is in overtime.
        let mut picker = Distribution::Storm(1.0).pickers(1_000, 1, ENDS).remove(0);
        let mut chooser = Chooser::seed_from_u64(7);
        let end = |auction: u32| ENDS.of(auction) + if auction.is_multiple_of(2) { 1_000_000 } else { 0 };
        let picks: Vec<u32> = (0..10_000).map(|_| picker.pick(&mut chooser, 1_500_000, end)).collect();
        assert!(picks.iter().all(|&auction| end(auction) >= 1_500_000), "nobody bids on what has ended");
        let overtime = picks.iter().filter(|auction| **auction < 500).count();
        assert!((4_500..5_500).contains(&overtime), "{overtime}");
    }
}
