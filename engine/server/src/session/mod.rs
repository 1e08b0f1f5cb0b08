//! One TCP connection: reads commands, sends them to the engine, writes the replies in order.
//!
//! Invariants:
//! - Replies come in the order of the commands, whichever shard answers first.
//! - What a connection holds is bounded: a reader that never reads, a writer that never finishes a command, and a flood of
//!   commands each fill their own bound and then only slow themselves down.
//! - An idle connection holds no buffers: reading goes through one buffer of the thread.

mod dispatch;
mod encode;
mod farewell;
mod feed;
mod follow;
pub(crate) mod limits;
pub(crate) mod slots;
mod subscriptions;
mod transaction;

pub(crate) use encode::refused_code;

use crate::server::Server;
use farewell::Farewell;
use feed::Feed;
use gavel_core::Timestamp;
use gavel_engine::{Phase, Port, Ticket};
use gavel_wire::{Decoder, Item, Protocol, request};
use limits::{LINGER_MS, OUTPUT_BYTES_MAX, READ_BYTES, SLOTS_MAX, UNWRITTEN_MAX};
use slots::{Slot, Slots};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use subscriptions::Subscriptions;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

thread_local! {
    /// Where every connection of this thread reads to; what is left of it afterwards is carried by the connection.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// One connection.
pub(crate) struct Session {
    server: Arc<Server>,
    stream: TcpStream,
    id: u64,
    name: Box<str>,
    protocol: Protocol,
    decoder: Decoder,
    /// Bytes read and not decoded: the beginning of a command, or more than that while `stalled`.
    carry: Vec<u8>,
    /// Decoding has stopped because too many bytes of replies wait.
    stalled: bool,
    /// Encoded replies that were not written yet.
    output: Vec<u8>,
    /// How many answers were given when, of those that were taken since all output was last written; up to
    /// [`UNWRITTEN_MAX`] moments.
    unwritten: Vec<(Timestamp, usize)>,
    /// Bytes of replies that wait encoded in `slots`.
    slot_bytes: usize,
    slots: Slots,
    port: Port,
    subscriptions: Subscriptions,
    /// The shards that are followed; made by the first `FOLLOW`.
    feed: Option<Box<Feed>>,
    /// Commands to all shards under way.
    wide: JoinSet<Result<(Ticket, Slot), JoinError>>,
    phases: watch::Receiver<Phase>,
    /// The engine is closing, and what still comes is answered `BUSY`.
    farewell: Option<Farewell>,
    /// `MULTI` was refused, and what belongs to it is still coming.
    in_refused_transaction: bool,
    /// No more commands are taken; the connection ends when all replies are written.
    ending: bool,
}

impl Session {
    pub(crate) fn new(server: Arc<Server>, stream: TcpStream, id: u64) -> Self {
        let (port, phases) = (server.engine.port(), server.engine.phases());
        let subscribed = Arc::clone(&server.subscriptions);
        Self {
            server,
            stream,
            id,
            name: Box::default(),
            protocol: Protocol::Resp2,
            decoder: Decoder::new(),
            carry: Vec::new(),
            stalled: false,
            output: Vec::new(),
            unwritten: Vec::new(),
            slot_bytes: 0,
            slots: Slots::default(),
            port,
            subscriptions: Subscriptions::new(subscribed),
            feed: None,
            wide: JoinSet::new(),
            phases,
            farewell: None,
            in_refused_transaction: false,
            ending: false,
        }
    }

    /// Serves the connection until either side ends it.
    ///
    /// # Errors
    /// The socket's own.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        while self.step().await? {}
        self.linger().await
    }

    /// Writes what can be written, then waits for one thing to happen. False when the connection is over.
    async fn step(&mut self) -> io::Result<bool> {
        self.write()?;
        if self.is_over() {
            return Ok(false);
        }
        if self.stalled && self.has_room() {
            self.stalled = false;
            let carried = std::mem::take(&mut self.carry);
            self.decode(carried);
            return Ok(true);
        }
        let (reads, writes) = (!self.ending && !self.stalled && self.has_room(), !self.output.is_empty());
        tokio::select! {
            answers = self.port.answers(), if self.port.under_way() > 0 => {
                if let Some(answers) = answers {
                    self.take_answers(answers);
                }
                while let Some(answers) = self.port.try_answers() {
                    self.take_answers(answers);
                }
            }
            ready = self.stream.readable(), if reads => {
                ready?;
                self.read_once()?;
            }
            ready = self.stream.writable(), if writes => ready?,
            Some(auction) = self.subscriptions.changed(), if self.has_room() => self.publish(&auction),
            event = Self::feed_event(&mut self.feed), if !self.ending && self.has_room() => self.take_feed_event(event),
            Some(done) = self.wide.join_next() => self.wide_done(done.flatten()),
            changed = self.phases.changed() => {
                // The sender lives as long as the engine; without one there is nothing to serve.
                let is_closing = changed.is_err() || *self.phases.borrow_and_update() == Phase::Closing;
                if is_closing {
                    self.farewell = Some(Farewell::begin());
                }
            }
            () = Farewell::over(self.farewell), if !self.ending => self.read_rest()?,
        }
        Ok(true)
    }

    /// Room for more replies.
    fn has_room(&self) -> bool {
        self.slots.len() < SLOTS_MAX && self.output.len() + self.slot_bytes < OUTPUT_BYTES_MAX
    }

    /// Everything asked has been answered and written, and nothing more is asked; or the engine has failed, after which
    /// nothing may be answered.
    fn is_over(&self) -> bool {
        let answered = self.ending && self.slots.is_empty() && self.output.is_empty();
        answered || *self.phases.borrow() == Phase::Failed
    }

    /// Reads once and decodes what came. False when nothing was there.
    fn read_once(&mut self) -> io::Result<bool> {
        SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
            Ok(0) => {
                self.ending = true;
                Ok(false)
            }
            Ok(bytes) => {
                if let Some(farewell) = &mut self.farewell {
                    farewell.heard();
                }
                if self.carry.is_empty() {
                    let done = self.decode_all(&scratch[..bytes]);
                    self.carry.extend_from_slice(&scratch[done..bytes]);
                } else {
                    let mut carried = std::mem::take(&mut self.carry);
                    carried.extend_from_slice(&scratch[..bytes]);
                    self.decode(carried);
                }
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        })
    }

    /// What has come until now is answered, then the connection ends.
    fn read_rest(&mut self) -> io::Result<()> {
        while !self.ending && !self.stalled && self.has_room() && self.read_once()? {}
        self.ending = true;
        Ok(())
    }

    /// Decodes what was carried, and carries what is left of it.
    fn decode(&mut self, mut carried: Vec<u8>) {
        let done = self.decode_all(&carried);
        if done < carried.len() {
            carried.drain(..done);
            self.carry = carried;
        }
    }

    /// Takes every whole command in `bytes` on and sends them off. Returns how many bytes are done with. All of it counts as
    /// received now; what had to wait because its sender did not read its replies, too.
    fn decode_all(&mut self, bytes: &[u8]) -> usize {
        let server = Arc::clone(&self.server);
        // Held until all is flushed, so that no pulse overtakes what was received before it.
        let received = server.engine.received();
        let mut done = 0;
        while !self.ending {
            if !self.has_room() {
                self.stalled = true;
                break;
            }
            match self.decoder.decode(&bytes[done..]) {
                Ok(step) => {
                    done += step.consumed;
                    match step.item {
                        Item::Command(args) => self.take(request::parse(&args), received.at()),
                        Item::Refused(refusal) => self.answer_error(refusal.code(), &refusal),
                        Item::Blank => {}
                        Item::Incomplete => break,
                    }
                }
                Err(error) => {
                    self.answer_error(gavel_wire::ProtocolError::CODE, &error);
                    self.ending = true;
                }
            }
        }
        self.port.flush();
        drop(received);
        // A connection that is ending carries nothing.
        if self.ending { bytes.len() } else { done }
    }

    /// Moves every reply whose turn has come to the output.
    fn drain_slots(&mut self) {
        while let Some(slot) = self.slots.pop() {
            match slot {
                Slot::Waiting => {}
                Slot::Reply(reply) => encode::reply(&mut self.output, &reply),
                Slot::Bytes(bytes) => {
                    self.slot_bytes -= bytes.len();
                    self.output.extend_from_slice(&bytes);
                }
            }
        }
    }

    fn take_answers(&mut self, answers: gavel_engine::Answers) {
        let (is_full, count) = (self.unwritten.len() == UNWRITTEN_MAX, answers.replies.len());
        match self.unwritten.last_mut() {
            // A reader that is always a little behind never has all of it written: what comes then counts with what came before.
            Some((_, before)) if is_full => *before += count,
            _ => self.unwritten.push((answers.given_at, count)),
        }
        for (ticket, reply) in answers.replies {
            self.slots.fill(ticket, Slot::Reply(reply));
        }
        self.drain_slots();
    }

    /// Writes as much of the output as the socket takes.
    fn write(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.output.len() {
            match self.stream.try_write(&self.output[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.output.drain(..written);
        if self.output.is_empty() {
            self.unwritten.drain(..).for_each(|(given_at, answers)| self.port.delivered(given_at, answers));
        }
        if self.output.is_empty() && self.output.capacity() > READ_BYTES {
            self.output = Vec::new();
        }
        Ok(())
    }

    /// Ends the writing side and reads past what the other side still sends, so that closing does not cut off its last replies.
    async fn linger(mut self) -> io::Result<()> {
        if *self.phases.borrow() == Phase::Failed {
            return Ok(());
        }
        self.stream.shutdown().await?;
        let rest = async {
            loop {
                self.stream.readable().await?;
                let read = SCRATCH.with_borrow_mut(|scratch| self.stream.try_read(scratch));
                match read {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        };
        tokio::time::timeout(Duration::from_millis(LINGER_MS), rest).await.unwrap_or(Ok(()))
    }
}
