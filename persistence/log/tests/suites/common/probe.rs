//! Runs `log-probe` in a process of its own, and reads what it says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

/// Each shard's last Lsn and the hash of its last frame, as the probe says them.
pub(crate) type Ends = BTreeMap<u8, (u64, String)>;

/// What a writer said: its ends after each commit, and those that it marked.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) durable: Vec<Ends>,
    pub(crate) marked: Ends,
}

pub(crate) const PROBE: &str = env!("CARGO_BIN_EXE_log-probe");

pub(crate) fn write(dir: &Path, commits: u64, mark_every: u64, how: &str) -> Written {
    run("write", dir, commits, mark_every, how)
}

/// As [`write`]; takes snapshots and truncates after each mark.
pub(crate) fn trim(dir: &Path, commits: u64, mark_every: u64, how: &str) -> Written {
    run("trim", dir, commits, mark_every, how)
}

fn run(command: &str, dir: &Path, commits: u64, mark_every: u64, how: &str) -> Written {
    let (commits, mark_every) = (commits.to_string(), mark_every.to_string());
    let output =
        Command::new(PROBE).arg(command).arg(dir).args([&commits, &mark_every, how]).output().unwrap();
    assert_eq!(output.status.success(), how == "closed", "{}", String::from_utf8_lossy(&output.stdout));
    parse(&String::from_utf8(output.stdout).unwrap())
}

pub(crate) fn parse(said: &str) -> Written {
    let mut written = Written::default();
    for line in said.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("durable", ends) => written.durable.push(parse_ends(ends)),
            ("marked", ends) => written.marked = parse_ends(ends),
            ("snapshot", _) => {}
            other => panic!("the writer said {other:?}"),
        }
    }
    written
}

pub(crate) fn parse_ends(words: &str) -> Ends {
    let end = |word: &str| {
        let mut parts = word.split(':');
        let mut next = || parts.next().unwrap();
        (next().parse().unwrap(), (next().parse().unwrap(), next().to_owned()))
    };
    words.split_whitespace().map(end).collect()
}

/// What became of opening and reading a log.
#[derive(Debug)]
pub(crate) enum Outcome {
    Ok(Ends),
    Refused(String),
}

/// Opens and reads the log. Whatever happens, nothing may reach the screen and nothing may kill the process.
pub(crate) fn read(dir: &Path) -> Outcome {
    let Output { status, stdout, stderr } = Command::new(PROBE).arg("read").arg(dir).output().unwrap();
    let (said, screen) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
    assert_eq!(screen, "", "something reached the screen; the probe said: {said}");
    match (status.code(), said.trim_end().split_once(' ')) {
        (Some(0), Some(("ok", ends))) => Outcome::Ok(parse_ends(ends)),
        (Some(0), None) if said.trim_end() == "ok" => Outcome::Ok(Ends::new()),
        (Some(1), Some(("refused", why))) => Outcome::Refused(why.to_owned()),
        (code, _) => panic!("exit code {code:?}; the probe said: {said}"),
    }
}
