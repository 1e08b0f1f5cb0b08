//! Exact texts of every event in both forms; and whatever is secret in an event is nowhere in its public form.

use super::*;
use gavel_core::command::StandingBids;
use gavel_core::placement::{KeyRange, PlacementChange, Policy};
use gavel_core::terms::{BuyNow, BuyNowPolicy, Retraction, SoftClose, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{
    BidId, Currency, Details, Duration, Epoch, Lsn, OpenId, Reason, Seq, ShardEvent, ShardId, Stamp, Terms,
    TermsDraft, Timestamp,
};

/// 2026-11-22T09:00:00Z and so many seconds.
fn time(seconds: u64) -> Timestamp {
    Timestamp::from_micros((1_795_338_000 + seconds) * 1_000_000).unwrap()
}

fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn account(id: u64) -> AccountId {
    AccountId::from_integer(id)
}

const POSITION: Position = Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(42) };

fn head(name: &str) -> String {
    format!(
        r#""position":"3-1-42","auction":"20261122-003-00000042","seq":7,"type":"{name}","at":"2026-11-22T09:00:01Z","received":"2026-11-22T09:00:01Z","decided":"2026-11-22T09:00:01.000180Z","origin":"client""#
    )
}

fn text(kind: EventKind, form: Form) -> String {
    let received = time(1);
    let stamp = Stamp { received, decided: received.saturating_add(Duration::from_micros(180)) };
    let auction = "20261122-003-00000042".parse().unwrap();
    let event = Event { auction, seq: Seq(7), stamp, at: time(1), origin: Origin::Client, kind };
    let mut out = Vec::new();
    super::event(&mut out, POSITION, &event, form);
    let text = String::from_utf8(out).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

/// The event is called so, and has these further fields in the public form, and these in the secret one.
#[track_caller]
fn is(kind: EventKind, name: &str, public: &str, secret: &str) {
    for (form, rest) in [(Form::Public, public), (Form::Secret, secret)] {
        let comma = if rest.is_empty() { "" } else { "," };
        assert_eq!(text(kind.clone(), form), format!("{{{}{comma}{rest}}}", head(name)));
    }
}

/// The event has these further fields in both forms.
#[track_caller]
fn has(kind: EventKind, name: &str, fields: &str) {
    is(kind, name, fields, fields);
}

fn terms() -> Terms {
    let draft = TermsDraft {
        seller: Some(account(7)),
        currency: Currency::new(*b"KRW"),
        starts_at: Some(time(0)),
        ends_at: Some(time(3_600)),
        opening_price: Some(amount(1_000)),
        reserve_price: Some(amount(77_777)),
        buy_now: Some(BuyNow { price: amount(90_000), policy: BuyNowPolicy::Always }),
        soft_close: Some(SoftClose {
            mode: SoftCloseMode::FromBid,
            trigger: SoftCloseTrigger::Any,
            window: Duration::from_secs(60),
            extension: Duration::from_secs(60),
            hard_end: None,
        }),
        retraction: Some(Retraction::Never),
        placement_key: Some("seller \"7\"".to_owned()),
        ..TermsDraft::default()
    };
    Terms::validate(draft, time(0)).unwrap()
}

fn bid(leading: bool, extended_to: Option<Timestamp>) -> EventKind {
    EventKind::BidAccepted(BidAccepted {
        id: BidId::from_bits(0xb1d),
        bidder: account(8),
        amount: amount(77_777),
        price: amount(3_100),
        leading,
        extended_to,
    })
}

#[test]
fn an_opening_shows_the_terms_but_not_the_reserve_price() {
    let opened = Opened {
        terms: terms(),
        details: Details(r#"{"title":"a \"lamp\"","n":1.10}"#.into()),
        id: Some(OpenId(0x09e4)),
        digest: 0xd1_9e57,
    };
    let kind = EventKind::Opened(Box::new(opened));
    let public = text(kind.clone(), Form::Public);
    let secret = text(kind, Form::Secret);
    let first = format!(
        r#"{{{},"starts_at":"2026-11-22T09:00:00Z","ends_at":"2026-11-22T10:00:00Z","reserve_status":"not_met","seller":"7","currency":"KRW","#,
        head("opened")
    );
    let details = r#""details":{"title":"a \"lamp\"","n":1.10}}"#;
    assert!(public.starts_with(&first) && secret.starts_with(&first), "{public}");
    assert!(
        public.ends_with(&format!(r#""payment_window_s":604800,"offer_window_s":86400,{details}"#)),
        "{public}"
    );
    let hidden = r#""reserve_price":77777,"placement_key":"seller \"7\"","open_id":"00000000-0000-0000-0000-0000000009e4","#;
    assert!(secret.ends_with(&format!("{hidden}{details}")), "{secret}");
    assert_eq!(secret.replace(hidden, ""), public);
}

#[test]
fn a_bid_shows_its_amount_only_to_operators() {
    let fields = |amount: &str, rest: &str| {
        format!(
            r#""bid_id":"00000000-0000-0000-0000-000000000b1d","bidder":"8",{amount}"price":3100,"status":{rest}"#
        )
    };
    let leading = r#""leading","extended_to":null"#;
    is(bid(true, None), "bid_accepted", &fields("", leading), &fields(r#""amount":77777,"#, leading));
    let outbid = r#""outbid","extended_to":"2026-11-22T10:01:00Z""#;
    is(
        bid(false, Some(time(3_660))),
        "bid_accepted",
        &fields("", outbid),
        &fields(r#""amount":77777,"#, outbid),
    );
    let bought = EventKind::BoughtNow {
        id: BidId::from_bits(0xb1d),
        buyer: AccountId::from_bits(1 << 64),
        price: amount(90_000),
        pay_by: time(60),
    };
    has(
        bought,
        "bought_now",
        r#""bid_id":"00000000-0000-0000-0000-000000000b1d","bidder":"00000000-0000-0001-0000-000000000000","price":90000,"status":"sold","pay_by":"2026-11-22T09:01:00Z""#,
    );
}

#[test]
fn bids_taken_away_show_what_is_left() {
    let reason = || Reason("typed \"0\"\ntoo many".into());
    let left = Leadership { price: Some(amount(2_000)), leader: Some(account(9)) };
    let retracted = BidRetracted { id: BidId::from_bits(0xb1d), bidder: account(8), reason: reason(), left };
    has(
        EventKind::BidRetracted(Box::new(retracted)),
        "bid_retracted",
        r#""bid_id":"00000000-0000-0000-0000-000000000b1d","bidder":"8","reason":"typed \"0\"\ntoo many","price":2000,"leader":"9""#,
    );
    let nothing = Leadership { price: None, leader: None };
    let removed = BidsRemoved { bidder: account(8), reason: reason(), count: 2, left: nothing };
    is(
        EventKind::BidsRemoved(Box::new(removed)),
        "bids_removed",
        r#""bidder":"8","bids":2,"price":null,"leader":null"#,
        r#""bidder":"8","reason":"typed \"0\"\ntoo many","bids":2,"price":null,"leader":null"#,
    );
    has(
        EventKind::BidderBanned { bidder: account(8), removed: Some(Box::new(left)) },
        "bidder_banned",
        r#""bids_removed":true,"bidder":"8","price":2000,"leader":"9""#,
    );
    is(
        EventKind::BidderBanned { bidder: account(8), removed: None },
        "bidder_banned",
        r#""bids_removed":false"#,
        r#""bids_removed":false,"bidder":"8""#,
    );
    is(EventKind::BidderUnbanned { bidder: account(8) }, "bidder_unbanned", "", r#""bidder":"8""#);
}

#[test]
fn the_way_to_the_end_is_told_in_words_of_the_states() {
    has(EventKind::Started, "started", "");
    for (cause, word) in [(EndMovedCause::Command, "command"), (EndMovedCause::GivenBack, "given_back")] {
        has(
            EventKind::EndMoved { ends_at: time(60), cause },
            "end_moved",
            &format!(r#""ends_at":"2026-11-22T09:01:00Z","cause":"{word}""#),
        );
    }
    let awarded = Outcome::Awarded { winner: account(8), price: amount(3_100), pay_by: time(60) };
    has(
        EventKind::Ended { outcome: awarded, early: true },
        "ended",
        r#""state":"awarded","winner":"8","price":3100,"pay_by":"2026-11-22T09:01:00Z","early":true"#,
    );
    for (reason, word) in [
        (UnsoldReason::NoBids, "no_bids"),
        (UnsoldReason::ReserveNotMet, "reserve_not_met"),
        (UnsoldReason::Unpaid, "unpaid"),
    ] {
        has(
            EventKind::Ended { outcome: Outcome::Unsold(reason), early: false },
            "ended",
            &format!(r#""state":"unsold","unsold_reason":"{word}","early":false"#),
        );
    }
    has(EventKind::Cancelled { reason: Reason("broken".into()) }, "cancelled", r#""reason":"broken""#);
    has(
        EventKind::DetailsEdited { details: Details(r#"{"a":1}"#.into()), appended: true },
        "details_edited",
        r#""details":{"a":1},"appended":true"#,
    );
}

#[test]
fn a_lower_reserve_shows_its_status_and_not_itself() {
    let lowered = |reserve, price| EventKind::ReserveLowered { reserve, price };
    for (reserve, price, status, price_text) in [
        (Some(77_777), Some(3_100), "not_met", "3100"),
        (Some(3_100), Some(3_100), "met", "3100"),
        (Some(77_777), None, "not_met", "null"),
        (None, Some(3_100), "none", "3100"),
    ] {
        let secret = reserve.map_or("null".to_owned(), |reserve: u64| reserve.to_string());
        is(
            lowered(reserve.map(amount), price.map(amount)),
            "reserve_lowered",
            &format!(r#""reserve_status":"{status}","price":{price_text}"#),
            &format!(r#""reserve_status":"{status}","reserve_price":{secret},"price":{price_text}"#),
        );
    }
}

#[test]
fn payment_and_second_chances() {
    has(EventKind::Paid, "paid", "");
    let offered = AfterUnpaid::Offered { to: account(9), price: amount(2_000), until: time(60) };
    let offered_text = r#""state":"offered","offered_to":"9","price":2000,"until":"2026-11-22T09:01:00Z""#;
    let unsold_text = r#""state":"unsold","unsold_reason":"unpaid""#;
    has(
        EventKind::Unpaid { next: offered, expired: true },
        "unpaid",
        &format!("{offered_text},\"expired\":true"),
    );
    has(
        EventKind::OfferEnded { next: AfterUnpaid::Unsold, expired: false },
        "offer_ended",
        &format!("{unsold_text},\"expired\":false"),
    );
    has(
        EventKind::OfferAccepted { pay_by: time(60) },
        "offer_accepted",
        r#""pay_by":"2026-11-22T09:01:00Z""#,
    );
}

/// What a shard's event says in both forms.
#[track_caller]
fn shard_is(event: ShardEvent, name: &str, public: &str, secret: &str) {
    for (form, rest) in [(Form::Public, public), (Form::Secret, secret)] {
        let mut out = Vec::new();
        shard_event(&mut out, POSITION, &event, form);
        let expected =
            format!(r#"{{"position":"3-1-42","type":"{name}","at":"2026-11-22T09:00:01Z",{rest}}}"#);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn events_of_a_shard() {
    let (bidder, at) = (account(8), time(1));
    let started = |alive_until| ShardEvent::EpochStarted { epoch: Epoch(2), at, alive_until };
    let first = r#""epoch":2,"alive_until":null"#;
    shard_is(started(None), "epoch_started", first, first);
    let later = r#""epoch":2,"alive_until":"2026-11-22T09:00:00Z""#;
    shard_is(started(Some(time(0))), "epoch_started", later, later);
    shard_is(
        ShardEvent::Banned { bidder, seller: None, standing: StandingBids::Remove, at },
        "banned",
        r#""seller":null,"bids_removed":true"#,
        r#""bidder":"8","seller":null,"bids_removed":true"#,
    );
    shard_is(
        ShardEvent::Unbanned { bidder, seller: Some(account(7)), at },
        "unbanned",
        r#""seller":"7""#,
        r#""bidder":"8","seller":"7""#,
    );
}

#[test]
fn auctions_that_left_memory_are_named() {
    let auctions = ["20261122-003-00000042", "20261122-003-00000043"].map(|id| id.parse().unwrap());
    let fields = r#""auctions":["20261122-003-00000042","20261122-003-00000043"]"#;
    shard_is(
        ShardEvent::AuctionsRetired { auctions: Box::new(auctions), at: time(1) },
        "auctions_retired",
        fields,
        fields,
    );
}

#[test]
fn changes_of_placement() {
    let at = time(1);
    let is = |change, public: &str, secret: &str| {
        shard_is(ShardEvent::PlacementChanged { change, at }, "placement_changed", public, secret);
    };
    for (change, word) in [
        (PlacementChange::ShardAdded(ShardId(3)), "shard_added"),
        (PlacementChange::ShardDrained(ShardId(3)), "shard_drained"),
    ] {
        let text = format!(r#""change":"{word}","shard":3"#);
        is(change, &text, &text);
    }
    let policy = |policy| PlacementChange::PolicySet { effective_at: time(0), policy };
    let text = |name: &str| {
        format!(r#""change":"policy_set","effective_at":"2026-11-22T09:00:00Z","policy":"{name}""#)
    };
    is(policy(Policy::Sequence), &text("sequence"), &text("sequence"));
    let range = |from: &str, shard| KeyRange { from: from.into(), shard: ShardId(shard) };
    is(
        policy(Policy::Range(Box::new([range("", 0), range("m\"", 1)]))),
        &text("range"),
        &format!(r#"{},"ranges":[{{"from":"","shard":0}},{{"from":"m\"","shard":1}}]"#, text("range")),
    );
    for (shard, shard_text) in [(Some(ShardId(3)), "3"), (None, "null")] {
        is(
            PlacementChange::DirectorySet { key: "seller:7".into(), shard },
            &format!(r#""change":"directory_set","shard":{shard_text}"#),
            &format!(r#""change":"directory_set","key":"seller:7","shard":{shard_text}"#),
        );
    }
}
