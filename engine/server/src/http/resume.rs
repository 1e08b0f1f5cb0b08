//! What a subscriber has missed: read from the log (or the archive) behind the position that it has seen.
//!
//! Those who come back to one auction, as all its watchers do after a restart, share what is read for the first of them.
//!
//! Bounded: [`RESUME_RECORDS_MAX`] records are looked through and [`RESUME_CHANGES_MAX`] changes told, and the log is read for
//! [`RESUMES_MAX`](super::limits::RESUMES_MAX) auctions at a time. Where that does not do, or the position is not of this log, a
//! `gap` event says so, and the state that follows is all there is.

mod readings;

pub(super) use readings::Readings;

use super::limits::{RESUME_CHANGES_MAX, RESUME_RECORDS_MAX, RESUME_WAIT_S};
use super::problem::Problem;
use super::text::json;
use super::worker::Common;
use bytes::Bytes;
use gavel_core::{Epoch, Lsn, Position, ShardId};
use gavel_engine::LiveAuction;
use gavel_wire::request::Shown;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Events to be sent before the first state.
#[derive(Default)]
pub(super) struct Missed(VecDeque<Bytes>);

impl Missed {
    /// The next of them.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        self.0.pop_front()
    }

    /// Nothing can be told.
    fn gap(last: Position, why: &str) -> Self {
        let data = json(&serde_json::json!({ "since": last.to_string(), "detail": why }));
        Self(VecDeque::from([Bytes::from(format!("event: gap\ndata: {data}\n\n"))]))
    }
}

/// Reads a `Last-Event-ID`.
///
/// # Errors
/// It is none that was ever sent.
pub(super) fn position(text: &[u8]) -> Result<Position, Problem> {
    let read = || {
        let mut parts = std::str::from_utf8(text).ok()?.trim().split('-');
        let position = Position {
            shard: ShardId(parts.next()?.parse().ok()?),
            epoch: Epoch(parts.next()?.parse().ok()?),
            lsn: Lsn(parts.next()?.parse().ok()?),
        };
        parts.next().is_none().then_some(position)
    };
    let must = || {
        let shown = Shown::new(text);
        Problem::invalid(format_args!(
            "Last-Event-ID must be the id of an event, such as 3-1-42, got {shown}"
        ))
    };
    read().ok_or_else(must)
}

/// What has happened to the auction behind `last`.
pub(super) async fn missed(common: &Common, last: Position, live: &LiveAuction) -> Missed {
    let now = live.view().position;
    if last == now {
        return Missed::default();
    }
    if last.shard != now.shard {
        return Missed::gap(last, "this position is of another shard than the auction");
    }
    if now.lsn.0.saturating_sub(last.lsn.0) > RESUME_RECORDS_MAX {
        let why =
            format!("more than {RESUME_RECORDS_MAX} records of the shard lie between this position and now");
        return Missed::gap(last, &why);
    }
    let wait = Duration::from_secs(RESUME_WAIT_S);
    match tokio::time::timeout(wait, common.readings.behind(common, last, live.id(), now.lsn)).await {
        Err(_) => Missed::gap(last, "too many others come back at the same time"),
        Ok(Ok(Some(changes))) => {
            common.server.http.resumed.fetch_add(1, Ordering::Relaxed);
            Missed(changes)
        }
        Ok(Ok(None)) => Missed::gap(
            last,
            &format!("more than {RESUME_CHANGES_MAX} changes lie between this position and now"),
        ),
        Ok(Err(error)) => Missed::gap(last, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_a_position() {
        let read = position(b"3-1-42").unwrap();
        assert_eq!(read, Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(42) });
        for wrong in ["", "42", "3-1", "3-1-42-7", "300-1-42", "3-1-x", "-3-1-42"] {
            assert!(position(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
