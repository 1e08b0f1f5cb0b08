//! One connection of a run.
//!
//! **Invariants.** `pending` holds the bids that were sent and not answered, in the order of their sending, which is the
//! order of the replies. A bid is in exactly one of `pending` and `again`, until it is answered or its fate is recorded as
//! unknown. A bid is sent again only with its own id, or when the answer said that it was not taken.

use super::bid::{Bid, Ids};
use super::books::Books;
use super::face::{Answer, Face};
use super::socket::Socket;
use super::stats::LATE_NS;
use super::worker::Plot;
use crate::distribution::{Chooser, Picker, unit};
use gavel_wire::Code;
use rustix::event::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io;

const BACKOFF_LEAST_NS: u64 = 1_000_000;
const BACKOFF_MOST_NS: u64 = 100_000_000;
const RECONNECT_EVERY_NS: u64 = 50_000_000;

/// A connection: up, down and tried again, or given up.
#[derive(Debug)]
enum State {
    Up(Box<Socket>),
    Down { since_ns: u64, next_try_ns: u64 },
    GivenUp,
}

#[derive(Debug)]
pub(super) struct Lane {
    state: State,
    picker: Picker,
    chooser: Chooser,
    ids: Ids,
    pending: VecDeque<Bid>,
    again: VecDeque<Bid>,
    /// Not 0 from a `BUSY` or `LOADING` on until a bid is taken or refused again; doubles meanwhile.
    backoff_ns: u64,
    silent_until_ns: u64,
}

impl Lane {
    pub(super) fn new(plot: &Plot, index: u32, picker: Picker, now_ns: u64) -> Self {
        let pipeline = plot.options.pipeline as usize;
        Self {
            state: State::Down { since_ns: now_ns, next_try_ns: now_ns },
            picker,
            chooser: plot.chooser(u64::from(index)),
            ids: Ids::new(plot.run, index),
            pending: VecDeque::with_capacity(pipeline),
            again: VecDeque::new(),
            backoff_ns: 0,
            silent_until_ns: 0,
        }
    }

    /// What to wait for on the socket; `None` while there is none.
    pub(super) fn interest(&self) -> Option<PollFd<'_>> {
        let State::Up(socket) = &self.state else { return None };
        let writes = if socket.wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
        Some(PollFd::new(socket.stream(), PollFlags::IN | writes))
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// True when this lane has nothing left to send or to wait for.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.again.is_empty()
    }

    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.state, State::GivenUp)
    }

    /// When this lane wants to be looked at next, whatever its socket does.
    pub(super) fn next_ns(&self) -> u64 {
        match self.state {
            State::Down { next_try_ns, .. } => next_try_ns,
            State::Up(_) if self.backoff_ns > 0 && self.pending.is_empty() => self.silent_until_ns,
            _ => u64::MAX,
        }
    }

    /// How many more bids may be in flight now.
    pub(super) fn room(&self, plot: &Plot) -> usize {
        if !self.is_up() || self.backoff_ns > 0 {
            return 0;
        }
        (plot.options.pipeline as usize).saturating_sub(self.pending.len() + self.again.len())
    }

    /// Makes a bid that was due at `due_ns`, and encodes it.
    pub(super) fn make(&mut self, plot: &Plot, books: &mut Books, due_ns: u64, now_ns: u64) {
        let State::Up(socket) = &mut self.state else { return };
        let auction = self
            .picker
            .pick(&mut self.chooser, plot.clock.wall_us(now_ns), |auction| plot.board.end_us(auction));
        let offer = plot.board.offer(auction, &mut self.chooser);
        let with_id = plot.options.retry_ids > 0.0 && unit(&mut self.chooser) < plot.options.retry_ids;
        let id = with_id.then(|| self.ids.next());
        let bid = Bid {
            auction,
            bidder: offer.bidder,
            amount: offer.amount,
            id,
            due_ns,
            sent_ns: now_ns,
            uncertain: false,
        };
        let stats = books.stats(due_ns);
        stats.made += 1;
        stats.late += u64::from(now_ns - due_ns > LATE_NS);
        put(plot, socket, &bid);
        self.pending.push_back(bid);
    }

    /// Sends what is to be sent again and writes what is encoded.
    pub(super) fn flush(&mut self, plot: &Plot, books: &mut Books, now_ns: u64) {
        let State::Up(socket) = &mut self.state else { return };
        // After BUSY or LOADING one bid asks whether it is better now; the others follow when it was taken.
        let asks = now_ns >= self.silent_until_ns && self.pending.is_empty();
        let sends = if self.backoff_ns == 0 { usize::MAX } else { usize::from(asks) };
        for _ in 0..sends.min(self.again.len()) {
            if let Some(bid) = self.again.pop_front() {
                put(plot, socket, &bid);
                books.stats(bid.due_ns).resent += 1;
                self.pending.push_back(bid);
            }
        }
        if socket.flush().is_err() {
            self.lose(plot, books, now_ns);
        }
    }

    /// Connects, where it is time to; gives up where it has been tried for too long.
    pub(super) fn connect(&mut self, plot: &Plot, books: &mut Books, now_ns: u64) {
        let State::Down { since_ns, next_try_ns } = self.state else { return };
        if now_ns < next_try_ns {
            return;
        }
        match Socket::connect(Face::address(&plot.options)) {
            Ok(socket) => {
                self.state = State::Up(Box::new(socket));
                plot.shared.connected(true);
            }
            Err(_) if now_ns - since_ns >= plot.options.reconnect_for.as_nanos() as u64 => {
                self.state = State::GivenUp;
                self.abandon(plot, books);
            }
            Err(_) => self.state = State::Down { since_ns, next_try_ns: now_ns + RECONNECT_EVERY_NS },
        }
    }

    /// Reads once and takes in every whole reply.
    pub(super) fn read(&mut self, plot: &Plot, books: &mut Books) {
        let State::Up(socket) = &mut self.state else { return };
        let read = socket.fill();
        let now_ns = plot.clock.elapsed_ns();
        let outcome = match read {
            Ok(true) => self.take_replies(plot, books, now_ns),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            self.lose(plot, books, now_ns);
        }
    }

    fn take_replies(&mut self, plot: &Plot, books: &mut Books, now_ns: u64) -> io::Result<()> {
        let State::Up(socket) = &mut self.state else { return Ok(()) };
        let (input, mut used) = (socket.input(), 0);
        while let Some((answer, length)) = plot.face.decode(&input[used..])? {
            let Some(bid) = self.pending.pop_front() else {
                return Err(io::Error::other("a reply to nothing"));
            };
            used += length;
            match answer {
                Answer::Accepted(receipt) => books.accepted(plot, &bid, &receipt, now_ns),
                Answer::Refused { code: code @ (Code::Busy | Code::Loading), .. } => {
                    books.not_now(&bid, code);
                    self.again.push_back(bid);
                    if now_ns >= self.silent_until_ns {
                        self.backoff_ns = (self.backoff_ns * 2).clamp(BACKOFF_LEAST_NS, BACKOFF_MOST_NS);
                        self.silent_until_ns = now_ns + self.backoff_ns;
                    }
                    continue;
                }
                Answer::Refused { code, least } => books.refused(plot, &bid, code, least, now_ns),
            }
            self.backoff_ns = 0;
        }
        socket.consume(used);
        Ok(())
    }

    /// The connection is gone: bids with ids wait to be sent again, the others' fate is unknown.
    fn lose(&mut self, plot: &Plot, books: &mut Books, now_ns: u64) {
        plot.shared.connected(false);
        books.stats(now_ns).lost_connections += 1;
        self.state = State::Down { since_ns: now_ns, next_try_ns: now_ns };
        (self.backoff_ns, self.silent_until_ns) = (0, 0);
        for mut bid in std::mem::take(&mut self.pending).into_iter().rev() {
            if bid.id.is_some() {
                bid.uncertain = true;
                self.again.push_front(bid);
            } else {
                books.unknown(plot, &bid);
            }
        }
    }

    /// Gives up on every bid that is not answered.
    pub(super) fn abandon(&mut self, plot: &Plot, books: &mut Books) {
        self.pending.drain(..).for_each(|bid| books.unknown(plot, &bid));
        for bid in self.again.drain(..) {
            if bid.uncertain {
                books.unknown(plot, &bid);
            } else {
                books.abandoned(plot, &bid);
            }
        }
    }
}

fn put(plot: &Plot, socket: &mut Socket, bid: &Bid) {
    plot.face.encode(socket.output(), plot.auctions[bid.auction as usize], bid);
}
