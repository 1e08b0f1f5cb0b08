//! A conversation with a server: what is sent again, how long, and what is known when there is no answer.
//!
//! Nothing is sent again unless that is safe: the server has said that nothing has happened (`BUSY`, `LOADING`), or the command may be
//! carried out twice without harm (it reads, or it has an id).

use super::Target;
use crate::config::Address;
use crate::exit::Exit;
use crate::output;
use gavel_wire::client::{Client, ClientError};
use gavel_wire::{Code, ServerError, Value};
use std::io;
use std::time::{Duration, Instant};

/// How long one answer is waited for.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to try again, unless something else is asked for.
const RETRY_FOR: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is no answer that the command hoped for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// The process has no runtime to ask with.
    #[error("can't start: {0}")]
    Runtime(io::Error),
    /// Nobody listens there.
    #[error(
        "no server at {0}: {1}\n  Is it running (`gavel serve`)? Is this where it listens? Name it with --server HOST:PORT or GAVEL_SERVER."
    )]
    Unreachable(Address, io::Error),
    /// It has refused.
    #[error("{0}")]
    Refused(ServerError),
    /// It could not take it now, as long as it was asked. Nothing has happened.
    #[error("{0} (nothing was done{tried})", tried = tried_for(*.1))]
    Busy(ServerError, Duration),
    /// The command was sent, and there is no answer.
    #[error("the server at {0} gave no answer ({1}): whether it was done is unknown")]
    NoAnswer(Address, String),
    /// The answer is no answer to this.
    #[error("the server at {0} is not one that this version can ask: {1}")]
    Strange(Address, String),
    /// What was to be sent can't be read.
    #[error("{0}")]
    Input(String),
    /// The data has nowhere to go.
    #[error("stdout can't be written: {0}")]
    Output(io::Error),
}

/// The exit code that says which of them it was.
pub(super) const fn exit_of(error: &LinkError) -> Exit {
    match error {
        LinkError::Runtime(_) | LinkError::Strange(..) | LinkError::Output(_) => Exit::Failure,
        LinkError::Input(_) => Exit::Usage,
        LinkError::Refused(_) => Exit::Refused,
        LinkError::Unreachable(..) | LinkError::Busy(..) => Exit::Unavailable,
        LinkError::NoAnswer(..) => Exit::Unknown,
    }
}

/// Whether a command may be sent again when its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It reads, or has an id.
    Safe,
    /// It might be carried out twice.
    Unsafe,
}

/// A connection that is made when it is needed, and again after it was lost.
pub(crate) struct Link {
    address: Address,
    retry_for: Duration,
    /// A server that is not there is waited for. One that was there is, in any case: it may be starting again.
    waits: bool,
    client: Option<Client>,
}

/// Runs a conversation to its end.
pub(crate) fn talk<T>(
    target: Target,
    conversation: impl AsyncFnOnce(&mut Link) -> Result<T, LinkError>,
) -> Result<T, LinkError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LinkError::Runtime)?;
    runtime.block_on(async { conversation(&mut Link::new(target)).await })
}

impl Link {
    fn new(target: Target) -> Self {
        let Target { server, retry_for } = target;
        let waits = retry_for.is_some_and(|time| !time.is_zero());
        Self { address: server.address(), retry_for: retry_for.unwrap_or(RETRY_FOR), waits, client: None }
    }

    /// Whom it talks to.
    pub(super) const fn address(&self) -> Address {
        self.address
    }

    /// Sends one command and waits for its answer; tries again as long as that is safe and the time lasts.
    pub(crate) async fn call(&mut self, words: &[&str], again: Again) -> Result<Value, LinkError> {
        let started = Instant::now();
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut lost: Option<String> = None;
        let mut told = false;
        loop {
            let problem = match self.once(&words).await {
                Ok(answer) => return Ok(answer),
                // An earlier try was sent: this one failed because the server is gone, which says nothing of that one.
                Err(LinkError::Unreachable(_, cause)) if lost.is_some() => {
                    LinkError::NoAnswer(self.address, cause.to_string())
                }
                Err(problem) => problem,
            };
            match &problem {
                LinkError::NoAnswer(_, cause) if again == Again::Safe => {
                    lost.get_or_insert_with(|| cause.clone());
                }
                LinkError::Busy(..) => {}
                LinkError::Unreachable(..) if self.waits => {}
                _ => return Err(problem),
            }
            if started.elapsed() + PAUSE > self.retry_for {
                return Err(self.gave_up(lost, problem));
            }
            if !std::mem::replace(&mut told, true) {
                output::note(&format_args!(
                    "{}; trying again for {:?}",
                    first_line(&problem),
                    self.retry_for
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn gave_up(&self, lost: Option<String>, problem: LinkError) -> LinkError {
        match (lost, problem) {
            (Some(cause), _) => LinkError::NoAnswer(self.address, cause),
            (None, LinkError::Busy(refusal, _)) => LinkError::Busy(refusal, self.retry_for),
            (None, problem) => problem,
        }
    }

    async fn once(&mut self, words: &[&[u8]]) -> Result<Value, LinkError> {
        let address = self.address;
        let client = self.connected().await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.call(words)).await;
        let problem = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(ClientError::Server(refusal))) => return Err(refused(refusal)),
            Ok(Err(problem @ (ClientError::Io(_) | ClientError::Closed | ClientError::Broken))) => {
                LinkError::NoAnswer(address, problem.to_string())
            }
            Ok(Err(problem)) => LinkError::Strange(address, problem.to_string()),
            Err(_) => LinkError::NoAnswer(address, format!("none within {ANSWER_TIMEOUT:?}")),
        };
        self.client = None;
        Err(problem)
    }

    /// The connection, made anew where there is none. Nothing has been asked when this fails.
    pub(super) async fn connected(&mut self) -> Result<&mut Client, LinkError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect().await?,
        };
        self.waits = true;
        Ok(self.client.insert(client))
    }

    async fn connect(&self) -> Result<Client, LinkError> {
        let unreachable = |cause| LinkError::Unreachable(self.address, cause);
        match tokio::time::timeout(ANSWER_TIMEOUT, Client::connect(self.address.0)).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(ClientError::Io(cause))) => Err(unreachable(cause)),
            Ok(Err(ClientError::Closed)) => Err(unreachable(io::ErrorKind::ConnectionReset.into())),
            Ok(Err(ClientError::Server(refusal))) => Err(refused(refusal)),
            Ok(Err(problem)) => Err(LinkError::Strange(self.address, problem.to_string())),
            Err(_) => Err(unreachable(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Lets the connection go, so that the next call makes a new one.
    pub(super) fn hang_up(&mut self) {
        self.client = None;
    }
}

/// What went wrong, without what to do about it.
pub(super) fn first_line(problem: &LinkError) -> String {
    problem.to_string().lines().next().unwrap_or_default().to_owned()
}

/// How long it was asked, where it was asked more than once.
fn tried_for(time: Duration) -> String {
    if time.is_zero() { String::new() } else { format!("; tried for {time:?}") }
}

fn refused(refusal: ServerError) -> LinkError {
    match refusal.code {
        Code::Busy | Code::Loading => LinkError::Busy(refusal, Duration::ZERO),
        _ => LinkError::Refused(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_no_answer_has_an_exit_code_of_its_own() {
        let address = Address(([127, 0, 0, 1], 1).into());
        let refusal = |code| ServerError { code, message: "words".into() };
        assert_eq!(exit_of(&refused(refusal(Code::TooLow))), Exit::Refused);
        assert_eq!(exit_of(&refused(refusal(Code::Busy))), Exit::Unavailable);
        assert_eq!(exit_of(&refused(refusal(Code::Loading))), Exit::Unavailable);
        let gone = io::ErrorKind::ConnectionRefused.into();
        assert_eq!(exit_of(&LinkError::Unreachable(address, gone)), Exit::Unavailable);
        assert_eq!(exit_of(&LinkError::NoAnswer(address, String::new())), Exit::Unknown);
        assert_eq!(refused(refusal(Code::TooLow)).to_string(), "TOOLOW words");
        assert_eq!(refused(refusal(Code::Busy)).to_string(), "BUSY words (nothing was done)");
        let given_up = LinkError::Busy(refusal(Code::Busy), Duration::from_secs(10));
        assert_eq!(given_up.to_string(), "BUSY words (nothing was done; tried for 10s)");
    }
}
