//! Records: every kind of event comes back as it went in; a bid's record is small and its bytes are pinned; bytes that are
//! no record are refused, whatever they are.

use crate::common::dice::{Dice, EVENT_KINDS, SHARD_EVENT_KINDS};
use gavel_core::event::{BidAccepted, Origin};
use gavel_core::{AccountId, Amount, AuctionId, BidId, Event, EventKind, Seq, ShardId, Stamp, Timestamp};
use gavel_log::limits::RECORD_BYTES_MAX;
use gavel_log::record::{Record, RecordError, decode, encode_event, encode_shard_event};
use proptest::prelude::*;

fn event_bytes(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(event, &mut bytes);
    bytes
}

fn plain_bid() -> Event {
    let auction = AuctionId::new(20_779, ShardId(3), 42).unwrap();
    let seq = Seq(7);
    let at = Timestamp::from_micros(1_795_000_000_000_000).unwrap();
    Event {
        auction,
        seq,
        stamp: Stamp { received: at, decided: Timestamp::from_micros(at.micros() + 258).unwrap() },
        at,
        origin: Origin::Client,
        kind: EventKind::BidAccepted(BidAccepted {
            id: BidId::assigned(auction, seq),
            bidder: AccountId::from_integer(0x0102),
            amount: Amount::new(50_000).unwrap(),
            price: Amount::new(10_500).unwrap(),
            leading: true,
            extended_to: None,
        }),
    }
}

fn with_bid(change: impl FnOnce(&mut BidAccepted)) -> Event {
    let mut event = plain_bid();
    if let EventKind::BidAccepted(bid) = &mut event.kind {
        change(bid);
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::rounds(300) as u32))]

    /// Every kind of event, with fields anywhere within their bounds, appended after other bytes.
    #[test]
    fn every_event_comes_back_as_it_went_in(seed: u64, kind in 0..EVENT_KINDS) {
        let event = Dice(seed).event(kind);
        let mut bytes = vec![0xaa; (seed % 9) as usize];
        let before = bytes.len();
        encode_event(&event, &mut bytes);
        prop_assert!(bytes.len() - before <= RECORD_BYTES_MAX, "{} bytes", bytes.len());
        prop_assert_eq!(decode(&bytes[before..]), Ok(Record::Auction(event)));
    }

    #[test]
    fn every_shard_event_comes_back_as_it_went_in(seed: u64, kind in 0..SHARD_EVENT_KINDS) {
        let event = Dice(seed).shard_event(kind);
        let mut bytes = Vec::new();
        encode_shard_event(&event, &mut bytes);
        prop_assert_eq!(decode(&bytes), Ok(Record::Shard(event)));
    }

    /// Bids are what nearly all records are: many more of them, with every combination of what is optional.
    #[test]
    fn every_bid_comes_back_as_it_went_in(seed: u64) {
        let event = Dice(seed).event(2);
        prop_assert_eq!(decode(&event_bytes(&event)), Ok(Record::Auction(event)));
    }

    /// Damaged and invented bytes are an error or some record, never a panic.
    #[test]
    fn no_bytes_make_decoding_panic(
        seed: u64, kind in 0..EVENT_KINDS, flips in prop::collection::vec((0usize..1 << 15, 0u8..8), 1..4), cut: bool,
    ) {
        let mut bytes = event_bytes(&Dice(seed).event(kind));
        for (at, bit) in flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if cut {
                bytes.truncate(at);
                break;
            }
        }
        // Whatever was read must be a value within the domain's bounds: it can be written again.
        if let Ok(Record::Auction(event)) = decode(&bytes) {
            prop_assert_eq!(decode(&event_bytes(&event)), Ok(Record::Auction(event)));
        }
    }

    #[test]
    fn no_invented_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), form in 0u8..5) {
        let mut bytes = bytes;
        bytes.insert(0, form);
        if let Ok(Record::Auction(event)) = decode(&bytes) {
            prop_assert_eq!(decode(&event_bytes(&event)), Ok(Record::Auction(event)));
        }
    }
}

#[test]
fn a_bid_takes_as_few_bytes_as_it_needs() {
    let uuid = AccountId::from_bits(1 << 64);
    let chosen = BidId::from_bits(77);
    let end = Timestamp::from_micros(1_795_000_000_000_001);
    assert_eq!(event_bytes(&plain_bid()).len(), 55);
    assert_eq!(event_bytes(&with_bid(|bid| bid.extended_to = end)).len(), 63);
    assert_eq!(event_bytes(&with_bid(|bid| bid.bidder = uuid)).len(), 63);
    assert_eq!(event_bytes(&with_bid(|bid| bid.id = chosen)).len(), 71);
    let everything = with_bid(|bid| (bid.id, bid.bidder, bid.extended_to) = (chosen, uuid, end));
    assert_eq!(event_bytes(&everything).len(), 87);
}

/// The layout of a released version never changes. This pins the bytes of the commonest record.
#[test]
fn the_bytes_of_a_plain_bid_are_pinned() {
    let expected = "01 01 00 2a00000000032b51 07000000 00305f018b600600 02010000 00000000 0201000000000000 \
                    50c3000000000000 0429000000000000";
    let hex: String = event_bytes(&plain_bid()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected.replace(' ', ""));
}

#[test]
fn what_is_no_record_is_refused_with_the_reason() {
    assert_eq!(decode(&[]), Err(RecordError::Empty));
    assert_eq!(decode(&[9, 1, 2]), Err(RecordError::Form { found: 9 }));
    for form in 1..=3 {
        assert_eq!(decode(&[form]), Err(RecordError::Layout { form }));
    }
    let mut unknown_flag = event_bytes(&plain_bid());
    unknown_flag[1] |= 0x80;
    assert_eq!(decode(&unknown_flag), Err(RecordError::Layout { form: 1 }));
    let mut other_format = event_bytes(&plain_bid());
    other_format[2] = 1;
    assert_eq!(decode(&other_format), Err(RecordError::Field { field: "format" }));
    let mut large_amount = event_bytes(&plain_bid());
    large_amount[46] = 0xff;
    assert_eq!(decode(&large_amount), Err(RecordError::Field { field: "amount" }));
    let mut too_long = event_bytes(&plain_bid());
    too_long.push(0);
    assert_eq!(decode(&too_long), Err(RecordError::Layout { form: 1 }));
}
