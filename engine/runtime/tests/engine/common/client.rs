//! A connection: pushes commands through a port of its own, and keeps the answers until they are asked for.

use super::opening;
use gavel_core::{AuctionId, Command, Receipt, TermsDraft, Timestamp};
use gavel_engine::{
    Answers, AuctionCommand, Engine, Handle, Phase, Port, PushedOpening, Refusal, Reply, Ticket,
};
use std::collections::HashMap;

pub(crate) struct Client {
    pub(crate) handle: Handle,
    pub(crate) port: Port,
    next: u64,
    /// Answers that came and were not asked for yet.
    answers: HashMap<Ticket, Reply>,
    /// The order in which all answers came.
    pub(crate) order: Vec<Ticket>,
}

impl Client {
    pub(crate) fn new(engine: &Engine) -> Self {
        let handle = engine.handle();
        Self { port: handle.port(), handle, next: 0, answers: HashMap::new(), order: Vec::new() }
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    /// Pushes without flushing.
    pub(crate) fn push(
        &mut self,
        received: Timestamp,
        auction: AuctionId,
        command: Command,
    ) -> Result<Ticket, Refusal> {
        let ticket = self.ticket();
        self.port.push(ticket, received, AuctionCommand { auction, command }).map(|()| ticket)
    }

    /// Sends a command on an auction, stamped so.
    pub(crate) fn send_at(&mut self, id: AuctionId, command: Command, received: Timestamp) -> Ticket {
        let pushed = self.push(received, id, command);
        self.port.flush();
        pushed.expect("there is credit")
    }

    /// Sends a command on an auction, stamped now.
    pub(crate) fn send(&mut self, id: AuctionId, command: Command) -> Ticket {
        self.send_at(id, command, self.handle.now())
    }

    /// Sends a command on an auction and waits for its answer.
    pub(crate) async fn ask(&mut self, id: AuctionId, command: Command) -> Reply {
        let ticket = self.send(id, command);
        self.answer(ticket).await
    }

    /// As [`Client::ask`], of a bid that is to be accepted.
    pub(crate) async fn receipt(&mut self, id: AuctionId, command: Command) -> Receipt {
        match self.ask(id, command).await {
            Reply::Receipt(receipt) => receipt,
            other => panic!("no receipt: {other:?}"),
        }
    }

    /// Sends a request to open; the answer where it is refused at once.
    pub(crate) fn send_open(&mut self, draft: TermsDraft, id: Option<u128>) -> Result<Ticket, Reply> {
        let ticket = self.ticket();
        let received = self.handle.now();
        let pushed = self.port.push_open(ticket, received, opening(draft, id, received));
        self.port.flush();
        match pushed.expect("there is credit") {
            PushedOpening::Taken => Ok(ticket),
            PushedOpening::Rejected(rejection) => Err(Reply::Rejected(rejection)),
        }
    }

    /// Asks to open an auction and waits for the answer.
    pub(crate) async fn ask_open(&mut self, draft: TermsDraft, id: Option<u128>) -> Reply {
        match self.send_open(draft, id) {
            Ok(ticket) => self.answer(ticket).await,
            Err(reply) => reply,
        }
    }

    /// Opens an auction.
    pub(crate) async fn open(&mut self, draft: TermsDraft) -> AuctionId {
        match self.ask_open(draft, None).await {
            Reply::Opened(id, _) => id,
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Waits for the answer to one command.
    pub(crate) async fn answer(&mut self, ticket: Ticket) -> Reply {
        loop {
            if let Some(reply) = self.answers.remove(&ticket) {
                return reply;
            }
            let answers = self.port.answers().await.expect("the port lives");
            self.keep(answers);
        }
    }

    /// As [`Client::answer`]; `None` when the engine fails and the answer had not come before.
    pub(crate) async fn answer_unless_failed(&mut self, ticket: Ticket) -> Option<Reply> {
        let mut phases = self.handle.phases();
        loop {
            self.take_answers();
            if let Some(reply) = self.answers.remove(&ticket) {
                return Some(reply);
            }
            let answers = tokio::select! {
                biased;
                answers = self.port.answers() => answers,
                _ = phases.wait_for(|phase| *phase == Phase::Failed) => return None,
            };
            self.keep(answers.expect("the port lives"));
        }
    }

    /// Pushes a request to open, without flushing.
    pub(crate) fn push_open(&mut self, draft: TermsDraft) -> Result<Ticket, Refusal> {
        let ticket = self.ticket();
        let received = self.handle.now();
        self.port.push_open(ticket, received, opening(draft, None, received)).map(|_| ticket)
    }

    /// Takes what has been answered already, without waiting. How many answers there were.
    pub(crate) fn take_answers(&mut self) -> usize {
        let mut count = 0;
        while let Some(answers) = self.port.try_answers() {
            count += answers.replies.len();
            self.keep(answers);
        }
        count
    }

    fn keep(&mut self, answers: Answers) {
        for (ticket, reply) in answers.replies {
            self.order.push(ticket);
            assert!(self.answers.insert(ticket, reply).is_none(), "{ticket:?} was answered twice");
        }
    }
}
