//! An auction's present state as JSON: what `AUCTION GET` answers and what subscribers are sent.
//!
//! Everything here may be seen by everybody. The secret maxima and the reserve amount are not in a [`View`]; the reserve in
//! the terms is left out by name. Every text written is an id, a time or a fixed word, so nothing needs escaping.

use crate::currency::currency_exponent;
use crate::reply::uuid_text;
use gavel_core::auction::View;
use gavel_core::terms::{BuyNow, HouseRules, Increments, Retraction, SoftClose, ValidDraft};
use gavel_core::{AccountId, Amount, AuctionId, Duration, Terms, Timestamp};
use std::fmt::Display;

/// Appends one object: id, state, price (null while no bid stands) and so on, then the terms.
///
/// Times are RFC 3339 in UTC, amounts integers in the currency's minor unit (`currency_exponent` says how many decimals that is;
/// null where ISO 4217 knows none), ids and positions texts. `ends_at` is the
/// present end; `buy_now` is there as long as it can be had.
pub fn auction(out: &mut Vec<u8>, id: AuctionId, terms: &Terms, view: &View) {
    let View { state, seq, position, price, min_next, leader, bid_count, .. } = *view;
    let View { bidder_count, reserve, buy_now, starts_at, ends_at, at, .. } = *view;
    object(out, |fields| {
        fields.text("id", id);
        fields.text("state", state);
        fields.amount("price", price);
        fields.integer("min_next", min_next.get());
        fields.account("leader", leader);
        fields.integer("bid_count", u64::from(bid_count));
        fields.integer("bidder_count", u64::from(bidder_count));
        fields.text("reserve_status", reserve.name());
        fields.time("starts_at", Some(starts_at));
        fields.time("ends_at", Some(ends_at));
        fields.integer("seq", u64::from(seq.0));
        fields.text("position", position);
        fields.time("at", Some(at));
        public_terms(fields, terms, buy_now);
    });
}

/// The terms that everybody may know and that don't change.
pub(crate) fn public_terms(fields: &mut Fields<'_>, terms: &ValidDraft, buy_now_price: Option<Amount>) {
    // Exhaustive, so that a new term is shown or withheld on purpose. Start and end are the view's.
    let ValidDraft { seller, starts_at: _, ends_at: _, opening_price, reserve_price: _, .. } = terms;
    let ValidDraft { buy_now, placement_key: _, rules, .. } = terms;
    let HouseRules { currency, increments, soft_close, proxy, retraction, payment_window, offer_window } =
        &**rules;
    fields.account("seller", Some(*seller));
    fields.text("currency", currency);
    match currency_exponent(*currency) {
        Some(exponent) => fields.integer("currency_exponent", u64::from(exponent)),
        None => fields.raw("currency_exponent", "null"),
    }
    fields.integer("opening_price", opening_price.get());
    fields.buy_now("buy_now", buy_now_price.and(*buy_now));
    fields.increments("increments", increments);
    fields.soft_close("soft_close", *soft_close);
    fields.raw("proxy", if *proxy { "true" } else { "false" });
    fields.retraction("retraction", *retraction);
    fields.seconds("payment_window_s", *payment_window);
    fields.seconds("offer_window_s", *offer_window);
}

/// The fields of one object, written one after another.
pub(crate) struct Fields<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    first: bool,
}

pub(crate) fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
    out.push(b'{');
    write(&mut Fields { out, first: true });
    out.push(b'}');
}

impl Fields<'_> {
    pub(crate) fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.out.extend_from_slice(json.as_bytes());
    }

    /// A text that holds neither quotes, backslashes nor control characters.
    pub(crate) fn text(&mut self, name: &str, text: impl Display) {
        self.name(name);
        crate::reply::text(self.out, format_args!("\"{text}\""));
    }

    pub(crate) fn integer(&mut self, name: &str, value: u64) {
        self.raw(name, itoa::Buffer::new().format(value));
    }

    pub(crate) fn amount(&mut self, name: &str, amount: Option<Amount>) {
        match amount {
            Some(amount) => self.integer(name, amount.get()),
            None => self.raw(name, "null"),
        }
    }

    fn seconds(&mut self, name: &str, duration: Duration) {
        self.integer(name, duration.micros() / 1_000_000);
    }

    pub(crate) fn account(&mut self, name: &str, account: Option<AccountId>) {
        match account.map(|account| (account, u64::try_from(account.to_bits()))) {
            None => self.raw(name, "null"),
            Some((_, Ok(integer))) => self.text(name, itoa::Buffer::new().format(integer)),
            Some((account, Err(_))) => {
                self.name(name);
                self.out.push(b'"');
                self.out.extend_from_slice(&uuid_text(account.to_bits()));
                self.out.push(b'"');
            }
        }
    }

    pub(crate) fn time(&mut self, name: &str, time: Option<Timestamp>) {
        match time {
            Some(time) => self.text(name, time),
            None => self.raw(name, "null"),
        }
    }

    fn buy_now(&mut self, name: &str, buy_now: Option<BuyNow>) {
        let Some(BuyNow { price, policy }) = buy_now else { return self.raw(name, "null") };
        self.name(name);
        object(self.out, |fields| {
            fields.integer("price", price.get());
            fields.text("policy", policy.name());
        });
    }

    fn increments(&mut self, name: &str, increments: &Increments) {
        self.name(name);
        for (index, row) in increments.rows().iter().enumerate() {
            self.out.push(if index == 0 { b'[' } else { b',' });
            object(self.out, |fields| {
                fields.integer("from", row.from.get());
                fields.integer("step", row.step.get());
            });
        }
        self.out.push(b']');
    }

    fn soft_close(&mut self, name: &str, soft_close: Option<SoftClose>) {
        let Some(SoftClose { mode, trigger, window, extension, hard_end }) = soft_close else {
            return self.raw(name, "null");
        };
        self.name(name);
        object(self.out, |fields| {
            fields.text("mode", mode.name());
            fields.text("trigger", trigger.name());
            fields.seconds("window_s", window);
            fields.seconds("extension_s", extension);
            fields.time("hard_end", hard_end);
        });
    }

    fn retraction(&mut self, name: &str, retraction: Retraction) {
        match retraction {
            Retraction::Never => self.text(name, "never"),
            Retraction::Until(before_end) => {
                self.name(name);
                object(self.out, |fields| fields.seconds("until_s", before_end));
            }
        }
    }
}
