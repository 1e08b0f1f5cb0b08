//! What a connection has brought: replies for the calls, messages and confirmations on the side.

use super::ClientError;
use crate::limits::MESSAGES_KEPT_MAX;
use crate::value::Value;
use std::collections::VecDeque;
use tokio::io::AsyncReadExt;

/// A change of an auction that the client is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The channel: `auction:<id>`.
    pub channel: Box<str>,
    /// The auction's state as JSON, as [`view_json`](crate::view_json) writes it.
    pub payload: Box<str>,
}

/// What has been read and not been used yet.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    used: usize,
    messages: VecDeque<Message>,
    /// Confirmations of subscriptions that have come since they were last counted.
    confirmed: usize,
}

impl Input {
    /// The oldest message that nobody has taken.
    pub(super) fn message(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    pub(super) fn has_message(&self) -> bool {
        !self.messages.is_empty()
    }

    pub(super) const fn forget_confirmations(&mut self) {
        self.confirmed = 0;
    }

    pub(super) const fn confirmations(&self) -> usize {
        self.confirmed
    }

    /// The next reply; messages that come before it are kept.
    pub(super) async fn reply(
        &mut self,
        reader: &mut (impl AsyncReadExt + Unpin),
    ) -> Result<Value, ClientError> {
        loop {
            if let Some(value) = self.take()? {
                return Ok(value);
            }
            self.fill(reader).await?;
        }
    }

    /// The next reply among the bytes that are there. Takes pushes in on the way.
    pub(super) fn take(&mut self) -> Result<Option<Value>, ClientError> {
        while let Some((value, size)) = Value::parse(&self.bytes[self.used..])? {
            self.used += size;
            match value {
                Value::Push(parts) => self.pushed(&parts),
                reply => return Ok(Some(reply)),
            }
        }
        Ok(None)
    }

    /// Reads more. Cancel safe: what was read is kept.
    pub(super) async fn fill(&mut self, reader: &mut (impl AsyncReadExt + Unpin)) -> Result<(), ClientError> {
        self.bytes.drain(..std::mem::take(&mut self.used));
        if reader.read_buf(&mut self.bytes).await? == 0 { Err(ClientError::Closed) } else { Ok(()) }
    }

    fn pushed(&mut self, parts: &[Value]) {
        match (parts.first().and_then(Value::as_str), parts.get(1), parts.get(2)) {
            (Some("message"), Some(channel), Some(payload)) => {
                let (Some(channel), Some(payload)) = (channel.as_str(), payload.as_str()) else { return };
                if self.messages.len() == MESSAGES_KEPT_MAX {
                    self.messages.pop_front();
                }
                self.messages.push_back(Message { channel: channel.into(), payload: payload.into() });
            }
            (Some("subscribe"), ..) => self.confirmed += 1,
            _ => {}
        }
    }
}
