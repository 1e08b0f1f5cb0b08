//! A blocking RESP client. One connection; what it expects and does not get, it fails on.

use crate::wait::PATIENCE;
use crate::{Receipt, Reply};
use gavel_core::AuctionId;
use std::io::{BufReader, ErrorKind, Result, Write};
use std::net::{SocketAddr, TcpStream};

/// Commands that one write carries, so that neither side waits for the other with full buffers.
const WINDOW: usize = 256;

/// One connection.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

/// The bytes of one command: an array of bulk strings.
#[must_use]
pub fn encode<A: AsRef<[u8]>>(words: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(A::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The words of a command, from a line of them. For words without spaces.
#[must_use]
pub fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

impl Client {
    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server takes connections"))
    }

    /// A client over a connection that was made elsewhere.
    #[must_use]
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a TCP option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a TCP option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a TCP option");
        Self { reader: BufReader::new(stream.try_clone().expect("a second handle")), writer: stream }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes)
    }

    /// Reads one reply.
    ///
    /// # Errors
    /// When the connection is gone, or silent for longer than the patience.
    pub fn try_read(&mut self) -> Result<Reply> {
        Reply::read(&mut self.reader)
    }

    /// Reads one reply that must come.
    #[must_use]
    pub fn read(&mut self) -> Reply {
        self.try_read().expect("a reply")
    }

    /// Sends one command, given as words, and reads its reply.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn try_call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Result<Reply> {
        self.send_raw(&encode(command))?;
        self.try_read()
    }

    /// Sends one command, given as words, and reads the reply that must come.
    pub fn call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Reply {
        self.try_call(command).expect("a reply")
    }

    /// Sends one command, given as a line of words without spaces, and reads the reply that must come.
    pub fn line(&mut self, line: &str) -> Reply {
        self.call(&words(line))
    }

    /// Sends lines pipelined, a window at a time; the replies in their order.
    ///
    /// # Errors
    /// When the connection goes away; the replies before that are lost, see [`Client::pipeline_into`].
    pub fn pipeline<L: AsRef<str>>(&mut self, lines: &[L]) -> Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(lines.len());
        self.pipeline_into(lines, &mut replies)?;
        Ok(replies)
    }

    /// Sends lines pipelined and puts the replies in, in their order, also those that came before an error.
    ///
    /// # Errors
    /// When the connection goes away.
    pub fn pipeline_into<L: AsRef<str>>(&mut self, lines: &[L], replies: &mut Vec<Reply>) -> Result<()> {
        for window in lines.chunks(WINDOW) {
            let bytes: Vec<u8> = window.iter().flat_map(|line| encode(&words(line.as_ref()))).collect();
            self.send_raw(&bytes)?;
            for _ in window {
                replies.push(self.try_read()?);
            }
        }
        Ok(())
    }

    /// Both directions of the connection, for a test that writes and reads at once.
    #[must_use]
    pub fn split(self) -> (TcpStream, BufReader<TcpStream>) {
        (self.writer, self.reader)
    }

    /// Places a bid that must be accepted.
    pub fn bid(&mut self, auction: AuctionId, bidder: u64, amount: u64) -> Receipt {
        Receipt::expect(&self.line(&format!("BID {auction} {bidder} {amount}")))
    }

    /// What everybody may see of an auction.
    pub fn auction(&mut self, auction: AuctionId) -> serde_json::Value {
        self.line(&format!("AUCTION GET {auction}")).json()
    }

    /// One field of a section of INFO, which is lines of `field:value`.
    pub fn info(&mut self, section: &str, field: &str) -> String {
        let reply = self.line(&format!("INFO {section}"));
        let value = reply.text().lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO {section} has no {field}: {reply:?}")).to_owned()
    }

    /// Reads to the end of the stream: the replies that were still to come before the server closed it.
    ///
    /// # Panics
    /// When the server does not close it.
    pub fn read_to_end(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        loop {
            match self.try_read() {
                Ok(reply) => replies.push(reply),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("still open after {replies:?}"),
                Err(_) => return replies,
            }
        }
    }
}
