//! One frame of the feed, taken apart as `FORMAT.md` of the log draws it.
//!
//! The connection has its checksums, so those of the frame are left to whoever keeps frames; what is read here is held to its
//! bounds.

use gavel_core::{Epoch, Lsn, Position, ShardId};

/// Bytes of a frame's header.
const HEADER_BYTES: usize = 68;
const MAGIC: [u8; 8] = *b"\x8dGVLfrm\n";
const VERSION: u16 = 1;

/// Records that one shard committed together, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFrame {
    header: Box<[u8]>,
    records: Box<[u8]>,
    first: Position,
    count: u32,
    /// Records at the front that the follower has already.
    known: u32,
}

/// Bytes that are no frame this version can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// A newer server.
    #[error("a frame of format {0}; this version reads format {VERSION}")]
    Version(u16),
    /// It is not laid out as one, or not what the message says.
    #[error("the server's frame is not laid out as one")]
    Layout,
}

impl FeedFrame {
    /// Takes a message apart.
    pub(super) fn read(
        first: Position,
        count: i64,
        header: Box<[u8]>,
        records: Box<[u8]>,
    ) -> Result<Self, BadFrame> {
        let head: &[u8; HEADER_BYTES] = (*header).try_into().map_err(|_| BadFrame::Layout)?;
        if head[..8] != MAGIC {
            return Err(BadFrame::Layout);
        }
        let version = u16::from_le_bytes(field(head, 8));
        if version != VERSION {
            return Err(BadFrame::Version(version));
        }
        let said = Position {
            shard: ShardId(u8::try_from(u16::from_le_bytes(field(head, 10))).map_err(|_| BadFrame::Layout)?),
            epoch: Epoch(u32::from_le_bytes(field(head, 12))),
            lsn: Lsn(u64::from_le_bytes(field(head, 16))),
        };
        let said_count = u32::from_le_bytes(field(head, 24));
        let length = u32::from_le_bytes(field(head, 28)) as usize;
        let is_whole = length == HEADER_BYTES + records.len() && split_all(&records, said_count).is_some();
        let is_in_bounds =
            said_count > 0 && said.lsn > Lsn(0) && said.lsn.0.checked_add(u64::from(said_count)).is_some();
        if said != first || i64::from(said_count) != count || !is_whole || !is_in_bounds {
            return Err(BadFrame::Layout);
        }
        Ok(Self { header, records, first, count: said_count, known: 0 })
    }

    /// Leaves out the records before this one.
    pub(super) fn skip_to(&mut self, next: Lsn) {
        // Lossless: the caller has found the record within the frame.
        self.known = next.0.saturating_sub(self.first.lsn.0) as u32;
    }

    /// The first record, which the follower may know already.
    #[must_use]
    pub const fn first(&self) -> Position {
        self.first
    }

    /// The last record: the position to go on from once this frame is done with.
    #[must_use]
    pub const fn last(&self) -> Position {
        let Position { shard, epoch, lsn } = self.first;
        Position { shard, epoch, lsn: Lsn(lsn.0 + self.count as u64 - 1) }
    }

    /// Bytes of its records.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a frame has at least one record")]
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// The records that are new to the follower, in order.
    pub fn records(&self) -> impl Iterator<Item = (Position, &[u8])> {
        let Position { shard, epoch, lsn } = self.first;
        let mut rest = &*self.records;
        let all = (0..u64::from(self.count)).map_while(move |number| {
            let (record, behind) = split(rest)?;
            rest = behind;
            Some((Position { shard, epoch, lsn: Lsn(lsn.0 + number) }, record))
        });
        all.skip(self.known as usize)
    }

    /// The whole frame, as it lies in the log: for whoever keeps frames.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&*self.header, &*self.records].concat()
    }
}

/// The first record and what follows it.
fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_le_bytes(*length) as usize)
}

/// `None` unless exactly as many records fill the body.
fn split_all(mut body: &[u8], count: u32) -> Option<()> {
    for _ in 0..count {
        body = split(body)?.1;
    }
    body.is_empty().then_some(())
}

/// `N` bytes from a fixed place, which lies inside by construction.
fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], from: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[from..from + N]);
    field
}
