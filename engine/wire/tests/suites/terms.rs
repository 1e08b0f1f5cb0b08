//! Goal: terms mean what the client wrote, and everything that is wrong is told at once, one error per field.
//!
//! Method: the example of the specification and its defaults; tables of wrong fields with their exact words; random JSON never
//! panics; what is shown of an auction is checked for what must not be in it.

use gavel_core::auction::{ReserveStatus, State, View};
use gavel_core::terms::{BuyNowPolicy, Retraction, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{
    AccountId, Amount, AuctionId, Duration, Epoch, FieldError, Lsn, Open, Position, Rejection, Seq, ShardId,
    Timestamp,
};
use gavel_wire::terms::{TermsRequest, parse_details};
use gavel_wire::time_text::parse_time;
use gavel_wire::view_json;
use proptest::prelude::*;
use serde_json::{Value, json};

fn now() -> Timestamp {
    parse_time("2026-11-22T08:00:00Z").unwrap()
}

fn judged(json: &str) -> Result<Open, Rejection> {
    TermsRequest::parse(json.as_bytes()).unwrap().validate(None, now())
}

fn errors(json: &str) -> Vec<(&'static str, String)> {
    match judged(json) {
        Err(Rejection::InvalidTerms(errors)) => {
            errors.iter().map(|FieldError { field, problem }| (*field, problem.to_string())).collect()
        }
        other => panic!("{json}: {other:?}"),
    }
}

const EXAMPLE: &str = r#"{"seller": "7", "currency": "KRW", "starts_at": "2026-11-22T09:00:00Z",
    "ends_at": "2026-11-22T10:00:00Z", "opening_price": 1000, "reserve_price": 50000,
    "buy_now": {"price": 90000, "policy": "until_first_bid"},
    "increments": [{"from": 0, "step": 100}, {"from": 10000, "step": 500}],
    "soft_close": {"mode": "from_bid", "trigger": "price", "window_s": 120, "extension_s": 60,
    "hard_end": "2026-11-22T11:00:00Z"},
    "proxy": true, "retraction": "never", "placement_key": "seller:7",
    "details": {"title": "A \"lamp\" \\ ", "n": 1.10, "images": [ "a b" ]}}"#;

const LEAST: &str = r#"{"seller": "7", "currency": "KRW", "duration_s": 60}"#;

fn amount(value: u64) -> Amount {
    Amount::new(value).unwrap()
}

#[test]
fn the_example_means_what_it_says() {
    let Open { terms, details, .. } = judged(EXAMPLE).unwrap();
    assert_eq!(terms.seller, AccountId::from_integer(7));
    assert_eq!((terms.opening_price, terms.reserve_price), (amount(1_000), Some(amount(50_000))));
    assert_eq!(terms.starts_at, parse_time("2026-11-22T09:00:00Z").unwrap());
    assert_eq!(terms.ends_at, parse_time("2026-11-22T10:00:00Z").unwrap());
    let buy_now = terms.buy_now.unwrap();
    assert_eq!((buy_now.price, buy_now.policy), (amount(90_000), BuyNowPolicy::UntilFirstBid));
    assert_eq!(terms.increments.rows().iter().map(|row| row.step.get()).collect::<Vec<_>>(), [100, 500]);
    let soft = terms.soft_close.unwrap();
    assert_eq!((soft.mode, soft.trigger), (SoftCloseMode::FromBid, SoftCloseTrigger::Price));
    assert_eq!((soft.window, soft.extension), (Duration::from_secs(120), Duration::from_secs(60)));
    assert_eq!(soft.hard_end, parse_time("2026-11-22T11:00:00Z"));
    assert_eq!(terms.placement_key.as_deref(), Some("seller:7"));
    assert_eq!(&*details.0, r#"{"title":"A \"lamp\" \\ ","n":1.10,"images":["a b"]}"#);
}

#[test]
fn what_is_absent_or_null_has_its_default() {
    let least = judged(LEAST).unwrap();
    assert_eq!(&*least.details.0, "{}");
    assert_eq!((least.terms.starts_at, least.terms.ends_at.since(now())), (now(), Duration::from_secs(60)));
    assert!(least.terms.proxy);
    let nulls = r#"{"seller": "7", "currency": "KRW", "duration_s": 60, "ends_at": null, "buy_now": null, "details": null}"#;
    assert_eq!(judged(nulls).unwrap(), least);
    let soft =
        judged(&LEAST.replace('}', r#", "soft_close": {"window_s": 5}, "retraction": {"until_s": 9}}"#))
            .unwrap()
            .terms;
    assert_eq!(soft.soft_close.unwrap().mode, SoftCloseMode::FromBid);
    assert_eq!(soft.soft_close.unwrap().trigger, SoftCloseTrigger::Any);
    assert_eq!(soft.soft_close.unwrap().extension, Duration::from_secs(5));
    assert_eq!(soft.retraction, Retraction::Until(Duration::from_secs(9)));
}

#[test]
fn a_retry_has_the_same_digest_and_anything_else_another() {
    let digest =
        |json: &str, at| TermsRequest::parse(json.as_bytes()).unwrap().validate(None, at).unwrap().digest;
    let later = now().saturating_add(Duration::from_secs(5));
    assert_eq!(digest(LEAST, now()), digest(LEAST, later));
    let shuffled = r#" { "duration_s" :60, "currency":"KRW","seller":"7" } "#;
    assert_eq!(digest(LEAST, now()), digest(shuffled, now()));
    for other in [LEAST.replace("60", "61"), LEAST.replace('}', r#","details":{"a":1}}"#)] {
        assert_ne!(digest(LEAST, now()), digest(&other, now()));
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let wrong = r#"{"seller": 7, "currency": "won", "ends_at": "soon", "opening_price": 10.0, "reserve_price": "5",
        "buy_now": {"price": -1, "policy": "never", "colour": 1}, "increments": [{"from": 0}], "proxy": "yes",
        "soft_close": {"mode": "often", "extension_s": 1}, "retraction": "always", "placement_key": 7,
        "payment_window_s": 0, "details": [], "lot": 5}"#;
    let account = r#"must be a string: an integer such as "7" up to 18446744073709551615, or a UUID whose upper half is not zero"#;
    let amount = "must be an integer 0 ..= 9007199254740991 (the currency's minor unit)";
    let found = errors(wrong);
    let expected: Vec<(&str, String)> = vec![
        ("seller", format!("{account}, got '7'")),
        ("currency", r#"must be three capital letters such as "KRW", got '"won"'"#.into()),
        ("ends_at", r#"must be a time as RFC 3339 has it, such as 2026-11-22T09:00:00Z, not before 1970, got '"soon"'"#.into()),
        ("opening_price", format!("{amount}, got '10.0'")),
        ("reserve_price", format!("{amount}, got '\"5\"'")),
        ("buy_now.price", format!("{amount}, got '-1'")),
        ("buy_now.policy", r#"must be "until_first_bid" or "always", got '"never"'"#.into()),
        ("buy_now", "has no field 'colour'; the fields are price, policy".into()),
        ("increments", r#"must have rows such as {"from": 0, "step": 100} with integers 0 ..= 9007199254740991, got '{"from": 0}'"#.into()),
        ("soft_close.mode", r#"must be "from_bid", "from_end" or "reset", got '"often"'"#.into()),
        ("soft_close.window_s", "is required".into()),
        ("proxy", r#"must be true or false, got '"yes"'"#.into()),
        ("retraction", r#"must be "never" or {"until_s": <seconds before the end>}, got '"always"'"#.into()),
        ("placement_key", "must be a string without the character U+0000, got '7'".into()),
        ("details", "must be a JSON object of at most 16384 bytes without spaces, at most 32 deep, without the character U+0000, got '[]'".into()),
        ("terms", "has no field 'lot'; the fields are seller, currency, starts_at, ends_at, duration_s, opening_price, reserve_price, \
            buy_now, increments, soft_close, proxy, retraction, placement_key, payment_window_s, offer_window_s, details".into()),
    ];
    for error in &expected {
        assert!(found.contains(error), "{error:?} is not in {found:#?}");
    }
    let by_the_rules: Vec<&str> = found[expected.len()..].iter().map(|(field, _)| *field).collect();
    assert_eq!(by_the_rules, ["payment_window_s"], "what the rules see as well is told, once per field");
}

#[test]
fn a_field_given_twice_is_neither() {
    assert_eq!(
        errors(&LEAST.replace('}', r#", "seller": "8"}"#)),
        [("seller", "is given more than once".to_owned())]
    );
}

#[test]
fn the_end_that_could_not_be_read_is_not_also_missed() {
    for json in [
        LEAST.replace("60", "\"60\""),
        LEAST.replace("60", "1e3"),
        LEAST.replace("duration_s\": 60", "ends_at\": 5"),
    ] {
        let found = errors(&json);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == "duration_s" || found[0].0 == "ends_at");
    }
}

#[test]
fn what_is_no_object_is_no_terms() {
    for json in ["", "7", "[]", "null", "{", "{} {}", "{\"a\":}", "\u{fffd}"] {
        assert!(TermsRequest::parse(json.as_bytes()).is_err(), "{json}");
    }
    assert!(TermsRequest::parse(b"{\"seller\": \"\xff\"}").is_err());
}

#[test]
fn details_are_what_every_reader_can_store() {
    let deep = |depth: usize| format!("{}{}", r#"{"a":"#.repeat(depth - 1) + "{", "}".repeat(depth));
    let long = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    for good in
        ["{}".to_owned(), r#"{"a":12345678901234567890123,"b":1e5}"#.to_owned(), deep(32), long(16_384)]
    {
        assert_eq!(&*parse_details(good.as_bytes()).unwrap().0, good);
    }
    let bad =
        ["", "[]", "7", r#"{"a":"\u0000"}"#, r#"{"\u0000":1}"#, r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, "{,}"];
    for bad in bad.map(str::to_owned).into_iter().chain([deep(33), deep(5_000), long(16_385)]) {
        assert!(parse_details(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(parse_details(b"{\"a\":\"\xff\"}").is_err());
}

fn view() -> View {
    View {
        state: State::Open,
        seq: Seq(12),
        position: Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(42) },
        price: Some(amount(10_500)),
        min_next: amount(11_000),
        leader: Some(AccountId::from_integer(7)),
        bid_count: 11,
        bidder_count: 4,
        reserve: ReserveStatus::NotMet,
        buy_now: None,
        starts_at: parse_time("2026-11-22T09:00:00Z").unwrap(),
        ends_at: parse_time("2026-11-22T10:02:00.25Z").unwrap(),
        at: parse_time("2026-11-22T09:59:59.000001Z").unwrap(),
    }
}

fn shown(terms: &str, view: &View) -> String {
    let id = AuctionId::new(20_779, ShardId(3), 42).unwrap();
    let mut out = Vec::new();
    view_json::auction(&mut out, id, &judged(terms).unwrap().terms, view);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_auction_is_shown_whole_but_for_its_secrets() {
    let text = shown(&EXAMPLE.replace("50000", "77777"), &view());
    assert!(!text.contains("77777"), "the reserve is secret: {text}");
    let parsed: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        parsed,
        json!({
            "id": "20261122-003-00000042", "state": "open", "price": 10_500, "min_next": 11_000, "leader": "7",
            "bid_count": 11, "bidder_count": 4, "reserve_status": "not_met", "starts_at": "2026-11-22T09:00:00Z",
            "ends_at": "2026-11-22T10:02:00.250000Z", "seq": 12, "position": "3-1-42",
            "at": "2026-11-22T09:59:59.000001Z", "seller": "7", "currency": "KRW", "currency_exponent": 0, "opening_price": 1_000,
            "buy_now": null, "increments": [{"from": 0, "step": 100}, {"from": 10_000, "step": 500}],
            "soft_close": {"mode": "from_bid", "trigger": "price", "window_s": 120, "extension_s": 60,
                "hard_end": "2026-11-22T11:00:00Z"},
            "proxy": true, "retraction": "never", "payment_window_s": 604_800, "offer_window_s": 86_400,
        })
    );
}

#[test]
fn an_auction_without_bids_shows_nulls_and_its_buy_now() {
    let leader = "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";
    let none = View { price: None, leader: None, buy_now: Some(amount(90_000)), ..view() };
    let parsed: Value = serde_json::from_str(&shown(EXAMPLE, &none)).unwrap();
    assert_eq!((&parsed["price"], &parsed["leader"]), (&Value::Null, &Value::Null));
    assert_eq!(parsed["buy_now"], json!({"price": 90_000, "policy": "until_first_bid"}));
    let uuid = View { leader: Some(leader.parse().unwrap()), ..view() };
    let parsed: Value = serde_json::from_str(&shown(LEAST, &uuid)).unwrap();
    assert_eq!((&parsed["leader"], &parsed["soft_close"]), (&json!(leader), &Value::Null));
}

proptest! {
    /// Random JSON under the known names: terms, or errors; never a panic, never two errors for one field.
    #[test]
    fn any_values_are_terms_or_told_why(values in proptest::collection::vec((0_usize..16, 0_usize..14), 0..16)) {
        let names = ["seller", "currency", "starts_at", "ends_at", "duration_s", "opening_price", "reserve_price", "buy_now",
            "increments", "soft_close", "proxy", "retraction", "placement_key", "payment_window_s", "details", "x"];
        let tokens = ["null", "true", "7", "-7", "1.5", "1e9", "99999999999999999999", "\"7\"", "\"KRW\"", "\"2027-01-01T00:00:00Z\"",
            "{}", "[]", "{\"price\": 5, \"window_s\": 5, \"until_s\": 5}", "[{\"from\": 0, \"step\": 1}]"];
        let fields: Vec<String> = values.iter().map(|&(n, t)| format!("\"{}\": {}", names[n], tokens[t])).collect();
        let request = TermsRequest::parse(format!("{{{}}}", fields.join(", ")).as_bytes()).unwrap();
        if let Err(Rejection::InvalidTerms(errors)) = request.validate(None, now()) {
            prop_assert!(!errors.is_empty());
            let mut fields: Vec<_> = errors.iter().map(|error| error.field).collect();
            fields.sort_unstable();
            fields.dedup();
            prop_assert_eq!(fields.len(), errors.len());
        }
    }
}
