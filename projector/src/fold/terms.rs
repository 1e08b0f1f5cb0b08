//! An auction's terms as its document shows them.

use crate::documents::{BuyNow, Extension, Money, Terms, Word, time};
use gavel_core::terms::{HouseRules, ValidDraft};
use gavel_core::{Duration, Retraction, SoftClose};

/// The terms, but for what is secret and for what the document has itself.
pub(super) fn shown(terms: &ValidDraft) -> Terms {
    // Exhaustive, so that a new term is shown or withheld on purpose. Seller and start are the document's own; the reserve price is the
    // seller's secret, the placement key the caller's.
    let ValidDraft { seller: _, starts_at: _, ends_at, opening_price, reserve_price: _, .. } = terms;
    let ValidDraft { buy_now, placement_key: _, rules, .. } = terms;
    let HouseRules { currency, increments, soft_close, proxy, retraction, payment_window, offer_window } =
        &**rules;
    Terms {
        currency: currency.to_string(),
        ends_at: time(*ends_at),
        opening_price: Money(*opening_price),
        buy_now: buy_now.map(|buy_now| BuyNow { price: Money(buy_now.price), policy: Word(buy_now.policy) }),
        increments: increments.clone(),
        soft_close: soft_close.map(extension),
        proxy: *proxy,
        retraction_until_s: match retraction {
            Retraction::Never => None,
            Retraction::Until(before_end) => Some(seconds(*before_end)),
        },
        payment_window_s: seconds(*payment_window),
        offer_window_s: seconds(*offer_window),
    }
}

fn extension(soft_close: SoftClose) -> Extension {
    let SoftClose { mode, trigger, window, extension, hard_end } = soft_close;
    Extension {
        mode: Word(mode),
        trigger: Word(trigger),
        window_s: seconds(window),
        extension_s: seconds(extension),
        hard_end: hard_end.map(time),
    }
}

const fn seconds(duration: Duration) -> i64 {
    (duration.micros() / 1_000_000).cast_signed()
}
