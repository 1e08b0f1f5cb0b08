//! `gavel watch`: follows auctions live, through restarts of the server, until they are final.
//!
//! Each message tells the whole state, so what was missed while the connection was away is made up for by asking once. A state that
//! is not newer than the last one shown is not shown again.

use super::Target;
use super::act::{fail, read, strange};
use super::link::{ANSWER_TIMEOUT, Link, LinkError, first_line, talk};
use super::show::Auction;
use crate::exit::Exit;
use crate::output;
use crate::shards::Server;
use clap::Args;
use gavel_core::AuctionId;
use gavel_wire::Code;
use gavel_wire::client::ClientError;
use gavel_wire::limits::CHANNELS_PER_COMMAND_MAX;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::time::Duration;

/// How often a silent server is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// The pause before the first new try after a lost connection; doubled up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What to follow.
#[derive(Clone, Debug, Args)]
pub(crate) struct WatchFlags {
    /// The auctions' ids, 1 to 1000
    #[arg(value_name = "AUCTION", required = true, num_args = 1..=WATCHED_MAX)]
    auctions: Vec<AuctionId>,
    /// Stop as soon as bids are not taken any more, without waiting for payment
    #[arg(long, conflicts_with = "forever")]
    ended: bool,
    /// Go on when all are final, until Ctrl-C
    #[arg(long)]
    forever: bool,
    #[command(flatten)]
    server: Server,
}

/// Auctions that one call follows.
const WATCHED_MAX: usize = 1_000;
const _: () = assert!(WATCHED_MAX <= CHANNELS_PER_COMMAND_MAX, "one command subscribes to all");

/// What is followed, and what was shown of it.
struct Watch<'a> {
    flags: &'a WatchFlags,
    json: bool,
    /// The last seq that was shown of each; those that are done with are gone.
    open: BTreeMap<AuctionId, u64>,
    /// The end that was shown last of each.
    ends: BTreeMap<AuctionId, String>,
}

/// Why the following has ended.
enum Over {
    /// Nothing is left to follow.
    Done,
    /// Nobody reads.
    Unread,
    /// It can't go on.
    Failed(LinkError),
}

/// Why a conversation with the server has ended.
enum Break {
    /// The connection is gone; it can be made again.
    Lost(String),
    Over(Over),
}

impl From<LinkError> for Break {
    fn from(problem: LinkError) -> Self {
        match problem {
            LinkError::Unreachable(..) | LinkError::NoAnswer(..) | LinkError::Busy(..) => {
                Self::Lost(first_line(&problem))
            }
            problem => Self::Over(Over::Failed(problem)),
        }
    }
}

/// Follows until it is over.
pub(super) fn run(flags: &WatchFlags, json: bool) -> Exit {
    let open = flags.auctions.iter().map(|auction| (*auction, 0)).collect();
    let mut watch = Watch { flags, json, open, ends: BTreeMap::new() };
    let target = Target { server: flags.server, retry_for: None };
    let followed = talk(target, async |link| {
        // A server that is not there at the beginning is most likely named wrongly: that is told at once.
        link.connected().await?;
        tokio::select! {
            over = watch.follow(link) => Ok(over),
            stopped = tokio::signal::ctrl_c() => match stopped {
                Ok(()) => Ok(Over::Done),
                Err(problem) => Err(LinkError::Runtime(problem)),
            },
        }
    });
    match followed {
        Ok(Over::Done | Over::Unread) => Exit::Ok,
        Ok(Over::Failed(problem)) | Err(problem) => fail(&problem),
    }
}

impl Watch<'_> {
    async fn follow(&mut self, link: &mut Link) -> Over {
        let mut pause = PAUSE_MIN;
        let mut lost = false;
        loop {
            let ended = self.converse(link, &mut lost).await;
            link.hang_up();
            match ended {
                Break::Over(over) => return over,
                Break::Lost(cause) => {
                    if !std::mem::replace(&mut lost, true) {
                        output::note(&format_args!("the connection is lost ({cause}); trying again"));
                        pause = PAUSE_MIN;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Subscribes, shows how all stand, then every change, until the connection or the following ends.
    async fn converse(&mut self, link: &mut Link, lost: &mut bool) -> Break {
        match self.begin(link).await {
            Ok(()) => {}
            Err(ended) => return ended,
        }
        if std::mem::take(lost) {
            output::note(&"connected again");
        }
        loop {
            if let Err(ended) = self.next(link).await {
                return ended;
            }
        }
    }

    async fn begin(&mut self, link: &mut Link) -> Result<(), Break> {
        let auctions: Vec<AuctionId> = self.open.keys().copied().collect();
        for auction in &auctions {
            self.subscribe(link, *auction).await?;
        }
        // After the subscriptions, so that no change lies between.
        for auction in auctions {
            match super::act::state(link, auction).await {
                Ok(state) => self.show(link, auction, &state)?,
                Err(problem) => self.gone(auction, problem)?,
            }
        }
        Ok(())
    }

    async fn subscribe(&mut self, link: &mut Link, auction: AuctionId) -> Result<(), Break> {
        let client = link.connected().await?;
        let subscribed = tokio::time::timeout(ANSWER_TIMEOUT, client.subscribe(&[auction])).await;
        match subscribed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(ClientError::Server(refusal))) if matches!(refusal.code, Code::Busy | Code::Loading) => {
                Err(Break::Lost(refusal.to_string()))
            }
            Ok(Err(ClientError::Server(refusal))) => self.gone(auction, LinkError::Refused(refusal)),
            Ok(Err(problem)) => Err(Break::Lost(problem.to_string())),
            Err(_) => Err(Break::Lost("no answer".to_owned())),
        }
    }

    /// An auction that the server does not know. One that was shown before has left its memory, as final ones do.
    fn gone(&mut self, auction: AuctionId, problem: LinkError) -> Result<(), Break> {
        let is_missing = matches!(&problem, LinkError::Refused(refusal) if refusal.code == Code::NotFound);
        match self.open.get(&auction) {
            None if is_missing => return Ok(()),
            Some(shown) if is_missing && *shown > 0 => {}
            _ => return Err(problem.into()),
        }
        output::note(&format_args!("{auction} is final and has left the server's memory"));
        self.close(auction)
    }

    /// Waits for one message, or sees to it that the server is still there.
    async fn next(&mut self, link: &mut Link) -> Result<(), Break> {
        let client = link.connected().await?;
        let message = match tokio::time::timeout(PING_EVERY, client.next_message()).await {
            Ok(Ok(message)) => message,
            Ok(Err(problem)) => return Err(Break::Lost(problem.to_string())),
            Err(_) => {
                let pong = tokio::time::timeout(ANSWER_TIMEOUT, client.call(&[b"PING"])).await;
                return match pong {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(problem)) => Err(Break::Lost(problem.to_string())),
                    Err(_) => Err(Break::Lost("no answer".to_owned())),
                };
            }
        };
        let id = message.channel.strip_prefix("auction:").map(str::as_bytes).and_then(AuctionId::parse);
        let auction = id.ok_or_else(|| strange(link, &gavel_wire::Value::Simple(message.channel.clone())))?;
        self.show(link, auction, &message.payload)
    }

    /// Shows a state that is newer than the last one shown.
    fn show(&mut self, link: &Link, auction: AuctionId, state: &str) -> Result<(), Break> {
        let told = read(link, state)?;
        match self.open.get_mut(&auction) {
            Some(shown) if *shown < told.seq => *shown = told.seq,
            _ => return Ok(()),
        }
        let line = if self.json { state.to_owned() } else { self.change(auction, &told) };
        print(&line)?;
        let done = told.is_final() || (self.flags.ended && told.is_over());
        if done && !self.flags.forever { self.close(auction) } else { Ok(()) }
    }

    fn change(&mut self, auction: AuctionId, told: &Auction) -> String {
        let before = self.ends.insert(auction, told.ends_at.clone());
        let moved = !told.is_over() && before.is_some_and(|before| before != told.ends_at);
        let moved = if moved { format!("  (now at {})", told.ends_at) } else { String::new() };
        format!("{}{moved}", told.change())
    }

    fn close(&mut self, auction: AuctionId) -> Result<(), Break> {
        self.open.remove(&auction);
        if self.open.is_empty() { Err(Break::Over(Over::Done)) } else { Ok(()) }
    }
}

/// One line of data, at once. A reader that goes away ends the following.
fn print(line: &str) -> Result<(), Break> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(problem) if problem.kind() == ErrorKind::BrokenPipe => Err(Break::Over(Over::Unread)),
        Err(problem) => {
            let problem = LinkError::Output(problem);
            Err(Break::Over(Over::Failed(problem)))
        }
    }
}
