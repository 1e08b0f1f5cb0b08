//! Commands that act on one auction, or ban a bidder: asked once, answered in a line.

use super::arguments::{amount, later, object, object_in, when};
use super::link::{Again, Link, LinkError, exit_of, talk};
use super::show::Auction;
use super::{AuctionFlags, Target};
use crate::exit::Exit;
use crate::output;
use clap::{Args, ValueEnum};
use gavel_core::{AccountId, Amount, AuctionId, BidId, Receipt, Standing, Timestamp};
use gavel_wire::Value;
use gavel_wire::time_text::parse_time;
use serde_json::json;
use serde_json::value::RawValue;
use std::path::PathBuf;
use std::time::Duration;
use uuid::Uuid;

/// A bid.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BidFlags {
    /// The auction's id, such as 20261122-003-00000042
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// Who bids: an integer or a UUID
    #[arg(value_name = "BIDDER")]
    bidder: AccountId,
    /// The most that the bidder pays, in the currency's minor unit, 1 to 9007199254740991
    #[arg(value_name = "AMOUNT", value_parser = amount)]
    amount: Amount,
    /// The bid's id, a UUID: sent again with the same id, a bid counts once [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<BidId>,
    #[command(flatten)]
    target: Target,
}

/// A purchase.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BuyFlags {
    /// The auction's id, such as 20261122-003-00000042
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// Who buys: an integer or a UUID
    #[arg(value_name = "BIDDER")]
    bidder: AccountId,
    /// The purchase's id, a UUID: sent again with the same id, it counts once [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<BidId>,
    #[command(flatten)]
    target: Target,
}

/// A later end.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ExtendFlags {
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// The new end: RFC 3339, or +10m from now by this machine's clock
    #[arg(value_name = "TIME", value_parser = when, required_unless_present = "by")]
    to: Option<Timestamp>,
    /// By how much, from the present end: 10m, 2h30m. Run again, it moves the end again
    #[arg(long, value_name = "TIME", value_parser = super::seconds, conflicts_with = "to")]
    by: Option<Duration>,
    #[command(flatten)]
    target: Target,
}

/// New details.
#[derive(Clone, Debug, Args)]
pub(crate) struct EditFlags {
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// The details, a JSON object of at most 16 KiB
    #[arg(value_name = "JSON", value_parser = object, required_unless_present = "file")]
    details: Option<Box<RawValue>>,
    /// The file that holds them; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "details")]
    file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// A lower reserve.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReserveFlags {
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// The new reserve price in the currency's minor unit, lower than the present one; or none
    #[arg(value_name = "AMOUNT|none", value_parser = amount_or_none)]
    reserve: String,
    #[command(flatten)]
    target: Target,
}

/// What the runner-up says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    /// The runner-up takes it
    Accept,
    /// The runner-up does not take it
    Decline,
}

/// An answer to a second chance.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OfferFlags {
    /// The runner-up's answer
    #[arg(value_name = "ANSWER")]
    answer: Answer,
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// The runner-up, to whom the offer stands
    #[arg(value_name = "BIDDER")]
    bidder: AccountId,
    #[command(flatten)]
    target: Target,
}

/// Which auctions a ban is about.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
struct Scope {
    /// Only from this seller's auctions [default: from everything]
    #[arg(long, value_name = "SELLER")]
    seller: Option<AccountId>,
    /// Only from this auction
    #[arg(long, value_name = "AUCTION")]
    auction: Option<AuctionId>,
}

/// A ban.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BanFlags {
    /// Whom: an integer or a UUID
    #[arg(value_name = "BIDDER")]
    bidder: AccountId,
    #[command(flatten)]
    scope: Scope,
    /// Take the bidder's standing bids away, too; without it they stay
    #[arg(long)]
    remove_bids: bool,
    #[command(flatten)]
    target: Target,
}

/// The end of a ban.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct UnbanFlags {
    /// Whom: an integer or a UUID
    #[arg(value_name = "BIDDER")]
    bidder: AccountId,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    target: Target,
}

fn amount_or_none(text: &str) -> Result<String, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok("NONE".to_owned());
    }
    amount(text).map(|amount| amount.to_string()).map_err(|must| format!("{must}; or none"))
}

/// `gavel get`.
pub(super) fn get(flags: &AuctionFlags, json: bool) -> Exit {
    let shown = talk(flags.target, async |link| {
        let state = state(link, flags.auction).await?;
        Ok(if json { state } else { read(link, &state)?.page() })
    });
    print(shown)
}

/// `gavel bid`.
pub(super) fn bid(flags: &BidFlags, json: bool) -> Exit {
    let BidFlags { auction, bidder, amount, id, target } = *flags;
    let id = id.unwrap_or_else(new_id).to_string();
    let words = ["BID", &auction.to_string(), &bidder.to_string(), &amount.to_string(), "ID", &id];
    offer_money(target, auction, &words, &id, json)
}

/// `gavel buy`.
pub(super) fn buy(flags: &BuyFlags, json: bool) -> Exit {
    let BuyFlags { auction, bidder, id, target } = *flags;
    let id = id.unwrap_or_else(new_id).to_string();
    offer_money(target, auction, &["BUYNOW", &auction.to_string(), &bidder.to_string(), "ID", &id], &id, json)
}

fn new_id() -> BidId {
    BidId::from_bits(Uuid::new_v4().as_u128())
}

/// A bid or purchase. It has an id, so it is sent again when its answer was lost, and counts once.
fn offer_money(target: Target, auction: AuctionId, words: &[&str], id: &str, json: bool) -> Exit {
    let told = talk(target, async |link| {
        let answer = link.call(words, Again::Safe).await?;
        let receipt = answer.to_receipt().ok_or_else(|| strange(link, &answer))?;
        if json {
            return Ok(receipt_json(auction, &receipt).to_string());
        }
        // The bid counts whatever becomes of this question, which is only asked for the currency.
        let told = match state(link, auction).await.and_then(|state| read(link, &state)) {
            Ok(auction) => auction.receipt(&receipt),
            Err(_) => format!("{:?} at {}", receipt.standing, receipt.price).to_uppercase(),
        };
        Ok(format!("{told}\nbid {}, at position {}", receipt.bid, receipt.position))
    });
    let exit = print(told);
    if exit == Exit::Unknown {
        output::note(&format_args!(
            "run the same with --id {id}: if the server has it already, it counts once"
        ));
    }
    exit
}

/// The receipt as HTTP answers it.
fn receipt_json(auction: AuctionId, receipt: &Receipt) -> serde_json::Value {
    let Receipt { standing, price, min_next, ends_at, bid, position } = receipt;
    json!({
        "auction": auction.to_string(),
        "status": match standing {
            Standing::Leading => "leading",
            Standing::Outbid => "outbid",
            Standing::Sold => "sold",
        },
        "position": position.to_string(),
        "price": price.get(),
        "min_next": min_next.get(),
        "ends_at": ends_at.to_string(),
        "bid_id": bid.to_string(),
    })
}

/// A command of one auction that has no arguments of its own.
pub(super) fn alone(subcommand: &str, flags: AuctionFlags, json: bool) -> Exit {
    on(flags.target, flags.auction, &["AUCTION", subcommand, &flags.auction.to_string()], json)
}

/// A command of one auction: done, and how the auction stands then.
pub(super) fn on(target: Target, auction: AuctionId, words: &[&str], json: bool) -> Exit {
    let done = talk(target, async |link| {
        link.call(words, Again::Unsafe).await?;
        Ok(after(link, auction, json).await)
    });
    unless_known(done, auction)
}

/// Says where to look when it is not known whether it was done.
fn unless_known(done: Result<String, LinkError>, auction: AuctionId) -> Exit {
    let exit = print(done);
    if exit == Exit::Unknown {
        output::note(&format_args!("see `gavel get {auction}` before you run it again"));
    }
    exit
}

/// How the auction stands; no more than that it was done where that can't be seen.
async fn after(link: &mut Link, auction: AuctionId, json: bool) -> String {
    match state(link, auction).await.and_then(|state| Ok((read(link, &state)?, state))) {
        Ok((_, state)) if json => state,
        Ok((auction, _)) => format!("OK: {}", auction.line()),
        Err(_) if json => json!({ "id": auction.to_string() }).to_string(),
        Err(_) => "OK".to_owned(),
    }
}

/// `gavel extend`.
pub(super) fn extend(flags: &ExtendFlags, json: bool) -> Exit {
    let ExtendFlags { auction, to, by, target } = *flags;
    let done = talk(target, async |link| {
        let to = match (to, by) {
            (Some(to), _) => to,
            (None, by) => {
                let state = state(link, auction).await?;
                let ends_at = read(link, &state)?.ends_at;
                let ends_at =
                    parse_time(&ends_at).ok_or_else(|| LinkError::Strange(link.address(), ends_at))?;
                later(ends_at, by.unwrap_or_default())
            }
        };
        let words = ["AUCTION", "EXTEND", &auction.to_string(), &to.to_string()];
        link.call(&words, Again::Unsafe).await?;
        Ok(after(link, auction, json).await)
    });
    unless_known(done, auction)
}

/// `gavel edit`.
pub(super) fn edit(flags: &EditFlags, json: bool) -> Exit {
    let EditFlags { auction, details, file, target } = flags;
    let read = match (details, file) {
        (Some(details), _) => Ok(details.get().to_owned()),
        (None, Some(file)) => object_in(file).map(|details| details.get().to_owned()),
        (None, None) => Ok("{}".to_owned()),
    };
    match read {
        Ok(details) => on(*target, *auction, &["AUCTION", "EDIT", &auction.to_string(), &details], json),
        Err(problem) => fail(&LinkError::Input(problem)),
    }
}

/// `gavel lower-reserve`.
pub(super) fn lower_reserve(flags: &ReserveFlags, json: bool) -> Exit {
    let ReserveFlags { auction, reserve, target } = flags;
    on(*target, *auction, &["AUCTION", "LOWER-RESERVE", &auction.to_string(), reserve], json)
}

/// `gavel offer`.
pub(super) fn offer(flags: &OfferFlags, json: bool) -> Exit {
    let OfferFlags { answer, auction, bidder, target } = *flags;
    let answer = match answer {
        Answer::Accept => "ACCEPT",
        Answer::Decline => "DECLINE",
    };
    on(target, auction, &["AUCTION", "OFFER", answer, &auction.to_string(), &bidder.to_string()], json)
}

/// `gavel ban`.
pub(super) fn ban(flags: &BanFlags, json: bool) -> Exit {
    let BanFlags { bidder, scope, remove_bids, target } = *flags;
    let mut words = scope.words("BAN", bidder);
    words.push(if remove_bids { "REMOVE" } else { "KEEP" }.to_owned());
    banned(target, &words, &scope.told(bidder, "banned"), json)
}

/// `gavel unban`.
pub(super) fn unban(flags: &UnbanFlags, json: bool) -> Exit {
    let UnbanFlags { bidder, scope, target } = *flags;
    banned(target, &scope.words("UNBAN", bidder), &scope.told(bidder, "not banned any more"), json)
}

fn banned(target: Target, words: &[String], told: &str, json: bool) -> Exit {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = talk(target, async |link| link.call(&words, Again::Unsafe).await);
    let done = done.map(|_| if json { json!({ "ok": true }).to_string() } else { format!("OK: {told}") });
    let exit = print(done);
    if exit == Exit::Unknown {
        output::note(&"run it again: where it was done already, the server says so (STATE or NOTFOUND)");
    }
    exit
}

impl Scope {
    fn words(self, command: &str, bidder: AccountId) -> Vec<String> {
        let scope = match self {
            Self { seller: Some(seller), .. } => vec!["SELLER".to_owned(), seller.to_string()],
            Self { auction: Some(auction), .. } => vec!["AUCTION".to_owned(), auction.to_string()],
            Self { .. } => Vec::new(),
        };
        [command.to_owned(), bidder.to_string()].into_iter().chain(scope).collect()
    }

    fn told(self, bidder: AccountId, what: &str) -> String {
        match self {
            Self { seller: Some(seller), .. } => format!("{bidder} is {what} in auctions of {seller}"),
            Self { auction: Some(auction), .. } => format!("{bidder} is {what} in {auction}"),
            Self { .. } => format!("{bidder} is {what} everywhere"),
        }
    }
}

/// An auction's state as the server's JSON.
pub(super) async fn state(link: &mut Link, auction: AuctionId) -> Result<String, LinkError> {
    let answer = link.call(&["AUCTION", "GET", &auction.to_string()], Again::Safe).await?;
    answer.as_str().map(str::to_owned).ok_or_else(|| strange(link, &answer))
}

/// The state, read.
pub(super) fn read(link: &Link, state: &str) -> Result<Auction, LinkError> {
    Auction::read(state).map_err(|problem| LinkError::Strange(link.address(), problem.to_string()))
}

pub(super) fn strange(link: &Link, answer: &Value) -> LinkError {
    LinkError::Strange(link.address(), format!("it answered {answer:?}"))
}

/// Data to stdout, or why there is none.
pub(crate) fn print(told: Result<String, LinkError>) -> Exit {
    match told {
        Ok(text) => output::data(&text),
        Err(problem) => fail(&problem),
    }
}

pub(super) fn fail(problem: &LinkError) -> Exit {
    match (exit_of(problem), problem) {
        (exit, LinkError::Refused(refusal)) => output::refused(exit, refusal),
        (exit, problem) => output::failure(exit, problem),
    }
}
