//! Terms inside an auction's facts.
//!
//! ```text
//!  has 2 | seller 16 | currency 3 | starts 8 | ends 8 | opening price 8 | payment 8 | offer 8
//!        | steps 1 | (from 8 | step 8) × steps
//!        | reserve 8 | buy-now 8 | (mode 1 | trigger 1 | window 8 | extension 8 | hard end 8) | retraction 8 | (length 1 | key)
//! ```
//!
//! The last line is what only some have; `has` says so. Times are microseconds since 1970, lengths of time microseconds.

use super::read::{Bytes, StateError, field};
use super::term;
use gavel_core::limits::{INCREMENTS_MAX, PLACEMENT_KEY_BYTES_MAX};
use gavel_core::terms::{
    BuyNow, BuyNowPolicy, HouseRules, IncrementStep, Increments, Retraction, SoftClose, SoftCloseMode,
    SoftCloseTrigger, ValidDraft,
};
use gavel_core::{AccountId, Currency};

const _: () = assert!(INCREMENTS_MAX <= u8::MAX as usize, "a count of steps has 8 bits");
const _: () = assert!(PLACEMENT_KEY_BYTES_MAX <= u8::MAX as usize, "a key's length has 8 bits");

const MODES: [SoftCloseMode; 3] = [SoftCloseMode::FromBid, SoftCloseMode::FromEnd, SoftCloseMode::Reset];
const TRIGGERS: [SoftCloseTrigger; 3] =
    [SoftCloseTrigger::Any, SoftCloseTrigger::Price, SoftCloseTrigger::Leader];

/// Where a value stands among all there are. It is there: the lists are whole.
fn place<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|known| known == value).unwrap_or_default() as u8
}

#[rustfmt::skip]
pub(super) fn write(terms: &ValidDraft, out: &mut Vec<u8>) {
    let ValidDraft {
        seller, starts_at, ends_at, opening_price, reserve_price, buy_now, placement_key, rules,
    } = terms;
    let HouseRules { currency, increments, soft_close, proxy, retraction, payment_window, offer_window } = &**rules;
    let has_at = out.len();
    let mut has = if *proxy { term::PROXY } else { 0 };
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&seller.to_bits().to_le_bytes());
    out.extend_from_slice(&currency.code());
    let mut put = |number: u64| out.extend_from_slice(&number.to_le_bytes());
    put(starts_at.micros());
    put(ends_at.micros());
    put(opening_price.get());
    put(payment_window.micros());
    put(offer_window.micros());
    out.push(increments.rows().len() as u8);
    for IncrementStep { from, step } in increments.rows() {
        out.extend_from_slice(&from.get().to_le_bytes());
        out.extend_from_slice(&step.get().to_le_bytes());
    }
    if let Some(reserve) = reserve_price {
        has |= term::RESERVE;
        out.extend_from_slice(&reserve.get().to_le_bytes());
    }
    if let Some(BuyNow { price, policy }) = buy_now {
        has |= term::BUY_NOW | if *policy == BuyNowPolicy::Always { term::BUY_NOW_ALWAYS } else { 0 };
        out.extend_from_slice(&price.get().to_le_bytes());
    }
    if let Some(SoftClose { mode, trigger, window, extension, hard_end }) = soft_close {
        has |= term::SOFT_CLOSE | if hard_end.is_some() { term::HARD_END } else { 0 };
        out.extend_from_slice(&[place(&MODES, mode), place(&TRIGGERS, trigger)]);
        out.extend_from_slice(&window.micros().to_le_bytes());
        out.extend_from_slice(&extension.micros().to_le_bytes());
        if let Some(hard_end) = hard_end {
            out.extend_from_slice(&hard_end.micros().to_le_bytes());
        }
    }
    if let Retraction::Until(before_end) = retraction {
        has |= term::RETRACTION;
        out.extend_from_slice(&before_end.micros().to_le_bytes());
    }
    if let Some(key) = placement_key {
        has |= term::KEY;
        out.push(key.len() as u8);
        out.extend_from_slice(key.as_bytes());
    }
    out[has_at..has_at + 2].copy_from_slice(&has.to_le_bytes());
}

/// Reads terms. They are complete, and prove nothing.
pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<ValidDraft, StateError> {
    let has = bytes.u16()?;
    if has & !term::KNOWN != 0 {
        return Err(field("terms"));
    }
    let has = |bit| has & bit != 0;
    // In the order of the bytes.
    let seller = AccountId::from_bits(bytes.u128()?);
    let currency = Currency::new(bytes.array()?).ok_or_else(|| field("currency"))?;
    let (starts_at, ends_at) = (bytes.time("start")?, bytes.time("end")?);
    let opening_price = bytes.amount("opening price")?;
    let (payment_window, offer_window) = (bytes.duration()?, bytes.duration()?);
    let increments = increments(bytes)?;
    let reserve_price = bytes.when(has(term::RESERVE), |bytes| bytes.amount("reserve price"))?;
    let buy_now = bytes.when(has(term::BUY_NOW), |bytes| {
        let policy =
            if has(term::BUY_NOW_ALWAYS) { BuyNowPolicy::Always } else { BuyNowPolicy::UntilFirstBid };
        Ok(BuyNow { price: bytes.amount("buy-now price")?, policy })
    })?;
    let soft_close = bytes.when(has(term::SOFT_CLOSE), |bytes| soft_close(bytes, has(term::HARD_END)))?;
    let retraction = bytes.when(has(term::RETRACTION), Bytes::duration)?;
    let retraction = retraction.map_or(Retraction::Never, Retraction::Until);
    let placement_key = bytes.when(has(term::KEY), key)?;
    let proxy = has(term::PROXY);
    let rules =
        HouseRules { currency, increments, soft_close, proxy, retraction, payment_window, offer_window };
    let rules = rules.shared();
    Ok(ValidDraft { seller, starts_at, ends_at, opening_price, reserve_price, buy_now, placement_key, rules })
}

fn increments(bytes: &mut Bytes<'_>) -> Result<Increments, StateError> {
    let count = bytes.u8()?;
    let mut row = || Ok(IncrementStep { from: bytes.amount("increment")?, step: bytes.amount("increment")? });
    let rows: Result<_, StateError> = (0..count).map(|_| row()).collect();
    Increments::new(rows?).map_err(|_| field("increments"))
}

fn soft_close(bytes: &mut Bytes<'_>, hard_end: bool) -> Result<SoftClose, StateError> {
    let mode = MODES.get(usize::from(bytes.u8()?)).ok_or_else(|| field("soft-close mode"))?;
    let trigger = TRIGGERS.get(usize::from(bytes.u8()?)).ok_or_else(|| field("soft-close trigger"))?;
    Ok(SoftClose {
        mode: *mode,
        trigger: *trigger,
        window: bytes.duration()?,
        extension: bytes.duration()?,
        hard_end: bytes.when(hard_end, |bytes| bytes.time("hard end"))?,
    })
}

fn key(bytes: &mut Bytes<'_>) -> Result<Box<str>, StateError> {
    let length = bytes.u8()?;
    let text = std::str::from_utf8(bytes.take(usize::from(length))?).map_err(|_| field("placement key"))?;
    Ok(text.into())
}
