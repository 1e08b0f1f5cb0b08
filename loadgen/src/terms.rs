//! The terms that auctions are opened under, and what of them matters to price, leader, end and outcome.
//!
//! [`TermsPlan`] makes the JSON for each auction; [`KnownTerms`] is what the board and the oracle read back from that
//! same JSON, so that a ledger explains itself. Terms whose effect the oracle cannot compute are refused at the start.

use crate::units::{parse_time, time_text};
use serde_json::{Map, Value, json};

/// Fields that `--terms` may set. What the generator sets itself (`seller`, `ends_at`) and what its oracle does not
/// compute (`buy_now`, `starts_at`, `duration_s`) is not among them.
const SETTABLE: [&str; 11] = [
    "currency",
    "opening_price",
    "reserve_price",
    "increments",
    "soft_close",
    "proxy",
    "retraction",
    "placement_key",
    "payment_window_s",
    "offer_window_s",
    "details",
];

/// Sellers are numbered from here on, so that no bidder of the pool is one.
pub const FIRST_SELLER: u64 = 1_000_000_000;

/// Terms that cannot be used for a run or a check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// Not a JSON object.
    #[error("terms must be one JSON object: {0}")]
    NotAnObject(String),
    /// A field that the generator does not let be set.
    #[error("terms may not set `{field}` here; what may be set: {allowed}", allowed = SETTABLE.join(", "))]
    Field {
        /// The field.
        field: String,
    },
    /// A field with a value that it can't have.
    #[error("terms: `{0}` is missing or is not what it should be")]
    Value(&'static str),
}

/// Makes the terms of each auction.
#[derive(Clone, Debug, PartialEq)]
pub struct TermsPlan {
    fields: Map<String, Value>,
    /// Seconds by which a late bid moves the end, and by how many at most.
    overtime: Option<(u64, u64)>,
}

impl TermsPlan {
    /// The standard terms (`KRW`, opening price 1000, steps of 100, no reserve, no soft close), with or without proxy
    /// bidding.
    #[must_use]
    pub fn standard(proxy: bool) -> Self {
        let fields = json!({
            "currency": "KRW", "opening_price": 1000, "increments": [{"from": 0, "step": 100}], "proxy": proxy,
        });
        match fields {
            Value::Object(fields) => Self { fields, overtime: None },
            _ => Self { fields: Map::new(), overtime: None },
        }
    }

    /// The same terms with the fields of this JSON object in place of their own.
    ///
    /// # Errors
    /// When the text is no object, has a field that may not be set, or a value whose effect can't be computed.
    pub fn overlaid(mut self, text: &str) -> Result<Self, TermsError> {
        let overlay: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| TermsError::NotAnObject(error.to_string()))?;
        for (field, value) in overlay {
            if !SETTABLE.contains(&field.as_str()) {
                return Err(TermsError::Field { field });
            }
            self.fields.insert(field, value);
        }
        KnownTerms::parse(&self.json(0, 0))?;
        Ok(self)
    }

    /// What all auctions have in common.
    #[must_use]
    pub fn common(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// The same terms with overtime: a bid in the last seconds moves the end to so many seconds after it, up to `at_most_s` seconds after the
    /// planned end. A soft close of their own stays.
    #[must_use]
    pub fn with_overtime(mut self, step_s: u64, at_most_s: u64) -> Self {
        if self.fields.get("soft_close").is_none_or(Value::is_null) {
            self.overtime = Some((step_s, at_most_s));
        }
        self
    }

    /// The JSON terms of auction number `index`, which ends at `ends_us` (microseconds since 1970).
    #[must_use]
    pub fn json(&self, index: u32, ends_us: u64) -> String {
        let mut fields = self.fields.clone();
        fields.insert("seller".into(), (FIRST_SELLER + u64::from(index)).to_string().into());
        fields.insert("ends_at".into(), time_text(ends_us).into());
        if let Some((step_s, at_most_s)) = self.overtime {
            let hard_end = time_text(ends_us + at_most_s * 1_000_000);
            let soft_close = json!({"mode": "from_bid", "trigger": "any", "window_s": step_s, "extension_s": step_s, "hard_end": hard_end});
            fields.insert("soft_close".into(), soft_close);
        }
        fields.entry("details").or_insert_with(|| json!({"title": format!("load {index}")}));
        Value::Object(fields).to_string()
    }
}

/// What of an auction's terms matters to price, leader, end and outcome. Amounts in minor units, times in microseconds
/// since 1970, lengths in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTerms {
    /// True: a bid is a secret maximum. False: a bid is the price itself.
    pub proxy: bool,
    /// The least first bid.
    pub opening_price: u64,
    /// Below it the item is not sold.
    pub reserve_price: Option<u64>,
    /// The steps by price.
    pub steps: Steps,
    /// Late bids move the end.
    pub soft_close: Option<SoftClose>,
    /// When it ends, if nothing moves the end.
    pub ends_us: u64,
}

/// Pairs of a price and the step from it on, ascending, the first from price 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps(Vec<(u64, u64)>);

/// Late bids move the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftClose {
    /// `from_bid`, `from_end` or `reset`.
    pub mode: String,
    /// `any`, `price` or `leader`.
    pub trigger: String,
    /// A bid counts when no more than this is left.
    pub window_us: u64,
    /// By how much the end moves.
    pub extension_us: u64,
    /// The end never moves beyond this.
    pub hard_end_us: Option<u64>,
}

impl Steps {
    /// The step at a price.
    #[must_use]
    pub fn at(&self, price: u64) -> u64 {
        self.0.iter().rev().find(|(from, _)| *from <= price).map_or(1, |(_, step)| *step)
    }
}

impl KnownTerms {
    /// Reads the JSON terms of an auction; absent fields have the server's defaults.
    ///
    /// # Errors
    /// Names the field that can't be read.
    pub fn parse(text: &str) -> Result<Self, TermsError> {
        let terms: Value =
            serde_json::from_str(text).map_err(|error| TermsError::NotAnObject(error.to_string()))?;
        let number = |name: &'static str| optional(&terms[name], Value::as_u64, name);
        Ok(Self {
            proxy: optional(&terms["proxy"], Value::as_bool, "proxy")?.unwrap_or(true),
            opening_price: number("opening_price")?.unwrap_or(1),
            reserve_price: number("reserve_price")?,
            steps: Steps::parse(&terms["increments"]).ok_or(TermsError::Value("increments"))?,
            soft_close: optional(&terms["soft_close"], SoftClose::parse, "soft_close")?,
            ends_us: terms["ends_at"].as_str().and_then(parse_time).ok_or(TermsError::Value("ends_at"))?,
        })
    }
}

/// `None` for an absent field, the value for a good one, an error for another.
fn optional<T>(
    value: &Value,
    read: impl Fn(&Value) -> Option<T>,
    name: &'static str,
) -> Result<Option<T>, TermsError> {
    if value.is_null() { Ok(None) } else { read(value).map(Some).ok_or(TermsError::Value(name)) }
}

impl Steps {
    fn parse(value: &Value) -> Option<Self> {
        if value.is_null() {
            return Some(Self(vec![(0, 1)]));
        }
        let pair =
            |step: &Value| Some((step["from"].as_u64()?, step["step"].as_u64().filter(|&step| step > 0)?));
        let steps = value.as_array()?.iter().map(pair).collect::<Option<Vec<_>>>()?;
        let ascends = steps.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (ascends && steps.first().is_some_and(|first| first.0 == 0)).then_some(Self(steps))
    }
}

impl SoftClose {
    fn parse(value: &Value) -> Option<Self> {
        let word = |name: &str, allowed: [&str; 3]| {
            value[name].as_str().filter(|word| allowed.contains(word)).map(str::to_owned)
        };
        let seconds = |name: &str| value[name].as_u64()?.checked_mul(1_000_000);
        let hard_end = &value["hard_end"];
        Some(Self {
            mode: word("mode", ["from_bid", "from_end", "reset"])?,
            trigger: word("trigger", ["any", "price", "leader"])?,
            window_us: seconds("window_s")?,
            extension_us: seconds("extension_s")?,
            hard_end_us: if hard_end.is_null() { None } else { Some(parse_time(hard_end.as_str()?)?) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_back_as_they_were_made() {
        let plan = TermsPlan::standard(true)
            .overlaid(
                r#"{"opening_price": 500, "reserve_price": 900, "increments": [{"from": 0, "step": 10},
                    {"from": 1000, "step": 50}], "soft_close": {"mode": "from_bid", "trigger": "price",
                    "window_s": 120, "extension_s": 60, "hard_end": "2026-11-23T01:00:00Z"}}"#,
            )
            .unwrap();
        let known = KnownTerms::parse(&plan.json(7, 1_795_392_000_000_000)).unwrap();
        assert_eq!((known.proxy, known.opening_price, known.reserve_price), (true, 500, Some(900)));
        assert_eq!([0, 999, 1000, 5000].map(|price| known.steps.at(price)), [10, 10, 50, 50]);
        assert_eq!(known.ends_us, 1_795_392_000_000_000);
        let soft_close = known.soft_close.unwrap();
        assert_eq!((soft_close.window_us, soft_close.extension_us), (120_000_000, 60_000_000));
        assert_eq!(soft_close.hard_end_us, Some(1_795_395_600_000_000));
    }

    #[test]
    fn each_auction_has_its_own_seller() {
        let plan = TermsPlan::standard(false);
        let seller = |index| serde_json::from_str::<Value>(&plan.json(index, 0)).unwrap()["seller"].clone();
        assert_eq!((seller(0), seller(5)), (json!("1000000000"), json!("1000000005")));
    }

    #[test]
    fn terms_without_a_computable_effect_are_refused() {
        let overlaid = |text| TermsPlan::standard(true).overlaid(text).unwrap_err().to_string();
        assert!(overlaid(r#"{"buy_now": {}}"#).contains("may not set `buy_now`"));
        assert!(overlaid("[]").contains("one JSON object"));
        assert!(overlaid(r#"{"increments": [{"from": 5, "step": 1}]}"#).contains("`increments`"));
        assert!(overlaid(r#"{"soft_close": {"mode": "late"}}"#).contains("`soft_close`"));
        assert!(overlaid(r#"{"reserve_price": -1}"#).contains("`reserve_price`"));
    }
}
