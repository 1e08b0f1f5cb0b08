//! Goal: only what is beyond chance is marked, and what else differs is said.

use super::*;

fn run(accepted_rate: f64, p99: f64) -> Report {
    let mut report = Report { accepted_rate, achieved_rate: accepted_rate, ..Report::default() };
    report.latency_us.p99 = p99;
    report
}

fn repeated(rates: [f64; 3]) -> Report {
    Report::repeated(rates.map(|rate| run(rate, 100.0)).to_vec())
}

fn change(comparison: &Comparison, name: &str) -> Change {
    comparison.rows.iter().find(|row| row.name == name).unwrap().change
}

#[test]
fn of_repeats_only_what_lies_wholly_beside_is_marked() {
    let overlapping = Comparison::new(repeated([100.0, 101.0, 110.0]), repeated([109.0, 115.0, 120.0]));
    assert_eq!(change(&overlapping, "accepted_rate"), Change::Within);
    let beside = Comparison::new(repeated([100.0, 101.0, 102.0]), repeated([103.0, 104.0, 105.0]));
    assert_eq!(change(&beside, "accepted_rate"), Change::Better);
    assert_eq!(change(&beside, "p99"), Change::Within);
}

#[test]
fn of_single_runs_less_than_the_bound_is_chance() {
    let near = Comparison::new(run(100.0, 100.0), run(90.0, 110.0));
    assert_eq!((change(&near, "accepted_rate"), change(&near, "p99")), (Change::Within, Change::Within));
    let far = Comparison::new(run(100.0, 100.0), run(80.0, 130.0));
    assert_eq!((change(&far, "accepted_rate"), change(&far, "p99")), (Change::Worse, Change::Worse));
    assert_eq!(far.worse_by(25.0), ["p99 is worse by 30.0 %"]);
    assert_eq!(far.worse_by(35.0), [""; 0]);
    assert!(far.to_string().contains("worse"), "{far}");
}

#[test]
fn what_else_differs_is_said() {
    let (mut before, mut after) = (run(1.0, 1.0), run(1.0, 1.0));
    assert!(Comparison::new(before.clone(), after.clone()).differences.is_empty());
    before.settings.seed = 7;
    after.settings.pipeline = 9;
    after.generator.commit = Some("abc".into());
    let told = Comparison::new(before, after);
    assert_eq!(told.differences, ["loadgen:  / , commit abc", "seed: 7 / 0", "pipeline: 0 / 9"]);
    assert!(told.to_string().contains("pipeline: 0 / 9"), "{told}");
}
