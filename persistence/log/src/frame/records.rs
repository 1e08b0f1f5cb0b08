//! The records inside a frame: each is its length in two bytes and then itself.

use crate::limits::{RECORD_BYTES_MAX, RECORD_PREFIX_BYTES};
use gavel_core::Lsn;

/// The records of one frame in order, each with its Lsn.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    next: Lsn,
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn new(first: Lsn, body: &'a [u8]) -> Self {
        Self { next: first, rest: body }
    }

    /// `None` unless exactly `count` records of allowed length fill the body.
    pub(super) fn count_exactly(mut body: &[u8], count: u32) -> Option<()> {
        for _ in 0..count {
            let (record, rest) = split(body)?;
            if record.is_empty() || record.len() > RECORD_BYTES_MAX {
                return None;
            }
            body = rest;
        }
        body.is_empty().then_some(())
    }
}

/// The first record and what follows it.
fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = body.split_first_chunk::<RECORD_PREFIX_BYTES>()?;
    rest.split_at_checked(u16::from_le_bytes(*prefix) as usize)
}

impl<'a> Iterator for Records<'a> {
    type Item = (Lsn, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (record, rest) = split(self.rest)?;
        let lsn = self.next;
        *self = Self { next: lsn.next(), rest };
        Some((lsn, record))
    }
}
