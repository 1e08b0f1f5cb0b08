//! Frames: what was pushed comes out, bounds hold, any flipped bit is seen, and a chain takes no frame out of its place.

use crate::common::{frame_after, record};
use gavel_core::{Epoch, Lsn, ShardId};
use gavel_log::limits::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES, RECORD_BYTES_MAX};
use gavel_log::{Chain, ChainError, ChainHash, FrameBuilder, FrameError, PushError, Tip, UncheckedFrame};
use proptest::prelude::*;

const SHARD: ShardId = ShardId(3);

fn builder() -> FrameBuilder {
    FrameBuilder::new(SHARD, Epoch(1), Tip::default())
}

#[test]
fn a_builder_makes_one_chained_frame_after_the_other() {
    let mut builder = builder();
    assert!(builder.finish().is_none(), "nothing was pushed");
    let mut chain = Chain::new(SHARD, Tip::default());
    for round in 0..3_u64 {
        for index in 0..10 {
            assert_eq!(builder.push(&record(SHARD, builder.next_lsn(), 50)), Ok(Lsn(round * 10 + index + 1)));
        }
        let frame = builder.finish().unwrap();
        assert_eq!((frame.shard(), frame.epoch(), frame.count()), (SHARD, Epoch(1), 10));
        assert_eq!((frame.first(), frame.last()), (Lsn(round * 10 + 1), Lsn(round * 10 + 10)));
        for (lsn, bytes) in frame.records() {
            assert_eq!(bytes, record(SHARD, lsn, 50));
        }
        assert_eq!(frame.records().count(), 10);
        assert_eq!(UncheckedFrame(frame.bytes()).check().unwrap(), frame);
        chain.follow(&frame).unwrap();
    }
    assert_eq!(chain.tip().lsn, Lsn(30));
}

#[test]
fn a_frame_takes_records_up_to_its_bound_and_not_one_more() {
    let mut builder = builder();
    while builder.push(&[7; 1_000]).is_ok() {}
    assert_eq!(builder.push(&[7; 1_000]), Err(PushError::Full));
    let left = FRAME_BYTES_MAX - FRAME_HEADER_BYTES - (builder.next_lsn().0 as usize - 1) * 1_002;
    assert_eq!(builder.push(&vec![7; left - 1]), Err(PushError::Full));
    builder.push(&vec![7; left - 2]).unwrap();
    assert_eq!(builder.finish().unwrap().bytes().len(), FRAME_BYTES_MAX);
}

#[test]
fn the_largest_record_fits_an_empty_frame_and_a_larger_one_none() {
    let bytes = RECORD_BYTES_MAX + 1;
    assert_eq!(builder().push(&vec![7; bytes]), Err(PushError::RecordSize { bytes }));
    assert_eq!(builder().push(&[]), Err(PushError::RecordSize { bytes: 0 }));
    assert_eq!(builder().push(&vec![7; RECORD_BYTES_MAX]), Ok(Lsn(1)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::rounds(500) as u32))]

    #[test]
    fn any_flipped_bit_is_seen(count in 1u64..20, size in 1usize..100, at: prop::sample::Index, bit in 0u8..8) {
        let frame = frame_after(SHARD, Epoch(1), Tip::default(), count, size);
        let mut bytes = frame.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(UncheckedFrame(&bytes).check().is_err());
    }

    #[test]
    fn any_cut_is_seen(count in 1u64..20, size in 1usize..100, at: prop::sample::Index) {
        let frame = frame_after(SHARD, Epoch(1), Tip::default(), count, size);
        let cut = &frame.bytes()[..at.index(frame.bytes().len())];
        prop_assert!(UncheckedFrame(cut).check().is_err());
    }
}

#[test]
fn what_is_wrong_with_bytes_is_told_apart() {
    let frame = frame_after(SHARD, Epoch(1), Tip::default(), 3, 20);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = frame.bytes().to_vec();
        change(&mut bytes);
        UncheckedFrame(&bytes).check().unwrap_err()
    };
    let length = frame.bytes().len();
    assert_eq!(with(&|b| b.truncate(10)), FrameError::CutOff { found: 10, expected: FRAME_HEADER_BYTES });
    assert_eq!(with(&|b| b.truncate(length - 1)), FrameError::CutOff { found: length - 1, expected: length });
    assert_eq!(with(&|b| b.push(0)), FrameError::TooLong { found: length + 1, expected: length });
    assert_eq!(with(&|b| b[0] = 0), FrameError::Magic);
    assert_eq!(with(&|b| b[8] = 2), FrameError::Version { found: 2 });
    assert_eq!(with(&|b| b[11] = 1), FrameError::Header);
    assert!(matches!(with(&|b| b[length - 1] ^= 1), FrameError::Checksum { .. }));
}

#[test]
fn a_chain_takes_only_the_frame_that_comes_next() {
    let first = frame_after(SHARD, Epoch(2), Tip::default(), 10, 20);
    let tip = Tip::of(&first);
    let mut chain = Chain::new(SHARD, tip);
    let next = |tip| frame_after(SHARD, Epoch(1), tip, 5, 20);
    let other_shard = frame_after(ShardId(4), Epoch(2), tip, 5, 20);
    let wrong = [
        (other_shard, ChainError::Shard { shard: SHARD, found: ShardId(4) }),
        (first, ChainError::Gap { shard: SHARD, after: Lsn(10), found: Lsn(1) }),
        (next(Tip { lsn: Lsn(11), ..tip }), ChainError::Gap { shard: SHARD, after: Lsn(10), found: Lsn(12) }),
        (
            next(Tip { epoch: Epoch(1), ..tip }),
            ChainError::Epoch { shard: SHARD, at: Lsn(11), after: Epoch(2), found: Epoch(1) },
        ),
        (next(Tip { hash: ChainHash([1; 32]), ..tip }), ChainError::Hash { shard: SHARD, at: Lsn(11) }),
    ];
    for (frame, error) in wrong {
        assert_eq!(chain.follow(&frame), Err(error));
        assert_eq!(chain.tip(), tip);
    }
    chain.follow(&next(tip)).unwrap();
}
