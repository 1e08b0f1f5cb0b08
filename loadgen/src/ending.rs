//! After a run in which auctions end: waits until all of them have, and reads how.
//!
//! An end is late by what lies between its time and the time of the record that decides it; both are the server's, and every auction is
//! looked at, so that nothing depends on how fast the generator itself is in that moment.

use crate::latency::Latencies;
use crate::ledger::OpenedAuction;
use crate::link::{Link, LinkError};
use crate::reply::encode_get;
use crate::report::Ending;
use crate::terms::KnownTerms;
use crate::units::Clock;
use crate::verify::AuctionState;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How long after the last end those that are not decided are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at those that have not ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the server answered about each auction at last; `None` for those it was not asked about, or told nothing of.
pub(crate) struct Outcomes {
    /// In its words.
    pub(crate) texts: Vec<Option<String>>,
    pub(crate) ending: Ending,
}

/// Waits for the ends and reads them. A server that does not answer is part of what is found.
pub(crate) fn watch(
    server: SocketAddr,
    patience: Duration,
    opened: &[OpenedAuction],
    terms: &[KnownTerms],
    stop: &AtomicBool,
) -> Outcomes {
    let mut look = Look { states: vec![None; opened.len()], texts: vec![None; opened.len()] };
    let mut link = Link::new(server, patience);
    let problem = look.until_all_have_ended(&mut link, opened, stop).err().map(|error| error.to_string());
    let (mut late, mut extended) = (Latencies::default(), 0);
    for (state, terms) in look.states.iter().zip(terms) {
        let Some(state) = state else { continue };
        extended += u64::from(state.ends_us > terms.ends_us);
        if state.is_decided() {
            late.record(state.at_us.saturating_sub(state.ends_us) * 1_000);
        }
    }
    Outcomes { texts: look.texts, ending: Ending::new(opened.len() as u64, extended, &late, problem) }
}

struct Look {
    states: Vec<Option<AuctionState>>,
    texts: Vec<Option<String>>,
}

impl Look {
    fn until_all_have_ended(
        &mut self,
        link: &mut Link,
        opened: &[OpenedAuction],
        stop: &AtomicBool,
    ) -> Result<(), LinkError> {
        let clock = Clock::start();
        let mut open: Vec<usize> = (0..opened.len()).collect();
        loop {
            self.read(link, opened, &open)?;
            open.retain(|&index| self.states[index].as_ref().is_some_and(|state| !state.is_decided()));
            let last_us = open.iter().filter_map(|&index| Some(self.states[index].as_ref()?.ends_us)).max();
            let now_us = clock.now_us();
            let is_over = last_us.is_none_or(|last_us| now_us > last_us + PATIENCE.as_micros() as u64);
            if is_over || stop.load(Relaxed) {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn read(&mut self, link: &mut Link, opened: &[OpenedAuction], which: &[usize]) -> Result<(), LinkError> {
        link.ask_all(
            which.len(),
            |index, out| encode_get(out, opened[which[index]].auction),
            |index, reply| {
                let text = reply.into_text().ok();
                self.states[which[index]] = text.as_deref().and_then(AuctionState::parse);
                self.texts[which[index]] = text;
            },
        )
    }
}
