//! Commands that open auctions and act on them.

use super::fields::{account, amount, auction_id, bid_id, counted, open_id, reason, time};
use super::{Act, Ban, OpenRequest, Request, RequestError, Shown, Unban, WORD_MAX, upper};
use crate::catalogue::{self as entry, Entry};
use crate::decode::Args;
use crate::terms::{TermsRequest, parse_details};
use gavel_core::command::StandingBids;
use gavel_core::{AccountId, AuctionId, Command};

type Parsed = Result<Request, RequestError>;

/// `AUCTION <subcommand> …`
pub(super) fn auction(args: &Args<'_>) -> Parsed {
    let Some(word) = args.get(1) else { return Err(RequestError::Arity(&entry::AUCTION)) };
    match upper(word, &mut [0; WORD_MAX]) {
        b"OPEN" => open(args),
        b"GET" => Ok(Request::Get(auction_id(counted(args, &entry::AUCTION_GET)?[0])?)),
        b"EXTEND" => {
            with(args, &entry::AUCTION_EXTEND, |end| Ok(Command::Extend { ends_at: time("new end", end)? }))
        }
        b"END" => alone(args, &entry::AUCTION_END, Command::End),
        b"CANCEL" => {
            with(args, &entry::AUCTION_CANCEL, |words| Ok(Command::Cancel { reason: reason(words)? }))
        }
        b"EDIT" => {
            with(args, &entry::AUCTION_EDIT, |json| Ok(Command::Edit { details: parse_details(json)? }))
        }
        b"LOWER-RESERVE" => with(args, &entry::AUCTION_LOWER_RESERVE, lower_reserve),
        b"PAID" => alone(args, &entry::AUCTION_PAID, Command::Paid),
        b"UNPAID" => alone(args, &entry::AUCTION_UNPAID, Command::Unpaid),
        b"OFFER" => offer(args),
        other => Err(RequestError::Subcommand { of: &entry::AUCTION, got: Shown::new(other) }),
    }
}

fn act(auction: AuctionId, command: Command) -> Parsed {
    Ok(Request::Act(Box::new(Act { auction, command })))
}

/// A subcommand that takes an auction and nothing else.
fn alone(args: &Args<'_>, entry: &'static Entry, command: Command) -> Parsed {
    act(auction_id(counted(args, entry)?[0])?, command)
}

/// A command that takes an auction and one thing more.
fn with(
    args: &Args<'_>,
    entry: &'static Entry,
    command: impl FnOnce(&[u8]) -> Result<Command, RequestError>,
) -> Parsed {
    let fields = counted(args, entry)?;
    act(auction_id(fields[0])?, command(fields[1])?)
}

/// `AUCTION OPEN <terms as JSON> [ID <uuid>]`
fn open(args: &Args<'_>) -> Parsed {
    let (json, id) = match *counted(args, &entry::AUCTION_OPEN)? {
        [json] => (json, None),
        [json, word, id] if word.eq_ignore_ascii_case(b"ID") => (json, Some(open_id(id)?)),
        [_, word, _] => return Err(RequestError::unexpected(&entry::AUCTION_OPEN, word)),
        _ => return Err(RequestError::Arity(&entry::AUCTION_OPEN)),
    };
    Ok(Request::Open(Box::new(OpenRequest { terms: TermsRequest::parse(json)?, id })))
}

fn lower_reserve(text: &[u8]) -> Result<Command, RequestError> {
    let reserve =
        if text.eq_ignore_ascii_case(b"NONE") { None } else { Some(amount("new reserve (or NONE)", text)?) };
    Ok(Command::LowerReserve { reserve })
}

/// `AUCTION OFFER ACCEPT|DECLINE <auction> <bidder>`
fn offer(args: &Args<'_>) -> Parsed {
    let fields = counted(args, &entry::AUCTION_OFFER)?;
    let (auction, bidder) = (fields[1], fields[2]);
    match upper(fields[0], &mut [0; WORD_MAX]) {
        b"ACCEPT" => act(auction_id(auction)?, Command::AcceptOffer { bidder: account("bidder", bidder)? }),
        b"DECLINE" => act(auction_id(auction)?, Command::DeclineOffer { bidder: account("bidder", bidder)? }),
        other => Err(RequestError::Subcommand { of: &entry::AUCTION_OFFER, got: Shown::new(other) }),
    }
}

/// `RETRACT <auction> <bid_id> <reason>`
pub(super) fn retract(args: &Args<'_>) -> Parsed {
    let fields = counted(args, &entry::RETRACT)?;
    act(
        auction_id(fields[0])?,
        Command::Retract { bid: bid_id("bid_id", fields[1])?, reason: reason(fields[2])? },
    )
}

/// `REMOVE <auction> <bidder> <reason>`
pub(super) fn remove(args: &Args<'_>) -> Parsed {
    let fields = counted(args, &entry::REMOVE)?;
    act(
        auction_id(fields[0])?,
        Command::Remove { bidder: account("bidder", fields[1])?, reason: reason(fields[2])? },
    )
}

/// Which auctions a ban is about.
enum Scope {
    All,
    Seller(AccountId),
    Auction(AuctionId),
}

/// `[SELLER <seller>|AUCTION <auction>]`, and what is behind it.
fn scope<'a, 'b>(
    fields: &'b [&'a [u8]],
    entry: &'static Entry,
) -> Result<(Scope, &'b [&'a [u8]]), RequestError> {
    match fields {
        [word, seller, rest @ ..] if word.eq_ignore_ascii_case(b"SELLER") => {
            Ok((Scope::Seller(account("seller", seller)?), rest))
        }
        [word, auction, rest @ ..] if word.eq_ignore_ascii_case(b"AUCTION") => {
            Ok((Scope::Auction(auction_id(auction)?), rest))
        }
        [word] if word.eq_ignore_ascii_case(b"SELLER") || word.eq_ignore_ascii_case(b"AUCTION") => {
            Err(RequestError::missing(entry, word))
        }
        rest => Ok((Scope::All, rest)),
    }
}

/// `BAN <bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]`
pub(super) fn ban(args: &Args<'_>) -> Parsed {
    let fields = counted(args, &entry::BAN)?;
    let bidder = account("bidder", fields[0])?;
    let (scope, rest) = scope(&fields[1..], &entry::BAN)?;
    let (standing, rest) = match rest {
        [word, rest @ ..] if word.eq_ignore_ascii_case(b"KEEP") => (StandingBids::Keep, rest),
        [word, rest @ ..] if word.eq_ignore_ascii_case(b"REMOVE") => (StandingBids::Remove, rest),
        rest => (StandingBids::Keep, rest),
    };
    if let [word, ..] = rest {
        return Err(RequestError::unexpected(&entry::BAN, word));
    }
    match scope {
        Scope::All => Ok(Request::Ban(Box::new(Ban { bidder, seller: None, standing }))),
        Scope::Seller(seller) => Ok(Request::Ban(Box::new(Ban { bidder, seller: Some(seller), standing }))),
        Scope::Auction(auction) => act(auction, Command::Ban { bidder, standing }),
    }
}

/// `UNBAN <bidder> [SELLER <seller>|AUCTION <auction>]`
pub(super) fn unban(args: &Args<'_>) -> Parsed {
    let fields = counted(args, &entry::UNBAN)?;
    let bidder = account("bidder", fields[0])?;
    let (scope, rest) = scope(&fields[1..], &entry::UNBAN)?;
    if let [word, ..] = rest {
        return Err(RequestError::unexpected(&entry::UNBAN, word));
    }
    match scope {
        Scope::All => Ok(Request::Unban(Box::new(Unban { bidder, seller: None }))),
        Scope::Seller(seller) => Ok(Request::Unban(Box::new(Unban { bidder, seller: Some(seller) }))),
        Scope::Auction(auction) => act(auction, Command::Unban { bidder }),
    }
}
