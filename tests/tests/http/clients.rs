//! Goal: clients and tools that know nothing of Gavel work with its HTTP unmodified.
//!
//! Method: the real curl, with the command lines of HTTP.md as they stand there; schemathesis against `/openapi.json`, which makes up
//! requests, good and bad ones, and checks each answer against the description.

use gavel_tests::{Http, Item, Options, ReplicaSet, Server, binaries};
use serde_json::Value;
use std::process::{Command, Output};

const ID_IN_PAGE: &str = "20261122-003-00000042";

/// The command lines of the page, each with what is around it put right: the server's address, an auction that there is.
fn command_lines(page: &str, server: &Server, auction: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let right = |block: &str| {
        block.replace("127.0.0.1:7480", &server.http().to_string()).replace(ID_IN_PAGE, auction)
    };
    blocks.map(right).collect()
}

fn shell(line: &str) -> Output {
    Command::new("bash").args(["-o", "pipefail", "-c", line]).output().unwrap()
}

/// A path of the page with an auction of its own each, as one that has ended takes no bids.
#[test]
fn curl_carries_out_every_line_of_the_page() {
    let server = Server::start(Options::new().with("--documents embedded"));
    let mut client = server.connect();
    let page = std::fs::read_to_string(binaries::workspace().join("engine/server/HTTP.md")).unwrap();
    let count = command_lines(&page, &server, "").len();
    assert!(count >= 29, "{count} command lines are not all");
    for index in 0..count {
        let auction = Item::new().open(&mut client).to_string();
        let block = &command_lines(&page, &server, &auction)[index];
        for line in block.replace("\\\n", "").replace("|\n", "| ").lines() {
            // A stream of events ends when the time is up, which is what the exit code 28 says.
            let is_endless = line.contains("curl -N") && line.contains("/events");
            let line = line.replace("curl ", if is_endless { "curl -sS -m 1 -i " } else { "curl -sS -i " });
            let output = shell(&line);
            let said = String::from_utf8_lossy(&output.stdout);
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(if is_endless { 28 } else { 0 }), "{line}: {said}{error}");
            let status: u16 =
                said.lines().rfind(|line| line.starts_with("HTTP/1.1 ")).unwrap()[9..12].parse().unwrap();
            // What has no meaning for an open auction without bids is refused by the rules, not for its form.
            let is_judged =
                matches!(status, 200 | 201 | 204 | 409) || (status == 404 && said.contains("NOTFOUND"));
            assert!(is_judged, "{line}: {said}");
            if said.contains("application/json") {
                let body = said.split("\r\n\r\n").last().unwrap();
                let json: Result<Value, _> = serde_json::from_str(body);
                assert!(json.is_ok(), "{line}: {said}");
            }
        }
    }
}

#[test]
fn curl_sends_a_file_of_bids_and_reads_their_answers() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bids.ndjson");
    let line = |round: u64| {
        format!(
            "{{\"auction\":\"{auction}\",\"bidder\":\"{}\",\"amount\":{}}}\n",
            round % 2,
            1_000 + round * 200
        )
    };
    std::fs::write(&file, (0..20_000).map(line).collect::<String>()).unwrap();
    let output = shell(&format!(
        "curl -sS -N -H 'Content-Type: application/x-ndjson' -T {} -X POST http://{}/v1/bids",
        file.display(),
        server.http()
    ));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().filter(|line| line.contains("\"status\":\"leading\"")).count(), 20_000);
    assert_eq!(client.auction(auction)["bid_count"], 20_000);
}

#[test]
fn schemathesis_finds_nothing_that_the_description_does_not_say() {
    // With a MongoDB, by which every query is answered: schemathesis takes a 501 for a failure.
    let mongod = ReplicaSet::fresh();
    let server = Server::start(Options::new().with("--mongodb").with(&mongod.url("shop")));
    let mut client = server.connect();
    let auction = Item::new().open(&mut client).to_string();
    let folder = tempfile::tempdir().unwrap();
    let hooks = binaries::workspace().join("tests/clients/http_schemathesis.py");
    let output = Command::new("python3")
        .env("PYTHONPATH", binaries::python_modules())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", hooks)
        .env("GAVEL_TEST_AUCTION", &auction)
        .current_dir(folder.path())
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("http://{}/openapi.json", server.http()))
        .args([
            "--seed",
            "20261122",
            "--max-examples",
            "40",
            "--generation-database",
            "none",
            "--request-timeout",
            "20",
        ])
        // Streams are no single answers; they have suites of their own.
        .args([
            "--exclude-path-regex",
            "(/events|^/v1/bids)$",
            "--suppress-health-check",
            "all",
            "--no-color",
        ])
        // Rules between fields, such as one of two, a schema can't say: what fits the schema may be INVALID.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(Http::connect(server.http()).get("/health/ready").status, 200);
}
