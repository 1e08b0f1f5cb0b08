//! Commands to requests: every command of the wire, checked as far as it can be without looking at any auction.
//!
//! A request owns what it holds, and the bids among them own nothing on the heap. What is large or rare is boxed.

mod acts;
mod error;
mod feed;
mod fields;
mod service;
mod shards;

pub use error::{RequestError, Shown, Transaction};
pub use feed::{ConsumersRequest, Follow};
pub use service::{ClientRequest, CommandQuery, Hello};
pub use shards::ShardsRequest;

use crate::catalogue;
use crate::decode::Args;
use crate::terms::TermsRequest;
use gavel_core::command::{ShardKeyed, StandingBids};
use gavel_core::{AccountId, Amount, AuctionId, BidId, Command, OpenId, Position, ShardId};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `BID`. Answered with a receipt.
    Bid {
        /// In which auction.
        auction: AuctionId,
        /// Who bids.
        bidder: AccountId,
        /// At least 1.
        amount: Amount,
        /// The client's id for it.
        id: Option<BidId>,
    },
    /// `BUYNOW`. Answered with a receipt.
    BuyNow {
        /// Which auction.
        auction: AuctionId,
        /// Who buys.
        bidder: AccountId,
        /// The client's id for it.
        id: Option<BidId>,
    },
    /// Every other command to one auction. Answered with `OK`.
    Act(Box<Act>),
    /// `AUCTION OPEN`. Answered with the id.
    Open(Box<OpenRequest>),
    /// `AUCTION GET`. Answered with JSON from the live view.
    Get(AuctionId),
    /// `BAN` for all auctions or one seller's. (For one auction it is an [`Act`].) Answered with `OK`.
    Ban(Box<Ban>),
    /// `UNBAN` of the same scopes. Answered with `OK`.
    Unban(Box<Unban>),
    /// `SUBSCRIBE`. At least one, at most [`CHANNELS_PER_COMMAND_MAX`](crate::limits::CHANNELS_PER_COMMAND_MAX).
    Subscribe(Box<[AuctionId]>),
    /// `UNSUBSCRIBE`. Empty: all.
    Unsubscribe(Box<[AuctionId]>),
    /// `SHARDS` and its subcommands.
    Shards(Box<ShardsRequest>),
    /// `FOLLOW`. Answered with `OK`; then frames and heartbeats are pushed.
    Follow(Box<Follow>),
    /// `ACK`. Not answered.
    Ack(Position),
    /// `CONSUMERS` and its subcommands.
    Consumers(Box<ConsumersRequest>),
    /// `INFO`, with the section in lower case.
    Info(Option<Box<str>>),
    /// `HELLO`.
    Hello(Box<Hello>),
    /// `PING`, with the message to send back.
    Ping(Option<Box<[u8]>>),
    /// `ECHO`.
    Echo(Box<[u8]>),
    /// `QUIT`. Answered with `OK`; then the connection is closed.
    Quit,
    /// `SELECT 0`. Answered with `OK`.
    Select,
    /// `COMMAND`. Answered by [`reply::catalogue`](crate::reply::catalogue()).
    Command(Box<CommandQuery>),
    /// `CLIENT`.
    Client(Box<ClientRequest>),
}

/// A command to one auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// To which.
    pub auction: AuctionId,
    /// What is to be done. Never `Bid`, `BuyNow`, `Pulse` or `GiveBack`.
    pub command: Command,
}

impl ShardKeyed for Act {
    fn shard(&self) -> ShardId {
        self.auction.shard()
    }
}

/// `AUCTION OPEN <terms> [ID <uuid>]`.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRequest {
    /// The terms as they came; see [`TermsRequest`] for how to judge them.
    pub terms: TermsRequest,
    /// The client's id for the request, so that a retry opens nothing twice.
    pub id: Option<OpenId>,
}

/// A ban of wider scope than one auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub bidder: AccountId,
    /// From whose auctions; `None`: from all.
    pub seller: Option<AccountId>,
    /// What happens to their bids. `KEEP` unless said.
    pub standing: StandingBids,
}

/// Lifts a ban of wider scope than one auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unban {
    /// Who.
    pub bidder: AccountId,
    /// From whose auctions; `None`: from all.
    pub seller: Option<AccountId>,
}

/// The longest command word that is looked at.
const WORD_MAX: usize = 16;

/// A command word in capitals; longer ones are none, and come out as they are.
fn upper<'b>(word: &'b [u8], buffer: &'b mut [u8; WORD_MAX]) -> &'b [u8] {
    match buffer.get_mut(..word.len()) {
        None => word,
        Some(head) => {
            head.copy_from_slice(word);
            head.make_ascii_uppercase();
            head
        }
    }
}

/// Understands a command.
///
/// # Errors
/// What was wrong and what is allowed; the connection goes on.
#[inline]
pub fn parse(args: &Args<'_>) -> Result<Request, RequestError> {
    // The hot command is told apart without copying its name.
    if args.name().eq_ignore_ascii_case(b"BID") { fields::bid(args) } else { parse_other(args) }
}

fn parse_other(args: &Args<'_>) -> Result<Request, RequestError> {
    match upper(args.name(), &mut [0; WORD_MAX]) {
        b"BUYNOW" => fields::buy_now(args),
        b"AUCTION" => acts::auction(args),
        b"RETRACT" => acts::retract(args),
        b"REMOVE" => acts::remove(args),
        b"BAN" => acts::ban(args),
        b"UNBAN" => acts::unban(args),
        b"SUBSCRIBE" => Ok(Request::Subscribe(service::channels(args, &catalogue::SUBSCRIBE)?)),
        b"UNSUBSCRIBE" => Ok(Request::Unsubscribe(service::channels(args, &catalogue::UNSUBSCRIBE)?)),
        b"SHARDS" => shards::parse(args),
        b"FOLLOW" => feed::follow(args),
        b"ACK" => feed::acknowledge(args),
        b"CONSUMERS" => feed::consumers(args),
        b"INFO" => service::info(args),
        b"HELLO" => service::hello(args),
        b"AUTH" => Err(RequestError::Auth),
        b"PING" => service::ping(args),
        b"ECHO" => service::echo(args),
        b"QUIT" => fields::counted(args, &catalogue::QUIT).map(|_| Request::Quit),
        b"SELECT" => service::select(args),
        b"COMMAND" => service::command(args),
        b"CLIENT" => service::client(args),
        b"MULTI" => Err(RequestError::Transaction(Transaction::Multi)),
        b"EXEC" => Err(RequestError::Transaction(Transaction::Exec)),
        b"DISCARD" => Err(RequestError::Transaction(Transaction::Discard)),
        name => Err(RequestError::Command(Shown::new(name))),
    }
}
