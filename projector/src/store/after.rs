//! Places in a listing, as its readers carry them from one page to the next.
//!
//! A place is the order's key and the `_id` of the last document of a page. It says nothing of how many came before, so documents that come
//! and go meanwhile move no other from one page to another. To readers it is an opaque text:
//!
//! ```text
//! base64url( version (1) │ fingerprint of the listing (8) │ key (8, BE) │ _id │ first bytes of the BLAKE3 of all that (4) )
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::str::FromStr;

/// The form that is written, and the only one that is read so far.
const VERSION: u8 = 1;
/// Bytes before the `_id`.
const HEAD_BYTES: usize = 1 + 8 + 8;
/// Bytes after it.
const CHECK_BYTES: usize = 4;
/// Characters that a text is looked at for, at most: an `_id` has at most 64 bytes.
const TEXT_BYTES_MAX: usize = (HEAD_BYTES + 64 + CHECK_BYTES) * 4 / 3 + 1;

/// A place in a listing: behind one of its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    listing: [u8; 8],
    pub(super) key: i64,
    pub(super) id: String,
}

/// A text that names no place in the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AfterError {
    /// It was not given out here, or was changed on its way.
    #[error(
        "`after` is not a place that an earlier page gave, or was changed; take `next` of the page before, as it is"
    )]
    Damaged,
    /// A later Gavel gave it out.
    #[error("`after` has version {found}, and {VERSION} is known here; begin with the first page again")]
    Version {
        /// Its version.
        found: u8,
    },
    /// It belongs to other filters or another order.
    #[error(
        "`after` is a place in another listing; it goes with the filters and the order of the page that gave it"
    )]
    OtherListing,
}

impl After {
    pub(super) fn new(listing: [u8; 8], key: i64, id: &str) -> Self {
        Self { listing, key, id: id.to_owned() }
    }

    pub(super) fn checked(&self, listing: [u8; 8]) -> Result<&Self, AfterError> {
        if self.listing == listing { Ok(self) } else { Err(AfterError::OtherListing) }
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = *blake3::hash(bytes).as_bytes();
    [a, b, c, d]
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend(self.listing);
        bytes.extend(self.key.to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes.extend(check(&bytes));
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for After {
    type Err = AfterError;

    fn from_str(text: &str) -> Result<Self, AfterError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(AfterError::Damaged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AfterError::Damaged)?;
        let (body, sum) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(AfterError::Damaged)?;
        // Before the version: a damaged one is not a later one.
        if check(body) != *sum {
            return Err(AfterError::Damaged);
        }
        let (&found, rest) = body.split_first().ok_or(AfterError::Damaged)?;
        if found != VERSION {
            return Err(AfterError::Version { found });
        }
        let (&listing, rest) = rest.split_first_chunk().ok_or(AfterError::Damaged)?;
        let (&key, id) = rest.split_first_chunk().ok_or(AfterError::Damaged)?;
        let id = std::str::from_utf8(id).map_err(|_| AfterError::Damaged)?;
        Ok(Self { listing, key: i64::from_be_bytes(key), id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> After {
        After::new([7; 8], -5, "20261122-003-00000042/0000000002")
    }

    #[test]
    fn a_place_reads_back_and_holds_for_its_listing_alone() {
        let place = place();
        let read: After = place.to_string().parse().unwrap();
        assert_eq!(read, place);
        assert_eq!(read.checked([7; 8]), Ok(&place));
        assert_eq!(read.checked([8; 8]), Err(AfterError::OtherListing));
    }

    #[test]
    fn what_was_changed_in_any_place_is_refused() {
        let text = place().to_string();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(changed.parse::<After>(), Err(AfterError::Damaged), "{changed}");
            assert_eq!(text[..at].parse::<After>(), Err(AfterError::Damaged));
        }
        for wrong in [String::new(), "ü".to_owned(), text.clone() + "=", "A".repeat(100_000)] {
            assert_eq!(wrong.parse::<After>(), Err(AfterError::Damaged));
        }
    }

    #[test]
    fn a_later_form_says_that_it_is_one() {
        let mut bytes = URL_SAFE_NO_PAD.decode(place().to_string()).unwrap();
        bytes.truncate(bytes.len() - CHECK_BYTES);
        bytes[0] = 2;
        bytes.extend(check(&bytes));
        let text = URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(text.parse::<After>(), Err(AfterError::Version { found: 2 }));
    }
}
