//! A blocking connection: commands out, values in, never silent for longer than agreed.

use super::{FeedError, FeedOptions};
use crate::encode;
use crate::limits::{FEED_READ_BYTES, REPLY_BYTES_MAX};
use crate::value::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    silence_max: Duration,
    /// What was read; the first `used` bytes of it are done with.
    bytes: Vec<u8>,
    used: usize,
}

impl Connection {
    pub(super) fn open(server: SocketAddr, options: &FeedOptions) -> Result<Self, FeedError> {
        let stream = TcpStream::connect_timeout(&server, options.connect_for)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(options.silence_max))?;
        stream.set_write_timeout(Some(options.silence_max))?;
        Ok(Self { stream, silence_max: options.silence_max, bytes: Vec::new(), used: 0 })
    }

    pub(super) fn send(&mut self, words: &[&[u8]]) -> Result<(), FeedError> {
        let mut bytes = Vec::new();
        encode::command(&mut bytes, words);
        self.stream.write_all(&bytes).map_err(|error| self.failed(error))
    }

    /// A command whose reply is the next thing that comes.
    pub(super) fn call(&mut self, words: &[&[u8]]) -> Result<Value, FeedError> {
        self.send(words)?;
        match self.read()? {
            Value::Error(refusal) => Err(FeedError::Refused(refusal)),
            value => Ok(value),
        }
    }

    /// The next value.
    pub(super) fn read(&mut self) -> Result<Value, FeedError> {
        loop {
            if let Some((value, size)) = Value::parse(&self.bytes[self.used..])? {
                self.used += size;
                return Ok(value);
            }
            self.fill()?;
        }
    }

    /// The next value, if it is there already.
    pub(super) fn try_read(&mut self) -> Result<Option<Value>, FeedError> {
        if let Some((value, size)) = Value::parse(&self.bytes[self.used..])? {
            self.used += size;
            return Ok(Some(value));
        }
        self.stream.set_nonblocking(true)?;
        let filled = self.fill();
        self.stream.set_nonblocking(false)?;
        match filled {
            Ok(()) => {}
            Err(FeedError::Silent(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
        let parsed = Value::parse(&self.bytes[self.used..])?;
        Ok(parsed.map(|(value, size)| {
            self.used += size;
            value
        }))
    }

    fn fill(&mut self) -> Result<(), FeedError> {
        self.bytes.drain(..std::mem::take(&mut self.used));
        let there = self.bytes.len();
        // The parser refuses what is larger than any value; this only makes the bound visible here.
        assert!(there <= REPLY_BYTES_MAX + FEED_READ_BYTES, "a value that the parser should have refused");
        self.bytes.resize(there + FEED_READ_BYTES, 0);
        let read = self.stream.read(&mut self.bytes[there..]);
        self.bytes.truncate(there + read.as_ref().map_or(0, |read| *read));
        match read {
            Ok(0) => Err(FeedError::Closed),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A timeout is told as what it means.
    fn failed(&self, error: std::io::Error) -> FeedError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => FeedError::Silent(self.silence_max),
            _ => FeedError::Io(error),
        }
    }
}
