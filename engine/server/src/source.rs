//! Where the consumers that Gavel brings along get their records: from the engine of their own process, or from another one's feed.

mod engine;
mod feed;

pub(crate) use engine::EngineSource;
pub(crate) use feed::FeedSource;

use gavel_core::ConsumerName;

/// A consumer, as the log knows it.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    /// Its name: what it has not taken in stays in log or archive.
    pub(crate) name: Option<ConsumerName>,
    /// How to go on where log and archive do not have what comes next.
    pub(crate) go_on: &'static str,
}
