//! Questions that may be asked again without harm, over one blocking connection: opening auctions with ids, asking bids
//! for their receipts, reading auctions.
//!
//! **Invariants.** At most [`WINDOW`] questions are unanswered, so neither side's socket buffers can fill while both sides
//! write. What was not answered when a connection broke, and what was answered with `BUSY` or `LOADING`, is asked again,
//! until nothing was answered for as long as the link's patience lasts.

use crate::reply::{self, Reply};
use gavel_wire::Code;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Questions asked before the first answer is read.
pub(crate) const WINDOW: usize = 256;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 64 * 1024;

/// The server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nothing was answered for as long as the patience lasted.
    #[error("{server} has not answered for {patience:?}: {last}")]
    GaveUp {
        /// The server.
        server: SocketAddr,
        /// How long was waited.
        patience: Duration,
        /// What happened last.
        last: String,
    },
    /// The answers can't be followed.
    #[error("{server} does not answer in RESP")]
    NotResp {
        /// The server.
        server: SocketAddr,
    },
}

/// A connection that is made anew when it breaks.
#[derive(Debug)]
pub(crate) struct Link {
    server: SocketAddr,
    patience: Duration,
    stream: Option<TcpStream>,
    input: Vec<u8>,
    output: Vec<u8>,
    answered_at: Instant,
}

/// One window's way: what was not finished and must be asked again.
struct Unfinished {
    questions: Vec<usize>,
    why: String,
}

impl Link {
    /// A link that connects when it is first needed.
    pub(crate) fn new(server: SocketAddr, patience: Duration) -> Self {
        Self {
            server,
            patience,
            stream: None,
            input: Vec::new(),
            output: Vec::new(),
            answered_at: Instant::now(),
        }
    }

    /// Asks questions `0 .. count`, each written by `encode`, each answer taken by `take`, once, in no certain order.
    pub(crate) fn ask_all(
        &mut self,
        count: usize,
        mut encode: impl FnMut(usize, &mut Vec<u8>),
        mut take: impl FnMut(usize, Reply),
    ) -> Result<(), LinkError> {
        self.answered_at = Instant::now();
        let (mut waiting, mut next) = (Vec::with_capacity(WINDOW), 0);
        loop {
            let room = WINDOW - waiting.len();
            waiting.extend(next..count.min(next + room));
            next = count.min(next + room);
            if waiting.is_empty() {
                return Ok(());
            }
            let unfinished = self.ask_window(&waiting, &mut encode, &mut take)?;
            if !unfinished.questions.is_empty() {
                self.pause(unfinished.why)?;
            }
            waiting = unfinished.questions;
        }
    }

    /// Asks one question whose answer is text.
    pub(crate) fn ask_text(
        &mut self,
        encode: impl Fn(&mut Vec<u8>),
    ) -> Result<Result<String, String>, LinkError> {
        let mut answer = Err("no answer".to_owned());
        self.ask_all(1, |_, out| encode(out), |_, reply| answer = reply.into_text())?;
        Ok(answer)
    }

    fn ask_window(
        &mut self,
        window: &[usize],
        encode: &mut impl FnMut(usize, &mut Vec<u8>),
        take: &mut impl FnMut(usize, Reply),
    ) -> Result<Unfinished, LinkError> {
        self.output.clear();
        window.iter().for_each(|&question| encode(question, &mut self.output));
        let (mut questions, mut why, mut answered) = (Vec::new(), String::new(), 0);
        let sent = self.send();
        let outcome = sent.and_then(|()| {
            while answered < window.len() {
                self.read_some()?;
                let mut at = 0;
                while answered < window.len() {
                    let (used, reply) = match reply::decode(&self.input[at..]) {
                        Ok(Some((reply, used))) => (used, reply),
                        Ok(None) => break,
                        Err(reply::NotAReply) => return Err(io::ErrorKind::InvalidData.into()),
                    };
                    match reply {
                        Reply::Refused(code @ (Code::Busy | Code::Loading), words) => {
                            questions.push(window[answered]);
                            why = format!("{code} {words}");
                        }
                        reply => {
                            take(window[answered], reply);
                            self.answered_at = Instant::now();
                        }
                    }
                    (at, answered) = (at + used, answered + 1);
                }
                self.input.drain(..at);
            }
            Ok(())
        });
        if let Err(error) = outcome {
            if error.kind() == io::ErrorKind::InvalidData {
                return Err(LinkError::NotResp { server: self.server });
            }
            self.stream = None;
            questions.extend_from_slice(&window[answered..]);
            why = error.to_string();
        }
        Ok(Unfinished { questions, why })
    }

    fn send(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.server, CONNECT_TIMEOUT)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(self.patience.max(PAUSE)))?;
            stream.set_write_timeout(Some(self.patience.max(PAUSE)))?;
            self.input.clear();
            self.stream = Some(stream);
        }
        match &mut self.stream {
            Some(stream) => stream.write_all(&self.output),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn read_some(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let filled = self.input.len();
        self.input.resize(filled + READ_BYTES, 0);
        let read = stream.read(&mut self.input[filled..]);
        self.input.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the server closed the connection")),
            _ => Ok(()),
        }
    }

    /// Waits before the next attempt, or gives up.
    fn pause(&mut self, last: String) -> Result<(), LinkError> {
        if self.answered_at.elapsed() >= self.patience {
            return Err(LinkError::GaveUp { server: self.server, patience: self.patience, last });
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}
