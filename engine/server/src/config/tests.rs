//! Which place wins, and what is said of values that can't be.

use super::*;
use clap::{CommandFactory, Parser};
use gavel_engine::OutagePolicy;
use tempfile::TempDir;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    given: Given,
}

fn flags(words: &str) -> Given {
    Line::try_parse_from(std::iter::once("gavel").chain(words.split_whitespace())).unwrap().given
}

/// A folder with this settings file.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn load(words: &str, variables: &[(&str, &str)], text: &str) -> Result<Settings, ConfigError> {
    let (_folder, path) = file(text);
    let get =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
    Settings::load(flags(words), Some(&path), get)
}

/// What is said of it, without the name of the folder.
fn refusal(words: &str, variables: &[(&str, &str)], text: &str) -> String {
    let said = load(words, variables, text).unwrap_err().to_string();
    let folder = std::env::temp_dir();
    said.lines().filter(|line| !line.contains(folder.to_str().unwrap())).collect::<Vec<_>>().join("\n")
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_defaults() {
    let variables = [("GAVEL_SHARDS", "5"), ("GAVEL_THREADS", "6")];
    let settings = load("--shards 4", &variables, "shards = 7\nthreads = 8\ncredit = 9").unwrap();
    assert_eq!((settings.shards, settings.threads, settings.credit, settings.pulse_grace_ms), (4, 6, 9, 5));
    let origins = ["shards", "threads", "pulse_grace_ms"].map(|name| settings.origin(name));
    assert_eq!(origins, ["--shards", "GAVEL_THREADS", "default"]);
    assert!(settings.origin("credit").ends_with("some.toml"));
}

#[test]
fn the_defaults_are_as_documented() {
    let settings = load("", &[], "").unwrap();
    assert_eq!(settings.data, Path::new("./gavel-data"));
    assert_eq!(settings.resp.to_string(), "127.0.0.1:7400");
    assert_eq!(settings.http.to_string(), "127.0.0.1:7480");
    assert!(settings.shards >= 2 && settings.threads >= 1);
    assert_eq!((settings.credit, settings.connection_credit), (65_536, 8_192));
    assert_eq!((settings.pulse_grace_ms, settings.outage_window_s, settings.attempts_max_mb), (5, 300, 64));
    assert_eq!((settings.snapshot_every_s, settings.snapshot_every_records), (300, 1_000_000));
    assert_eq!((settings.retire_after_s, settings.log_max_mb), (14_400, 1_024));
    assert_eq!((settings.archive_keep_days, settings.archive_max_mb), (30, 0));
    assert_eq!(settings.outage, Outage(OutagePolicy::GiveBack));
    assert_eq!((settings.log_level, settings.log_format), (LogLevel::Info, LogFormat::Text));
    assert!(settings.sources.iter().all(|(_, source)| *source == Source::Default));
}

#[test]
fn every_setting_can_come_from_every_place() {
    let given = [
        ("data", "d"),
        ("resp", "[::1]:1"),
        ("http", "off"),
        ("shards", "3"),
        ("threads", "2"),
        ("credit", "100"),
        ("connection_credit", "10"),
        ("pulse_grace_ms", "0"),
        ("outage", "fixed:60"),
        ("outage_window_s", "1"),
        ("attempts_max_mb", "8"),
        ("snapshot_every_s", "2"),
        ("snapshot_every_records", "3000"),
        ("retire_after_s", "4"),
        ("log_max_mb", "65"),
        ("archive_keep_days", "6"),
        ("archive_max_mb", "7"),
        ("postgres_connections", "2"),
        ("postgres_every_ms", "3"),
        ("postgres_ca", "ca.pem"),
        ("postgres_keep_days", "90"),
        ("postgres_export", "exported"),
        ("mongodb", "mongodb://db/shop"),
        ("documents", "embedded"),
        ("documents_every_ms", "9"),
        ("log_level", "trace"),
        ("log_format", "json"),
    ];
    let flag = |(name, value): &(&str, &str)| format!("--{} {value} ", name.replace('_', "-"));
    let variables = given.map(|(name, value)| (format!("GAVEL_{}", name.to_uppercase()), value));
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let line = |(name, value): &(&str, &str)| match value.parse::<u64>() {
        Ok(number) => format!("{name} = {number}\n"),
        Err(_) => format!("{name} = {value:?}\n"),
    };
    let places = [
        load(&given.iter().map(flag).collect::<String>(), &[], ""),
        load("", &variables, ""),
        load("", &[], &given.iter().map(line).collect::<String>()),
    ];
    for settings in places.map(Result::unwrap) {
        let value = |value: &str| value.parse::<u64>().map_or_else(|_| value.into(), serde_json::Value::from);
        // Where a database is named, it is looked whether the certificates are there: it has a test of its own.
        let values: Vec<_> = settings.values().into_iter().filter(|(name, _)| *name != "postgres").collect();
        assert_eq!(values, given.map(|(name, text)| (name, value(text))));
        assert!(
            settings.sources.iter().all(|(name, source)| *source != Source::Default || *name == "postgres"),
            "{:?}",
            settings.sources
        );
    }
}

#[test]
fn the_database_can_come_from_every_place() {
    let url = "postgresql://flusher:sesame@db:6432/auctions?sslmode=disable";
    for settings in [
        load(&format!("--postgres {url}"), &[], ""),
        load("", &[("GAVEL_POSTGRES", url)], ""),
        load("", &[], &format!("postgres = {url:?}")),
    ] {
        let settings = settings.unwrap();
        assert_eq!(settings.routes().unwrap().unwrap().databases().len(), 1);
        let shown = settings.values().into_iter().find(|(name, _)| *name == "postgres").unwrap().1;
        assert_eq!(shown, "postgresql://flusher@db:6432/auctions");
    }
}

#[test]
fn the_engine_is_told_how_history_is_kept() {
    let words = "--data d --snapshot-every-s 2 --snapshot-every-records 3000 --retire-after-s 4 --log-max-mb 65 \
                 --archive-keep-days 6";
    let history = |words: &str| {
        let options = load(words, &[], "").unwrap().engine_options();
        assert!(options.check().is_ok());
        (options.history.unwrap(), options.retire_after)
    };
    let (kept, retire_after) = history(words);
    assert_eq!((kept.snapshot_every, kept.snapshot_every_records), (Duration::from_secs(2), 3_000));
    assert_eq!((retire_after, kept.archive_keep), (Duration::from_secs(4), Duration::from_secs(6 * 86_400)));
    assert_eq!((kept.dir.as_path(), kept.log_bytes_max), (Path::new("d"), 65 << 20));
    assert_eq!(kept.archive_bytes_max, None, "0 is no bound");
    assert_eq!(history("--archive-max-mb 7").0.archive_bytes_max, Some(7 << 20));
}

#[test]
fn the_engine_is_told_what_is_set() {
    let words = "--shards 3 --threads 2 --credit 100 --connection-credit 10 --pulse-grace-ms 7 --outage off --outage-window-s 9";
    let options = load(words, &[], "").unwrap().engine_options();
    assert!(options.check().is_ok());
    assert_eq!((options.shards, options.threads, options.credit, options.connection_credit), (3, 2, 100, 10));
    assert_eq!(
        (options.pulse_grace, options.outage_window),
        (Duration::from_micros(7_000), Duration::from_secs(9))
    );
    assert_eq!(options.outage, OutagePolicy::Off);
}

#[test]
fn the_bounds_are_those_of_the_engine() {
    for (name, least, most) in BOUNDS {
        let flag = name.replace('_', "-");
        for value in [least, most] {
            let settings = load(&format!("--{flag} {value}"), &[], "").unwrap();
            assert!(settings.engine_options().check().is_ok(), "{name} {value}");
        }
        for value in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
            let said = refusal(&format!("--{flag} {value}"), &[], "");
            let start = format!("{name} is {value} (from --{flag}); allowed is {least} ..= {most}");
            assert!(said.starts_with(&start), "{said}");
        }
    }
    let numbers = load("", &[], "").unwrap().values().into_iter().filter(|(_, value)| value.is_u64()).count();
    assert_eq!(BOUNDS.len() + 1, numbers, "all but connection_credit, whose most is --credit");
    let most = "--credit 262144 --connection-credit 65536";
    assert!(load(most, &[], "").unwrap().engine_options().check().is_ok());
}

#[test]
fn the_help_of_each_number_says_its_bounds() {
    let command = Line::command();
    for (name, least, most) in BOUNDS {
        let flag = command.get_arguments().find(|flag| flag.get_id() == name).unwrap();
        let help = flag.get_help().unwrap().to_string();
        // The archive's 0 is told apart, as it is no bound.
        let least = if name == "archive_max_mb" { 1 } else { least };
        assert!(help.contains(&format!("{least} to {most}")), "--{name}: {help}");
    }
}

/// The least and the most of every number among the settings that depends on no other.
const BOUNDS: [(&str, u64, u64); 16] = [
    ("shards", 1, 256),
    ("threads", 1, 64),
    ("credit", 1, 262_144),
    ("pulse_grace_ms", 0, 1_000),
    ("outage_window_s", 0, 86_400),
    ("attempts_max_mb", 0, 65_536),
    ("snapshot_every_s", 1, 86_400),
    ("snapshot_every_records", 1_000, 1_000_000_000),
    ("retire_after_s", 1, 2_678_400),
    ("log_max_mb", 64, 1_048_576),
    ("archive_keep_days", 1, 36_500),
    ("archive_max_mb", 0, 1_073_741_824),
    ("postgres_connections", 1, 64),
    ("postgres_every_ms", 1, 60_000),
    ("postgres_keep_days", 0, 36_500),
    ("documents_every_ms", 1, 60_000),
];

#[test]
fn a_small_credit_makes_that_of_a_connection_small() {
    assert_eq!(load("--credit 64", &[], "").unwrap().connection_credit, 64);
    let said = refusal("--credit 64 --connection-credit 65", &[], "");
    assert_eq!(said, "connection_credit is 65 (from --connection-credit); allowed is 1 ..= 64");
    assert_eq!(refusal("--credit 0", &[], ""), "credit is 0 (from --credit); allowed is 1 ..= 262144");
}

#[test]
fn all_values_out_of_bounds_are_said_at_once_with_where_they_came_from() {
    let said = refusal("--shards 257", &[("GAVEL_THREADS", "0"), ("GAVEL_PULSE_GRACE_MS", "1001")], "");
    assert_eq!(
        said,
        "settings out of their bounds:\n  \
        shards is 257 (from --shards); allowed is 1 ..= 256\n  \
        threads is 0 (from GAVEL_THREADS); allowed is 1 ..= 64\n  \
        pulse_grace_ms is 1001 (from GAVEL_PULSE_GRACE_MS); allowed is 0 ..= 1000 ms"
    );
}

#[test]
fn an_unknown_key_of_the_file_is_refused_with_its_line_and_the_known_ones() {
    let said = refusal("", &[], "threads = 1\nshard = 4\n");
    assert!(
        said.starts_with(
            "line 2, column 1: unknown field `shard`, expected one of `data`, `resp`, `http`, `shards`"
        ),
        "{said}"
    );
}

#[test]
fn a_wrong_line_of_the_file_is_not_repeated_with_its_password() {
    for (line, place) in [
        ("postgress = \"postgresql://flusher:sesame@db\"", "line 2, column 1: unknown field `postgress`"),
        ("postgres = \"postgresql://flusher:sesame@db", "line "),
        ("postgres = postgresql://flusher:sesame@db", "line "),
        ("[[postgres]]\nname = \"a\"\nurl = \"host=db password=sesame\"\nshard = \"1\"", "line "),
    ] {
        let said = refusal("", &[], &format!("threads = 1\n{line}\n"));
        assert!(said.starts_with(place) && !said.contains("sesame"), "{said}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_refused_wherever_it_comes_from() {
    let outage = "allowed is give-back, off, or fixed:SECONDS with 0 ..= 86400 seconds";
    assert_eq!(
        refusal("", &[("GAVEL_OUTAGE", "fixed:86401")], ""),
        format!("GAVEL_OUTAGE=fixed:86401: {outage}")
    );
    assert!(refusal("", &[], "outage = \"fixed:\"").contains(&format!("\"fixed:\": {outage}")));
    assert!(refusal("", &[], "resp = \"7400\"").contains("an address is IP:PORT, such as 127.0.0.1:7400"));
    let number = "expected an integer without quotes, 0 or more";
    let said = refusal("", &[], "shards = \"4\"");
    assert!(said.ends_with(&format!("invalid type: string \"4\", {number}")), "{said}");
    let said = refusal("", &[], "pulse_grace_ms = -1");
    assert!(said.ends_with(&format!("invalid value: integer `-1`, {number}")), "{said}");
    assert!(refusal("", &[], "credit = 1.5").contains(number));
    for number in ["x", "-1", "1.5", "99999999999999999999"] {
        let said = refusal("", &[("GAVEL_CREDIT", number)], "");
        assert_eq!(said, format!("GAVEL_CREDIT={number}: allowed is an integer 1 ..= 262144"));
    }
    let flag = Line::try_parse_from(["gavel", "--shards", "x"]).err().unwrap().to_string();
    assert!(flag.contains("invalid value 'x' for '--shards <N>': allowed is an integer 1 ..= 256"), "{flag}");
    assert_eq!(
        refusal("", &[("GAVEL_LOG_LEVEL", "loud")], ""),
        "GAVEL_LOG_LEVEL=loud: allowed is error, warn, info, debug or trace"
    );
    let flag = Line::try_parse_from(["gavel", "--log-format", "xml"]).err().unwrap().to_string();
    assert!(
        flag.contains("invalid value 'xml' for '--log-format <FORMAT>': allowed is text or json"),
        "{flag}"
    );
}

#[test]
fn a_file_that_was_named_must_be_there_and_an_empty_variable_is_none() {
    let missing = Settings::load(Given::default(), Some(Path::new("/nowhere/gavel.toml")), |_| None);
    assert!(matches!(missing, Err(ConfigError::Unreadable { .. })), "{missing:?}");
    let by_variable = |name: &str| (name == "GAVEL_CONFIG").then(|| "/nowhere/gavel.toml".into());
    let missing = Settings::load(Given::default(), None, by_variable);
    assert!(matches!(missing, Err(ConfigError::Unreadable { .. })), "{missing:?}");
    assert_eq!(load("", &[("GAVEL_SHARDS", "")], "shards = 7").unwrap().shards, 7);
}
