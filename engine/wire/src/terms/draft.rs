//! The fields of the terms, one by one.

use super::details;
use super::json::{Errors, Must, Object};
use crate::time_text::{TIME_MUST, parse_time};
use gavel_core::terms::{
    BuyNow, BuyNowPolicy, IncrementStep, Retraction, SoftClose, SoftCloseMode, SoftCloseTrigger,
};
use gavel_core::{AccountId, Amount, Currency, Details, Duration, FieldError, TermsDraft, Timestamp};
use serde_json::value::RawValue;

/// The known fields, as an error lists them.
const FIELDS: &str = "seller, currency, starts_at, ends_at, duration_s, opening_price, reserve_price, buy_now, increments, \
    soft_close, proxy, retraction, placement_key, payment_window_s, offer_window_s, details";

/// Reads all fields, and says what is wrong with those that can't be read.
pub(super) fn read(mut object: Object<'_>) -> (TermsDraft, Details, Vec<FieldError>) {
    let mut found = Errors::default();
    let errors = &mut found;
    let draft = TermsDraft {
        seller: object.take("seller", errors, account),
        currency: object.take("currency", errors, currency),
        starts_at: object.take("starts_at", errors, time),
        ends_at: object.take("ends_at", errors, time),
        duration: object.take("duration_s", errors, seconds),
        opening_price: object.take("opening_price", errors, amount),
        reserve_price: object.take("reserve_price", errors, amount),
        buy_now: buy_now(&mut object, errors),
        increments: increments(&mut object, errors),
        soft_close: soft_close(&mut object, errors),
        proxy: object.take("proxy", errors, boolean),
        retraction: retraction(&mut object, errors),
        placement_key: object.take("placement_key", errors, plain_text),
        payment_window: object.take("payment_window_s", errors, seconds),
        offer_window: object.take("offer_window_s", errors, seconds),
    };
    let details = object.take("details", errors, details::read).unwrap_or_else(|| Details("{}".into()));
    object.finish("terms", FIELDS, errors);
    (draft, details, found.0)
}

fn buy_now(object: &mut Object<'_>, errors: &mut Errors) -> Option<BuyNow> {
    let mut object = object.take("buy_now", errors, |raw| Object::parse(raw).ok_or("must be an object"))?;
    let price = object.require("buy_now.price", errors, amount);
    let policy = object.take("buy_now.policy", errors, |raw| match raw {
        r#""until_first_bid""# => Ok(BuyNowPolicy::UntilFirstBid),
        r#""always""# => Ok(BuyNowPolicy::Always),
        _ => Err(r#"must be "until_first_bid" or "always""#),
    });
    object.finish("buy_now", "price, policy", errors);
    Some(BuyNow { price: price?, policy: policy.unwrap_or(BuyNowPolicy::UntilFirstBid) })
}

fn increments(object: &mut Object<'_>, errors: &mut Errors) -> Option<Vec<IncrementStep>> {
    let rows: Vec<&RawValue> = object.take("increments", errors, |raw| {
        serde_json::from_str(raw).map_err(|_| r#"must be an array such as [{"from": 0, "step": 100}]"#)
    })?;
    let before = errors.0.len();
    let steps = rows.iter().map_while(|row| increment(row.get(), errors)).collect();
    (errors.0.len() == before).then_some(steps)
}

fn increment(raw: &str, errors: &mut Errors) -> Option<IncrementStep> {
    const ROW: &str =
        "must have rows such as {\"from\": 0, \"step\": 100} with integers 0 ..= 9007199254740991";
    let mut row = Errors::default();
    let step = Object::parse(raw).and_then(|mut object| {
        let from = object.require("from", &mut row, amount);
        let step = object.require("step", &mut row, amount);
        object.finish("row", "from, step", &mut row);
        Some(IncrementStep { from: from?, step: step? })
    });
    let step = step.filter(|_| row.0.is_empty());
    if step.is_none() {
        errors.add("increments", format!("{ROW}, got {}", crate::request::Shown::new(raw.as_bytes())));
    }
    step
}

fn soft_close(object: &mut Object<'_>, errors: &mut Errors) -> Option<SoftClose> {
    let mut object =
        object.take("soft_close", errors, |raw| Object::parse(raw).ok_or("must be an object"))?;
    let mode = object.take("soft_close.mode", errors, |raw| match raw {
        r#""from_bid""# => Ok(SoftCloseMode::FromBid),
        r#""from_end""# => Ok(SoftCloseMode::FromEnd),
        r#""reset""# => Ok(SoftCloseMode::Reset),
        _ => Err(r#"must be "from_bid", "from_end" or "reset""#),
    });
    let trigger = object.take("soft_close.trigger", errors, |raw| match raw {
        r#""any""# => Ok(SoftCloseTrigger::Any),
        r#""price""# => Ok(SoftCloseTrigger::Price),
        r#""leader""# => Ok(SoftCloseTrigger::Leader),
        _ => Err(r#"must be "any", "price" or "leader""#),
    });
    let window = object.require("soft_close.window_s", errors, seconds);
    let extension = object.take("soft_close.extension_s", errors, seconds);
    let hard_end = object.take("soft_close.hard_end", errors, time);
    object.finish("soft_close", "mode, trigger, window_s, extension_s, hard_end", errors);
    let window = window?;
    Some(SoftClose {
        mode: mode.unwrap_or(SoftCloseMode::FromBid),
        trigger: trigger.unwrap_or(SoftCloseTrigger::Any),
        window,
        extension: extension.unwrap_or(window),
        hard_end,
    })
}

fn retraction(object: &mut Object<'_>, errors: &mut Errors) -> Option<Retraction> {
    const MUST: Must = r#"must be "never" or {"until_s": <seconds before the end>}"#;
    object.take("retraction", errors, |raw| {
        if raw == r#""never""# {
            return Ok(Retraction::Never);
        }
        let mut wrong = Errors::default();
        let mut object = Object::parse(raw).ok_or(MUST)?;
        let until = object.require("until_s", &mut wrong, seconds).ok_or(MUST)?;
        object.finish("retraction", "until_s", &mut wrong);
        if wrong.0.is_empty() { Ok(Retraction::Until(until)) } else { Err(MUST) }
    })
}

fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

fn plain_text(raw: &str) -> Result<String, Must> {
    text(raw).filter(|text| !text.contains('\0')).ok_or("must be a string without the character U+0000")
}

fn account(raw: &str) -> Result<AccountId, Must> {
    text(raw).and_then(|text| AccountId::parse(text.as_bytes())).ok_or(
        r#"must be a string: an integer such as "7" up to 18446744073709551615, or a UUID whose upper half is not zero"#,
    )
}

fn currency(raw: &str) -> Result<Currency, Must> {
    text(raw)
        .and_then(|text| Currency::new(text.as_bytes().try_into().ok()?))
        .ok_or(r#"must be three capital letters such as "KRW""#)
}

fn time(raw: &str) -> Result<Timestamp, Must> {
    text(raw).and_then(|text| parse_time(&text)).ok_or(TIME_MUST)
}

/// A JSON number that is written as a plain integer: no sign, fraction or exponent.
fn integer(raw: &str) -> Option<u64> {
    raw.bytes().all(|byte| byte.is_ascii_digit()).then(|| raw.parse().ok())?
}

fn amount(raw: &str) -> Result<Amount, Must> {
    integer(raw)
        .and_then(Amount::new)
        .ok_or("must be an integer 0 ..= 9007199254740991 (the currency's minor unit)")
}

fn seconds(raw: &str) -> Result<Duration, Must> {
    let seconds = integer(raw).filter(|&seconds| seconds <= u64::from(u32::MAX));
    seconds.map(Duration::from_secs).ok_or("must be an integer count of seconds")
}

fn boolean(raw: &str) -> Result<bool, Must> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false"),
    }
}
