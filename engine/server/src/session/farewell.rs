//! The last moments of a connection when the engine is closing.
//!
//! A client learns that the server stops from a `BUSY`, so there must be somebody to say it: to close at once would leave every command that
//! was on its way without an answer, and its sender in doubt. So the connection goes on answering until its client has been silent for a
//! moment, which a client that takes `BUSY` for what it is soon is; but not for ever.

use super::limits::{FAREWELL_MS, FAREWELL_SILENCE_MS};
use std::time::Duration;
use tokio::time::Instant;

/// When a connection may end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Farewell {
    silent_at: Instant,
    at_last: Instant,
}

impl Farewell {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        let silent_at = now + Duration::from_millis(FAREWELL_SILENCE_MS);
        Self { silent_at, at_last: now + Duration::from_millis(FAREWELL_MS) }
    }

    /// The client has said something.
    pub(super) fn heard(&mut self) {
        self.silent_at = Instant::now() + Duration::from_millis(FAREWELL_SILENCE_MS);
    }

    /// Waits until it is over; for ever where none has begun.
    pub(super) async fn over(farewell: Option<Self>) {
        match farewell {
            Some(Self { silent_at, at_last }) => tokio::time::sleep_until(silent_at.min(at_last)).await,
            None => std::future::pending().await,
        }
    }
}
