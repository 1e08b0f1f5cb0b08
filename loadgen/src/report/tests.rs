//! Goal: JSON, text and schema tell the same, of an invented run whose figures are known.

use super::*;
use crate::drive::Stats;
use crate::options::Options;
use crate::outcome::Outcome;
use gavel_core::Standing;
use gavel_wire::Code;
use serde_json::Value;

fn report() -> Report {
    let options = Options::new(([127, 0, 0, 1], 7400).into());
    let mut stats = Stats { made: 4, unsent: 6, busy: 2, ..Stats::default() };
    for (outcome, times) in [(Outcome::Accepted(Standing::Leading), 3), (Outcome::Refused(Code::TooLow), 1)] {
        (0..times).for_each(|_| stats.tally.count(outcome));
        stats.latencies.record(2_000_000);
    }
    Measured {
        settings: Settings::new(&options, 5, 0),
        stats,
        series: vec![Point::default()],
        bidding_ns: 2_000_000_000,
        total_ns: 4_000_000_000,
        stages: [(
            "commit".to_owned(),
            Stage { count: 1, buckets: vec![Bucket::default()], ..Stage::default() },
        )]
        .into(),
        server: Some(ServerFacts::default()),
        ledger: Some(LedgerReport::default()),
        ..Measured::default()
    }
    .into()
}

#[test]
fn the_json_has_rates_outcomes_quantiles_and_settings() {
    let json: Value = serde_json::from_str(&report().json()).unwrap();
    assert_eq!(
        (&json["offered_rate"], &json["achieved_rate"], &json["accepted_rate"]),
        (&5.0.into(), &1.0.into(), &0.75.into())
    );
    assert_eq!(json["outcomes"], serde_json::json!({"LEADING": 3, "TOOLOW": 1}));
    for quantile in ["p50", "p90", "p99", "p99.9", "p99.99", "max"] {
        let value = json["latency_us"][quantile].as_f64().unwrap();
        assert!((1_990.0..2_010.0).contains(&value), "{quantile}: {value}");
    }
    assert_eq!(
        (&json["settings"]["seed"], &json["settings"]["distribution"]),
        (&1.into(), &"uniform".into())
    );
    assert_eq!((&json["unsent"], &json["busy"], &json["format"]), (&6.into(), &2.into(), &1.into()));
}

#[test]
fn the_text_names_each_outcome_and_only_the_troubles_there_were() {
    let text = report().to_string();
    let parts = [
        "3 LEADING (75.00 %)",
        "1 TOOLOW",
        "2.0",
        "p99.99",
        "2 answers BUSY",
        "6 planned and never sent",
        "doubtful",
    ];
    for part in parts {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("LOADING"), "{text}");
    let without = Report { stages: Default::default(), ..report() }.to_string();
    assert!(without.contains("the server does not tell them"), "{without}");
}

#[test]
fn reports_of_one_run_and_of_several_are_valid_by_the_schema_and_others_are_not() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let several = Report::repeated(vec![report(), report()]);
    for report in [report(), several] {
        let json = serde_json::from_str(&report.json()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0]);
    }
    let mut json: Value = serde_json::from_str(&report().json()).unwrap();
    json["accepted"] = "many".into();
    assert!(!validator.is_valid(&json));
    json.as_object_mut().unwrap().remove("accepted");
    assert!(!validator.is_valid(&json), "a field that every report has is required");
}

#[test]
fn the_schema_describes_every_field_for_those_who_read_it() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for (name, field) in schema["properties"].as_object().unwrap() {
        assert!(field.get("description").is_some() || field.get("$ref").is_some(), "{name}: {field}");
    }
}
