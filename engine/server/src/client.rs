//! `gavel open|get|bid|…`: commands to a running server, over RESP, so that nobody has to type JSON into redis-cli.
//!
//! Data goes to stdout, what is only for people at a terminal to stderr. What the server refuses, what it can't take now, and what was
//! never answered each have an exit code of their own: scripts must not guess.

mod act;
mod arguments;
mod help;
mod link;
mod open;
mod show;
mod watch;

pub(crate) use act::print;
pub(crate) use link::{Again, LinkError, talk};

use crate::exit::Exit;
use crate::shards::Server;
use act::{BanFlags, BidFlags, BuyFlags, EditFlags, ExtendFlags, OfferFlags, ReserveFlags, UnbanFlags};
pub(crate) use arguments::seconds;
use clap::{Args, Subcommand};
use gavel_core::{AccountId, AuctionId, BidId};
use open::OpenFlags;
use std::time::Duration;
use watch::WatchFlags;

/// Commands to a running server. The flags that say which one may stand before the command, too.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Open an auction; prints its id
    #[command(long_about = help::OPEN_ABOUT, after_help = help::OPEN)]
    Open(Box<OpenFlags>),
    /// Show an auction: state, price, leader, end, terms
    #[command(after_help = help::GET)]
    Get(AuctionFlags),
    /// Bid in an auction, up to an amount
    #[command(long_about = help::BID_ABOUT, after_help = help::BID)]
    Bid(BidFlags),
    /// Buy at the buy-now price
    #[command(after_help = help::BUY)]
    Buy(BuyFlags),
    /// Follow auctions live: one line per change
    #[command(long_about = help::WATCH_ABOUT, after_help = help::WATCH)]
    Watch(WatchFlags),
    /// Take one bid back, where the terms allow it
    #[command(after_help = help::RETRACT)]
    Retract(RetractFlags),
    /// Remove all bids of one bidder from an auction
    #[command(after_help = help::REMOVE)]
    Remove(RemoveFlags),
    /// Move an auction's end to a later time
    #[command(after_help = help::EXTEND)]
    Extend(ExtendFlags),
    /// End an auction now, by the same rules as at its end
    #[command(after_help = help::END)]
    End(AuctionFlags),
    /// Call an auction off: nobody wins
    #[command(after_help = help::CANCEL)]
    Cancel(CancelFlags),
    /// Replace an auction's details before its first bid, append to them after it
    #[command(after_help = help::EDIT)]
    Edit(EditFlags),
    /// Lower an auction's reserve price, or drop it
    #[command(after_help = help::LOWER_RESERVE)]
    LowerReserve(ReserveFlags),
    /// The winner has paid: the auction is closed
    #[command(after_help = help::PAID)]
    Paid(AuctionFlags),
    /// The winner will not pay: a second chance goes to the runner-up
    #[command(long_about = help::UNPAID_ABOUT, after_help = help::UNPAID)]
    Unpaid(AuctionFlags),
    /// Accept or decline a second chance, for the runner-up
    #[command(after_help = help::OFFER)]
    Offer(OfferFlags),
    /// Ban a bidder from everything, from one seller's auctions, or from one auction
    #[command(after_help = help::BAN)]
    Ban(BanFlags),
    /// Lift a ban of the same scope
    #[command(after_help = help::UNBAN)]
    Unban(UnbanFlags),
}

/// Whom to ask, and for how long.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Target {
    #[command(flatten)]
    pub(crate) server: Server,
    /// How long to try again, up to 366d: while the server is busy, loading or gone, and where the answer to a bid, purchase or
    /// opening was lost; if this is given, also while there is no server to begin with [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = seconds, display_order = 900)]
    pub(crate) retry_for: Option<Duration>,
}

/// An auction and nothing else.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AuctionFlags {
    /// The auction's id, such as 20261122-003-00000042
    #[arg(value_name = "AUCTION")]
    pub(super) auction: AuctionId,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// A bid and why it goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct RetractFlags {
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// The bid's id, as `gavel bid` has said it
    #[arg(value_name = "BID")]
    bid: BidId,
    /// Why, 1 to 256 bytes
    #[arg(value_name = "REASON")]
    reason: String,
    #[command(flatten)]
    target: Target,
}

/// A bidder and why their bids go.
#[derive(Clone, Debug, Args)]
pub(crate) struct RemoveFlags {
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// Whose bids: an integer or a UUID
    #[arg(value_name = "BIDDER")]
    bidder: AccountId,
    /// Why, 1 to 256 bytes
    #[arg(value_name = "REASON")]
    reason: String,
    #[command(flatten)]
    target: Target,
}

/// An auction and why it is called off.
#[derive(Clone, Debug, Args)]
pub(crate) struct CancelFlags {
    /// The auction's id
    #[arg(value_name = "AUCTION")]
    auction: AuctionId,
    /// Why, 1 to 256 bytes
    #[arg(value_name = "REASON")]
    reason: String,
    #[command(flatten)]
    target: Target,
}

/// Does it.
pub(crate) fn run(command: &ClientCommand, json: bool) -> Exit {
    match command {
        ClientCommand::Open(flags) => open::run(flags, json),
        ClientCommand::Get(flags) => act::get(flags, json),
        ClientCommand::Bid(flags) => act::bid(flags, json),
        ClientCommand::Buy(flags) => act::buy(flags, json),
        ClientCommand::Watch(flags) => watch::run(flags, json),
        ClientCommand::Retract(RetractFlags { auction, bid, reason, target }) => {
            act::on(*target, *auction, &["RETRACT", &auction.to_string(), &bid.to_string(), reason], json)
        }
        ClientCommand::Remove(RemoveFlags { auction, bidder, reason, target }) => {
            act::on(*target, *auction, &["REMOVE", &auction.to_string(), &bidder.to_string(), reason], json)
        }
        ClientCommand::Extend(flags) => act::extend(flags, json),
        ClientCommand::End(flags) => act::alone("END", *flags, json),
        ClientCommand::Cancel(CancelFlags { auction, reason, target }) => {
            act::on(*target, *auction, &["AUCTION", "CANCEL", &auction.to_string(), reason], json)
        }
        ClientCommand::Edit(flags) => act::edit(flags, json),
        ClientCommand::LowerReserve(flags) => act::lower_reserve(flags, json),
        ClientCommand::Paid(flags) => act::alone("PAID", *flags, json),
        ClientCommand::Unpaid(flags) => act::alone("UNPAID", *flags, json),
        ClientCommand::Offer(flags) => act::offer(flags, json),
        ClientCommand::Ban(flags) => act::ban(flags, json),
        ClientCommand::Unban(flags) => act::unban(flags, json),
    }
}
