//! Goal: tools and clients that know nothing of Gavel work with it unmodified.
//!
//! Method: the real redis-cli, redis-benchmark and redis-py against a real server, each doing what it is used for; the server is
//! asked afterwards whether it understood.

use gavel_core::AuctionId;
use gavel_tests::client::{encode, words};
use gavel_tests::fixtures::{OPENING_PRICE, bid_id};
use gavel_tests::{Item, Options, Server, binaries};
use std::io::Write;
use std::process::{Command, Output, Stdio};

#[test]
fn redis_cli_opens_bids_and_looks_in_both_versions() {
    let server = Server::start(Options::new());
    for version in ["-2", "-3"] {
        let cli = |command: &[&str]| said(redis("redis-cli", &server).arg(version).args(command));
        assert_eq!(cli(&["PING"]), "PONG\n");
        let auction = cli(&["AUCTION", "OPEN", &Item::new().json()]);
        let auction: AuctionId = auction.trim().parse().unwrap();
        let receipt = cli(&["BID", &auction.to_string(), "1", "5000"]);
        assert_eq!(receipt.lines().next(), Some("LEADING"), "{receipt}");
        assert_eq!(receipt.lines().nth(2), Some(&*OPENING_PRICE.to_string()), "{receipt}");
        let refused = cli(&["BID", &auction.to_string(), "2", "1"]);
        assert_eq!(refused.trim(), "TOOLOW bid at least 1100");
        let shown = cli(&["AUCTION", "GET", &auction.to_string()]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap()["leader"], "1");
        assert!(cli(&["INFO"]).contains("# "), "INFO is shown by sections");
    }
}

#[test]
fn redis_cli_pipes_a_file_of_bids() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let bids: Vec<u8> = (0..5_000)
        .flat_map(|round| {
            encode(&words(&format!("BID {auction} {} {}", round % 2, OPENING_PRICE + round * 200)))
        })
        .collect();
    let mut child = redis("redis-cli", &server)
        .arg("--pipe")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bids).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output).contains("errors: 0, replies: 5000"), "{}", text(&output));
    assert_eq!(client.auction(auction)["bid_count"], 5_000);
}

/// redis-benchmark gives up at the first error, so what it sends must be accepted however often it comes.
#[test]
fn redis_benchmark_drives_arbitrary_commands() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client).to_string();
    // It makes twelve digits of its own of every "__rand_int__".
    let opening = Item::new().with("placement_key", "__rand_int__").json();
    let bid = bid_id(1).to_string();
    let commands: [&[&str]; 3] = [
        &["AUCTION", "OPEN", &opening],
        &["BID", &auction, "1", "5000", "ID", &bid],
        &["AUCTION", "GET", &auction],
    ];
    for command in commands {
        let options = ["-n", "12800", "-P", "64", "-c", "20", "-r", "1000000000", "-q"];
        let output = said(redis("redis-benchmark", &server).args(options).args(command));
        assert!(output.contains("requests per second"), "{output}");
    }
    assert_eq!(client.info("stats", "opened"), "12801");
    assert_eq!(client.auction(auction.parse().unwrap())["bid_count"], 1);
}

#[test]
fn redis_benchmark_runs_its_own_ping_test() {
    let server = Server::start(Options::new());
    let output = said(redis("redis-benchmark", &server).args(["-n", "10000", "-t", "ping", "-q"]));
    assert_eq!(output.matches("requests per second").count(), 2, "inline and multibulk: {output}");
}

#[test]
fn redis_py_pipelines_and_subscribes_in_both_versions() {
    let server = Server::start(Options::new());
    for version in ["2", "3"] {
        let driver = binaries::workspace().join("tests/clients/redis_py.py");
        said(
            Command::new("python3")
                .env("PYTHONPATH", binaries::python_modules())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .arg(driver)
                .args([&server.address().port().to_string(), version, &Item::new().json()]),
        );
    }
}

fn redis(tool: &str, server: &Server) -> Command {
    let mut command = Command::new(tool);
    command.args(["-h", "127.0.0.1", "-p", &server.address().port().to_string()]);
    command
}

/// What a tool printed, which must have gone well.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; ./test installs it"));
    assert!(output.status.success(), "{command:?} failed:\n{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
