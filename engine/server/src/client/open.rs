//! `gavel open`: flags for every term of an auction, sent as the JSON that the server takes.

use super::Target;
use super::act::{fail, print, read, state, strange};
use super::arguments::{amount, currency, increments, object, object_in, seconds, when};
use super::link::{Again, Link, LinkError, talk};
use crate::exit::Exit;
use crate::output;
use clap::{Args, ValueEnum};
use gavel_core::{AccountId, Amount, AuctionId, Currency, OpenId, Timestamp};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;
use uuid::Uuid;

/// The terms of an auction.
#[derive(Clone, Debug, Args)]
pub(crate) struct OpenFlags {
    /// Who sells: an integer or a UUID
    #[arg(long, value_name = "SELLER")]
    seller: AccountId,
    /// The currency, ISO 4217; all amounts count its minor unit (cents, not euros)
    #[arg(long, value_name = "CODE", value_parser = currency)]
    currency: Currency,
    /// How long bids are taken, from the start: 10m, 2h30m, 7d
    #[arg(long = "for", value_name = "TIME", value_parser = seconds, required_unless_present = "ends")]
    duration: Option<Duration>,
    /// When it ends: RFC 3339, or +10m from now by this machine's clock; at most 366 days after the start
    #[arg(long, value_name = "TIME", value_parser = when, conflicts_with = "duration")]
    ends: Option<Timestamp>,
    /// When bids are taken from: RFC 3339, or +10m [default: when the server has the command]
    #[arg(long, value_name = "TIME", value_parser = when)]
    starts: Option<Timestamp>,
    /// The least first bid [default: 1]
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    opening_price: Option<Amount>,
    /// Below it the item is not sold; secret [default: none]
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    reserve: Option<Amount>,
    /// A price at which it can be bought at once, until the first bid [default: none]
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    buy_now: Option<Amount>,
    /// Keep the buy-now price after the first bid, as long as the bidding has not passed it
    #[arg(long, requires = "buy_now")]
    buy_now_always: bool,
    /// By how much a bid must be higher, at every price [default: 1]
    #[arg(long, value_name = "AMOUNT", value_parser = amount, conflicts_with = "increments")]
    step: Option<Amount>,
    /// The same by price, FROM:STEP,…: 0:100,10000:500 is 100, and 500 from 10000 on; at most 32 rows
    #[arg(long, value_name = "TABLE", value_parser = increments)]
    increments: Option<serde_json::Value>,
    /// A bid when no more than this is left moves the end, at most 1d [default: none does]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    soft_close: Option<Duration>,
    /// How far the end moves, at most 1d [default: as --soft-close]
    #[arg(long, value_name = "TIME", value_parser = seconds, requires = "soft_close")]
    extension: Option<Duration>,
    /// From where it moves [default: from-bid]
    #[arg(long, value_name = "MODE", requires = "soft_close")]
    soft_close_mode: Option<Mode>,
    /// Which bids move it [default: any]
    #[arg(long, value_name = "BIDS", requires = "soft_close")]
    soft_close_trigger: Option<Trigger>,
    /// The end beyond which no bid moves it: RFC 3339, or +10m [default: 366 days after the start]
    #[arg(long, value_name = "TIME", value_parser = when, requires = "soft_close")]
    hard_end: Option<Timestamp>,
    /// A bid is the price itself, and no secret maximum
    #[arg(long)]
    no_proxy: bool,
    /// Bids can be taken back until this long before the end [default: never]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    retraction: Option<Duration>,
    /// Text that placement on a shard goes by, 1 to 128 bytes [default: the seller]
    #[arg(long, value_name = "TEXT")]
    placement_key: Option<String>,
    /// How long the winner has to pay [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    payment_window: Option<Duration>,
    /// How long a second chance stands [default: 1d]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    offer_window: Option<Duration>,
    /// What readers are shown, a JSON object of at most 16 KiB [default: {}]
    #[arg(long, value_name = "JSON", value_parser = object, conflicts_with = "details_file")]
    details: Option<Box<RawValue>>,
    /// The file that holds the details; - is stdin
    #[arg(long, value_name = "FILE")]
    details_file: Option<PathBuf>,
    /// The request's id, a UUID: sent again with the same id and terms, it opens nothing twice [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<OpenId>,
    #[command(flatten)]
    target: Target,
}

/// From where a late bid moves the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// From the bid's time, never to an earlier end
    FromBid,
    /// From the present end
    FromEnd,
    /// From the bid's time, also to an earlier end
    Reset,
}

/// Which late bids move the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Trigger {
    /// Every accepted one
    Any,
    /// One that raises the price
    Price,
    /// One that makes a new leader
    Leader,
}

/// The terms as the server takes them. What is absent has the server's default.
#[derive(Serialize)]
struct TermsJson<'a> {
    seller: String,
    currency: String,
    #[serde(flatten)]
    optional: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a RawValue>,
}

impl OpenFlags {
    /// The terms as JSON.
    fn terms(&self, details: Option<&RawValue>) -> Result<String, LinkError> {
        // Exhaustive, so that no flag is forgotten.
        let Self { seller, currency, duration, ends, starts, opening_price, reserve, .. } = self;
        let Self { buy_now, buy_now_always: _, step, increments, retraction, .. } = self;
        let Self { placement_key, payment_window, offer_window, no_proxy, .. } = self;
        let time = |time: &Option<Timestamp>| time.map(|time| json!(time.to_string()));
        let seconds = |length: &Option<Duration>| length.map(|length| json!(length.as_secs()));
        let amount = |amount: &Option<Amount>| amount.map(|amount| json!(amount.get()));
        let steps = step.map(|step| json!([{ "from": 0, "step": step.get() }]));
        let fields = [
            ("starts_at", time(starts)),
            ("ends_at", time(ends)),
            ("duration_s", seconds(duration)),
            ("opening_price", amount(opening_price)),
            ("reserve_price", amount(reserve)),
            ("buy_now", buy_now.map(|price| self.buy_now(price))),
            ("increments", steps.or_else(|| increments.clone())),
            ("soft_close", self.soft_close()),
            ("proxy", no_proxy.then(|| json!(false))),
            ("retraction", retraction.map(|until| json!({ "until_s": until.as_secs() }))),
            ("placement_key", placement_key.as_ref().map(|key| json!(key))),
            ("payment_window_s", seconds(payment_window)),
            ("offer_window_s", seconds(offer_window)),
        ];
        let optional =
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let (seller, currency) = (seller.to_string(), currency.to_string());
        serde_json::to_string(&TermsJson { seller, currency, optional, details })
            .map_err(|problem| LinkError::Input(problem.to_string()))
    }

    fn buy_now(&self, price: Amount) -> serde_json::Value {
        json!({ "price": price.get(), "policy": if self.buy_now_always { "always" } else { "until_first_bid" } })
    }

    fn soft_close(&self) -> Option<serde_json::Value> {
        let Self { soft_close, extension, soft_close_mode, soft_close_trigger, hard_end, .. } = self;
        let window = (*soft_close)?;
        Some(json!({
            "window_s": window.as_secs(),
            "extension_s": extension.unwrap_or(window).as_secs(),
            "mode": soft_close_mode.unwrap_or(Mode::FromBid),
            "trigger": soft_close_trigger.unwrap_or(Trigger::Any),
            "hard_end": hard_end.map(|end| end.to_string()),
        }))
    }

    /// The details, from the flag or the file.
    fn details(&self) -> Result<Option<Box<RawValue>>, LinkError> {
        match (&self.details, &self.details_file) {
            (Some(details), _) => Ok(Some(details.clone())),
            (None, Some(file)) => object_in(file).map(Some).map_err(LinkError::Input),
            (None, None) => Ok(None),
        }
    }
}

/// `gavel open`.
pub(super) fn run(flags: &OpenFlags, json: bool) -> Exit {
    let terms = flags.details().and_then(|details| flags.terms(details.as_deref()));
    let terms = match terms {
        Ok(terms) => terms,
        Err(problem) => return fail(&problem),
    };
    let id = flags.id.unwrap_or_else(|| OpenId(Uuid::new_v4().as_u128())).to_string();
    let told = talk(flags.target, async |link| {
        let answer = link.call(&["AUCTION", "OPEN", &terms, "ID", &id], Again::Safe).await?;
        let auction = answer.as_bytes().and_then(AuctionId::parse).ok_or_else(|| strange(link, &answer))?;
        if json {
            return Ok(json!({ "id": auction.to_string(), "open_id": id }).to_string());
        }
        if std::io::stdout().is_terminal() {
            introduce(link, auction).await;
        }
        Ok(auction.to_string())
    });
    let exit = print(told);
    if exit == Exit::Unknown {
        output::note(&format_args!(
            "run the same with --id {id}: if the server has it already, it opens nothing twice (times given as +10m are other \
             times by then; give them as RFC 3339)"
        ));
    }
    exit
}

/// What a person at a terminal may want to know beside the id.
async fn introduce(link: &mut Link, auction: AuctionId) {
    if let Ok(state) = state(link, auction).await
        && let Ok(auction) = read(link, &state)
    {
        output::note(&format_args!("{}; bid with `gavel bid {} BIDDER AMOUNT`", auction.line(), auction.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use gavel_wire::terms::TermsRequest;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: OpenFlags,
    }

    fn flags(words: &[&str]) -> OpenFlags {
        Line::try_parse_from(std::iter::once(&"open").chain(words)).map(|line| line.flags).unwrap()
    }

    fn refusal(words: &str) -> String {
        Line::try_parse_from(std::iter::once("open").chain(words.split_whitespace()))
            .err()
            .unwrap()
            .to_string()
    }

    fn terms(words: &[&str]) -> String {
        let flags = flags(words);
        flags.terms(flags.details().unwrap().as_deref()).unwrap()
    }

    #[test]
    fn what_is_not_said_is_left_to_the_server() {
        let said = terms(&["--seller", "7", "--currency", "krw", "--for", "10m"]);
        assert_eq!(said, r#"{"seller":"7","currency":"KRW","duration_s":600}"#);
    }

    #[test]
    fn every_term_can_be_said_and_is_one_that_the_server_takes() {
        let said = terms(&[
            "--seller=7",
            "--currency=EUR",
            "--starts=2126-11-22T10:00:00Z",
            "--ends=2126-11-22T12:00:00Z",
            "--opening-price=1000",
            "--reserve=5000",
            "--buy-now=20000",
            "--buy-now-always",
            "--increments=0:100,10000:500",
            "--soft-close=2m",
            "--extension=1m",
            "--soft-close-mode=from-end",
            "--soft-close-trigger=leader",
            "--hard-end=2126-11-22T13:00:00Z",
            "--no-proxy",
            "--retraction=1h",
            "--placement-key=hot",
            "--payment-window=3d",
            "--offer-window=2h",
            r#"--details={"title": "A vase", "n": 1.50}"#,
        ]);
        assert!(said.ends_with(r#""details":{"title": "A vase", "n": 1.50}}"#), "{said}");
        let request = TermsRequest::parse(said.as_bytes()).unwrap();
        let now = gavel_wire::time_text::parse_time("2126-11-22T09:00:00Z").unwrap();
        let open = request.validate(None, now).unwrap();
        assert_eq!(open.details.0.as_ref(), r#"{"title":"A vase","n":1.50}"#);
        let known = "starts_at ends_at opening_price reserve_price buy_now increments soft_close proxy retraction placement_key \
             payment_window_s offer_window_s";
        for field in known.split_whitespace() {
            assert!(said.contains(&format!("\"{field}\":")), "{field} is missing in {said}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_before_any_server_is_asked() {
        for (words, said) in [
            ("--seller 7 --currency KRW", "--for <TIME>"),
            ("--seller 7 --for 10m", "--currency <CODE>"),
            ("--seller x --currency KRW --for 10m", "an account is an integer"),
            ("--seller 7 --currency KR --for 10m", "three letters of ISO 4217"),
            ("--seller 7 --currency KRW --for 10", "a time such as 90s, 10m"),
            ("--seller 7 --currency KRW --for 10m --ends +1h", "cannot be used with"),
            ("--seller 7 --currency KRW --for 10m --step 5 --increments 0:1", "cannot be used with"),
            ("--seller 7 --currency KRW --for 10m --extension 1m", "--soft-close <TIME>"),
            ("--seller 7 --currency KRW --for 10m --buy-now-always", "--buy-now <AMOUNT>"),
            ("--seller 7 --currency KRW --for 10m --reserve 1.5", "cents, not euros"),
            ("--seller 7 --currency KRW --for 10m --details []", "a JSON object such as"),
            ("--seller 7 --currency KRW --for 10m --id 5", "an id is a UUID"),
        ] {
            assert!(refusal(words).contains(said), "{words}: {}", refusal(words));
        }
    }

    #[test]
    fn details_come_from_a_file_as_they_are_written_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("details.json");
        std::fs::write(&file, "\n{ \"n\": 1.50 }\n").unwrap();
        let named = format!("--details-file={}", file.display());
        let said = terms(&["--seller=7", "--currency=KRW", "--for=10m", &named]);
        assert!(said.ends_with(r#""details":{ "n": 1.50 }}"#), "{said}");
        std::fs::write(&file, "[]").unwrap();
        let problem = flags(&["--seller=7", "--currency=KRW", "--for=10m", &named]).details().unwrap_err();
        assert!(problem.to_string().contains("details.json must hold a JSON object"), "{problem}");
    }
}
