//! Which bytes of its file sled's recovery would read: what lies behind a damaged message of its own it would not, whether
//! our frames there are whole or not.
//!
//! Follows sled 0.34.7 (`pagecache/iterator.rs`, `pagecache/logger.rs`), with these facts of its file:
//!
//! - Segments of equal size. Each begins with 20 bytes: CRC32, its Lsn, and the highest stable Lsn, both exclusive-ored
//!   with `i64::MAX`.
//! - Then messages: CRC32 (4), kind (1), length, segment number, page (each a varint), and so many bytes. They never cross
//!   a segment's end; nothing begins in the last 32 bytes.
//! - A snapshot file `snap.<Lsn in hex>` holds where all pages before that Lsn lie; recovery reads segments from it on,
//!   in the order of their Lsns, each up to its first bad message.
//! - From the highest stable Lsn on, segments must follow each other; the first gap or bad message is the end of the log,
//!   and sled zeroes everything behind it.

use crate::limits::SEGMENT_BYTES;
use std::collections::BTreeMap;
use std::io::Error;
use std::path::Path;

const SEGMENT_HEADER_BYTES: usize = 20;
const MESSAGE_HEADER_BYTES_MAX: usize = 32;
const SEGMENT: u64 = SEGMENT_BYTES as u64;

/// Collects segments, then says what is reached.
pub(super) struct Reach {
    /// The Lsn at which recovery begins, rounded down to its segment.
    from: u64,
    /// By Lsn: where the segment lies and how far it can be read.
    segments: BTreeMap<u64, Segment>,
    /// The highest stable Lsn that any segment tells.
    stable: u64,
}

/// A segment whose header is whole.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    lsn: u64,
    /// The highest stable Lsn that it tells.
    stable: u64,
    base: u64,
    /// The offset in the segment at which reading stops.
    end: usize,
    /// Whether it stops because the segment is full, and the next follows.
    full: bool,
}

/// Ranges of the file that are read, by their start.
pub(super) struct Reached(BTreeMap<u64, u64>);

impl Reach {
    pub(super) fn new(log_dir: &Path) -> Result<Self, Error> {
        let snapshot = super::verify::latest_snapshot(log_dir)?.map_or(0, |(lsn, _)| lsn);
        Ok(Self { from: snapshot / SEGMENT * SEGMENT, segments: BTreeMap::new(), stable: 0 })
    }

    /// What there is to know of the segment that begins at `base` in the file; `None` where its header is not whole.
    pub(super) fn look_at(&self, segment: &[u8], base: u64) -> Option<Segment> {
        let (lsn, stable) = segment_header(segment)?;
        if lsn < self.from {
            // Read by pointers out of the snapshot, wherever they point.
            return Some(Segment { lsn, stable: 0, base, end: SEGMENT_BYTES, full: true });
        }
        let (end, full) = read_messages(segment, lsn / SEGMENT);
        Some(Segment { lsn, stable, base, end, full })
    }

    /// Adds the next segment of the file.
    pub(super) fn add(&mut self, segment: Option<Segment>) {
        let Some(segment) = segment else { return };
        self.stable = self.stable.max(segment.stable);
        self.segments.insert(segment.lsn, segment);
    }

    pub(super) fn finish(self) -> Reached {
        let log_end = self.log_end();
        let mut reached = BTreeMap::new();
        for (lsn, segment) in &self.segments {
            let within = log_end.saturating_sub(*lsn).min(segment.end as u64);
            if within > 0 {
                reached.insert(segment.base, segment.base + within);
            }
        }
        Reached(reached)
    }

    /// The Lsn behind the last message that counts.
    fn log_end(&self) -> u64 {
        let mut expected = self.stable.max(self.from) / SEGMENT * SEGMENT;
        for (lsn, segment) in self.segments.range(expected..) {
            if *lsn != expected {
                break;
            }
            if !segment.full {
                return lsn + segment.end as u64;
            }
            expected += SEGMENT;
        }
        expected
    }
}

impl Reached {
    pub(super) fn contains(&self, offset: u64, length: u32) -> bool {
        let range = self.0.range(..=offset).next_back();
        range.is_some_and(|(_, end)| offset + u64::from(length) <= *end)
    }
}

/// Whether these bytes are the beginning of a file of sled's.
pub(crate) fn begins_like_a_segment(bytes: &[u8]) -> bool {
    segment_header(bytes).is_some()
}

/// The segment's Lsn and the stable Lsn it tells, where its header is whole.
fn segment_header(segment: &[u8]) -> Option<(u64, u64)> {
    let (crc, fields) = segment.get(..SEGMENT_HEADER_BYTES)?.split_first_chunk::<4>()?;
    if crc32fast::hash(fields) != u32::from_le_bytes(*crc) ^ u32::MAX {
        return None;
    }
    let (lsn, stable) = fields.split_first_chunk::<8>()?;
    let plain = |bytes: [u8; 8]| i64::from_le_bytes(bytes) ^ i64::MAX;
    let lsn = u64::try_from(plain(*lsn)).ok()?;
    // Before anything is stable it is -1.
    let stable = u64::try_from(plain(*stable.first_chunk()?)).unwrap_or(0);
    (lsn % SEGMENT == 0).then_some((lsn, stable))
}

/// Where reading the segment's messages stops, and whether it stops because it is full.
fn read_messages(segment: &[u8], number: u64) -> (usize, bool) {
    let mut at = SEGMENT_HEADER_BYTES;
    while at <= SEGMENT_BYTES - MESSAGE_HEADER_BYTES_MAX {
        match message(&segment[at.min(segment.len())..], number) {
            Some((_, true)) => return (at, true),
            Some((length, false)) => at += length,
            None => return (at, false),
        }
    }
    (at, true)
}

/// The length of the message that begins here, and whether it caps the segment; `None` when it is not whole.
fn message(bytes: &[u8], number: u64) -> Option<(usize, bool)> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = varint(rest)?;
    let (segment_number, rest) = varint(rest)?;
    let (_page, rest) = varint(rest)?;
    let header = &bytes[4..bytes.len() - rest.len()];
    let body = rest.get(..usize::try_from(length).ok()?)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(header);
    let whole = hasher.finalize() ^ u32::MAX == u32::from_le_bytes(*crc);
    let known = (1..=11).contains(kind);
    (whole && known && segment_number == number).then_some((4 + header.len() + body.len(), *kind == CAP))
}

/// The kind of message that says nothing follows in the segment.
const CAP: u8 = 2;

/// sled's integers: one byte up to 240, two up to 2287, three up to 67823, then a byte that says how many follow.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=240 => Some((u64::from(*first), rest)),
        241..=248 => {
            let (low, rest) = rest.split_first()?;
            Some((240 + 256 * (u64::from(*first) - 241) + u64::from(*low), rest))
        }
        249 => {
            let (&[high, low], rest) = rest.split_first_chunk::<2>()?;
            Some((2288 + 256 * u64::from(high) + u64::from(low), rest))
        }
        250..=255 => {
            let (low, rest) = rest.split_at_checked(usize::from(*first) - 247)?;
            let mut value = [0; 8];
            value[..low.len()].copy_from_slice(low);
            Some((u64::from_le_bytes(value), rest))
        }
    }
}
