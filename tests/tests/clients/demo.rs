//! Goal: the first thing a stranger runs works: `gavel demo` ends with its verdict.
//!
//! Method: the demo, in short, once as people see it and once in JSON: the engine was killed in the storm and came back,
//! nothing acknowledged is missing, and no engine is left running.

use gavel_tests::{binaries, wait};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[test]
fn the_demo_ends_with_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(&folder.path().join("data"), &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    for words in ["kill -9", "nothing acknowledged is missing", "VERDICT: every acknowledged bid is there"] {
        assert!(said.contains(words), "{words:?} is missing in:\n{said}");
    }
}

#[test]
fn the_demo_in_json_is_one_object_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let story: Value = serde_json::from_slice(&demo(&data, &["--json"]).stdout).unwrap();
    assert_eq!(story["verdict"]["ok"], true, "{story}");
    assert_eq!(story["verdict"]["acked"], story["report"]["accepted"], "{story}");
    assert!(story["report"]["lost_connections"].as_u64() > Some(0), "no engine was killed: {story}");
    assert!(!is_used_by_any_process(&data), "an engine was left running");
}

#[test]
fn a_demo_that_is_ended_takes_its_engine_along() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut demo = Command::new(binaries::gavel());
    demo.args(["demo", "--seconds", "60", "--data"]).arg(&data).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = demo.spawn().unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().starts_with("An engine runs as process"));
    rustix::process::kill_process(Pid::from_child(&demo), Signal::TERM).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(143));
    // The signal went to the demo alone; killing takes the system a moment.
    wait::until("the engine is gone", || (!is_used_by_any_process(&data)).then_some(()));
}

fn demo(data: &Path, flags: &[&str]) -> Output {
    let output = Command::new(binaries::gavel())
        .args(["demo", "--seconds", "2", "--data"])
        .arg(data)
        .args(flags)
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    output
}

/// True when a running process was told this directory on its command line.
fn is_used_by_any_process(data: &Path) -> bool {
    let data = data.to_str().unwrap().as_bytes();
    let mentions = |command_line: Vec<u8>| command_line.windows(data.len()).any(|window| window == data);
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .any(mentions)
}
