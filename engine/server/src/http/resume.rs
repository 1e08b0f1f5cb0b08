//! What a subscriber has missed: read from the log (or the archive) behind the position that it has seen.
//!
//! Bounded: [`RESUME_RECORDS_MAX`] records are looked through and [`RESUME_CHANGES_MAX`] changes told, for
//! [`RESUMES_MAX`](super::limits::RESUMES_MAX) subscribers at a time. Where that does not do, or the position is not of this log, a
//! `gap` event says so, and the state that follows is all there is.

use super::limits::{RESUME_CHANGES_MAX, RESUME_RECORDS_MAX, RESUME_WAIT_S};
use super::problem::Problem;
use super::text::json;
use super::worker::Common;
use bytes::Bytes;
use gavel_core::{AuctionId, Epoch, Lsn, Position, ShardId};
use gavel_engine::{FollowError, LiveAuction};
use gavel_log::{Frame, Record, record};
use gavel_wire::event_json::{self, Form};
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
    let turn = tokio::time::timeout(Duration::from_secs(RESUME_WAIT_S), common.resumes.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return Missed::gap(last, "too many others come back at the same time");
    };
    match read(common, last, live, now.lsn).await {
        Ok(Some(missed)) => {
            common.server.http.resumed.fetch_add(1, Ordering::Relaxed);
            missed
        }
        Ok(None) => Missed::gap(
            last,
            &format!("more than {RESUME_CHANGES_MAX} changes lie between this position and now"),
        ),
        Err(error) => Missed::gap(last, &error.to_string()),
    }
}

/// Reads up to `until`. `None`: there are too many changes to be told.
async fn read(
    common: &Common,
    last: Position,
    live: &LiveAuction,
    until: Lsn,
) -> Result<Option<Missed>, FollowError> {
    let mut missed = Missed::default();
    let mut follow = common.server.engine.follow(last).await?;
    while follow.position().lsn < until {
        for frame in follow.next().await? {
            take(&frame, last.lsn, live.id(), &mut missed.0);
            if missed.0.len() > RESUME_CHANGES_MAX {
                return Ok(None);
            }
        }
    }
    Ok(Some(missed))
}

/// Takes the auction's events out of a frame.
fn take(frame: &Frame, after: Lsn, auction: AuctionId, changes: &mut VecDeque<Bytes>) {
    for (lsn, bytes) in frame.records() {
        // What can't be decoded was written by a newer version; the state that follows knows all the same.
        if let Ok(Record::Auction(event)) = record::decode(bytes)
            && lsn > after
            && event.auction == auction
        {
            let position = Position { shard: frame.shard(), epoch: frame.epoch(), lsn };
            let mut out = format!("event: change\nid: {position}\ndata: ").into_bytes();
            event_json::event(&mut out, position, &event, Form::Public);
            out.extend_from_slice(b"\n\n");
            changes.push_back(out.into());
        }
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
