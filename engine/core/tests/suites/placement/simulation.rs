//! The simulation shows what is true: load evens out as old auctions age out, and a hot spot does not.

use super::*;
use gavel_core::placement::{Report, ShardLoad, SimulationOptions, simulate};

fn run(change: impl FnOnce(&mut SimulationOptions)) -> Report {
    let mut options = SimulationOptions { days: 45, ..SimulationOptions::default() };
    change(&mut options);
    simulate(&options).unwrap()
}

fn sum(report: &Report, day: usize, what: impl Fn(&ShardLoad) -> u64) -> u64 {
    report.days[day].shards.iter().map(what).sum()
}

#[test]
fn load_evens_out_as_old_auctions_age_out() {
    for policy in [Policy::Key, Policy::Sequence] {
        let report = run(|options| options.policy = policy);
        let (before, first, last) = (&report.days[0], &report.days[1], report.days.last().unwrap());
        assert_eq!(
            (before.day, before.shards.len(), first.day, first.shards.len(), last.day),
            (-1, 2, 0, 4, 44)
        );
        assert!(before.is_even(|load| load.kept), "{before:?}");
        // On the day they are added, the new shards hold almost nothing, though half of the new auctions go there.
        assert!(first.permille(|load| load.kept)[2] < 20, "{first:?}");
        assert!(first.is_even(|load| load.opened), "{first:?}");
        // Old auctions run for up to ten days; then their bids are kept for thirty.
        assert!((1..=10).contains(&report.even_from(|load| load.bids).unwrap()));
        assert_eq!(report.old_gone_from, 38, "the last bids of the last old auction are taken on day 8");
        assert!((20..=38).contains(&report.even_from(|load| load.kept).unwrap()));
    }
}

#[test]
fn it_is_in_a_steady_state_and_loses_no_bid() {
    let report = run(|options| options.retention_days = 3);
    for day in 4..report.days.len() {
        let taken: u64 = (day - 2..=day).map(|day| sum(&report, day, |load| load.bids)).sum();
        assert_eq!(sum(&report, day, |load| load.kept), taken, "day {day}");
        assert_eq!(sum(&report, day, |load| load.opened), 20_000);
        // 4.5 bids in the mean: a half, a quarter, an eighth, … of all auctions get 1, 2, 4, … up to 128.
        assert!((82_000..98_000).contains(&sum(&report, day, |load| load.bids)), "day {day}");
        // Auctions run 1 to 10 days, 5.5 in the mean.
        assert!((108_000..112_000).contains(&sum(&report, day, |load| load.live)), "day {day}");
    }
}

#[test]
fn a_range_hot_spot_stays_visible() {
    let table = [range("seller:", 0), range("seller:005", 1)];
    let report = run(|options| options.policy = Policy::Range(table.into()));
    let last = report.days.last().unwrap();
    let shares = last.permille(|load| load.bids);
    // Half of the sellers each; but the busy ones all lie in the first half.
    assert!(shares[0] > 800 && shares[1] < 200, "{shares:?}");
    assert_eq!(shares[2..], [0, 0], "a table that names no new shard sends nothing there");
    assert_eq!(report.even_from(|load| load.bids), None);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let small = |seed| run(|options| (options.seed, options.days, options.auctions_per_day) = (seed, 3, 100));
    assert_eq!(small(7), small(7));
    assert_ne!(small(7), small(8));
}

#[test]
fn options_outside_their_bounds_are_refused_in_words() {
    let refusal = |change: fn(&mut SimulationOptions)| {
        let mut options = SimulationOptions::default();
        change(&mut options);
        simulate(&options).unwrap_err().to_string()
    };
    assert_eq!(refusal(|o| o.days = 0), "days is 0, allowed is 1 ..= 366");
    assert_eq!(refusal(|o| (o.shards, o.add) = (200, 57)), "add is 57, allowed is 0 ..= 56");
    assert_eq!(refusal(|o| o.shards = 256), "shards is 256, allowed is 1 ..= 255");
    assert_eq!(refusal(|o| o.policy = Policy::Range([].into())), "a range table has at least one range");
}
