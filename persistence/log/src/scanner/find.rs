//! Finds frames in one segment of the file, whole ones and what begins like one.

use super::{Damaged, Found};
use crate::chain::Tip;
use crate::floor;
use crate::frame::{Frame, FrameError, MAGIC, UncheckedFrame};
use crate::log::Tips;
use gavel_core::ShardId;
use memchr::memmem::Finder;

/// What the magics of frames and floors have in common.
const ANY_MAGIC: &[u8] = MAGIC.split_at(4).0;
const _: () =
    assert!(matches!(floor::MAGIC, [0x8d, b'G', b'V', b'L', ..]) && matches!(ANY_MAGIC, b"\x8dGVL"));

/// What lies in the file.
#[derive(Default)]
pub(super) struct Finds {
    pub(super) frames: Vec<(ShardId, Found)>,
    pub(super) damaged: Vec<Damaged>,
    /// Each shard's latest floor.
    pub(super) floors: Tips,
}

impl Finds {
    /// Adds what lies in `segment`, which begins at `base` in the file.
    pub(super) fn add_segment(&mut self, segment: &[u8], base: u64) {
        let finder = Finder::new(ANY_MAGIC);
        let mut at = 0;
        while let Some(distance) = finder.find(&segment[at..]) {
            at += distance;
            at += self.add(&segment[at..], base + at as u64);
        }
    }

    /// Adds what these bytes begin with; gives how long it is.
    fn add(&mut self, bytes: &[u8], offset: u64) -> usize {
        if bytes.starts_with(&floor::MAGIC) {
            self.add_floor(bytes);
        } else if bytes.starts_with(&MAGIC) {
            match check(bytes) {
                Ok(frame) => {
                    self.frames.push((frame.shard(), describe(&frame, offset)));
                    return frame.bytes().len();
                }
                Err(error) => {
                    let claims = UncheckedFrame(bytes).claims();
                    self.damaged.push(Damaged { offset, claims, error });
                }
            }
        }
        ANY_MAGIC.len()
    }

    fn add_floor(&mut self, bytes: &[u8]) {
        if let Some((shard, tip)) = floor::parse(bytes) {
            let latest = self.floors.entry(shard).or_insert(tip);
            if tip.lsn > latest.lsn {
                *latest = tip;
            }
        }
    }
}

fn check(bytes: &[u8]) -> Result<Frame, FrameError> {
    let expected = UncheckedFrame(bytes).claimed_length()?;
    let found = bytes.len();
    UncheckedFrame(bytes.get(..expected).ok_or(FrameError::CutOff { found, expected })?).check()
}

fn describe(frame: &Frame, offset: u64) -> Found {
    Found {
        tip: Tip::of(frame),
        first: frame.first(),
        previous: frame.previous(),
        offset,
        // Lossless: a frame is at most 32 KiB.
        length: frame.bytes().len() as u32,
        reached: false,
    }
}
