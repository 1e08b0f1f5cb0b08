//! Goal: a shard's state comes back from its bytes as it went in, however it is cut into blocks; its layout is pinned; bytes that
//! are no state are refused, whatever they are.
//!
//! Method: auctions with random terms and a history of bids, withdrawals and bans, written in runs of random length; the digest must
//! be the same. Then every prefix and single-bit changes of the bytes.

use crate::common::dice::Dice;
use gavel_core::ban::Ban;
use gavel_core::command::StandingBids;
use gavel_core::placement::PlacementChange;
use gavel_core::*;
use gavel_log::state::{Encoder, Loader, Opening, Restored, StateError};
use proptest::prelude::*;

/// An auction with a history, short or long.
fn auction(dice: &mut Dice) -> Auction {
    let terms = dice.terms();
    let (starts_at, bids) = (terms.starts_at, dice.below(60));
    let open = Open { terms, details: Details("{}".into()), id: None, digest: 0 };
    let mut position = Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(10) };
    let id = AuctionId::new(20_779, ShardId(3), 1 + dice.below(1_000)).unwrap();
    let opened = Auction::open(id, open, Stamp::at(Timestamp::default())).unwrap();
    let mut auction = Auction::from_opened(&opened, position).unwrap();
    let bans = BanBook::default();
    for _ in 0..bids {
        position.lsn = Lsn(position.lsn.0 + 1 + dice.below(3));
        position.epoch = Epoch(position.epoch.0 + u32::from(dice.below(9) == 0));
        let bidder = if dice.below(3) == 0 { dice.account() } else { AccountId::from_integer(dice.below(9)) };
        let least = auction.view().min_next.get();
        let command = match dice.below(12) {
            0 => Command::Ban { bidder, standing: StandingBids::Remove },
            1 => Command::Edit { details: Details("{}".into()) },
            2 => Command::Remove { bidder, reason: Reason("because".into()) },
            _ => Command::Bid {
                bidder,
                amount: Amount::new(least + dice.below(1_000)).unwrap_or(Amount::MAX),
                id: (dice.below(3) == 0).then(|| BidId::from_bits(u128::from(dice.next()) << 64 | 1)),
            },
        };
        let context = Context { stamp: Stamp::at(starts_at), bans: &bans };
        if let Ok(Decision::Event(event)) = auction.decide(&command, &context) {
            auction.apply(&event, position);
        }
    }
    auction
}

fn opening(dice: &mut Dice) -> Option<Opening> {
    let id = OpenId(u128::from(dice.next()));
    (dice.below(2) == 0).then(|| Opening {
        id,
        digest: u128::from(dice.next()),
        lsn: Lsn(10),
        epoch: Epoch(1),
    })
}

/// The auction's blocks, each of at most so many items of its lists.
fn blocks(auction: &Auction, opening: Option<Opening>, items_max: u32) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.opened_by(opening);
    let mut export = auction.export(&mut encoder);
    let mut blocks = vec![encoder.finish()];
    while !export.is_complete() {
        let mut encoder = Encoder::new(Vec::new());
        auction.export_more(&mut export, items_max, &mut encoder).unwrap();
        blocks.push(encoder.finish());
    }
    blocks
}

fn load(blocks: &[Vec<u8>]) -> Result<Vec<Restored>, StateError> {
    let (mut loader, mut restored) = (Loader::default(), Vec::new());
    blocks.iter().try_for_each(|block| loader.block(block, |part| restored.push(part)))?;
    loader.finish().map(|()| restored)
}

fn only_auction(restored: Vec<Restored>) -> (Auction, Option<Opening>) {
    match restored.into_iter().next() {
        Some(Restored::Auction(auction, opening)) => (auction, opening),
        other => panic!("no auction: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::rounds(300) as u32))]

    #[test]
    fn auctions_come_back_as_they_went_in(seed: u64, items_max in 1_u32..40) {
        let mut dice = Dice(seed);
        let (auction, opening) = (auction(&mut dice), opening(&mut dice));
        let (copy, copied_opening) = only_auction(load(&blocks(&auction, opening, items_max)).unwrap());
        prop_assert_eq!(copy.digest(), auction.digest());
        prop_assert_eq!((copy.view(), copied_opening), (auction.view(), opening));
    }

    /// Bytes from a disk are only bytes: an error, or some state within the rules' bounds, never a panic.
    #[test]
    fn damaged_bytes_do_no_harm(seed: u64, place: usize, bit in 0_u32..8) {
        let mut dice = Dice(seed);
        let mut blocks = blocks(&auction(&mut dice), opening(&mut dice), u32::MAX);
        let block = (seed % blocks.len() as u64) as usize;
        let place = place % blocks[block].len();
        blocks[block][place] ^= 1 << bit;
        if let Ok(restored) = load(&blocks) {
            for part in restored {
                if let Restored::Auction(auction, _) = part {
                    std::hint::black_box((auction.digest(), auction.view()));
                }
            }
        }
    }
}

#[test]
fn every_prefix_is_refused() {
    let mut dice = Dice(5);
    let auction = std::iter::repeat_with(|| auction(&mut dice)).find(|it| it.view().bid_count > 9).unwrap();
    let whole = blocks(&auction, None, u32::MAX);
    let mut bytes = whole[0].clone();
    bytes.extend_from_slice(&whole[1][1..]);
    load(std::slice::from_ref(&bytes)).unwrap();
    for length in 2..bytes.len() {
        let error = load(&[bytes[..length].to_vec()]).expect_err("a prefix");
        assert!(matches!(error, StateError::CutOff | StateError::Incomplete(_)), "{length}: {error}");
    }
}

#[test]
fn what_is_no_auction_comes_back_as_it_went_in() {
    let account = AccountId::from_integer;
    let bans = [
        Ban { bidder: account(1), seller: None },
        Ban { bidder: AccountId::from_bits(u128::MAX), seller: Some(account(2)) },
    ];
    let at = Timestamp::from_micros(1_795_000_000_000_000).unwrap();
    let changes = [
        PlacementChange::ShardAdded(ShardId(1)),
        PlacementChange::DirectorySet { key: "k".into(), shard: None },
    ];
    let mut encoder = Encoder::new(vec![7; 100]);
    assert!(encoder.is_empty());
    encoder.bans(bans.into_iter());
    encoder.sequences([(20_779, 5), (20_780, 1)].into_iter());
    encoder.placement(Lsn(77));
    changes.iter().for_each(|change| encoder.change(change.clone()));
    encoder.started(at);
    let mut restored = load(&[encoder.finish()]).unwrap().into_iter();
    for ban in bans {
        assert!(matches!(restored.next(), Some(Restored::Ban(found)) if found == ban));
    }
    for (day, last) in [(20_779, 5), (20_780, 1)] {
        assert!(
            matches!(restored.next(), Some(Restored::Sequence { day: d, last: l }) if (d, l) == (day, last))
        );
    }
    assert!(matches!(restored.next(), Some(Restored::Placement(Lsn(77)))));
    for change in changes {
        assert!(matches!(restored.next(), Some(Restored::Change(found)) if found == change));
    }
    assert!(matches!(restored.next(), Some(Restored::Started(found)) if found == at));
    assert!(restored.next().is_none());
}

#[test]
fn what_was_given_up_is_void_and_parts_belong_to_their_auction() {
    let mut dice = Dice(5);
    let first = std::iter::repeat_with(|| auction(&mut dice)).find(|it| it.view().bid_count > 9).unwrap();
    let halves = blocks(&first, None, u32::MAX);
    let given_up = |id| {
        let mut encoder = Encoder::new(Vec::new());
        encoder.give_up(id);
        encoder.finish()
    };
    let void = [halves[0].clone(), given_up(first.id())];
    assert!(load(&void).unwrap().is_empty());
    let anew = [void.as_slice(), halves.as_slice()].concat();
    assert_eq!(only_auction(load(&anew).unwrap()).0.digest(), first.digest());
    let id = first.id();
    assert_eq!(load(&halves[..1]).unwrap_err(), StateError::Incomplete(id));
    assert_eq!(load(&halves[1..]).unwrap_err(), StateError::NoAuction);
    assert_eq!(load(&[halves[0].clone(), halves[0].clone()]).unwrap_err(), StateError::Incomplete(id));
    let other = AuctionId::new(1, ShardId(3), 1).unwrap();
    assert_eq!(load(&[halves[0].clone(), given_up(other)]).unwrap_err(), StateError::Incomplete(id));
    assert_eq!(load(&[vec![2]]).unwrap_err(), StateError::Version { found: 2 });
    assert_eq!(load(&[vec![1, 16]]).unwrap_err(), StateError::Item { found: 16 });
}

/// A layout that was released never changes: these bytes must be read, and written, for ever.
#[test]
fn the_layout_is_pinned() {
    let at = |micros| Timestamp::from_micros(micros).unwrap();
    let amount = |units| Amount::new(units).unwrap();
    let draft = TermsDraft {
        seller: Some(AccountId::from_integer(0x0102)),
        currency: Currency::new(*b"KRW"),
        starts_at: Some(at(1_000_000)),
        ends_at: Some(at(9_000_000)),
        ..TermsDraft::default()
    };
    let terms = Terms::validate(draft, at(0)).unwrap();
    let id = AuctionId::new(2, ShardId(3), 4).unwrap();
    let open = Open { terms, details: Details("{}".into()), id: None, digest: 0 };
    let position = |lsn| Position { shard: ShardId(3), epoch: Epoch(5), lsn: Lsn(lsn) };
    let opened = Auction::open(id, open, Stamp::at(at(0))).unwrap();
    let mut auction = Auction::from_opened(&opened, position(6)).unwrap();
    let bid = Command::Bid { bidder: AccountId::from_integer(7), amount: amount(8), id: None };
    let context = Context { stamp: Stamp::at(at(2_000_000)), bans: &BanBook::default() };
    let Ok(Decision::Event(event)) = auction.decide(&bid, &context) else { panic!("the bid is good") };
    auction.apply(&event, position(9));
    let mut encoder = Encoder::new(Vec::new());
    let mut export = auction.export(&mut encoder);
    auction.export_more(&mut export, u32::MAX, &mut encoder).unwrap();
    let hex: String = encoder.finish().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, PINNED);
}

const PINNED: &str = "\
    0101020104000000000302000200000005000000090000000000000080841e0000000000405489000000000000\
    000000000000000100000001000000000000000800000000000000010000000000000020000201000000000000\
    00000000000000004b525740420f00000000004054890000000000010000000000000000a0e3d08c0000000060\
    d71d14000000010000000000000000010000000000000002010000000700000000000000040100000002000000\
    09000000000000000000000008000000000000c00100000000000000";
