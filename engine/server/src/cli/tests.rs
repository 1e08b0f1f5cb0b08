//! The help says what there is; what is wrong is said with what would be right.

use super::*;

/// What is said, and the exit code it ends with.
fn said(words: &str) -> (String, Exit) {
    let answer = parse(std::iter::once("gavel").chain(words.split_whitespace())).unwrap_err();
    let exit = if answer.use_stderr() { Exit::Usage } else { Exit::Ok };
    (answer.to_string(), exit)
}

#[test]
fn the_definition_holds_together() {
    with_exit_codes(Cli::command()).debug_assert();
}

#[test]
fn every_command_s_help_ends_with_the_exit_codes() {
    for words in [
        "",
        "serve ",
        "demo ",
        "config ",
        "version ",
        "shards ",
        "shards list ",
        "shards undrain ",
        "shards simulate ",
        "shards policy ",
        "log ",
        "log inspect ",
        "log verify ",
        "log replay ",
        "log explain ",
        "log export ",
        "log salvage ",
        "log diff ",
    ] {
        let (help, exit) = said(&format!("{words}--help"));
        assert_eq!(exit, Exit::Ok);
        assert!(help.trim_end().ends_with(EXIT_CODES_HELP), "{words}:\n{help}");
        assert!(help.contains("--json"), "{words}:\n{help}");
    }
}

#[test]
fn the_help_has_examples() {
    for words in [
        "--help",
        "-h",
        "serve --help",
        "shards --help",
        "shards simulate --help",
        "log --help",
        "log explain --help",
    ] {
        assert!(said(words).0.contains("Examples:\n"), "{words}");
    }
}

#[test]
fn what_is_wrong_is_usage() {
    for (words, expected) in [
        ("", "Usage: gavel"),
        ("sevre", "a similar subcommand exists: 'serve'"),
        ("serve --shard 4", "a similar argument exists: '--shards'"),
        ("serve --resp 7400", "an address is IP:PORT, such as 127.0.0.1:7400 or [::1]:7400"),
        ("serve --outage never", "allowed is give-back, off, or fixed:SECONDS with 0 ..= 86400 seconds"),
        ("demo --seconds 0", "0 is not in 1..=3600"),
        ("log export --from yesterday", "must be a position such as 3-1-42 (shard-epoch-lsn) or a time"),
        ("log explain 42", "an auction id looks like 20261122-003-00000042"),
        ("shards simulate --policy directory", "[possible values: key, sequence, range]"),
    ] {
        let (text, exit) = said(words);
        assert!(text.contains(expected), "{words}: {text}");
        assert_eq!(exit, Exit::Usage, "{words}");
    }
}

#[test]
fn json_is_understood_before_and_after_the_command() {
    for words in ["gavel --json version", "gavel version --json", "gavel shards list --json"] {
        assert!(parse(words.split_whitespace()).unwrap().json, "{words}");
    }
}

#[test]
fn the_settings_are_printed_as_the_file_would_say_them() {
    let Command::Config(flags) =
        parse(["gavel", "config", "--shards", "4", "--config", "/dev/null"]).unwrap().command
    else {
        panic!("not the settings");
    };
    let settings = Settings::load(flags.given, flags.config.as_deref(), |_| None).unwrap();
    let text = describe(&settings, false);
    assert!(text.contains("\nshards = 4 ") && text.contains("  # --shards\n"), "{text}");
    assert!(text.contains("\noutage = \"give-back\" "), "{text}");
    let json: serde_json::Value = serde_json::from_str(&describe(&settings, true)).unwrap();
    assert_eq!(json["shards"], serde_json::json!({ "value": 4, "from": "--shards" }));
    assert_eq!(json["log_level"], serde_json::json!({ "value": "info", "from": "default" }));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gavel.toml");
    std::fs::write(&file, &text).unwrap();
    let again = Settings::load(Given::default(), Some(&file), |_| None).unwrap();
    assert_eq!(again.values(), settings.values());
}

#[test]
fn the_version_is_the_package_s() {
    assert_eq!(version(false), format!("gavel {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(version(true), format!("{{\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION")));
}
