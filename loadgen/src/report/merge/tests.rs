//! Goal: what is merged is the sum of its parts, and what is not of one run is refused in words.

use super::*;
use crate::latency::Latencies;

fn point(at_s: f64, latency_ns: u64) -> Point {
    let mut latencies = Latencies::default();
    (0..5).for_each(|_| latencies.record(latency_ns));
    let mut point = Point { at_s, seconds: 1.0, bidding_s: 1.0, offered: 5, accepted: 5, ..Point::default() };
    point.measure((&latencies).into());
    point
}

fn part(run: &str, began_at: &str, latency_ns: u64) -> Report {
    let mut latencies = Latencies::default();
    (0..10).for_each(|_| latencies.record(latency_ns));
    let series = vec![point(0.0, latency_ns), point(1.0, latency_ns)];
    Report {
        settings: Settings {
            run: run.into(),
            began_at: began_at.into(),
            interval_s: 1.0,
            duration_s: 2.0,
            connections: 4,
            rate: Some(5.0),
            arrivals: "open loop, 5/s evenly spaced".into(),
            ..Settings::default()
        },
        accepted: 10,
        made: 10,
        accepted_rate: 5.0,
        total_s: 2.0,
        latency_us: latencies.quantiles(),
        histogram: (&latencies).into(),
        outcomes: [("LEADING".to_owned(), 10)].into(),
        series,
        ..Report::default()
    }
}

const BEGAN: &str = "2026-11-23T00:00:00Z";

#[test]
fn counts_rates_histograms_and_series_add_up_also_over_three() {
    let parts =
        [(BEGAN, 1_000_000), ("2026-11-23T00:00:00.3Z", 5_000_000), ("2026-11-23T00:00:00.9Z", 9_000_000)];
    let reports = ["a", "b", "c"].iter().zip(parts).map(|(run, (began, ns))| part(run, began, ns)).collect();
    let sum = Report::merged(reports).unwrap();
    assert_eq!((sum.accepted, sum.accepted_rate, sum.outcomes["LEADING"]), (30, 15.0, 30));
    assert_eq!((sum.settings.connections, sum.settings.rate), (12, Some(15.0)));
    assert_eq!(sum.settings.arrivals, "open loop, 15/s evenly spaced");
    assert_eq!(sum.histogram.unpack().unwrap().count(), 30);
    assert!((sum.latency_us.p50 / 5_000.0 - 1.0).abs() < 0.001, "the middle of all, not the mean of middles");
    let series: Vec<(f64, u64)> = sum.series.iter().map(|point| (point.at_s, point.accepted)).collect();
    assert_eq!(series, [(0.0, 10), (1.0, 15), (1.9, 5)], "put together by the wall clock");
    assert_eq!(sum.parts.len(), 3);
}

#[test]
fn other_loads_other_times_and_the_same_report_twice_are_refused_in_words() {
    let base = || part("a", BEGAN, 1_000);
    let mut hot = part("b", BEGAN, 1_000);
    hot.settings.distribution = "hot".into();
    let later = part("b", "2026-11-23T00:01:00Z", 1_000);
    let mut closed = part("b", BEGAN, 1_000);
    (closed.settings.rate, closed.settings.arrivals) = (None, "closed loop".into());
    let mut broken = part("b", BEGAN, 1_000);
    broken.histogram = serde_json::from_str("\"AAAA\"").unwrap();
    for (other, part) in [
        (hot, "the distribution is  in the first and hot in another"),
        (later, "not at the same time"),
        (closed, "the loop is open loop, planned evenly spaced in the first and closed loop"),
        (base(), "run a is given more than once"),
        (broken, "a histogram can't be read"),
    ] {
        let error = Report::merged(vec![base(), other]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(Report::merged(Vec::new()), Err(MergeError::Nothing));
}

#[test]
fn processes_of_one_machine_are_no_other_load_to_each_other() {
    let with = |run, own, other| {
        let mut report = part(run, BEGAN, 1_000);
        (report.load.generator_percent, report.load.other_percent) = (Some(own), Some(other));
        report
    };
    let sum = Report::merged(vec![with("a", 10.0, 22.0), with("b", 20.0, 11.0)]).unwrap();
    assert_eq!((sum.load.other_percent, sum.load.generator_percent), (Some(2.0), Some(30.0)));
    assert!(!sum.is_noisy());
}

#[test]
fn repeats_are_merged_one_by_one() {
    let repeated = |names: [&str; 2]| Report::repeated(names.map(|name| part(name, BEGAN, 1_000)).to_vec());
    let sum = Report::merged(vec![repeated(["a1", "a2"]), repeated(["b1", "b2"])]).unwrap();
    assert_eq!((sum.runs.len(), sum.accepted, sum.runs[1].accepted), (2, 20, 20));
}
