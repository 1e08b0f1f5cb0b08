//! Opening a run's auctions: `AUCTION OPEN` with an id each, so that a retry opens nothing twice.

use crate::ledger::OpenedAuction;
use crate::link::{Link, LinkError};
use crate::options::Options;
use crate::reply;
use crate::run::RunError;
use gavel_core::{AuctionId, OpenId};

/// Opens the auctions whose terms are given, in that order. `progress` is told how many are open.
pub(crate) fn open_auctions(
    options: &Options,
    run: u64,
    terms: &[String],
    mut progress: impl FnMut(u64),
) -> Result<Vec<OpenedAuction>, RunError> {
    let mut link = Link::new(options.server, options.reconnect_for);
    let mut opened: Vec<Option<AuctionId>> = vec![None; terms.len()];
    let mut refused = None;
    let mut done = 0;
    link.ask_all(
        terms.len(),
        |index, out| reply::encode_open(out, &terms[index], open_id(run, index)),
        |index, answer| {
            match answer.into_text().and_then(|text| text.parse::<AuctionId>().map_err(|_| text)) {
                Ok(auction) => opened[index] = Some(auction),
                Err(words) => drop(refused.get_or_insert((index, words))),
            }
            done += 1;
            progress(done);
        },
    )?;
    if let Some((index, answer)) = refused {
        return Err(RunError::NotOpened { terms: terms[index].clone(), answer });
    }
    Ok(opened.into_iter().flatten().zip(terms).map(with_terms).collect())
}

fn with_terms((auction, terms): (AuctionId, &String)) -> OpenedAuction {
    OpenedAuction { auction, terms: terms.clone() }
}

/// A UUID (of version 4 in form) that holds the run and the auction's number.
fn open_id(run: u64, index: usize) -> OpenId {
    OpenId(crate::drive::uuid_bits(run ^ 0x4f50_454e, index as u64))
}

impl From<LinkError> for RunError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}
