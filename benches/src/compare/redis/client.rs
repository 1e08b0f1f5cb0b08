//! A connection to Redis: commands and replies as bytes, as many in flight as are asked for.
//!
//! Replies are read with the reader that Gavel's own client has. It knows Gavel's refusals only, so what Redis refuses is looked for first.

use crate::error::{BenchError, io};
use gavel_wire::encode;
use gavel_wire::value::Value;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What is read at once.
const READ_BYTES: usize = 64 * 1024;
/// Commands that are sent at once, where there are many.
const GROUP: usize = 500;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    output: Vec<u8>,
    input: Vec<u8>,
    used: usize,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// It can't.
    pub async fn open(socket: &Path) -> Result<Self, BenchError> {
        let stream = UnixStream::connect(socket).await.map_err(io("a connection to Redis"))?;
        Ok(Self { stream, output: Vec::new(), input: Vec::with_capacity(READ_BYTES), used: 0 })
    }

    /// Puts a command behind those that wait to be sent.
    pub fn put(&mut self, words: &[&[u8]]) {
        encode::command(&mut self.output, words);
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn flush(&mut self) -> Result<(), BenchError> {
        let sent = self.stream.write_all(&self.output).await;
        self.output.clear();
        sent.map_err(io("a command to Redis"))
    }

    /// Waits for more bytes.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn fill(&mut self) -> Result<(), BenchError> {
        self.input.drain(..self.used);
        self.used = 0;
        self.input.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.input).await.map_err(io("an answer of Redis"))? {
            0 => Err(BenchError::Missing("answer: Redis closed the connection")),
            _ => Ok(()),
        }
    }

    /// The next reply that is all there.
    ///
    /// # Errors
    /// Redis refused the command, or what came is no reply.
    pub fn take(&mut self) -> Result<Option<Value>, BenchError> {
        let input = &self.input[self.used..];
        if let Some(refusal) = input.strip_prefix(b"-")
            && let Some(end) = refusal.iter().position(|byte| *byte == b'\r')
        {
            return Err(BenchError::Redis(String::from_utf8_lossy(&refusal[..end]).into_owned()));
        }
        let reply = Value::parse(input).map_err(|error| BenchError::Redis(error.to_string()))?;
        Ok(reply.map(|(value, bytes)| {
            self.used += bytes;
            value
        }))
    }

    /// Sends one command and waits for its reply; nothing else may be in flight.
    ///
    /// # Errors
    /// As [`Connection::take`] and [`Connection::fill`].
    pub async fn call(&mut self, words: &[&[u8]]) -> Result<Value, BenchError> {
        self.put(words);
        self.flush().await?;
        self.answer().await
    }

    /// Waits for one reply.
    ///
    /// # Errors
    /// As [`Connection::take`] and [`Connection::fill`].
    pub async fn answer(&mut self) -> Result<Value, BenchError> {
        loop {
            if let Some(reply) = self.take()? {
                return Ok(reply);
            }
            self.fill().await?;
        }
    }
    /// Sends commands in groups and waits for their replies, in their order.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn call_all(
        &mut self,
        commands: impl Iterator<Item = Vec<String>>,
    ) -> Result<Vec<Value>, BenchError> {
        let (mut replies, mut commands) = (Vec::new(), commands.peekable());
        while commands.peek().is_some() {
            let mut sent = 0;
            for command in commands.by_ref().take(GROUP) {
                self.put(&command.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
                sent += 1;
            }
            self.flush().await?;
            for _ in 0..sent {
                replies.push(self.answer().await?);
            }
        }
        Ok(replies)
    }
}
