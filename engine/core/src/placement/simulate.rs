//! What adding shards does to load over time, computed with the real placement on a made-up stream of auctions.
//!
//! Nothing is moved when shards are added, so the new ones start empty and the old ones stay full until their auctions
//! have ended and the retention of bids has passed. The simulation runs long enough before day 0 to be in a steady state;
//! on day 0 the shards are added; each day after it shows opened and live auctions, bids taken (the load of the day) and
//! bids kept (what fills memory and disk). The same options give the same report on every machine.

mod stream;

use super::{Placement, PlacementChange, Policy};
use crate::limits::SHARDS_MAX;
use crate::{ShardId, Timestamp};
use stream::Stream;

/// What to simulate. The defaults are those of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationOptions {
    /// Shards before day 0: 1 ..= 255. Default 2.
    pub shards: usize,
    /// Shards added at the start of day 0; 256 with the former at most. Default 2.
    pub add: usize,
    /// Days shown from day 0 on: 1 ..= 366. Default 30.
    pub days: u32,
    /// Days that bids are kept: 1 ..= 366. Default 30.
    pub retention_days: u32,
    /// Auctions opened a day: 1 ..= 100,000. Default 20,000.
    pub auctions_per_day: u32,
    /// Sellers they come from, some much busier than others: 1 ..= 1,000,000. Their placement keys are `seller:0000001`
    /// and so on, the busiest first. Default 100,000.
    pub sellers: u32,
    /// How auctions are placed. Ranges may name the shards that are there before day 0. Default `Key`.
    pub policy: Policy,
    /// The same seed gives the same stream. Default 1.
    pub seed: u64,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self {
            shards: 2,
            add: 2,
            days: 30,
            retention_days: 30,
            auctions_per_day: 20_000,
            sellers: 100_000,
            policy: Policy::Key,
            seed: 1,
        }
    }
}

/// An option outside its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// One number is.
    #[error("{option} is {value}, allowed is {least} ..= {most}")]
    OutOfBounds {
        /// The option's name.
        option: &'static str,
        /// What it was.
        value: u64,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// The policy does not fit the shards.
    #[error(transparent)]
    Policy(#[from] super::PlacementError),
}

/// One shard on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardLoad {
    /// Auctions opened on it that day.
    pub opened: u64,
    /// Auctions that took bids on it that day.
    pub live: u64,
    /// Bids it took that day.
    pub bids: u64,
    /// Bids it keeps at the end of the day: those taken within the retention.
    pub kept: u64,
}

/// All shards on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// Days since the shards were added; -1 is the day before.
    pub day: i32,
    /// By shard number, those that exist that day.
    pub shards: Vec<ShardLoad>,
}

/// How load went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// From the day before the shards are added to the last.
    pub days: Vec<Day>,
    /// From this day on, no bid is kept that belongs to an auction opened before day 0.
    pub old_gone_from: i32,
}

impl Day {
    /// Each shard's part of a day's total in thousandths, e.g. of `|load| load.bids`; zero when there is nothing.
    pub fn permille(&self, what: impl Fn(&ShardLoad) -> u64) -> Vec<u64> {
        let total = self.shards.iter().map(&what).sum::<u64>().max(1);
        self.shards.iter().map(|load| (what(load) * 1_000 + total / 2) / total).collect()
    }

    /// True when no shard's part is more than a tenth away from an equal part.
    pub fn is_even(&self, what: impl Fn(&ShardLoad) -> u64) -> bool {
        let total: u64 = self.shards.iter().map(&what).sum();
        let parts = self.shards.len() as u64;
        self.shards.iter().all(|load| (what(load) * parts).abs_diff(total) * 10 <= total)
    }
}

impl Report {
    /// The first day from which on all days are even; `None` when the last is not.
    pub fn even_from(&self, what: impl Fn(&ShardLoad) -> u64) -> Option<i32> {
        self.days.iter().rev().take_while(|day| day.is_even(&what)).last().map(|day| day.day)
    }
}

/// Runs it. Takes about 0.2 µs for each simulated auction, 0.8 µs with 256 shards.
///
/// # Errors
/// An option outside its bounds, or a policy that does not fit.
pub fn simulate(options: &SimulationOptions) -> Result<Report, SimulationError> {
    let mut placement = prepare(options)?;
    let warm_up = stream::DAYS_MAX + options.retention_days;
    let mut days =
        vec![vec![ShardLoad::default(); options.shards + options.add]; (warm_up + options.days) as usize];
    let mut stream = Stream::new(options);
    for today in 0..warm_up + options.days {
        let now = midnight(today);
        if today == warm_up {
            (options.shards..options.shards + options.add).for_each(|shard| add(&mut placement, shard, now));
        }
        for running_number in 0..u64::from(options.auctions_per_day) {
            let auction = stream.next_auction();
            let shard = placement.place(&auction.key(), now, running_number);
            auction.load(&mut days[today as usize..], usize::from(shard.0));
        }
    }
    keep(&mut days, options.retention_days as usize);
    Ok(report(days, warm_up as usize, options.shards))
}

/// The placement before day 0.
fn prepare(options: &SimulationOptions) -> Result<Placement, SimulationError> {
    let SimulationOptions { shards, add, days, retention_days, auctions_per_day, sellers, policy, seed: _ } =
        options;
    let most_added = SHARDS_MAX.saturating_sub(*shards);
    within("shards", *shards as u64, 1, SHARDS_MAX as u64 - 1)?;
    within("add", *add as u64, 0, most_added as u64)?;
    within("days", u64::from(*days), 1, 366)?;
    within("retention_days", u64::from(*retention_days), 1, 366)?;
    within("auctions_per_day", u64::from(*auctions_per_day), 1, 100_000)?;
    within("sellers", u64::from(*sellers), 1, 1_000_000)?;
    let mut placement = Placement::default();
    Placement::first_changes(*shards).for_each(|change| placement.apply(&change, midnight(0)));
    let change = PlacementChange::PolicySet { effective_at: midnight(0), policy: policy.clone() };
    placement.validate(&change, midnight(0))?;
    placement.apply(&change, midnight(0));
    Ok(placement)
}

const fn within(option: &'static str, value: u64, least: u64, most: u64) -> Result<(), SimulationError> {
    if least <= value && value <= most {
        return Ok(());
    }
    Err(SimulationError::OutOfBounds { option, value, least, most })
}

fn add(placement: &mut Placement, shard: usize, now: Timestamp) {
    // The cast is exact: `prepare` has checked that there are at most 256.
    placement.apply(&PlacementChange::ShardAdded(ShardId(shard as u8)), now);
}

fn midnight(day: u32) -> Timestamp {
    Timestamp::from_micros(u64::from(day) * 86_400_000_000).unwrap_or(Timestamp::MAX)
}

/// Fills in the bids kept: a sliding sum over the bids taken.
fn keep(days: &mut [Vec<ShardLoad>], retention: usize) {
    let mut kept = vec![0; days.first().map_or(0, Vec::len)];
    for today in 0..days.len() {
        for (shard, kept) in kept.iter_mut().enumerate() {
            *kept += days[today][shard].bids;
            *kept -= today.checked_sub(retention).map_or(0, |gone| days[gone][shard].bids);
            days[today][shard].kept = *kept;
        }
    }
}

/// The days from the one before day 0 on, each with the shards that exist on it.
fn report(days: Vec<Vec<ShardLoad>>, warm_up: usize, shards_before: usize) -> Report {
    let mut days: Vec<Day> =
        (-1..).zip(days.into_iter().skip(warm_up - 1)).map(|(day, shards)| Day { day, shards }).collect();
    if let Some(before) = days.first_mut() {
        before.shards.truncate(shards_before);
    }
    // The longest auction of day -1 gets its last bids on day DAYS_MAX - 2. The cast is exact: 376 days at most.
    Report { days, old_gone_from: warm_up as i32 - 2 }
}
