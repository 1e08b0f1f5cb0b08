//! Goal: terms are checked as a whole: every wrong field is named once, as the client spells it, and nothing wrong gets by.
//!
//! Method: valid terms, each time with one or more fields made wrong.

use crate::common::*;
use gavel_core::limits::*;
use gavel_core::rejection::LimitReached;
use gavel_core::terms::*;
use gavel_core::*;

const NOW: i64 = -60;

fn fields(draft: TermsDraft) -> Vec<&'static str> {
    match Terms::validate(draft, time(NOW)) {
        Ok(_) => vec![],
        Err(errors) => errors.into_iter().map(|error| error.field).collect(),
    }
}

fn buy_now(price: u64) -> Option<BuyNow> {
    Some(BuyNow { price: amount(price), policy: BuyNowPolicy::Always })
}

#[test]
fn absent_fields_have_the_documented_defaults() {
    let draft = TermsDraft { starts_at: None, ends_at: None, duration: Some(secs(60)), ..draft() };
    let terms = Terms::validate(draft, time(NOW)).unwrap();
    assert_eq!((terms.starts_at, terms.ends_at), (time(NOW), time(0)), "from now on, for the duration");
    assert_eq!((terms.opening_price, terms.reserve_price, terms.buy_now), (amount(1), None, None));
    assert_eq!(terms.increments.rows(), [IncrementStep { from: Amount::ZERO, step: amount(1) }]);
    assert_eq!((terms.proxy, terms.retraction, terms.soft_close), (true, Retraction::Never, None));
    assert_eq!((terms.payment_window, terms.offer_window), (secs(7 * 86_400), secs(86_400)));
    assert_eq!(terms.latest_end(), time(NOW + 366 * 86_400));
}

#[test]
fn every_wrong_field_is_named_once_and_all_at_a_time() {
    let nothing = TermsDraft::default();
    assert_eq!(fields(nothing), ["seller", "currency", "ends_at"]);
    let soft_close = Some(SoftClose {
        mode: SoftCloseMode::FromBid,
        trigger: SoftCloseTrigger::Any,
        window: secs(0),
        extension: secs(SOFT_CLOSE_MAX_S + 1),
        hard_end: Some(time(10)),
    });
    let all = TermsDraft {
        seller: None,
        currency: None,
        starts_at: Some(time(NOW + START_AHEAD_MAX_S as i64 + 1)),
        ends_at: Some(time(NOW)),
        duration: None,
        opening_price: Some(Amount::ZERO),
        reserve_price: Some(Amount::ZERO),
        buy_now: buy_now(0),
        increments: Some(vec![]),
        soft_close,
        proxy: None,
        retraction: Some(Retraction::Until(secs(AUCTION_DURATION_MAX_S + 1))),
        placement_key: Some("k".repeat(PLACEMENT_KEY_BYTES_MAX + 1)),
        payment_window: Some(secs(PAYMENT_WINDOW_MAX_S + 1)),
        offer_window: Some(secs(0)),
    };
    let mut named = fields(all);
    named.sort_unstable();
    #[rustfmt::skip]
    assert_eq!(named, [
        "buy_now.price", "currency", "ends_at", "increments", "offer_window_s", "opening_price", "payment_window_s",
        "placement_key", "reserve_price", "retraction", "seller", "soft_close.extension_s", "soft_close.window_s",
        "starts_at",
    ]);
}

#[test]
fn each_bound_holds_on_both_sides() {
    let of = |change: fn(&mut TermsDraft)| {
        let mut terms = draft();
        change(&mut terms);
        fields(terms)
    };
    let none: [&str; 0] = [];
    let day = 86_400;
    assert_eq!(of(|it| it.starts_at = Some(time(NOW + 366 * 86_400 + 1))), ["starts_at", "ends_at"]);
    assert_eq!(of(|it| it.starts_at = Some(time(-10_000))), none, "a start in the past opens at once");
    assert_eq!(of(|it| it.ends_at = Some(time(0))), ["ends_at"]);
    assert_eq!(of(|it| it.ends_at = Some(time(366 * 86_400))), none);
    assert_eq!(of(|it| it.ends_at = Some(time(366 * 86_400 + 1))), ["ends_at"]);
    assert_eq!(of(|it| it.duration = Some(secs(5))), ["duration_s"], "both can't be given");
    assert_eq!(of(|it| (it.ends_at, it.duration) = (None, Some(secs(0)))), ["duration_s"]);
    assert_eq!(of(|it| (it.ends_at, it.duration) = (None, Some(secs(366 * 86_400 + 1)))), ["duration_s"]);
    assert_eq!(
        of(|it| (it.opening_price, it.reserve_price) = (Some(amount(5)), Some(amount(4)))),
        ["reserve_price"]
    );
    assert_eq!(of(|it| (it.opening_price, it.reserve_price) = (Some(amount(5)), Some(amount(5)))), none);
    assert_eq!(of(|it| (it.reserve_price, it.buy_now) = (Some(amount(5)), buy_now(4))), ["buy_now.price"]);
    assert_eq!(of(|it| (it.reserve_price, it.buy_now) = (Some(amount(5)), buy_now(5))), none);
    assert_eq!(of(|it| it.placement_key = Some(String::new())), ["placement_key"]);
    assert_eq!(of(|it| it.placement_key = Some("k".repeat(128))), none);
    assert_eq!(of(|it| it.offer_window = Some(secs(30 * 86_400))), none);
    assert_eq!(of(|it| it.offer_window = Some(secs(30 * 86_400 + 1))), ["offer_window_s"]);
    let hard_end = |at| SoftClose {
        hard_end: Some(at),
        ..soft(SoftCloseMode::Reset, SoftCloseTrigger::Any, 1, day).unwrap()
    };
    let with = |at| fields(TermsDraft { soft_close: Some(hard_end(at)), ..draft() });
    assert_eq!(with(time(3_599)), ["soft_close.hard_end"]);
    assert_eq!(with(time(3_600)), none);
    assert_eq!(with(time(366 * 86_400 + 1)), ["soft_close.hard_end"]);
}

#[test]
fn increments_start_at_zero_ascend_and_step_up() {
    let problem = |rows: &[(u64, u64)]| Increments::new(table(rows).unwrap()).map(|_| ()).unwrap_err();
    assert!(problem(&[]).contains("1 to 32"));
    assert!(problem(&[(5, 1)]).contains("must be from 0"));
    assert!(problem(&[(0, 1), (10, 0)]).contains("from 10 is 0"));
    assert!(problem(&[(0, 1), (10, 2), (10, 3)]).contains("must ascend"));
    let long: Vec<(u64, u64)> = (0..33).map(|n| (n, 1)).collect();
    assert!(problem(&long).contains("has 33 rows"));
    assert!(Increments::new(table(&long[..32]).unwrap()).is_ok());
}

#[test]
fn terms_read_from_a_record_are_checked_but_not_against_now() {
    let terms = Terms::validate(draft(), time(NOW)).unwrap();
    assert_eq!(
        Terms::from_record((*terms).clone()),
        Ok(terms.clone()),
        "long ago or far ahead does not matter"
    );
    let broken = ValidDraft { opening_price: Amount::ZERO, ends_at: time(0), ..(*terms).clone() };
    let errors = Terms::from_record(broken).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.field).collect::<Vec<_>>(), ["ends_at", "opening_price"]);
}

#[test]
fn an_auction_can_only_be_opened_before_its_end_and_with_details_that_fit() {
    let terms = Terms::validate(draft(), time(NOW)).unwrap();
    let open = Open { terms, details: Details("{}".into()), id: None, digest: 1 };
    assert!(Auction::open(auction_id(), open.clone(), at(time(3_599))).is_ok());
    let late = Auction::open(auction_id(), open.clone(), at(time(3_600))).unwrap_err();
    assert_eq!(late.to_string(), "ends_at must lie in the future");
    assert!(matches!(late, Rejection::InvalidTerms(_)));
    let large = Open { details: Details("x".repeat(DETAILS_BYTES_MAX + 1).into()), ..open };
    let refused = Auction::open(auction_id(), large, at(time(0))).unwrap_err();
    assert_eq!(refused, Rejection::TooLarge(LimitReached::Details));
}
