//! Auctions and receipts in words for people. Everything is read from the server's own JSON; what a newer server adds is passed over.

use super::arguments::now;
use crate::output::grouped;
use gavel_core::{Receipt, Standing, Timestamp};
use gavel_wire::time_text::parse_time;
use serde::Deserialize;
use serde_json::Value;

/// An auction's present state, as `AUCTION GET` tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Auction {
    pub(super) id: String,
    pub(super) state: String,
    price: Option<u64>,
    min_next: u64,
    leader: Option<String>,
    bid_count: u64,
    bidder_count: u64,
    reserve_status: String,
    starts_at: String,
    pub(super) ends_at: String,
    pub(super) seq: u64,
    position: String,
    at: String,
    seller: String,
    currency: String,
    /// Decimals of the currency; `None` where nobody knows.
    #[serde(default)]
    currency_exponent: Option<u8>,
    opening_price: u64,
    buy_now: Option<BuyNow>,
    increments: Vec<Step>,
    soft_close: Option<SoftClose>,
    proxy: bool,
    retraction: Value,
    payment_window_s: u64,
    offer_window_s: u64,
}

#[derive(Debug, Deserialize)]
struct BuyNow {
    price: u64,
    policy: String,
}

#[derive(Debug, Deserialize)]
struct Step {
    from: u64,
    step: u64,
}

#[derive(Debug, Deserialize)]
struct SoftClose {
    mode: String,
    trigger: String,
    window_s: u64,
    extension_s: u64,
    hard_end: Option<String>,
}

impl Auction {
    /// From the JSON of a reply or message.
    ///
    /// # Errors
    /// It is not an auction's.
    pub(super) fn read(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// True when nothing can follow.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.state.as_str(), "closed" | "unsold" | "cancelled")
    }

    /// True when bids are not taken any more.
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.state.as_str(), "scheduled" | "open")
    }

    fn money(&self, amount: u64) -> String {
        money(amount, &self.currency, self.currency_exponent)
    }

    /// When it starts or ends, from now.
    pub(super) fn timing(&self) -> String {
        timing(&self.state, &self.starts_at, &self.ends_at, now())
    }

    fn price_words(&self) -> String {
        match (self.price, &self.leader) {
            (Some(price), Some(leader)) => format!("{}, leader {leader}", self.money(price)),
            (Some(price), None) => self.money(price),
            (None, _) => "no bid yet".to_owned(),
        }
    }

    fn bids_words(&self) -> String {
        counted(self.bid_count, "bid")
    }

    /// One line: what a follower wants to see at once.
    pub(super) fn line(&self) -> String {
        let Self { state, .. } = self;
        format!("{state}  {}  {}  {}", self.price_words(), self.bids_words(), self.timing())
    }

    /// One line with the time of the change, and whose it is.
    pub(super) fn change(&self) -> String {
        format!("{}  {}  #{}  {}", self.at, self.id, self.seq, self.line())
    }

    /// All of it.
    pub(super) fn page(&self) -> String {
        let mut lines = vec![format!("{}  {}, {}", self.id, self.state, self.timing())];
        let mut put = |name: &str, text: String| lines.push(format!("{name:<14}{text}"));
        put("price", self.price_words());
        let bidders = counted(self.bidder_count, "bidder");
        put("bids", format!("{} by {bidders}", self.bids_words()));
        if !self.is_over() {
            put("next bid", format!("at least {}", self.money(self.min_next)));
        }
        put("reserve", self.reserve_status.replace('_', " "));
        if let Some(BuyNow { price, policy }) = &self.buy_now {
            put("buy now", format!("{} ({})", self.money(*price), policy.replace('_', " ")));
        }
        put("starts", self.starts_at.clone());
        put("ends", self.ends_at.clone());
        put("seller", self.seller.clone());
        put("opening price", self.money(self.opening_price));
        put("increments", self.increments_words());
        if let Some(soft_close) = &self.soft_close {
            put("soft close", soft_close.words());
        }
        put("bidding", if self.proxy { "secret maxima" } else { "a bid is the price itself" }.to_owned());
        put("retraction", self.retraction_words());
        put("to pay", format!("within {}", length(self.payment_window_s)));
        put("second chance", format!("for {}", length(self.offer_window_s)));
        put("changed", format!("{} (change {}, position {})", self.at, self.seq, self.position));
        lines.join("\n")
    }

    fn increments_words(&self) -> String {
        let row = |Step { from, step }: &Step| match from {
            0 => self.money(*step),
            _ => format!("{} from {} on", self.money(*step), self.money(*from)),
        };
        self.increments.iter().map(row).collect::<Vec<_>>().join(", ")
    }

    fn retraction_words(&self) -> String {
        match self.retraction.get("until_s").and_then(Value::as_u64) {
            Some(until_s) => format!("until {} before the end", length(until_s)),
            None => "never".to_owned(),
        }
    }

    /// What a bidder is told.
    pub(super) fn receipt(&self, receipt: &Receipt) -> String {
        let price = self.money(receipt.price.get());
        let next = self.money(receipt.min_next.get());
        match receipt.standing {
            Standing::Leading => {
                format!("LEADING at {price}; others must bid at least {next}; {}", self.timing())
            }
            Standing::Outbid => {
                format!("OUTBID: the price is {price}; bid at least {next}; {}", self.timing())
            }
            Standing::Sold => format!("SOLD at {price}"),
        }
    }
}

impl SoftClose {
    fn words(&self) -> String {
        let Self { mode, trigger, window_s, extension_s, hard_end } = self;
        let trigger = match trigger.as_str() {
            "any" => "any bid",
            "price" => "a rise of the price",
            "leader" => "a new leader",
            other => other,
        };
        let (window, extension) = (length(*window_s), length(*extension_s));
        let to = match mode.as_str() {
            "from_end" => format!("moves the end by {extension}"),
            "reset" => format!("sets the end to {extension} from then"),
            _ => format!("moves the end to {extension} from then"),
        };
        let hard_end = hard_end.as_ref().map_or_else(String::new, |end| format!(", never beyond {end}"));
        format!("{trigger} in the last {window} {to}{hard_end}")
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// An amount in its currency; in minor units where the currency's decimals are not known.
fn money(amount: u64, currency: &str, exponent: Option<u8>) -> String {
    match exponent {
        None => format!("{} minor units of {currency}", grouped(amount)),
        Some(0) => format!("{} {currency}", grouped(amount)),
        Some(decimals) => {
            let unit = 10_u64.saturating_pow(decimals.into());
            let width = usize::from(decimals);
            format!("{}.{:0width$} {currency}", grouped(amount / unit), amount % unit)
        }
    }
}

fn timing(state: &str, starts_at: &str, ends_at: &str, now: Timestamp) -> String {
    let from_now = |text: &str| parse_time(text).map(|time| length(time.since(now).micros() / 1_000_000));
    match (state, from_now(starts_at), from_now(ends_at)) {
        ("scheduled", Some(starts), _) => format!("starts in {starts}"),
        ("open", _, Some(ends)) => format!("ends in {ends}"),
        ("scheduled", None, _) => format!("starts at {starts_at}"),
        ("open", _, None) => format!("ends at {ends_at}"),
        _ => format!("ended at {ends_at}"),
    }
}

/// A length of time in its two largest units.
pub(super) fn length(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let first = units.iter().position(|(size, _)| seconds >= *size).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, name) in &units[first..(first + 2).min(units.len())] {
        if left / size > 0 || parts.is_empty() {
            parts.push(format!("{}{name}", left / size));
        }
        left %= size;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_the_currency_s_own_unit() {
        assert_eq!(money(1_060_000, "KRW", Some(0)), "1,060,000 KRW");
        assert_eq!(money(1_060_005, "EUR", Some(2)), "10,600.05 EUR");
        assert_eq!(money(5, "KWD", Some(3)), "0.005 KWD");
        assert_eq!(money(10_600, "XAU", None), "10,600 minor units of XAU");
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        let expected =
            [(0, "0s"), (59, "59s"), (60, "1m"), (3_725, "1h 2m"), (90_000, "1d 1h"), (172_800, "2d")];
        for (seconds, text) in expected {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn what_is_to_come_is_told_from_now() {
        let now = parse_time("2026-11-22T10:00:00Z").unwrap();
        let (starts, ends) = ("2026-11-22T10:01:00Z", "2026-11-22T12:00:30Z");
        assert_eq!(timing("scheduled", starts, ends, now), "starts in 1m");
        assert_eq!(timing("open", starts, ends, now), "ends in 2h");
        assert_eq!(timing("unsold", starts, ends, now), "ended at 2026-11-22T12:00:30Z");
    }

    const JSON: &str = r#"{"id":"20261122-003-00000042","state":"open","price":10600,"min_next":10700,"leader":"7",
        "bid_count":3,"bidder_count":2,"reserve_status":"not_met","starts_at":"2026-11-22T10:00:00Z",
        "ends_at":"2126-11-22T12:00:00Z","seq":5,"position":"3-1-9","at":"2026-11-22T10:05:00Z","seller":"1",
        "currency":"EUR","currency_exponent":2,"opening_price":100,
        "buy_now":{"price":20000,"policy":"until_first_bid"},"increments":[{"from":0,"step":100},{"from":5000,"step":500}],
        "soft_close":{"mode":"from_bid","trigger":"any","window_s":120,"extension_s":60,"hard_end":null},
        "proxy":true,"retraction":{"until_s":3600},"payment_window_s":604800,"offer_window_s":86400,"new":1}"#;

    #[test]
    fn the_page_says_all_of_it() {
        let page = Auction::read(JSON).unwrap().page();
        for line in [
            "20261122-003-00000042  open, ends in ",
            "price         106.00 EUR, leader 7",
            "bids          3 bids by 2 bidders",
            "next bid      at least 107.00 EUR",
            "reserve       not met",
            "buy now       200.00 EUR (until first bid)",
            "increments    1.00 EUR, 5.00 EUR from 50.00 EUR on",
            "soft close    any bid in the last 2m moves the end to 1m from then",
            "retraction    until 1h before the end",
            "to pay        within 7d",
            "changed       2026-11-22T10:05:00Z (change 5, position 3-1-9)",
        ] {
            assert!(page.contains(line), "{line:?} is missing in:\n{page}");
        }
    }

    #[test]
    fn a_change_is_one_line() {
        let change = Auction::read(JSON).unwrap().change();
        let start =
            "2026-11-22T10:05:00Z  20261122-003-00000042  #5  open  106.00 EUR, leader 7  3 bids  ends in ";
        assert!(change.starts_with(start), "{change}");
        let without_bids =
            JSON.replace("\"price\":10600", "\"price\":null").replace("\"leader\":\"7\"", "\"leader\":null");
        assert!(Auction::read(&without_bids).unwrap().line().starts_with("open  no bid yet  "));
    }
}
