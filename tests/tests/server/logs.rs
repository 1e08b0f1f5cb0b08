//! Goal: whoever collects the server's messages can read all of them: one JSON object per line, to the last one, whatever ends it.
//!
//! Method: servers that stop in order, that find the directory taken or the address in use, that fail because the disk is full, and
//! that meet a variable they don't know; every line of stderr must be an object with a time, a level and words.

use gavel_tests::tmpfs::Tmpfs;
use gavel_tests::wait::until;
use gavel_tests::{Item, Options, Server, Storm, server};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Command, Output};

const JSON: &str = "--log-format json";
const NOWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Every line as an object that has what a collector needs.
fn messages(stderr: &str) -> Vec<Value> {
    let message = |line: &str| {
        let message: Value =
            serde_json::from_str(line).unwrap_or_else(|problem| panic!("{problem}: {line:?}"));
        assert!(message["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(
            ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&message["level"].as_str().unwrap()),
            "{line}"
        );
        assert!(message["fields"]["message"].is_string(), "{line}");
        message
    };
    stderr.lines().map(message).collect()
}

fn has(messages: &[Value], level: &str, words: &str) -> bool {
    let is_it = |message: &&Value| {
        message["level"] == level && message["fields"]["message"].as_str().unwrap().contains(words)
    };
    messages.iter().any(|message| is_it(&message))
}

/// Runs a command to its end.
fn output(command: &mut Command) -> (Option<i32>, Vec<Value>) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), messages(&String::from_utf8(stderr).unwrap()))
}

#[test]
fn a_life_in_order_is_told_in_json() {
    let mut server = Server::start(Options::new().with(JSON));
    let auction = Item::new().open(&mut server.connect());
    server.connect().bid(auction, 8, 5_000);
    until("the server says that it is ready", || {
        server.log().contains("ready: bids are taken").then_some(())
    });
    server.terminate();
    let told = messages(&server.log());
    for words in [
        "listening for RESP",
        "the log is open",
        "ready: bids are taken",
        "stopping in order",
        "marked clean",
    ] {
        assert!(has(&told, "INFO", words), "{words:?} is missing in {told:?}");
    }
}

#[test]
fn levels_leave_out_what_is_below_them() {
    let mut quiet = Server::start(Options::new().with(JSON).with("--log-level warn"));
    quiet.terminate();
    assert_eq!(messages(&quiet.log()), [] as [Value; 0]);
    let mut loud = Server::start(Options::new().with(JSON).with("--log-level debug"));
    drop(loud.connect());
    loud.terminate();
    assert!(messages(&loud.log()).len() >= 5, "{}", loud.log());
}

#[test]
fn what_keeps_a_server_from_starting_is_told_in_json_with_the_exit_code() {
    let server = Server::start(Options::new());
    let second = |data: &std::path::Path, address: SocketAddr| {
        output(server::command(data, address).args(JSON.split(' ')))
    };
    let (exit, told) = second(server.data(), NOWHERE.into());
    assert_eq!(exit, Some(4));
    assert_eq!(told.last().unwrap()["fields"]["exit_code"], 4, "{told:?}");
    let folder = tempfile::tempdir().unwrap();
    let (exit, told) = second(&folder.path().join("data"), server.address());
    assert_eq!(exit, Some(1));
    assert!(has(&told, "ERROR", "can't be listened on"), "{told:?}");
}

#[test]
fn a_variable_that_is_none_of_gavels_is_a_warning_among_the_messages() {
    let server = Server::start(Options::new());
    let mut command = server::command(server.data(), NOWHERE.into());
    let (_, told) = output(command.args(JSON.split(' ')).env("GAVEL_SHARD", "4"));
    assert!(has(&told, "WARN", "GAVEL_SHARD"), "{told:?}");
}

#[test]
fn a_full_disk_is_told_in_json_to_the_end() {
    let disk = Tmpfs::mount(48);
    let mut server = Server::start(Options::new().with(JSON).data(&disk.path("data")));
    let auctions = Item::new().open_many(&mut server.connect(), 40);
    let storm = Storm::start(&server, &auctions, 4);
    assert_eq!(server.wait().code(), Some(3));
    drop(storm.broken());
    let told = messages(&server.log());
    assert!(has(&told, "ERROR", "no space is left on the disk"), "{told:?}");
    assert_eq!(told.last().unwrap()["fields"]["exit_code"], 3, "{told:?}");
}
