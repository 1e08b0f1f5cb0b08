//! How far a backup that follows is behind: a line that is written over on a terminal, a line now and then elsewhere.

use super::Shelf;
use crate::output;
use gavel_core::{Lsn, Position, ShardId, Timestamp};
use gavel_log::Frame;
use gavel_log::record::decode;
use gavel_wire::feed::FeedError;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The same, where it has caught up.
const CAUGHT_UP_EVERY: Duration = Duration::from_secs(1);

/// What is known of how far it is behind.
pub(super) struct Status {
    json: bool,
    bar: Option<ProgressBar>,
    said: Option<Instant>,
    is_lost: bool,
    /// It was not behind when it was looked at last.
    was_level: bool,
    /// How far the server's shards are durable, as it was told last.
    durable: BTreeMap<ShardId, Lsn>,
    /// When the last synced record of each shard was decided.
    decided: BTreeMap<ShardId, Timestamp>,
    /// Records synced since the start.
    records: u64,
}

impl Status {
    pub(super) fn new(json: bool) -> Self {
        let bar = (!json && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let (durable, decided) = (BTreeMap::new(), BTreeMap::new());
        Self { json, bar, said: None, is_lost: false, was_level: false, durable, decided, records: 0 }
    }

    /// The server has agreed to send a shard.
    pub(super) fn following(&mut self, from: Position) {
        self.is_lost = false;
        self.note(&match from.lsn {
            Lsn(0) => format!("following shard {} from its start", from.shard),
            _ => format!("following shard {} after {from}", from.shard),
        });
    }

    /// The connection is gone; this is said once.
    pub(super) fn lost(&mut self, why: &FeedError) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.note(&format!("the server is gone: {why}; trying again until it is back"));
        }
    }

    pub(super) fn durable(&mut self, durable: Position) {
        self.durable.insert(durable.shard, durable.lsn);
    }

    /// Frames of one shard are synced.
    pub(super) fn synced(&mut self, frames: &[Frame]) {
        self.records += frames.iter().map(|frame| u64::from(frame.count())).sum::<u64>();
        let Some(last) = frames.last() else { return };
        let record = last.records().last().and_then(|(_, bytes)| decode(bytes).ok());
        if let Some(record) = record {
            self.decided.insert(last.shard(), record.at());
        }
    }

    /// Shows how far it is behind, where it is time to.
    pub(super) fn show(&mut self, shelf: &Shelf, now: Timestamp) {
        let lag = self.lag(shelf, now);
        // That it has caught up is worth a line of its own. Before the server has said how far its shards go, nothing is known.
        let has_caught_up = lag.records == 0 && !std::mem::replace(&mut self.was_level, lag.records == 0);
        let every = if has_caught_up { CAUGHT_UP_EVERY } else { LINE_EVERY };
        let is_due = self.said.is_none_or(|said| said.elapsed() >= every);
        if self.durable.is_empty() || self.bar.is_none() && !is_due {
            return;
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(lag.text(self.records));
                bar.tick();
            }
            None if self.json => {
                self.said = Some(Instant::now());
                output::data(&lag.json(self.records));
            }
            None => {
                self.said = Some(Instant::now());
                output::note(&lag.text(self.records));
            }
        }
    }

    fn lag(&self, shelf: &Shelf, now: Timestamp) -> Lag {
        let (mut records, mut since) = (0, now);
        for (shard, durable) in &self.durable {
            let behind = durable.0.saturating_sub(shelf.tip(*shard).lsn.0);
            // Of a shard of which nothing has come yet, how old its records are is not known.
            if behind > 0
                && let Some(decided) = self.decided.get(shard)
            {
                since = since.min(*decided);
            }
            records += behind;
        }
        Lag { records, micros: now.since(since).micros(), is_lost: self.is_lost, shards: self.durable.len() }
    }

    fn note(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            None => output::note(&words),
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How far it is behind what the server has told.
struct Lag {
    records: u64,
    micros: u64,
    is_lost: bool,
    shards: usize,
}

impl Lag {
    fn text(&self, synced: u64) -> String {
        let Self { records, micros, is_lost, shards } = self;
        let synced = output::count(synced, "record");
        match (is_lost, records) {
            (true, _) => format!("the server is gone; {synced} synced"),
            (false, 0) => format!("level with {}; {synced} synced", output::count(*shards as u64, "shard")),
            (false, behind) => format!(
                "{} ({}.{} s) behind; {synced} synced",
                output::count(*behind, "record"),
                micros / 1_000_000,
                micros / 100_000 % 10
            ),
        }
    }

    fn json(&self, synced: u64) -> String {
        let Self { records, micros, is_lost, shards } = self;
        serde_json::json!({
            "connected": !is_lost, "shards": shards, "records_behind": records, "behind_us": micros, "records_synced": synced,
        })
        .to_string()
    }
}
