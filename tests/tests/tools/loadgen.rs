//! Goal: the load generator's two commands agree with each other and with their exit codes: what `run` writes down, `verify`
//! finds, and what is not there it does not find.
//!
//! Method: the real binary, in short runs of every distribution, each verified; then a ledger against a server that never saw
//! its run, which must fail. Reports are read back by others than who wrote them: the JSON Schema's validator and HdrHistogram's log
//! reader; and by `compare` and `merge`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gavel_tests::{Options, Server, binaries};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn runs_of_every_distribution_are_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    for distribution in ["uniform", "zipf", "hot", "sniping:1"] {
        let ledger = folder.path().join(distribution);
        let report = run(&server, &ledger, &["--distribution", distribution]);
        assert!(report["accepted"].as_u64() > Some(0), "{distribution}: {report}");
        let output = loadgen("verify", &server, &ledger, &["--wait-for-ends", "10s"]);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{distribution}: {verdict}");
        assert_eq!(verdict["acked"], report["accepted"], "{distribution}: {verdict}");
    }
}

/// Rule: in a storm of ends every end is decided, and the ledger alone shows that each winner and price is what the bids make it.
#[test]
fn a_closing_storm_is_verified_from_its_ledger_alone_and_against_the_server() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("storm");
    let storm = ["--distribution", "storm:1", "--duration", "4s", "--auctions", "200", "--connections", "2"];
    let output = loadgen("run", &server, &ledger, &storm);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ending = &report["ending"];
    assert_eq!((&ending["auctions"], &ending["decided"]), (&200.into(), &200.into()), "{ending}");
    assert!(ending["extended"].as_u64() > Some(0) && ending["problem"].is_null(), "{ending}");
    for (flags, answered) in [(&["--offline"][..], true), (&[], false)] {
        let output = loadgen("verify", &server, &ledger, flags);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{verdict}");
        assert_eq!((&verdict["outcomes"], &verdict["offline"]), (&200.into(), &answered.into()), "{verdict}");
        assert_eq!(verdict["acked"], report["ledger"]["acked"], "{verdict}");
    }
    let mut bytes = std::fs::read(&ledger).unwrap();
    bend_a_winner(&mut bytes);
    std::fs::write(&ledger, bytes).unwrap();
    let output = loadgen("verify", &server, &ledger, &["--offline"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &verdict["differences"]["auction"]), (Some(1), &1.into()), "{verdict}");
}

/// Makes another bidder the winner of the first auction whose outcome the ledger tells, in a block whose checksum is right all the same.
fn bend_a_winner(ledger: &mut [u8]) {
    let mut at = 8;
    while at < ledger.len() {
        let length = u32::from_le_bytes(ledger[at..at + 4].try_into().unwrap()) as usize;
        let (head, payload) = ledger[at..at + 8 + length].split_at_mut(8);
        let find = |text: &[u8]| payload.windows(text.len()).position(|window| window == text);
        let leader = b"\"leader\":\"";
        if let (Some(_), Some(at)) = (find(b"\"state\":\"awarded\""), find(leader)) {
            let digit = &mut payload[at + leader.len()];
            *digit = if *digit == b'1' { b'2' } else { b'1' };
            head[4..].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
            return;
        }
        at += 8 + length;
    }
    panic!("no outcome in the ledger");
}

/// Rule: several processes are one load: what each was acknowledged is verified, and their report is the sum.
#[test]
fn processes_bid_beside_each_other_and_report_together() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let report = run(&server, &ledger, &["--processes", "3", "--connections", "4", "--ramp", "900:3000"]);
    assert_eq!(report["parts"].as_array().unwrap().len(), 3, "{report}");
    assert_eq!(
        (&report["settings"]["connections"], &report["settings"]["auctions"]),
        (&4.into(), &100.into())
    );
    assert_eq!(report["settings"]["arrivals"], "open loop, 900/s to 3000/s, evenly spaced");
    let ledgers: Vec<_> = (1..=3).map(|part| folder.path().join(format!("ledger.p{part}"))).collect();
    let output = Command::new(binaries::loadgen())
        .args(["verify", "--json", "--quiet", "--server", &server.address().to_string(), "--ledger"])
        .args(&ledgers)
        .output()
        .unwrap();
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &verdict["acked"]), (Some(0), &report["accepted"]), "{verdict}");
    let few = loadgen("run", &server, &ledger, &["--processes", "9", "--connections", "2"]);
    assert_eq!(few.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&few.stderr).contains("9 processes need as many connections"), "{few:?}");
}

/// Rule: the search ends between a rate that is sustained and one that is not; here no server can answer in no time.
#[test]
fn the_search_for_the_highest_rate_says_what_it_found() {
    let server = Server::start(Options::new());
    let search = |flags: &[&str]| {
        let own = ["saturate", "--json", "--duration", "200ms", "--auctions", "50", "--server"];
        let output = Command::new(binaries::loadgen())
            .args(own)
            .arg(server.address().to_string())
            .args(["--from", "1000", "--factor", "10"])
            .args(flags)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, told, _) = search(&["--p99-max", "0s"]);
    let found: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &found["sustained"]), (Some(1), &Value::Null), "{told}");
    let rates: Vec<_> = found["steps"].as_array().unwrap().iter().map(|step| step["rate"].clone()).collect();
    assert!(
        rates.len() <= 4 && rates[0] == 1_000,
        "down by the factor, as far as there is something: {told}"
    );
    let (code, _, said) = search(&["--rate", "5"]);
    assert!(code == Some(2) && said.contains("saturate chooses the rates itself"), "{said}");
}

#[test]
fn bids_over_http_are_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("http");
    let http = server.http().to_string();
    for flags in [&["--distribution", "hot"][..], &["--pipeline", "4", "--rate", "2000"]] {
        let report = run(&server, &ledger, &[&["--http", &http], flags].concat());
        assert!(report["accepted"].as_u64() > Some(0) && report["lost_connections"] == 0, "{report}");
        let output = loadgen("verify", &server, &ledger, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn an_open_loop_is_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("open");
    let report = run(&server, &ledger, &["--rate", "5000", "--poisson"]);
    assert!(report["accepted"].as_u64() > Some(0), "{report}");
    assert_eq!(loadgen("verify", &server, &ledger, &[]).status.code(), Some(0));
}

#[test]
fn a_server_that_never_saw_the_run_fails_the_verification() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    run(&server, &ledger, &[]);
    let stranger = Server::start(Options::new());
    let output = loadgen("verify", &stranger, &ledger, &[]);
    assert_eq!(output.status.code(), Some(1));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdict["differences"]["missing"], verdict["acked"], "{verdict}");
}

/// Rule: a run that comes to nothing costs no earlier ledger; and a ledger without a promise proves nothing.
#[test]
fn a_run_that_never_began_leaves_the_ledger_before_it() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    run(&server, &ledger, &[]);
    let before = std::fs::read(&ledger).unwrap();
    let nobody = gavel_tests::server::unused_address().to_string();
    let flags = ["run", "--quiet", "--server", &nobody, "--reconnect-for", "100ms", "--ledger"];
    let failed = Command::new(binaries::loadgen()).args(flags).arg(&ledger).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    assert!(std::fs::read(&ledger).unwrap() == before, "the ledger before it was changed");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something is left");
    std::fs::write(&ledger, &before[..8]).unwrap();
    let output = loadgen("verify", &server, &ledger, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing to verify"), "{output:?}");
}

#[test]
fn a_repeated_run_with_warm_up_is_reported_in_every_form_and_verified() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let (ledger, out) = (folder.path().join("ledger"), folder.path().join("out"));
    let flags = ["--warmup", "500ms", "--repeats", "2", "--out", out.to_str().unwrap()];
    let printed = run(&server, &ledger, &flags);
    let written: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(printed, written);
    assert_eq!(written["runs"].as_array().unwrap().len(), 2, "each run is there");
    assert!(written["spread"]["accepted_rate"]["median"].as_f64() > Some(0.0), "{}", written["spread"]);
    assert_eq!(written["server"]["epoch"], 1, "{}", written["server"]);
    for run in written["runs"].as_array().unwrap() {
        assert_series_adds_up(run);
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("warm-up"), "{page}");
    assert_interval_log(&std::fs::read(out.join("report.hlog")).unwrap(), &written);
    let ledgers = [ledger.clone(), ledger.with_extension("2")];
    for (ledger, run) in ledgers.iter().zip(written["runs"].as_array().unwrap()) {
        let output = loadgen("verify", &server, ledger, &[]);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{verdict}");
        assert!(
            verdict["acked"].as_u64() > run["accepted"].as_u64(),
            "the warm-up is in the ledger, not in the report"
        );
    }
}

/// What counts adds up to the totals; the warm-up is told, and does not count.
fn assert_series_adds_up(run: &Value) {
    let series = run["series"].as_array().unwrap();
    let (warm, counted): (Vec<_>, Vec<_>) = series.iter().partition(|point| point["phase"] == "warmup");
    let sum = |points: &[&Value]| points.iter().map(|point| point["accepted"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(Some(sum(&counted)), run["accepted"].as_u64());
    assert!(sum(&warm) > 0 && warm.iter().all(|point| point["at_s"].as_f64() < Some(0.0)), "{warm:?}");
}

/// The interval log holds the report's bids, read with HdrHistogram's own reader.
fn assert_interval_log(log: &[u8], report: &Value) {
    let counted = IntervalLogIterator::new(log).filter_map(|entry| match entry.unwrap() {
        LogEntry::Interval(interval) if interval.tag().is_none() => {
            let bytes = BASE64_STANDARD.decode(interval.encoded_histogram()).unwrap();
            let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            Some(histogram.len())
        }
        _ => None,
    });
    assert_eq!(Some(counted.sum::<u64>()), report["answered"].as_u64());
}

#[test]
fn a_real_report_is_valid_by_the_schema_that_is_printed() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let report = run(&server, &folder.path().join("ledger"), &["--repeats", "2", "--rate", "2000"]);
    let schema = Command::new(binaries::loadgen()).arg("schema").output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn processes_of_one_run_are_merged_and_runs_of_other_loads_are_not() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let drive = |name: &str, seed: &str, distribution: &str| {
        let (ledger, out) = (folder.path().join(format!("{name}.ledger")), path(name));
        let flags = ["--seed", seed, "--out", &out, "--distribution", distribution];
        run(&server, &ledger, &flags)["accepted"].as_u64().unwrap()
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| drive("first", "1", "uniform"));
        (drive("second", "2", "uniform"), first.join().unwrap())
    });
    let (status, text) =
        report_command(&["merge", "--json", &path("first"), &path("second"), "--out", &path("both")]);
    assert_eq!(status, Some(0), "{text}");
    let merged: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(merged["accepted"].as_u64(), Some(first + second));
    assert_eq!(merged["parts"].as_array().unwrap().len(), 2);
    drive("hot", "3", "hot");
    let (status, text) = report_command(&["merge", &path("first"), &path("hot")]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("the distribution is uniform in the first and hot:1 in another"), "{text}");
}

#[test]
fn two_reports_are_put_side_by_side_and_a_worse_one_fails_where_that_is_asked() {
    let server = Server::start(Options::new());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, rate) in [("fast", "4000"), ("slow", "1000")] {
        run(&server, &folder.path().join("ledger"), &["--rate", rate, "--out", &path(name)]);
    }
    let page = path("page.html");
    let (status, text) = report_command(&["compare", &path("fast"), &path("slow"), "--html", &page]);
    assert_eq!(status, Some(0), "{text}");
    for part in ["accepted, bids/s", "B / A", "worse", "differs    arrivals: open loop, 4000/s"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(std::fs::read_to_string(&page).unwrap().contains("<svg"));
    let held = ["compare", &path("fast"), &path("slow"), "--fail-if-worse", "50"];
    let (status, text) = report_command(&held);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("accepted_rate is worse by"), "{text}");
    let (status, text) = report_command(&["compare", &path("fast"), &path("fast"), "--fail-if-worse", "0"]);
    assert_eq!(status, Some(0), "{text}");
}

/// Runs a command that needs no server; its exit code and all that it said.
fn report_command(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binaries::loadgen()).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn run(server: &Server, ledger: &Path, flags: &[&str]) -> Value {
    let workload = ["--duration", "1s", "--auctions", "100", "--retry-ids", "0.5"];
    let output = loadgen("run", server, ledger, &[&workload, flags].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn loadgen(command: &str, server: &Server, ledger: &Path, flags: &[&str]) -> Output {
    Command::new(binaries::loadgen())
        .args([command, "--json", "--quiet", "--server", &server.address().to_string()])
        .arg("--ledger")
        .arg(ledger)
        .args(flags)
        .output()
        .unwrap()
}
