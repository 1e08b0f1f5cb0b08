//! A shard's state in slices, each of which holds the shard for a moment only; between two of them it goes on deciding.
//!
//! Sequences first, then the auctions in the order of their ids, then the bans. What comes out is *fuzzy*: each auction as it was at
//! some moment between the first slice and the last, at which it says itself; recovery applies to it what came later. See
//! [`replay`](super::replay) for why that ends in the very state.

use super::{Book, Entry};
use crate::by_day::Place;
use crate::limits::{SLICE_BYTES, SLICE_ITEMS, SLICE_PLACES};
use gavel_core::Lsn;
use gavel_core::auction::export::Export;
use gavel_log::state::Encoder;

/// How far the slicing of a shard has got. Kept by whoever asks: the shard itself remembers nothing of it.
#[derive(Debug, Default)]
pub(crate) struct Cursor(Stage);

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Sequences,
    /// The next auction, or the one whose lists are being handed out.
    Auctions {
        place: Place,
        export: Option<Export>,
    },
    Bans {
        part: usize,
    },
    Done,
}

/// One slice.
#[derive(Debug)]
pub(crate) struct Slice {
    /// A block of a snapshot.
    pub(crate) block: Vec<u8>,
    /// The last record decided.
    pub(crate) applied: Lsn,
    /// True when there is no further slice.
    pub(crate) complete: bool,
}

impl Book {
    /// The next slice, of about [`SLICE_BYTES`]. What `buffer` holds is discarded, its room is used.
    pub(crate) fn slice(&self, cursor: &mut Cursor, buffer: Vec<u8>) -> Slice {
        let mut out = Encoder::new(buffer);
        let mut places = SLICE_PLACES;
        while out.len() < SLICE_BYTES && places > 0 && !matches!(cursor.0, Stage::Done) {
            cursor.0 = match std::mem::take(&mut cursor.0) {
                Stage::Sequences => self.slice_sequences(&mut out),
                Stage::Auctions { place, export: None } => {
                    self.slice_next_auction(place, &mut places, &mut out)
                }
                Stage::Auctions { place, export: Some(export) } => self.slice_lists(place, export, &mut out),
                Stage::Bans { part } => self.slice_bans(part, &mut out),
                Stage::Done => Stage::Done,
            };
        }
        let complete = matches!(cursor.0, Stage::Done);
        Slice { block: out.finish(), applied: self.last(), complete }
    }

    fn slice_sequences(&self, out: &mut Encoder) -> Stage {
        self.started.into_iter().for_each(|at| out.started(at));
        out.sequences(self.sequences.iter().map(|(day, last)| (*day, *last)));
        Stage::Auctions { place: Place::default(), export: None }
    }

    fn slice_next_auction(&self, place: Place, places: &mut usize, out: &mut Encoder) -> Stage {
        match self.auctions.next_from(place, *places) {
            Ok((entry, next)) => {
                *places -= 1;
                let Entry { auction, opening, live: _, queued: _, touched: _ } = &**entry;
                out.opened_by(opening.as_deref().copied());
                let export = auction.export(out);
                // `place` is what the auction is found at again, should it have to begin anew.
                if export.is_complete() {
                    Stage::Auctions { place: next, export: None }
                } else {
                    self.slice_lists(place, export, out)
                }
            }
            Err(Some(place)) => {
                *places = 0;
                Stage::Auctions { place, export: None }
            }
            Err(None) => Stage::Bans { part: 0 },
        }
    }

    /// More of an auction's lists. It begins anew when bids were withdrawn meanwhile, and is void when it has left memory.
    fn slice_lists(&self, place: Place, mut export: Export, out: &mut Encoder) -> Stage {
        let id = export.auction();
        let Some(entry) = self.auctions.get(id) else {
            out.give_up(id);
            return Stage::Auctions { place: Place::after(id), export: None };
        };
        if entry.auction.export_more(&mut export, SLICE_ITEMS, out).is_err() {
            out.give_up(id);
            return Stage::Auctions { place, export: None };
        }
        if export.is_complete() {
            Stage::Auctions { place: Place::after(id), export: None }
        } else {
            Stage::Auctions { place, export: Some(export) }
        }
    }

    fn slice_bans(&self, part: usize, out: &mut Encoder) -> Stage {
        if part >= self.bans.parts() {
            return Stage::Done;
        }
        out.bans(self.bans.part(part));
        Stage::Bans { part: part + 1 }
    }
}
