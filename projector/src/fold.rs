//! From documents and records to documents. Pure: no store, no clock.
//!
//! ## What may depend on what
//!
//! A store writes a batch document by document, and may stop anywhere; another projector may be further, or behind. So of the documents that
//! the fold goes on from, some may know of records of this very batch (and of later ones) and others not. Each is
//! therefore folded from what it says itself and from the records after its `version`, and what it takes from others is only what
//! stays true:
//!
//! | a document | takes from others | why that is safe |
//! |---|---|---|
//! | `bids` | the bidder's pseudonym | is given once, with the bidder's document, and never changes |
//! | `bidders` | nothing | who is displaced, loses or pays without being named is changed by a sweep: the store knows who it is |
//! | `auctions` | pseudonyms; how many bids of a bidder stand | auctions are written first, so a bidder's document is never ahead of the auction's, and the records in between are in the batch |
//! | | the reserve price | likewise |
//! | `sellers` | an auction's seller, currency, and price once it is paid | they don't change any more |
//! | `reserves` | an auction's seller | likewise |
//!
//! Where a bidder's document is ahead of the auction's after all, the two were not read together: [`FoldError::Stale`], read again.
//!
//! ## How it is used
//!
//! ```text
//! Events::read(records) ─▶ while documents.wanted(events) is not empty: load, documents.take ─▶ fold ─▶ Batch
//! ```
//!
//! [`Documents`] are as of the batch then, and serve for the next one, as long as the batch was written. Where it was not, or a document turns
//! out to be stale, they are thrown away.

mod auction;
mod bidders;
mod bids;
mod details;
mod documents;
mod events;
mod group;
mod moment;
mod seller;
mod sweeps;
mod terms;

pub use documents::{Documents, Wanted};
pub use events::Events;

use crate::documents::Unwritable;
use crate::{Batch, Sweep, Upsert};
use gavel_core::{AccountId, AuctionId, Position};

/// Why records can't be folded into documents.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The auction's opening was never folded in.
    #[error("the record at {position} is of auction {auction}, which has no document: rebuild the documents")]
    Unopened {
        /// Which.
        auction: AuctionId,
        /// The record.
        position: Position,
    },
    /// Records between what the document knows and this one are not there.
    #[error(
        "the record at {position} is number {found} of auction {auction}, whose document is as of number {known}: rebuild the documents"
    )]
    Gap {
        /// Which.
        auction: AuctionId,
        /// The record.
        position: Position,
        /// The document's version.
        known: i64,
        /// The record's number in the auction.
        found: i64,
    },
    /// The bidder has no document though they have bid.
    #[error(
        "the record at {position} is of bidder {bidder}, who has no document in auction {auction}: rebuild the documents"
    )]
    Stranger {
        /// Which.
        auction: AuctionId,
        /// Who.
        bidder: AccountId,
        /// The record.
        position: Position,
    },
    /// Documents of the auction were read at different times. Read again.
    #[error("the documents of auction {auction} were read while another projector wrote them")]
    Stale {
        /// Which.
        auction: AuctionId,
    },
    /// A document is too large.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

/// Which documents a fold makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    Whole,
    /// All but those of `bids`.
    WithoutBids,
}

/// What is written beside the documents in memory.
#[derive(Debug)]
struct Output {
    scope: Scope,
    bids: Vec<Upsert>,
    sweeps: Vec<Sweep>,
}

/// Folds records into documents. The documents must be all that [`Documents::wanted`] asks for.
///
/// # Errors
/// See [`FoldError`]. The documents in memory are of no use then.
pub fn fold(events: &Events, documents: &mut Documents, scope: Scope) -> Result<Batch, FoldError> {
    assert_eq!(events.shard(), documents.shard(), "documents are of the shard whose records are folded in");
    let mut output = Output { scope, bids: Vec::new(), sweeps: Vec::new() };
    documents.begin();
    for (position, event) in events.iter() {
        documents.fold_in(*position, event, &mut output)?;
    }
    let Output { scope: _, bids: mut others, sweeps } = output;
    let auctions = documents.write(&mut others)?;
    Ok(Batch { shard: events.shard(), auctions, others, sweeps, cursor: events.cursor() })
}
