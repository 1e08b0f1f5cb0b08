//! What the connections of one HTTP thread share: a port into the engine, the requests that wait for its answers, and the
//! auctions that are watched.
//!
//! A handler pushes its command and wakes the pump, a task of the thread. The pump's turn comes behind the handlers that were
//! ready with it, so what many connections bring at once goes to each shard as one message. It then takes the answers that
//! are there and wakes who waits for them.

use super::answers::RememberedAnswers;
use super::feed::Feeds;
use super::problem::Problem;
use super::resume::Readings;
use crate::server::Server;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use foldhash::HashMap;
use gavel_core::rejection::Missing;
use gavel_core::{AuctionId, Command, Rejection, Timestamp};
use gavel_engine::{
    AuctionCommand, LiveAuction, Opening, Phase, Port, PushedOpening, Refusal, Reply, Ticket,
};
use gavel_wire::Code;
use std::cell::{Cell, RefCell};
use std::future::{Ready, poll_fn, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};
use tokio::sync::oneshot;

/// What all HTTP threads share.
pub(super) struct Common {
    pub(super) server: Arc<Server>,
    pub(super) answers: RememberedAnswers,
    /// Commands to all shards under way.
    pub(super) wide: AtomicUsize,
    pub(super) readings: Readings,
}

/// What the connections of one thread share.
pub(super) struct Worker {
    pub(super) common: Arc<Common>,
    pub(super) feeds: Feeds,
    port: RefCell<Port>,
    waiting: RefCell<HashMap<Ticket, oneshot::Sender<Reply>>>,
    last_ticket: Cell<u64>,
    pump: RefCell<Option<Waker>>,
}

/// The thread that a request has come in on.
#[derive(Clone)]
pub(super) struct Here(pub(super) Rc<Worker>);

impl Worker {
    /// Called once on each thread.
    pub(super) fn start(common: Arc<Common>) -> Rc<Self> {
        let worker = Rc::new(Self {
            feeds: Feeds::default(),
            port: RefCell::new(common.server.engine.shared_port()),
            waiting: RefCell::default(),
            last_ticket: Cell::new(0),
            pump: RefCell::default(),
            common,
        });
        let pump = Rc::clone(&worker);
        actix_web::rt::spawn(async move { poll_fn(|context| pump.turn(context)).await });
        worker
    }

    /// Sends what was pushed, and hands out the answers that are there.
    fn turn(&self, context: &mut Context<'_>) -> Poll<()> {
        *self.pump.borrow_mut() = Some(context.waker().clone());
        let mut port = self.port.borrow_mut();
        port.flush();
        while let Poll::Ready(answers) = port.poll_answers(context) {
            let Some(answers) = answers else { return Poll::Ready(()) };
            port.delivered(answers.given_at, answers.replies.len());
            let mut waiting = self.waiting.borrow_mut();
            for (ticket, reply) in answers.replies {
                // Who has gone meanwhile wants no answer.
                if let Some(Err(_unheard)) = waiting.remove(&ticket).map(|tell| tell.send(reply)) {}
            }
        }
        Poll::Pending
    }

    fn wake_pump(&self) {
        if let Some(pump) = &*self.pump.borrow() {
            pump.wake_by_ref();
        }
    }

    /// Sends a command to its auction and waits until the answer is durable.
    ///
    /// # Errors
    /// It was not taken.
    pub(super) async fn decide(&self, auction: AuctionId, command: Command) -> Result<Reply, Problem> {
        let answer = self.push(|port, ticket, received| {
            port.push(ticket, received, AuctionCommand { auction, command }).map(|()| None)
        })?;
        Ok(answer.wait().await)
    }

    /// The same, with a refusal by the rules as a problem.
    ///
    /// # Errors
    /// It was not taken, or refused by the rules.
    pub(super) async fn ask(&self, auction: AuctionId, command: Command) -> Result<Reply, Problem> {
        match self.decide(auction, command).await? {
            Reply::Rejected(rejection) => {
                let live = self.common.server.engine.live(auction);
                Err(Problem::rejection(&rejection, live.as_deref()))
            }
            reply => Ok(reply),
        }
    }

    /// Sends a request to open an auction and waits until the answer is durable. `judge` is told the time of receipt.
    ///
    /// # Errors
    /// Not taken, or refused by the rules.
    pub(super) async fn open(&self, judge: impl FnOnce(Timestamp) -> Opening) -> Result<Reply, Problem> {
        let answer = self.push(|port, ticket, received| {
            match port.push_open(ticket, received, Box::new(judge(received)))? {
                PushedOpening::Taken => Ok(None),
                PushedOpening::Rejected(rejection) => Ok(Some(Reply::Rejected(rejection))),
            }
        })?;
        match answer.wait().await {
            Reply::Rejected(rejection) => Err(Problem::rejection(&rejection, None)),
            reply => Ok(reply),
        }
    }

    /// Pushes one command; `push` may know the answer at once. Whatever comes of it, the pump gets its turn: it lets go of
    /// the time of receipt, which pulses wait for.
    fn push(
        &self,
        push: impl FnOnce(&mut Port, Ticket, Timestamp) -> Result<Option<Reply>, Refusal>,
    ) -> Result<Answer, Problem> {
        let mut port = self.port.borrow_mut();
        let received = port.receive();
        self.wake_pump();
        let ticket = Ticket(self.last_ticket.get() + 1);
        self.last_ticket.set(ticket.0);
        match push(&mut port, ticket, received) {
            Ok(Some(reply)) => Ok(Answer::Known(reply)),
            Ok(None) => {
                let (tell, answer) = oneshot::channel();
                self.waiting.borrow_mut().insert(ticket, tell);
                Ok(Answer::Coming(answer))
            }
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    /// A refusal as a problem; those for want of credit are counted.
    pub(super) fn refused(&self, refusal: Refusal) -> Problem {
        if refusal != Refusal::Loading {
            self.common.server.engine.count_busy(1);
        }
        refusal.into()
    }

    /// An auction of the live view.
    ///
    /// # Errors
    /// There is none, or the log is still being read.
    pub(super) fn live(&self, auction: AuctionId) -> Result<Arc<LiveAuction>, Problem> {
        let engine = &self.common.server.engine;
        if engine.phase() == Phase::Loading {
            return Err(Refusal::Loading.into());
        }
        let missing = Rejection::NotFound(Missing::Auction);
        engine.live(auction).ok_or_else(|| Problem::new(Code::of(&missing), &missing))
    }
}

/// The answer to one command.
enum Answer {
    Known(Reply),
    Coming(oneshot::Receiver<Reply>),
}

impl Answer {
    /// When the log has failed there is none: nothing may be answered, and the process is about to end.
    async fn wait(self) -> Reply {
        match self {
            Self::Known(reply) => reply,
            Self::Coming(answer) => match answer.await {
                Ok(reply) => reply,
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl FromRequest for Here {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let worker = request.app_data::<Rc<Worker>>().cloned();
        ready(
            worker
                .map(Self)
                .ok_or_else(|| Problem::new(Code::Busy, "this thread has no way into the engine")),
        )
    }
}
