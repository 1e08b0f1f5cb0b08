//! What a server says of itself: its `INFO`, read before and after a run.
//!
//! Read tolerantly: a server that does not answer, or is no Gavel, is one of which nothing is known.

use crate::link::Link;
use crate::machine::{Disk, is_here};
use crate::report::ServerFacts;
use gavel_wire::encode;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// How long a server is asked that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The lines of an `INFO`, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Info(pub(crate) BTreeMap<String, String>);

impl Info {
    /// Asks for all sections that are told by default, and for the stages of bids.
    pub(crate) fn ask(server: SocketAddr) -> Self {
        let mut link = Link::new(server, PATIENCE);
        let mut lines = BTreeMap::new();
        for section in [&[&b"INFO"[..]][..], &[b"INFO", b"stages"]] {
            let answer = link.ask_text(|out| encode::command(out, section));
            lines.extend(parse(&answer.ok().and_then(Result::ok).unwrap_or_default()));
        }
        Self(lines)
    }

    fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.0.get(key)?.parse().ok()
    }

    /// The server's process, where it runs on this machine.
    pub(crate) fn process(&self, server: SocketAddr) -> Option<u32> {
        self.number("process_id").filter(|_| is_here(server.ip()))
    }

    /// What goes into the report; `None` when the server said nothing.
    pub(crate) fn facts(&self, server: SocketAddr) -> Option<ServerFacts> {
        let text = |key: &str| self.0.get(key).filter(|text| !text.is_empty()).cloned();
        let data = text("data_dir").filter(|_| is_here(server.ip()));
        let disk = data.and_then(|data| Disk::below(Path::new(&data)));
        (!self.0.is_empty()).then(|| ServerFacts {
            version: text("gavel_version"),
            commit: text("gavel_commit"),
            epoch: self.number("epoch"),
            data_disk: disk.map(|disk| disk.to_string()),
        })
    }
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair =
        |line: &str| line.split_once(':').map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
    lines.filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_key_and_facts_are_those_that_are_there() {
        let info = Info(parse(
            "# Server\r\ngavel_version:0.1.0\r\nprocess_id:7\r\n\r\n# Persistence\r\nepoch:4\r\nnoise\r\n",
        ));
        let facts = info.facts(([127, 0, 0, 1], 7400).into()).unwrap();
        assert_eq!((facts.version.as_deref(), facts.epoch, facts.commit), (Some("0.1.0"), Some(4), None));
        assert_eq!(info.process(([127, 0, 0, 1], 1).into()), Some(7));
        assert_eq!(
            info.process(([192, 0, 2, 1], 1).into()),
            None,
            "another machine's process is none of ours"
        );
        assert!(Info::default().facts(([127, 0, 0, 1], 1).into()).is_none());
    }
}
