//! Finds frames in the segments of the file, whole ones and what begins like one.

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
    /// What lies in `segment`, which begins at `base` in the file.
    pub(super) fn in_segment(segment: &[u8], base: u64) -> Self {
        let (finder, mut finds, mut at) = (Finder::new(ANY_MAGIC), Self::default(), 0);
        while let Some(distance) = finder.find(&segment[at..]) {
            at += distance;
            at += finds.take(&segment[at..], base + at as u64);
        }
        finds
    }

    /// Adds what lies in the next segment.
    pub(super) fn add(&mut self, next: Self) {
        let Self { frames, damaged, floors } = next;
        self.frames.extend(frames);
        self.damaged.extend(damaged);
        floors.into_iter().for_each(|(shard, tip)| self.take_floor(shard, tip));
    }

    /// Adds what these bytes begin with; gives how long it is.
    fn take(&mut self, bytes: &[u8], offset: u64) -> usize {
        if bytes.starts_with(&floor::MAGIC) {
            if let Some((shard, tip)) = floor::parse(bytes) {
                self.take_floor(shard, tip);
            }
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

    fn take_floor(&mut self, shard: ShardId, tip: Tip) {
        let latest = self.floors.entry(shard).or_insert(tip);
        if tip.lsn > latest.lsn {
            *latest = tip;
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
