//! Checks terms as a whole. Every field is looked at, and each that is wrong gets one error, its first problem.

use super::{
    BuyNow, FieldError, HouseRules, Increments, Retraction, SoftClose, Terms, TermsDraft, ValidDraft,
    defaults,
};
use crate::limits::{
    AUCTION_DURATION_MAX_S, OFFER_WINDOW_MAX_S, PAYMENT_WINDOW_MAX_S, PLACEMENT_KEY_BYTES_MAX,
    SOFT_CLOSE_MAX_S, START_AHEAD_MAX_S,
};
use crate::{AccountId, Amount, Currency, Duration, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

const DURATION_MAX: Duration = Duration::from_secs(AUCTION_DURATION_MAX_S);
const WITHIN_DURATION: &str = "must be at most 366 days after the start";
const _: () = assert!(AUCTION_DURATION_MAX_S == 366 * 86_400, "the words above say the bound");
const _: () = assert!(START_AHEAD_MAX_S == 366 * 86_400, "the words about starts_at say the bound");

impl Terms {
    /// Fills in the [`defaults`] and checks everything, as of `now`, the time of receipt.
    ///
    /// # Errors
    /// One per field that is wrong.
    pub fn validate(draft: TermsDraft, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut errors = Errors::default();
        let complete = complete(draft, now, &mut errors);
        check_against_now(&complete, now, &mut errors);
        check(&complete, &mut errors);
        errors.or_terms(complete)
    }

    /// Terms read from a record: the same checks, minus those against the time of receipt.
    ///
    /// # Errors
    /// One per field that is wrong.
    pub fn from_record(fields: ValidDraft) -> Result<Self, Vec<FieldError>> {
        let mut errors = Errors::default();
        check(&fields, &mut errors);
        errors.or_terms(fields)
    }

    /// The latest end that soft close and commands can give the auction.
    #[must_use]
    pub fn latest_end(&self) -> Timestamp {
        let longest = self.starts_at.saturating_add(DURATION_MAX);
        self.soft_close.and_then(|soft| soft.hard_end).map_or(longest, |hard_end| hard_end.min(longest))
    }
}

/// The errors found so far; the first of each field counts.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, field: &'static str, problem: impl Into<Cow<'static, str>>) {
        if !self.0.iter().any(|error| error.field == field) {
            self.0.push(FieldError { field, problem: problem.into() });
        }
    }

    fn require(&mut self, holds: bool, field: &'static str, problem: &'static str) {
        if !holds {
            self.add(field, problem);
        }
    }

    /// As [`Errors::require`], with words that are made only where they are needed: terms are checked by the million in recovery.
    fn explain(&mut self, holds: bool, field: &'static str, problem: impl FnOnce() -> String) {
        if !holds {
            self.add(field, problem());
        }
    }

    fn or_terms(self, fields: ValidDraft) -> Result<Terms, Vec<FieldError>> {
        if self.0.is_empty() { Ok(Terms { draft: Arc::new(fields) }) } else { Err(self.0) }
    }
}

/// Fills in defaults. What is required and absent becomes an error and any value, so that the rest is checked as well.
fn complete(draft: TermsDraft, now: Timestamp, errors: &mut Errors) -> ValidDraft {
    errors.require(draft.seller.is_some(), "seller", "is required: an integer or a UUID");
    errors.require(draft.currency.is_some(), "currency", "is required: three letters such as KRW");
    let starts_at = draft.starts_at.unwrap_or(now);
    let ends_at = end(&draft, starts_at, errors);
    let increments =
        draft.increments.map_or(Ok(Increments::default()), Increments::new).unwrap_or_else(|problem| {
            errors.add("increments", problem);
            Increments::default()
        });
    let rules = HouseRules {
        currency: draft.currency.unwrap_or(Currency::NONE),
        increments,
        soft_close: draft.soft_close,
        proxy: draft.proxy.unwrap_or(defaults::PROXY),
        retraction: draft.retraction.unwrap_or(defaults::RETRACTION),
        payment_window: draft.payment_window.unwrap_or(defaults::PAYMENT_WINDOW),
        offer_window: draft.offer_window.unwrap_or(defaults::OFFER_WINDOW),
    };
    ValidDraft {
        seller: draft.seller.unwrap_or(AccountId::from_integer(0)),
        starts_at,
        ends_at,
        opening_price: draft.opening_price.unwrap_or(defaults::OPENING_PRICE),
        reserve_price: draft.reserve_price,
        buy_now: draft.buy_now,
        placement_key: draft.placement_key.map(String::into_boxed_str),
        rules: rules.shared(),
    }
}

/// The end, from `ends_at` or from the duration.
fn end(draft: &TermsDraft, starts_at: Timestamp, errors: &mut Errors) -> Timestamp {
    match (draft.ends_at, draft.duration) {
        (Some(ends_at), None) => return ends_at,
        (None, Some(Duration::ZERO)) => errors.add("duration_s", "must be at least 1"),
        (None, Some(duration)) if duration > DURATION_MAX => {
            errors.add("duration_s", format!("must be at most {AUCTION_DURATION_MAX_S}"));
        }
        (None, Some(duration)) => return starts_at.saturating_add(duration),
        (Some(_), Some(_)) => errors.add("duration_s", "can't be given together with ends_at"),
        (None, None) => errors.add("ends_at", "is required, unless duration_s is given"),
    }
    // The end is unknown; the longest one lets everything else be checked without errors that follow from this one.
    starts_at.saturating_add(DURATION_MAX)
}

fn check_against_now(fields: &ValidDraft, now: Timestamp, errors: &mut Errors) {
    let ahead = fields.starts_at.since(now);
    errors.require(
        ahead <= Duration::from_secs(START_AHEAD_MAX_S),
        "starts_at",
        "must be at most 366 days from now",
    );
    errors.require(fields.ends_at > now, "ends_at", "must lie in the future");
}

fn check(fields: &ValidDraft, errors: &mut Errors) {
    let ValidDraft { starts_at, ends_at, placement_key, rules, .. } = fields;
    let HouseRules { soft_close, retraction, payment_window, offer_window, .. } = &**rules;
    errors.require(ends_at > starts_at, "ends_at", "must lie after starts_at");
    errors.require(ends_at.since(*starts_at) <= DURATION_MAX, "ends_at", WITHIN_DURATION);
    check_prices(fields, errors);
    if let Some(soft_close) = soft_close {
        check_soft_close(soft_close, *starts_at, *ends_at, errors);
    }
    if let Retraction::Until(before_end) = retraction {
        errors.require(*before_end <= DURATION_MAX, "retraction", "must be at most 366 days before the end");
    }
    if let Some(key) = placement_key {
        let fits = (1..=PLACEMENT_KEY_BYTES_MAX).contains(&key.len());
        errors.explain(fits, "placement_key", || format!("must be 1 to {PLACEMENT_KEY_BYTES_MAX} bytes"));
    }
    check_length(*payment_window, PAYMENT_WINDOW_MAX_S, "payment_window_s", errors);
    check_length(*offer_window, OFFER_WINDOW_MAX_S, "offer_window_s", errors);
}

fn check_prices(fields: &ValidDraft, errors: &mut Errors) {
    let ValidDraft { opening_price, reserve_price, buy_now, .. } = fields;
    errors.require(*opening_price > Amount::ZERO, "opening_price", "must be at least 1");
    if let Some(reserve) = reserve_price {
        let problem = || format!("must be at least the opening price, {opening_price}");
        errors.explain(reserve >= opening_price, "reserve_price", problem);
        errors.require(*reserve > Amount::ZERO, "reserve_price", "must be at least 1");
    }
    if let Some(BuyNow { price, .. }) = buy_now {
        let least = reserve_price.unwrap_or(*opening_price).max(*opening_price);
        let problem = || format!("must be at least the opening price and the reserve price, {least}");
        errors.explain(*price >= least, "buy_now.price", problem);
        errors.require(*price > Amount::ZERO, "buy_now.price", "must be at least 1");
    }
}

fn check_soft_close(soft: &SoftClose, starts_at: Timestamp, ends_at: Timestamp, errors: &mut Errors) {
    check_length(soft.window, SOFT_CLOSE_MAX_S, "soft_close.window_s", errors);
    check_length(soft.extension, SOFT_CLOSE_MAX_S, "soft_close.extension_s", errors);
    if let Some(hard_end) = soft.hard_end {
        errors.require(hard_end >= ends_at, "soft_close.hard_end", "must not lie before ends_at");
        errors.require(hard_end.since(starts_at) <= DURATION_MAX, "soft_close.hard_end", WITHIN_DURATION);
    }
}

/// A length of time of at least one second.
fn check_length(length: Duration, max_s: u64, field: &'static str, errors: &mut Errors) {
    let fits = length >= Duration::from_secs(1) && length <= Duration::from_secs(max_s);
    errors.explain(fits, field, || format!("must be 1 to {max_s}"));
}
