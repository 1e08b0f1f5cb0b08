//! The latest durable frames of each shard, for followers; and how far each shard is durable.
//!
//! Invariants:
//! - Only the log thread puts frames in, and only after the commit that holds them has returned.
//! - A ring holds a shard's latest frames without a gap. What does not fit any more is to be read from the log.
//! - The log thread does a constant amount of work for a frame, however many follow: it keeps the frame, whose bytes are there
//!   already, and wakes once per shard and commit.

use crate::limits::{RING_BYTES_MAX, RING_BYTES_MIN, RINGS_BYTES_MAX};
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{Lsn, ShardId};
use gavel_log::{Frame, Tip};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// The rings of all shards.
pub(crate) struct Rings {
    rings: Box<[Ring]>,
    /// Bytes of frames in all of them. Changed by the log thread only.
    bytes: AtomicUsize,
}

/// The ring of one shard.
struct Ring {
    frames: Mutex<Held>,
    /// The durable end; raised after the frames are in.
    tip: watch::Sender<Tip>,
}

#[derive(Default)]
struct Held {
    frames: VecDeque<Frame>,
    bytes: usize,
}

/// What a ring has behind a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// These frames, the first of which holds the record after it.
    Frames(Vec<Frame>),
    /// Nothing: it is the last that is durable.
    End,
    /// There is more, but the ring does not hold it any more.
    Behind,
}

impl Rings {
    pub(crate) fn new() -> Self {
        let ring = || Ring { frames: Mutex::default(), tip: watch::Sender::new(Tip::default()) };
        Self { rings: (0..SHARDS_MAX).map(|_| ring()).collect(), bytes: AtomicUsize::new(0) }
    }

    fn ring(&self, shard: ShardId) -> &Ring {
        &self.rings[usize::from(shard.0)]
    }

    /// Notes the durable end that a shard has before anything is published.
    pub(crate) fn begin(&self, shard: ShardId, tip: Tip) {
        self.ring(shard).tip.send_replace(tip);
    }

    /// Takes in what was just committed: frames of any shards, each shard's in order. Leaves nothing in `frames`.
    pub(crate) fn publish(&self, frames: &mut Vec<Frame>) {
        let mut is_touched = [false; SHARDS_MAX];
        for frame in frames.drain(..) {
            is_touched[usize::from(frame.shard().0)] = true;
            let ring = self.ring(frame.shard());
            ring.frames.lock().push(frame, &self.bytes);
        }
        for (ring, _) in self.rings.iter().zip(is_touched).filter(|(_, is_touched)| *is_touched) {
            let tip = ring.frames.lock().frames.back().map(Tip::of);
            ring.tip.send_replace(tip.unwrap_or_default());
        }
    }

    /// The durable end of a shard.
    pub(crate) fn tip(&self, shard: ShardId) -> Tip {
        *self.ring(shard).tip.borrow()
    }

    /// The durable end of a shard, to wait for its changes.
    pub(crate) fn tips(&self, shard: ShardId) -> watch::Receiver<Tip> {
        self.ring(shard).tip.subscribe()
    }

    /// The frames behind a record, as many as it takes to reach `bytes`.
    pub(crate) fn after(&self, shard: ShardId, lsn: Lsn, bytes: usize) -> Look {
        let ring = self.ring(shard);
        let held = ring.frames.lock();
        match (held.frames.front(), held.frames.back()) {
            (Some(first), Some(last)) if lsn < last.last() && lsn.next() >= first.first() => {
                Look::Frames(held.after(lsn, bytes))
            }
            (_, Some(last)) if lsn >= last.last() => Look::End,
            _ if lsn >= ring.tip.borrow().lsn => Look::End,
            _ => Look::Behind,
        }
    }
}

impl Held {
    fn push(&mut self, frame: Frame, all: &AtomicUsize) {
        let size = frame.bytes().len();
        self.bytes += size;
        self.frames.push_back(frame);
        let mut total = all.load(Ordering::Relaxed) + size;
        while self.bytes > RING_BYTES_MAX || (total > RINGS_BYTES_MAX && self.bytes > RING_BYTES_MIN) {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.bytes().len();
            total -= oldest.bytes().len();
        }
        all.store(total, Ordering::Relaxed);
    }

    fn after(&self, lsn: Lsn, bytes: usize) -> Vec<Frame> {
        let start = self.frames.partition_point(|frame| frame.last() <= lsn);
        let mut taken = 0;
        let enough = |frame: &&Frame| {
            let is_room = taken < bytes;
            taken += frame.bytes().len();
            is_room
        };
        self.frames.range(start..).take_while(enough).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a ring hands out each frame once and in order, says so when it can't, and is bounded. Method: frames of known sizes,
    //! looked for behind every record.
    use super::*;
    use gavel_core::Epoch;
    use gavel_log::FrameBuilder;

    /// So many frames of two records each, the continuation of `tip`.
    fn frames(shard: u8, tip: Tip, count: usize, record_bytes: usize) -> Vec<Frame> {
        let mut builder = FrameBuilder::new(ShardId(shard), Epoch(1), tip);
        let frame = |_| {
            builder.push(&vec![7; record_bytes]).unwrap();
            builder.push(&[1]).unwrap();
            builder.finish().unwrap()
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn behind_every_record_is_the_frame_that_holds_the_next() {
        let rings = Rings::new();
        let all = frames(3, Tip::default(), 10, 40);
        rings.publish(&mut all.clone());
        for lsn in 0..20_u64 {
            let Look::Frames(found) = rings.after(ShardId(3), Lsn(lsn), usize::MAX) else { panic!("{lsn}") };
            assert_eq!(found, all[usize::try_from(lsn / 2).unwrap()..], "{lsn}");
        }
        assert_eq!(rings.after(ShardId(3), Lsn(20), usize::MAX), Look::End);
        assert_eq!(rings.after(ShardId(4), Lsn(0), usize::MAX), Look::End, "a shard without records");
        let Look::Frames(first) = rings.after(ShardId(3), Lsn(0), 1) else { panic!() };
        assert_eq!(first, all[..1], "no more than was asked for");
    }

    #[test]
    fn what_was_there_before_the_start_is_to_be_read_elsewhere() {
        let rings = Rings::new();
        let old = frames(0, Tip::default(), 3, 40);
        let tip = Tip::of(&old[2]);
        rings.begin(ShardId(0), tip);
        assert_eq!(rings.after(ShardId(0), Lsn(5), 1), Look::Behind);
        assert_eq!(rings.after(ShardId(0), Lsn(6), 1), Look::End);
        rings.publish(&mut frames(0, tip, 1, 40));
        assert_eq!(rings.after(ShardId(0), Lsn(5), 1), Look::Behind);
        assert!(matches!(rings.after(ShardId(0), Lsn(6), 1), Look::Frames(_)));
        assert_eq!(rings.tip(ShardId(0)).lsn, Lsn(8));
    }

    #[test]
    fn the_bytes_of_all_rings_are_bounded_and_each_keeps_its_latest() {
        let rings = Rings::new();
        // Each fills its own ring; together they are far above the bound of all.
        for shard in 0..=u8::MAX {
            let mut many = frames(shard, Tip::default(), RING_BYTES_MAX / 20_000 + 10, 20_000);
            let last = many.last().cloned().unwrap();
            rings.publish(&mut many);
            let held: usize = {
                let held = rings.ring(ShardId(shard)).frames.lock();
                assert_eq!(held.bytes, held.frames.iter().map(|frame| frame.bytes().len()).sum::<usize>());
                held.bytes
            };
            assert!(held <= RING_BYTES_MAX, "shard {shard} holds {held}");
            let before_last = Lsn(last.first().0 - 1);
            assert_eq!(rings.after(ShardId(shard), before_last, 1), Look::Frames(vec![last]));
        }
        let sum: usize = rings.rings.iter().map(|ring| ring.frames.lock().bytes).sum();
        assert_eq!(sum, rings.bytes.load(Ordering::Relaxed));
        assert!(sum <= RINGS_BYTES_MAX + RING_BYTES_MIN * SHARDS_MAX, "{sum} bytes in all rings");
    }
}
