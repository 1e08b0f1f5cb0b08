//! What `SHARDS` answers, for people.

use crate::output;
use serde::Deserialize;

/// Entries of the directory that are shown; `--json` shows all.
const ENTRIES_SHOWN: usize = 20;

/// Shards, and where new auctions go. Read from the answer's JSON form; what a newer server adds is passed over.
#[derive(Debug, Deserialize)]
pub(super) struct ShardList {
    shards: Vec<Shard>,
    policy: String,
    policies: Vec<PolicyEntry>,
    directory: Vec<(String, u8)>,
}

/// A policy, and from when on it is in force.
#[derive(Debug, Deserialize)]
struct PolicyEntry {
    from: String,
    policy: String,
    /// The keys from which on each shard is chosen; empty but for `range`.
    ranges: Vec<(String, u8)>,
}

#[derive(Debug, Deserialize)]
struct Shard {
    shard: u8,
    status: String,
    unfinished: u64,
    #[serde(rename = "final")]
    finished: u64,
    durable: u64,
}

impl ShardList {
    /// From the answer.
    pub(super) fn read(answer: &serde_json::Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(answer)
    }

    pub(super) fn to_text(&self) -> String {
        let Self { shards, policy, policies, directory } = self;
        let heading = ["shard", "status", "unfinished", "final", "records"].map(str::to_owned).to_vec();
        let rows: Vec<_> = std::iter::once(heading).chain(shards.iter().map(Shard::row)).collect();
        let mut lines = vec![output::table(&rows), String::new(), format!("policy     {policy}")];
        for PolicyEntry { from, policy, ranges } in policies {
            lines.push(format!("  from {from}  {policy}"));
            lines.extend(ranges.iter().map(|(key, shard)| format!("    from \"{key}\" → {shard}")));
        }
        lines.push(match directory.len() {
            1 => "directory  1 entry".to_owned(),
            entries => format!("directory  {entries} entries"),
        });
        lines.extend(directory.iter().take(ENTRIES_SHOWN).map(|(key, shard)| format!("  {key} → {shard}")));
        if directory.len() > ENTRIES_SHOWN {
            lines.push(format!("  … and {} more (all with --json)", directory.len() - ENTRIES_SHOWN));
        }
        lines.join("\n")
    }
}

impl Shard {
    fn row(&self) -> Vec<String> {
        let Self { shard, status, unfinished, finished, durable } = self;
        let counts = [unfinished, finished, durable].map(|count| output::grouped(*count));
        [shard.to_string(), status.clone()].into_iter().chain(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_list_is_a_table_with_the_policy_below() {
        let shard = |shard, status, unfinished| json!({ "shard": shard, "status": status, "unfinished": unfinished, "final": 0, "durable": 7 });
        let entries: Vec<_> = (0..22).map(|n| json!([format!("seller:{n}"), 1])).collect();
        let answer = json!({
            "shards": [shard(0, "active", 1_234), shard(1, "draining", 5)],
            "policy": "directory",
            "policies": [
                { "from": "2026-11-23T00:00:00Z", "policy": "range", "ranges": [["", 0], ["m", 1]] },
                { "from": "2026-11-24T00:00:00Z", "policy": "directory", "ranges": [] },
            ],
            "directory": entries,
            "something new": 1,
        });
        let text = ShardList::read(&answer).unwrap().to_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..11],
            [
                "shard    status  unfinished  final  records",
                "0        active       1,234      0        7",
                "1      draining           5      0        7",
                "",
                "policy     directory",
                "  from 2026-11-23T00:00:00Z  range",
                "    from \"\" → 0",
                "    from \"m\" → 1",
                "  from 2026-11-24T00:00:00Z  directory",
                "directory  22 entries",
                "  seller:0 → 1",
            ]
        );
        assert_eq!(lines.last(), Some(&"  … and 2 more (all with --json)"));
    }

    #[test]
    fn another_answer_is_an_error_and_no_empty_list() {
        assert!(ShardList::read(&json!("PONG")).unwrap_err().to_string().contains("PONG"));
        assert!(ShardList::read(&json!({ "shards": [] })).unwrap_err().to_string().contains("policy"));
    }
}
