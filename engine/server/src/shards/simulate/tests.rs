//! The table and the JSON say what the simulation has found.

use super::*;
use clap::Parser;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    flags: SimulateFlags,
}

fn options(words: &str) -> SimulationOptions {
    Line::try_parse_from(std::iter::once("simulate").chain(words.split_whitespace())).unwrap().flags.options()
}

fn text(words: &str) -> String {
    let options = options(words);
    to_text(&options, &simulate(&options).unwrap())
}

#[test]
fn without_flags_it_simulates_the_defaults() {
    assert_eq!(options(""), SimulationOptions::default());
}

#[test]
fn the_table_has_a_row_for_each_day_and_a_column_for_each_shard() {
    let text = text("--add 2 --days 30");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "2 shards, 2 more from day 0 on; 20,000 auctions a day by key; bids are kept 30 days"
    );
    let heading: Vec<&str> = lines[2].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(
        heading,
        [
            "day", "live 0", "live 1", "live 2", "live 3", "load 0", "load 1", "load 2", "load 3", "kept 0",
            "kept 1", "kept 2", "kept 3"
        ]
    );
    assert_eq!(lines[3].split_whitespace().count(), 7, "the day before, two shards: {}", lines[3]);
    assert!(lines[3].starts_with("-1 "));
    assert!(lines[4..34].iter().all(|line| line.split_whitespace().count() == 13));
    assert!(lines[33].starts_with("29 ") && lines[34].is_empty());
    assert!(
        lines[35].starts_with("load: each shard within a tenth of an equal part from day "),
        "{}",
        lines[35]
    );
}

#[test]
fn of_many_shards_the_least_and_the_most_are_shown() {
    let text = text("--shards 16 --add 4 --days 2");
    let heading = text.lines().nth(2).unwrap();
    assert_eq!(heading.split("  ").filter(|cell| !cell.is_empty()).count(), 7, "{heading}");
    assert!(heading.contains("load least") && heading.contains("load most"));
}

#[test]
fn a_range_hot_spot_is_said_in_words() {
    let text = text("--shards 2 --add 0 --days 2 --policy range");
    assert!(text.contains("\nkept: not within a tenth of equal parts by the last day\n"), "{text}");
    let load: f64 = text.lines().nth(3).unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(load > 80.0, "the first half of the sellers has {load} % of the load");
}

#[test]
fn the_json_has_the_same_numbers() {
    let options = options("--shards 1 --add 1 --days 3 --auctions-per-day 100 --seed 9");
    let report = simulate(&options).unwrap();
    let json = to_json(&options, &report);
    assert_eq!(json["options"]["seed"], 9);
    assert_eq!(json["days"].as_array().unwrap().len(), 4);
    assert_eq!(json["days"][0]["day"], -1);
    assert_eq!(json["days"][0]["shards"][0]["load_permille"], 1_000);
    assert_eq!(json["days"][3]["shards"][1]["live"], report.days[3].shards[1].live);
    assert_eq!(json["old_gone_from_day"], 38);
    assert!(json["kept_even_from_day"].is_null());
}
