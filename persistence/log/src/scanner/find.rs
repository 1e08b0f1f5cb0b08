//! Finds frames in one segment of the file, whole ones and what begins like one.

use super::{Damaged, Found};
use crate::chain::Tip;
use crate::frame::{Frame, FrameError, MAGIC, UncheckedFrame};
use gavel_core::ShardId;
use memchr::memmem::Finder;

/// Adds what lies in `segment`, which begins at `base` in the file.
pub(super) fn frames(
    segment: &[u8],
    base: u64,
    found: &mut Vec<(ShardId, Found)>,
    damaged: &mut Vec<Damaged>,
) {
    let finder = Finder::new(&MAGIC);
    let mut at = 0;
    while let Some(distance) = finder.find(&segment[at..]) {
        at += distance;
        let offset = base + at as u64;
        match check(&segment[at..]) {
            Ok(frame) => {
                at += frame.bytes().len();
                found.push((frame.shard(), describe(&frame, offset)));
            }
            Err(error) => {
                let claims = UncheckedFrame(&segment[at..]).claims();
                damaged.push(Damaged { offset, claims, error });
                at += MAGIC.len();
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
