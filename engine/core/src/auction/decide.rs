//! Judges commands. Reads the auction, changes nothing.

mod bid;
mod end;
mod sale;
mod seller;
mod withdraw;

use super::{Auction, Context, Decision, Receipt, State};
use crate::command::{Command, Reason};
use crate::event::Origin;
use crate::limits::{EVENTS_PER_AUCTION_MAX, REASON_BYTES_MAX};
use crate::rejection::{InvalidReason, LimitReached, StateReason};
use crate::{Event, EventKind, Rejection, Timestamp};

/// What a command comes to: a fact, or nothing.
type Verdict = Result<Option<EventKind>, Rejection>;

/// What a bid or a purchase comes to: a fact, or the first answer once more.
enum BidVerdict {
    Fact(EventKind),
    Repeat(Receipt),
}

/// One command being judged, at one time.
struct Judge<'a> {
    auction: &'a Auction,
    context: &'a Context<'a>,
    /// The auction's time: that of receipt, but never before the latest event.
    at: Timestamp,
}

/// What an auction does at a point in time. Its state may lag behind until a pulse.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before its start.
    Ahead,
    /// Between start and end.
    Bidding,
    /// Past its end, which has not been decided yet.
    Over,
    /// Ended.
    Ended,
}

impl Auction {
    /// Judges a command. See the table above for what each means in each state.
    ///
    /// # Errors
    /// The rejection, with the number that would do where there is one.
    pub fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        let judge = Judge { auction: self, context, at: context.stamp.received.max(self.at) };
        let bid = match *command {
            Command::Bid { bidder, amount, id } => judge.bid(bidder, amount, id)?,
            Command::BuyNow { bidder, id } => judge.buy_now(bidder, id)?,
            _ => return judge.command(command),
        };
        Ok(match bid {
            BidVerdict::Fact(kind) => Decision::Event(judge.event(kind, Origin::Client)),
            BidVerdict::Repeat(receipt) => Decision::Repeat(receipt),
        })
    }
}

impl Judge<'_> {
    /// Judges what is neither a bid nor a purchase.
    fn command(&self, command: &Command) -> Result<Decision, Rejection> {
        let origin = match command {
            Command::Pulse | Command::GiveBack { .. } => Origin::Engine,
            _ if self.auction.seq.0 >= EVENTS_PER_AUCTION_MAX => {
                return Err(Rejection::TooLarge(LimitReached::Events));
            }
            _ => Origin::Client,
        };
        let fact = self.verdict(command)?;
        Ok(fact.map_or(Decision::Nothing, |kind| Decision::Event(self.event(kind, origin))))
    }

    fn verdict(&self, command: &Command) -> Verdict {
        match command {
            Command::Bid { .. } | Command::BuyNow { .. } => Ok(None),
            Command::Retract { bid, reason } => self.retract(*bid, reason),
            Command::Remove { bidder, reason } => self.remove(*bidder, reason),
            Command::Ban { bidder, standing } => self.ban(*bidder, *standing),
            Command::Unban { bidder } => self.unban(*bidder),
            Command::Extend { ends_at } => self.extend(*ends_at),
            Command::End => self.end_early(),
            Command::Cancel { reason } => self.cancel(reason),
            Command::Edit { details } => self.edit(details),
            Command::LowerReserve { reserve } => self.lower_reserve(*reserve),
            Command::GiveBack { ends_at } => self.give_back(*ends_at),
            Command::Pulse => Ok(self.pulse()),
            Command::Paid => self.paid(),
            Command::Unpaid => self.unpaid(),
            Command::AcceptOffer { bidder } => self.accept_offer(*bidder),
            Command::DeclineOffer { bidder } => self.decline_offer(*bidder),
        }
    }

    fn event(&self, kind: EventKind, origin: Origin) -> Event {
        let Auction { id, seq, .. } = *self.auction;
        Event { auction: id, seq: seq.next(), stamp: self.context.stamp, at: self.at, origin, kind }
    }

    fn phase(&self) -> Phase {
        match self.auction.state {
            State::Scheduled | State::Open if self.at >= self.auction.ends_at => Phase::Over,
            State::Scheduled if self.at < self.auction.terms.starts_at => Phase::Ahead,
            State::Scheduled | State::Open => Phase::Bidding,
            _ => Phase::Ended,
        }
    }

    /// The state as it is told: an auction whose start has come is open.
    fn state(&self) -> State {
        match (self.auction.state, self.phase()) {
            (State::Scheduled, Phase::Bidding | Phase::Over) => State::Open,
            (state, _) => state,
        }
    }

    /// "Not in this state", for one more reason.
    fn state_error<T>(&self, reason: StateReason) -> Result<T, Rejection> {
        Err(Rejection::State(self.state(), reason))
    }

    /// Refuses what has no meaning in this state.
    fn wrong_state<T>(&self) -> Result<T, Rejection> {
        self.state_error(StateReason::WrongState)
    }

    /// For commands of the seller and the operator: the auction has not ended, neither by event nor by its time.
    fn before_end(&self) -> Result<Phase, Rejection> {
        match self.phase() {
            Phase::Over => Err(Rejection::Closed(self.auction.ends_at)),
            Phase::Ended => self.wrong_state(),
            phase => Ok(phase),
        }
    }
}

fn check_reason(reason: &Reason) -> Result<(), Rejection> {
    if (1..=REASON_BYTES_MAX).contains(&reason.0.len()) {
        Ok(())
    } else {
        Err(Rejection::Invalid(InvalidReason::Reason))
    }
}
