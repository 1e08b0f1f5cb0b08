//! The Rust client: one connection, RESP3, with pipelines and subscriptions.
//!
//! A call writes its commands and reads exactly as many replies; what the server pushes in between is kept for
//! [`Client::next_message`]. A call whose future is dropped halfway would leave replies behind that belong to nobody, so after
//! that, and after every failure of the connection, the client only says [`ClientError::Broken`]. It never connects again
//! by itself: whether a bid may be sent again is the caller's to know (send it with an id, and it may).

mod input;
mod pipeline;

pub use input::Message;
pub use pipeline::Pipeline;

use crate::limits::{CHANNELS_PER_COMMAND_MAX, PIPELINE_MAX};
use crate::value::{BadReply, ServerError, Value};
use gavel_core::{AccountId, Amount, AuctionId, BidId, OpenId, Receipt};
use input::Input;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, ToSocketAddrs};

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    input: Input,
    broken: bool,
}

/// Why a call has no answer, or what the server refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection failed. Whether the command was carried out is unknown.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The server closed the connection. Whether the command was carried out is unknown.
    #[error("the server closed the connection")]
    Closed,
    /// What came is no reply.
    #[error(transparent)]
    Reply(#[from] BadReply),
    /// The reply is not what this command is answered with.
    #[error("the server answered {0} with something else")]
    Unexpected(&'static str),
    /// The server refused the command.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// An earlier call failed or was given up; connect again.
    #[error("the connection was given up by an earlier call")]
    Broken,
    /// Above [`PIPELINE_MAX`] commands, or [`CHANNELS_PER_COMMAND_MAX`] channels.
    #[error("{0} at once are too many, at most {1} are allowed")]
    TooMany(usize, usize),
}

impl Client {
    /// Connects, and agrees on RESP3.
    ///
    /// # Errors
    /// No connection, or the other side does not speak RESP3.
    pub async fn connect(address: impl ToSocketAddrs) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(address).await?;
        // A bid must not wait for the acknowledgement of the packet before it.
        stream.set_nodelay(true)?;
        let mut client = Self { stream, input: Input::default(), broken: false };
        client.call(&[b"HELLO", b"3"]).await?;
        Ok(client)
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Errors
    /// The server's refusal, or no answer at all.
    pub async fn call(&mut self, arguments: &[&[u8]]) -> Result<Value, ClientError> {
        let mut pipeline = Pipeline::new();
        pipeline.command(arguments);
        self.only(&pipeline).await
    }

    /// Sends all commands of the pipeline and waits for all replies, in the order of the commands.
    ///
    /// # Errors
    /// No answer. Refusals are among the replies.
    pub async fn pipeline(
        &mut self,
        pipeline: &Pipeline,
    ) -> Result<Vec<Result<Value, ServerError>>, ClientError> {
        if pipeline.len() > PIPELINE_MAX {
            return Err(ClientError::TooMany(pipeline.len(), PIPELINE_MAX));
        }
        if std::mem::replace(&mut self.broken, true) {
            return Err(ClientError::Broken);
        }
        let (mut reader, mut writer) = self.stream.split();
        let input = &mut self.input;
        // Both at once: a server that must wait with its replies would else stop reading, and both sides would wait.
        let write = async { writer.write_all(pipeline.bytes()).await.map_err(ClientError::from) };
        let read = async {
            let mut replies = Vec::with_capacity(pipeline.len());
            while replies.len() < pipeline.len() {
                replies.push(match input.reply(&mut reader).await? {
                    Value::Error(refusal) => Err(refusal),
                    value => Ok(value),
                });
            }
            Ok(replies)
        };
        let ((), replies) = tokio::try_join!(write, read)?;
        self.broken = false;
        Ok(replies)
    }

    /// Bids. With an id, the same bid may be sent again after a failed connection, and counts once.
    ///
    /// # Errors
    /// The server's refusal, or no answer at all.
    pub async fn bid(
        &mut self,
        auction: AuctionId,
        bidder: AccountId,
        amount: Amount,
        id: Option<BidId>,
    ) -> Result<Receipt, ClientError> {
        let mut pipeline = Pipeline::new();
        pipeline.bid(auction, bidder, amount, id);
        self.only(&pipeline).await?.to_receipt().ok_or(ClientError::Unexpected("BID"))
    }

    /// Opens an auction with these terms as JSON.
    ///
    /// # Errors
    /// The server's refusal, or no answer at all.
    pub async fn open(&mut self, terms: &str, id: Option<OpenId>) -> Result<AuctionId, ClientError> {
        let id = id.map(|id| id.to_string());
        let reply = match &id {
            None => self.call(&[b"AUCTION", b"OPEN", terms.as_bytes()]).await?,
            Some(id) => self.call(&[b"AUCTION", b"OPEN", terms.as_bytes(), b"ID", id.as_bytes()]).await?,
        };
        reply.as_bytes().and_then(AuctionId::parse).ok_or(ClientError::Unexpected("AUCTION OPEN"))
    }

    /// An auction's present state as JSON.
    ///
    /// # Errors
    /// The server's refusal, or no answer at all.
    pub async fn get(&mut self, auction: AuctionId) -> Result<String, ClientError> {
        let reply = self.call(&[b"AUCTION", b"GET", &auction.to_text()]).await?;
        reply.as_str().map(str::to_owned).ok_or(ClientError::Unexpected("AUCTION GET"))
    }

    /// Subscribes to auctions, and waits until the server has confirmed them all.
    ///
    /// # Errors
    /// The server's refusal, or no answer at all.
    pub async fn subscribe(&mut self, auctions: &[AuctionId]) -> Result<(), ClientError> {
        if auctions.is_empty() || auctions.len() > CHANNELS_PER_COMMAND_MAX {
            return Err(ClientError::TooMany(auctions.len(), CHANNELS_PER_COMMAND_MAX));
        }
        if std::mem::replace(&mut self.broken, true) {
            return Err(ClientError::Broken);
        }
        let channels: Vec<String> = auctions.iter().map(|auction| format!("auction:{auction}")).collect();
        let mut arguments = vec![b"SUBSCRIBE".as_slice()];
        arguments.extend(channels.iter().map(String::as_bytes));
        let mut pipeline = Pipeline::new();
        pipeline.command(&arguments);
        self.stream.write_all(pipeline.bytes()).await?;
        let confirmed = self.confirmed(auctions.len()).await;
        // A refusal is an answer too: nothing is left behind in the stream.
        self.broken = !matches!(confirmed, Ok(()) | Err(ClientError::Server(_)));
        confirmed
    }

    /// The next message of any subscription; the oldest that is kept, if there is one. Messages beyond
    /// [`MESSAGES_KEPT_MAX`](crate::limits::MESSAGES_KEPT_MAX) that nobody took push the oldest out, as each tells the whole state anyway.
    ///
    /// May be given up and called again: no message is lost by that.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn next_message(&mut self) -> Result<Message, ClientError> {
        loop {
            if let Some(message) = self.input.message() {
                return Ok(message);
            }
            if self.broken {
                return Err(ClientError::Broken);
            }
            let more = match self.input.take() {
                Ok(None) if self.input.has_message() => continue,
                Ok(None) => self.input.fill(&mut self.stream).await,
                Ok(Some(_)) => Err(ClientError::Unexpected("nothing")),
                Err(error) => Err(error),
            };
            self.broken = more.is_err();
            more?;
        }
    }

    /// Waits for as many confirmations; they are pushes in RESP3.
    async fn confirmed(&mut self, count: usize) -> Result<(), ClientError> {
        self.input.forget_confirmations();
        loop {
            match self.input.take()? {
                Some(Value::Error(refusal)) => return Err(refusal.into()),
                Some(_) => return Err(ClientError::Unexpected("SUBSCRIBE")),
                None if self.input.confirmations() >= count => return Ok(()),
                None => self.input.fill(&mut self.stream).await?,
            }
        }
    }

    async fn only(&mut self, pipeline: &Pipeline) -> Result<Value, ClientError> {
        let reply = self.pipeline(pipeline).await?.pop().ok_or(ClientError::Broken)?;
        Ok(reply?)
    }
}
