//! The terms inside an opening. Reading them validates them as a whole again.

use super::super::RecordError;
use super::read::{amount, amount_option, field, time, time_option};
use gavel_core::terms::{
    BuyNow, BuyNowPolicy, HouseRules, IncrementStep, Increments, Retraction, SoftClose as CoreSoftClose,
    SoftCloseMode, SoftCloseTrigger, Terms as CoreTerms, ValidDraft,
};
use gavel_core::{AccountId, Currency, Duration};
use rkyv::primitive::ArchivedU64;
use rkyv::tuple::ArchivedTuple2;

#[derive(rkyv::Archive, rkyv::Serialize)]
pub(super) struct Terms {
    seller: u128,
    currency: [u8; 3],
    starts_at_us: u64,
    ends_at_us: u64,
    opening_price: u64,
    reserve_price: Option<u64>,
    /// Price, and 0: until the first bid; 1: always.
    buy_now: Option<(u64, u8)>,
    /// From and step.
    increments: Vec<(u64, u64)>,
    soft_close: Option<SoftClose>,
    proxy: bool,
    /// Until this long before the end; `None`: never.
    retraction_us: Option<u64>,
    placement_key: Option<Box<str>>,
    payment_window_us: u64,
    offer_window_us: u64,
}

#[derive(rkyv::Archive, rkyv::Serialize)]
struct SoftClose {
    /// 0: from the bid; 1: from the end; 2: reset.
    mode: u8,
    /// 0: any bid; 1: the price; 2: the leader.
    trigger: u8,
    window_us: u64,
    extension_us: u64,
    hard_end_us: Option<u64>,
}

impl From<&CoreTerms> for Terms {
    fn from(terms: &CoreTerms) -> Self {
        let ValidDraft {
            seller,
            starts_at,
            ends_at,
            opening_price,
            reserve_price,
            buy_now,
            placement_key,
            rules,
        } = &**terms;
        let HouseRules { currency, increments, soft_close, proxy, retraction, payment_window, offer_window } =
            &**rules;
        Self {
            seller: seller.to_bits(),
            currency: currency.code(),
            starts_at_us: starts_at.micros(),
            ends_at_us: ends_at.micros(),
            opening_price: opening_price.get(),
            reserve_price: reserve_price.map(|price| price.get()),
            buy_now: buy_now.map(|BuyNow { price, policy }| {
                (
                    price.get(),
                    match policy {
                        BuyNowPolicy::UntilFirstBid => 0,
                        BuyNowPolicy::Always => 1,
                    },
                )
            }),
            increments: increments.rows().iter().map(|step| (step.from.get(), step.step.get())).collect(),
            soft_close: soft_close.as_ref().map(SoftClose::from),
            proxy: *proxy,
            retraction_us: match retraction {
                Retraction::Never => None,
                Retraction::Until(left) => Some(left.micros()),
            },
            placement_key: placement_key.clone(),
            payment_window_us: payment_window.micros(),
            offer_window_us: offer_window.micros(),
        }
    }
}

impl From<&CoreSoftClose> for SoftClose {
    fn from(soft_close: &CoreSoftClose) -> Self {
        let CoreSoftClose { mode, trigger, window, extension, hard_end } = soft_close;
        Self {
            mode: match mode {
                SoftCloseMode::FromBid => 0,
                SoftCloseMode::FromEnd => 1,
                SoftCloseMode::Reset => 2,
            },
            trigger: match trigger {
                SoftCloseTrigger::Any => 0,
                SoftCloseTrigger::Price => 1,
                SoftCloseTrigger::Leader => 2,
            },
            window_us: window.micros(),
            extension_us: extension.micros(),
            hard_end_us: hard_end.map(|time| time.micros()),
        }
    }
}

impl TryFrom<&ArchivedTerms> for CoreTerms {
    type Error = RecordError;

    fn try_from(terms: &ArchivedTerms) -> Result<Self, RecordError> {
        let rules = HouseRules {
            currency: Currency::new(terms.currency).ok_or(field("currency"))?,
            increments: increments(terms)?,
            soft_close: terms.soft_close.as_ref().map(CoreSoftClose::try_from).transpose()?,
            proxy: terms.proxy,
            retraction: match terms.retraction_us.as_ref() {
                None => Retraction::Never,
                Some(left) => Retraction::Until(Duration::from_micros(left.to_native())),
            },
            payment_window: Duration::from_micros(terms.payment_window_us.to_native()),
            offer_window: Duration::from_micros(terms.offer_window_us.to_native()),
        };
        let draft = ValidDraft {
            seller: AccountId::from_bits(terms.seller.to_native()),
            starts_at: time(terms.starts_at_us.to_native(), "start")?,
            ends_at: time(terms.ends_at_us.to_native(), "end")?,
            opening_price: amount(terms.opening_price.to_native(), "opening price")?,
            reserve_price: amount_option(&terms.reserve_price, "reserve price")?,
            buy_now: terms
                .buy_now
                .as_ref()
                .map(|buy_now| buy_now_of(buy_now.0.to_native(), buy_now.1))
                .transpose()?,
            placement_key: terms.placement_key.as_ref().map(|key| (**key).into()),
            rules: rules.shared(),
        };
        Self::from_record(draft).map_err(RecordError::Terms)
    }
}

fn buy_now_of(price: u64, policy: u8) -> Result<BuyNow, RecordError> {
    let policy = match policy {
        0 => BuyNowPolicy::UntilFirstBid,
        1 => BuyNowPolicy::Always,
        _ => return Err(field("buy-now policy")),
    };
    Ok(BuyNow { price: amount(price, "buy-now price")?, policy })
}

fn increments(terms: &ArchivedTerms) -> Result<Increments, RecordError> {
    let step = |pair: &ArchivedTuple2<ArchivedU64, ArchivedU64>| {
        Ok(IncrementStep {
            from: amount(pair.0.to_native(), "increment")?,
            step: amount(pair.1.to_native(), "increment")?,
        })
    };
    let steps = terms.increments.iter().map(step).collect::<Result<Vec<_>, RecordError>>()?;
    Increments::new(steps).map_err(|_| field("increments"))
}

impl TryFrom<&ArchivedSoftClose> for CoreSoftClose {
    type Error = RecordError;

    fn try_from(soft_close: &ArchivedSoftClose) -> Result<Self, RecordError> {
        let ArchivedSoftClose { mode, trigger, window_us, extension_us, hard_end_us } = soft_close;
        Ok(Self {
            mode: match mode {
                0 => SoftCloseMode::FromBid,
                1 => SoftCloseMode::FromEnd,
                2 => SoftCloseMode::Reset,
                _ => return Err(field("soft-close mode")),
            },
            trigger: match trigger {
                0 => SoftCloseTrigger::Any,
                1 => SoftCloseTrigger::Price,
                2 => SoftCloseTrigger::Leader,
                _ => return Err(field("soft-close trigger")),
            },
            window: Duration::from_micros(window_us.to_native()),
            extension: Duration::from_micros(extension_us.to_native()),
            hard_end: time_option(hard_end_us, "hard end")?,
        })
    }
}
