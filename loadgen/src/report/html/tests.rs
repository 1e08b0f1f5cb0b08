//! Goal: the page is complete in itself, small, and shows what the report has.

use crate::latency::Latencies;
use crate::report::{Point, Report, Stage};

fn long_run() -> Report {
    let mut all = Latencies::default();
    let series = (0..3_600_u32).map(|second| {
        let mut latencies = Latencies::default();
        (1..200).for_each(|value: u64| latencies.record(value * 10_000 + u64::from(second)));
        all.merge(&latencies);
        let mut point =
            Point { at_s: second.into(), seconds: 1.0, bidding_s: 1.0, offered: 199, ..Point::default() };
        point.measure((&latencies).into());
        point
    });
    let series = series.collect();
    Report { series, histogram: (&all).into(), latency_us: all.quantiles(), ..Report::default() }
}

#[test]
fn a_long_repeated_run_makes_a_page_below_a_megabyte_that_loads_nothing() {
    let mut report = Report::repeated(vec![long_run(), long_run(), long_run()]);
    report.settings.distribution = "<script>alert(1)</script>".into();
    report.outcomes = [("TOOLOW".to_owned(), 5)].into();
    report.stages = [("commit".to_owned(), Stage { count: 1, mean: 250.0, ..Stage::default() })].into();
    let page = report.html();
    assert!(page.len() < 1_000_000, "{}", page.len());
    for part in ["Throughput", "Latency by percentile", "TOOLOW", "commit", "Runs", "99.9 %", "<title>"] {
        assert!(page.contains(part), "{part}");
    }
    for loads in ["src=", "href=", "url(", "@import", "http:", "https:", "<script"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf "), "every place is a number");
}

#[test]
fn an_empty_report_makes_a_page_too() {
    let page = Report::default().html();
    assert!(page.contains("does not tell where it spent the time") && !page.contains("NaN"));
}
