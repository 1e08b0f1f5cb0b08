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
    for words in all_commands() {
        let (help, exit) = said(&format!("{words}--help"));
        assert_eq!(exit, Exit::Ok);
        assert!(help.trim_end().ends_with(EXIT_CODES_HELP), "{words}:\n{help}");
        assert!(help.contains("--json"), "{words}:\n{help}");
    }
}

#[test]
fn the_help_of_every_command_has_examples_of_that_command() {
    for words in all_commands() {
        let help = said(&format!("{words}--help")).0;
        let examples = help.split_once("Examples:\n").map(|(_, behind)| behind);
        let examples = examples.unwrap_or_else(|| panic!("{words:?} has none:\n{help}"));
        assert!(examples.contains(format!("gavel {words}").trim_end()), "{words}:\n{help}");
    }
    assert!(said("-h").0.contains("Examples:\n"));
}

#[test]
fn every_command_says_what_it_does_and_every_flag_what_it_is() {
    walk(&Cli::command(), &mut |path, command| {
        assert!(command.get_about().is_some(), "{path:?} says nothing");
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.len() > 5, "{path:?}: {} says {help:?}", argument.get_id());
        }
    });
}

#[test]
fn the_exit_codes_of_the_help_fit_all_pages_that_are_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    let flags = |words: &[&str]| match parse(words).unwrap().command {
        Command::Man(flags) => flags,
        other => panic!("not the pages: {other:?}"),
    };
    let exit =
        manual::run(&flags(&["gavel", "man", dir.to_str().unwrap()]), with_exit_codes(Cli::command()), true);
    assert_eq!(exit, Exit::Ok);
    for words in all_commands() {
        let name = format!("gavel {words}").trim_end().replace(' ', "-");
        let page = std::fs::read_to_string(dir.join(format!("{name}.1")));
        let page = page.unwrap_or_else(|problem| panic!("{name}.1: {problem}"));
        for part in [".SH NAME", "Examples:", "Exit codes:"] {
            assert!(page.contains(part), "{name}.1 has no {part:?}");
        }
    }
}

/// The words of every command and subcommand, each with a space behind it; none for Gavel itself.
fn all_commands() -> Vec<String> {
    let mut all = Vec::new();
    walk(&Cli::command(), &mut |path, _| all.push(path.to_owned()));
    assert!(all.len() > 25, "these are not all: {all:?}");
    all
}

fn walk(command: &clap::Command, visit: &mut dyn FnMut(&str, &clap::Command)) {
    fn from(path: &str, command: &clap::Command, visit: &mut dyn FnMut(&str, &clap::Command)) {
        visit(path, command);
        for sub in command.get_subcommands() {
            from(&format!("{path}{} ", sub.get_name()), sub, visit);
        }
    }
    from("", command, visit);
}

#[test]
fn what_is_wrong_is_usage() {
    for (words, expected) in [
        ("", "Usage: gavel"),
        ("serv", "a similar subcommand exists: 'serve'"),
        ("serve --shard 4", "a similar argument exists: '--shards'"),
        ("serve --resp 7400", "an address is IP:PORT, such as 127.0.0.1:7400 or [::1]:7400"),
        ("serve --outage never", "allowed is give-back, off, or fixed:SECONDS with 0 ..= 86400 seconds"),
        ("demo --seconds 0", "0 is not in 1..=3600"),
        ("bid 1 2 3", "an auction id looks like 20261122-003-00000042"),
        ("ban 8 --seller 7 --auction 20261122-003-00000042", "cannot be used with"),
        ("completions tcsh", "[possible values: bash, elvish, fish, powershell, zsh]"),
        ("get 20261122-003-00000042 --server localhost", "a server is HOST:PORT, such as localhost:7400"),
        ("get 20261122-003-00000042 --server no.such.invalid:7400", "the name can't be resolved: "),
        ("--server 127.0.0.1:1 serve", "`serve` has no --server"),
        ("serve --server 127.0.0.1:1", "`serve` has no --server"),
        ("--retry-for 5s shards list", "`list` has no --retry-for"),
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
fn the_server_is_named_before_and_after_the_command() {
    for words in [
        "gavel --server [::1]:1 shards list",
        "gavel shards --server [::1]:1 list",
        "gavel shards list --server [::1]:1",
        "gavel --server [::1]:2 shards list --server [::1]:1",
    ] {
        let Command::Shards(ShardsCommand::List(server)) = parse(words.split_whitespace()).unwrap().command
        else {
            panic!("not the list: {words}");
        };
        assert_eq!(server.address().to_string(), "[::1]:1", "{words}");
    }
    let words = "gavel --server localhost:1 --retry-for 5s get 20261122-003-00000042";
    let Command::Client(ClientCommand::Get(flags)) = parse(words.split_whitespace()).unwrap().command else {
        panic!("not an auction");
    };
    assert!(flags.target.server.address().0.ip().is_loopback());
    assert_eq!(flags.target.retry_for, Some(Duration::from_secs(5)));
    let Command::Backup(flags) = parse(["gavel", "--server", "[::1]:1", "backup", "d"]).unwrap().command
    else {
        panic!("not a backup");
    };
    assert_eq!(flags.server.to_string(), "[::1]:1");
}

#[test]
fn the_settings_are_printed_as_the_file_would_say_them() {
    let Command::Config(ConfigFlags { settings: flags, .. }) =
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
