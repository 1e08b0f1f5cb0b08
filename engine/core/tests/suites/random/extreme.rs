//! Terms and commands at and beyond the bounds of amounts and times.

use crate::common::{account, amount, at, auction_id, draft, reason, secs, time};
use gavel_core::limits::*;
use gavel_core::terms::*;
use gavel_core::*;
use proptest::prelude::*;
use proptest::sample::select;

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        4 => (0u64..4).prop_map(|below| amount(AMOUNT_MAX - below)),
        2 => (0u64..4).prop_map(amount),
        1 => (0..=AMOUNT_MAX).prop_map(amount),
    ]
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        6 => (-4_000i64..8_000).prop_map(time),
        1 => (0..=TIMESTAMP_MAX_US).prop_map(|micros| Timestamp::from_micros(micros).unwrap()),
        1 => select(vec![Timestamp::default(), Timestamp::MAX]),
    ]
}

/// Lengths from a second to `longest`, mostly the two.
fn length(longest: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![2 => Just(secs(1)), 3 => Just(secs(longest)), 1 => (1..=longest).prop_map(secs)]
}

/// Every value valid, most of them at a bound.
pub(crate) fn extreme_terms() -> impl Strategy<Value = TermsDraft> {
    let price = || any_amount().prop_map(|price| price.max(amount(1)));
    let prices = (price(), prop::option::of(price()), price());
    let soft =
        (length(SOFT_CLOSE_MAX_S), length(SOFT_CLOSE_MAX_S)).prop_map(|(window, extension)| SoftClose {
            mode: SoftCloseMode::FromEnd,
            trigger: SoftCloseTrigger::Any,
            window,
            extension,
            hard_end: None,
        });
    let start = select(vec![-3_600, 0, START_AHEAD_MAX_S as i64 - 3_600]).prop_map(time);
    let times = (start, length(AUCTION_DURATION_MAX_S).prop_map(|it| it.max(secs(4_000))));
    let windows = (length(PAYMENT_WINDOW_MAX_S), length(OFFER_WINDOW_MAX_S), any::<bool>());
    (times, prices, prop::option::of(soft), windows).prop_map(
        |((start, duration), (opening, reserve, step), soft_close, (pay, offer, proxy))| TermsDraft {
            starts_at: Some(start),
            ends_at: None,
            duration: Some(duration),
            opening_price: Some(opening),
            reserve_price: reserve.map(|reserve| reserve.max(opening)),
            increments: Some(vec![IncrementStep { from: Amount::ZERO, step }]),
            soft_close,
            retraction: Some(Retraction::Until(Duration::ZERO)),
            payment_window: Some(pay),
            offer_window: Some(offer),
            proxy: Some(proxy),
            ..draft()
        },
    )
}

pub(crate) fn extreme_step() -> impl Strategy<Value = (Command, Timestamp)> {
    let id = prop::option::of(any::<u128>().prop_map(BidId::from_bits));
    let command = prop_oneof![
        12 => (0u64..4, any_amount(), id).prop_map(|(n, amount, id)| Command::Bid { bidder: account(n), amount, id }),
        1 => (0u64..4).prop_map(|n| Command::Remove { bidder: account(n), reason: reason() }),
        1 => any_time().prop_map(|ends_at| Command::Extend { ends_at }),
        1 => any_time().prop_map(|ends_at| Command::GiveBack { ends_at }),
        1 => prop::option::of(any_amount()).prop_map(|reserve| Command::LowerReserve { reserve }),
        1 => Just(Command::Unpaid),
        1 => (0u64..4).prop_map(|n| Command::AcceptOffer { bidder: account(n) }),
        2 => Just(Command::Pulse),
    ];
    (command, any_time())
}

pub(crate) fn position(step: usize) -> Position {
    Position { shard: ShardId(3), epoch: Epoch(u32::MAX), lsn: Lsn(u64::MAX - 1_000 + step as u64) }
}

/// An auction with these terms, opened an hour before `time(0)`.
pub(crate) fn opened(terms: Terms) -> Auction {
    let open = Open { terms, details: Details::default(), id: None, digest: 0 };
    let event = Auction::open(auction_id(), open, at(time(-3_600))).unwrap();
    Auction::from_opened(&event, position(0)).unwrap()
}
