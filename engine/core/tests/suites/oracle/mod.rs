//! The rules once more, as naively as they can be said: the oracle for the fast implementation.
//!
//! It keeps a plain list of all bids and computes everything from it anew for every question. It shares the plain types
//! (ids, amounts, times, terms' fields, events) with the crate, and no rule.

mod after_end;
mod price;

use gavel_core::auction::{ReserveStatus, View};
use gavel_core::command::StandingBids;
use gavel_core::event::*;
use gavel_core::limits::*;
use gavel_core::rejection::*;
use gavel_core::terms::*;
use gavel_core::*;

/// One accepted bid.
#[derive(Clone, Debug)]
pub(crate) struct ListedBid {
    pub id: BidId,
    pub bidder: AccountId,
    pub amount: Amount,
    pub purchase: bool,
    pub gone: bool,
    pub receipt: Receipt,
}

/// Everything the oracle knows.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub id: AuctionId,
    pub terms: ValidDraft,
    pub state: State,
    pub seq: u32,
    pub at: Timestamp,
    pub position: Position,
    pub ends_at: Timestamp,
    pub deadline: Option<Timestamp>,
    pub reserve: Option<Amount>,
    pub bids: Vec<ListedBid>,
    pub banned: Vec<AccountId>,
    /// Winner or offeree, with the price.
    pub buyer: Option<(AccountId, Amount)>,
    pub failed: Vec<AccountId>,
    pub edits: u32,
}

/// What a command should come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Fact(EventKind),
    Again(Receipt),
    Nothing,
}

/// Bans of wider scope: bidder, and seller or everybody.
pub(crate) type WideBans = [(AccountId, Option<AccountId>)];

fn not_now<T>(state: State) -> Result<T, Rejection> {
    Err(Rejection::State(state, StateReason::WrongState))
}

impl Oracle {
    pub(crate) fn new(id: AuctionId, terms: &Terms, opened_at: Timestamp, position: Position) -> Self {
        let terms: ValidDraft = (**terms).clone();
        Self {
            id,
            state: if terms.starts_at > opened_at { State::Scheduled } else { State::Open },
            seq: 1,
            at: opened_at,
            position,
            ends_at: terms.ends_at,
            deadline: None,
            reserve: terms.reserve_price,
            bids: vec![],
            banned: vec![],
            buyer: None,
            failed: vec![],
            edits: 0,
            terms,
        }
    }

    /// What the command should come to when it is received then.
    pub(crate) fn judge(
        &self,
        command: &Command,
        received: Timestamp,
        wide: &WideBans,
    ) -> Result<Answer, Rejection> {
        let now = if received > self.at { received } else { self.at };
        let mut this = self.clone();
        // An auction whose start has come is open.
        if this.state == State::Scheduled && now >= this.terms.starts_at && *command != Command::Pulse {
            this.state = State::Open;
        }
        let fact = match command.clone() {
            Command::Bid { bidder, amount, id } => return this.judge_bid(bidder, amount, id, now, wide),
            Command::BuyNow { bidder, id } => return this.judge_purchase(bidder, id, now, wide),
            Command::Pulse => this.due(now, wide),
            Command::GiveBack { ends_at } => this.judge_give_back(ends_at, now)?,
            Command::Paid | Command::Unpaid | Command::AcceptOffer { .. } | Command::DeclineOffer { .. } => {
                this.judge_sale(command, now, wide)?
            }
            command => this.judge_other(command, now)?,
        };
        Ok(fact.map_or(Answer::Nothing, Answer::Fact))
    }

    /// True when bids are not taken any more, though no event has said so.
    fn over(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Scheduled | State::Open) && now >= self.ends_at
    }

    fn judge_bid(
        &self,
        bidder: AccountId,
        amount: Amount,
        id: Option<BidId>,
        now: Timestamp,
        wide: &WideBans,
    ) -> Result<Answer, Rejection> {
        if let Some(again) = self.used(id, bidder, Some(amount))? {
            return Ok(again);
        }
        if amount.get() == 0 {
            return Err(Rejection::Invalid(InvalidReason::Amount));
        }
        self.may_bid(bidder, now, wide)?;
        let before = self.standing();
        let own = before.filter(|before| before.leader == bidder && self.terms.proxy);
        let least = match own {
            Some(own) => own.max.get() + 1,
            None => self.least_next(),
        };
        if least > AMOUNT_MAX {
            return Err(Rejection::TooLarge(LimitReached::Price));
        }
        if amount.get() < least {
            return Err(Rejection::TooLow(Amount::new(least).unwrap()));
        }
        let after = self.standing_with(bidder, amount);
        let rose = before.is_none_or(|before| after.price > before.price);
        let new_leader = before.is_none_or(|before| after.leader != before.leader);
        Ok(Answer::Fact(EventKind::BidAccepted(BidAccepted {
            id: id.unwrap_or(BidId::assigned(self.id, Seq(self.seq + 1))),
            bidder,
            amount,
            price: after.price,
            leading: after.leader == bidder,
            extended_to: self.moved_end(now, rose, new_leader),
        })))
    }

    fn judge_purchase(
        &self,
        bidder: AccountId,
        id: Option<BidId>,
        now: Timestamp,
        wide: &WideBans,
    ) -> Result<Answer, Rejection> {
        if let Some(again) = self.used(id, bidder, None)? {
            return Ok(again);
        }
        self.may_bid(bidder, now, wide)?;
        let Some(buy_now) = self.terms.buy_now else {
            return Err(Rejection::State(self.state, StateReason::NoBuyNow));
        };
        if !self.buy_now_available() {
            return Err(Rejection::State(self.state, StateReason::BuyNowGone));
        }
        Ok(Answer::Fact(EventKind::BoughtNow {
            id: id.unwrap_or(BidId::assigned(self.id, Seq(self.seq + 1))),
            buyer: bidder,
            price: buy_now.price,
            pay_by: now.saturating_add(self.terms.payment_window),
        }))
    }

    fn buy_now_available(&self) -> bool {
        self.terms.buy_now.is_some_and(|buy_now| match buy_now.policy {
            BuyNowPolicy::UntilFirstBid => self.bids.is_empty(),
            BuyNowPolicy::Always => self.least_next() <= buy_now.price.get(),
        })
    }

    /// `amount` is `None` for a purchase.
    fn used(
        &self,
        id: Option<BidId>,
        bidder: AccountId,
        amount: Option<Amount>,
    ) -> Result<Option<Answer>, Rejection> {
        let Some(id) = id else { return Ok(None) };
        for bid in &self.bids {
            if bid.id == id {
                let same = bid.bidder == bidder
                    && if bid.purchase { amount.is_none() } else { amount == Some(bid.amount) };
                return if same { Ok(Some(Answer::Again(bid.receipt))) } else { Err(Rejection::IdConflict) };
            }
        }
        if id.as_assigned().is_some() { Err(Rejection::Invalid(InvalidReason::AssignedId)) } else { Ok(None) }
    }

    fn may_bid(&self, bidder: AccountId, now: Timestamp, wide: &WideBans) -> Result<(), Rejection> {
        if self.state == State::Scheduled {
            return Err(Rejection::NotStarted(self.terms.starts_at));
        }
        if self.state != State::Open || now >= self.ends_at {
            return Err(Rejection::Closed(self.ends_at));
        }
        if bidder == self.terms.seller {
            return Err(Rejection::SellerBid);
        }
        if self.is_banned(bidder, wide) { Err(Rejection::Banned) } else { Ok(()) }
    }

    pub(crate) fn is_banned(&self, bidder: AccountId, wide: &WideBans) -> bool {
        let seller = self.terms.seller;
        self.banned.contains(&bidder)
            || wide.contains(&(bidder, None))
            || wide.contains(&(bidder, Some(seller)))
    }

    /// Soft close, in plain microseconds.
    fn moved_end(&self, now: Timestamp, rose: bool, new_leader: bool) -> Option<Timestamp> {
        let soft = self.terms.soft_close?;
        let counts = match soft.trigger {
            SoftCloseTrigger::Any => true,
            SoftCloseTrigger::Price => rose,
            SoftCloseTrigger::Leader => new_leader,
        };
        let (now, end) = (now.micros(), self.ends_at.micros());
        if !counts || end - now > soft.window.micros() {
            return None;
        }
        let mut new_end = match soft.mode {
            SoftCloseMode::FromBid if now + soft.extension.micros() > end => now + soft.extension.micros(),
            SoftCloseMode::FromBid => end,
            SoftCloseMode::FromEnd => end + soft.extension.micros(),
            SoftCloseMode::Reset => now + soft.extension.micros(),
        };
        // Time that was given back may have moved the end beyond the cap; then that is the limit.
        let limit = self.cap().micros().max(end);
        if new_end > limit {
            new_end = limit;
        }
        if new_end == end { None } else { Timestamp::from_micros(new_end) }
    }

    /// The hard end, or 366 days after the start.
    fn cap(&self) -> Timestamp {
        let longest = self.terms.starts_at.micros() + 366 * 86_400 * 1_000_000;
        let hard = self.terms.soft_close.and_then(|soft| soft.hard_end).map_or(longest, |end| end.micros());
        Timestamp::from_micros(if hard < longest { hard } else { longest }).unwrap()
    }

    fn judge_give_back(&self, ends_at: Timestamp, now: Timestamp) -> Result<Option<EventKind>, Rejection> {
        match self.state {
            State::Scheduled | State::Open if ends_at <= self.ends_at => Ok(None),
            State::Scheduled | State::Open if ends_at <= now => Err(Rejection::Invalid(InvalidReason::End)),
            State::Scheduled | State::Open => {
                Ok(Some(EventKind::EndMoved { ends_at, cause: EndMovedCause::GivenBack }))
            }
            state => not_now(state),
        }
    }

    /// Commands of sellers and operators that are not about payment.
    fn judge_other(&self, command: Command, now: Timestamp) -> Result<Option<EventKind>, Rejection> {
        if let Command::Retract { reason, .. } | Command::Remove { reason, .. } | Command::Cancel { reason } =
            &command
            && (reason.0.is_empty() || reason.0.len() > REASON_BYTES_MAX)
        {
            return Err(Rejection::Invalid(InvalidReason::Reason));
        }
        if matches!(command, Command::Cancel { .. }) && self.state == State::Cancelled {
            return Ok(None);
        }
        if self.over(now) {
            return Err(Rejection::Closed(self.ends_at));
        }
        let sold = matches!(self.state, State::Awarded | State::Offered);
        if let Command::Ban { bidder, standing } = command
            && (sold || !self.state.is_final())
        {
            return self.judge_ban(bidder, standing == StandingBids::Remove && !sold);
        }
        if let Command::Unban { bidder } = command
            && (sold || !self.state.is_final())
        {
            let known = self.banned.contains(&bidder);
            return if known {
                Ok(Some(EventKind::BidderUnbanned { bidder }))
            } else {
                Err(Rejection::NotFound(Missing::Ban))
            };
        }
        if !matches!(self.state, State::Scheduled | State::Open) {
            return not_now(self.state);
        }
        match command {
            Command::Retract { bid, reason } => self.judge_retraction(bid, reason, now),
            Command::Remove { bidder, reason } => self.judge_removal(bidder, reason),
            Command::Extend { ends_at } => self.judge_extension(ends_at),
            Command::End if self.state == State::Scheduled => not_now(self.state),
            Command::End => Ok(Some(EventKind::Ended { outcome: self.outcome(now), early: true })),
            Command::Cancel { reason } => Ok(Some(EventKind::Cancelled { reason })),
            Command::Edit { details } => self.judge_edit(details),
            Command::LowerReserve { reserve } => self.judge_reserve(reserve),
            _ => unreachable!(),
        }
    }

    fn judge_ban(&self, bidder: AccountId, remove: bool) -> Result<Option<EventKind>, Rejection> {
        if self.banned.contains(&bidder) {
            return Err(Rejection::State(self.state, StateReason::AlreadyBanned));
        }
        if self.banned.len() == AUCTION_BANS_MAX {
            return Err(Rejection::TooLarge(LimitReached::Bans));
        }
        let has_bids = self.bids.iter().any(|bid| !bid.gone && bid.bidder == bidder);
        let left = self.leadership_where(|bid| bid.bidder != bidder);
        Ok(Some(EventKind::BidderBanned { bidder, removed: (remove && has_bids).then(|| Box::new(left)) }))
    }

    fn judge_retraction(
        &self,
        id: BidId,
        reason: Reason,
        now: Timestamp,
    ) -> Result<Option<EventKind>, Rejection> {
        let Some(bid) = self.bids.iter().find(|bid| bid.id == id && !bid.gone) else {
            return Err(Rejection::NotFound(Missing::Bid));
        };
        let allowed = match self.terms.retraction {
            Retraction::Never => false,
            Retraction::Until(left) => self.ends_at.micros() - now.micros() > left.micros(),
        };
        if !allowed {
            return Err(Rejection::State(self.state, StateReason::NoRetraction));
        }
        let left = self.leadership_where(|bid| bid.id != id);
        Ok(Some(EventKind::BidRetracted(Box::new(BidRetracted { id, bidder: bid.bidder, reason, left }))))
    }

    fn judge_removal(&self, bidder: AccountId, reason: Reason) -> Result<Option<EventKind>, Rejection> {
        let count = self.bids.iter().filter(|bid| !bid.gone && bid.bidder == bidder).count() as u32;
        if count == 0 {
            return Err(Rejection::NotFound(Missing::Bidder));
        }
        let left = self.leadership_where(|bid| bid.bidder != bidder);
        Ok(Some(EventKind::BidsRemoved(Box::new(BidsRemoved { bidder, reason, count, left }))))
    }

    fn judge_extension(&self, ends_at: Timestamp) -> Result<Option<EventKind>, Rejection> {
        if ends_at <= self.ends_at {
            return Err(Rejection::State(self.state, StateReason::EndNotLater));
        }
        if ends_at.micros() > self.terms.starts_at.micros() + 366 * 86_400 * 1_000_000 {
            return Err(Rejection::Invalid(InvalidReason::End));
        }
        if ends_at > self.cap() {
            return Err(Rejection::State(self.state, StateReason::BeyondHardEnd));
        }
        Ok(Some(EventKind::EndMoved { ends_at, cause: EndMovedCause::Command }))
    }

    fn judge_edit(&self, details: Details) -> Result<Option<EventKind>, Rejection> {
        if details.0.len() > DETAILS_BYTES_MAX {
            return Err(Rejection::TooLarge(LimitReached::Details));
        }
        if self.edits == EDITS_PER_AUCTION_MAX {
            return Err(Rejection::TooLarge(LimitReached::Edits));
        }
        Ok(Some(EventKind::DetailsEdited { details, appended: !self.bids.is_empty() }))
    }

    fn judge_reserve(&self, reserve: Option<Amount>) -> Result<Option<EventKind>, Rejection> {
        match self.reserve_status() {
            ReserveStatus::None => return Err(Rejection::State(self.state, StateReason::NoReserve)),
            ReserveStatus::Met => return Err(Rejection::State(self.state, StateReason::ReserveMet)),
            ReserveStatus::NotMet => {}
        }
        if reserve.is_some_and(|reserve| reserve.get() == 0) {
            return Err(Rejection::Invalid(InvalidReason::Amount));
        }
        if reserve.is_some() && reserve >= self.reserve {
            return Err(Rejection::Invalid(InvalidReason::ReserveNotLower));
        }
        let lower = Self { reserve, ..self.clone() };
        Ok(Some(EventKind::ReserveLowered {
            reserve,
            price: lower.standing().map(|standing| standing.price),
        }))
    }

    /// What everybody should see.
    pub(crate) fn view(&self) -> View {
        let standing: Vec<AccountId> =
            self.bids.iter().filter(|bid| !bid.gone).map(|bid| bid.bidder).collect();
        let (leader, price) = self.leader_and_price();
        let takes_bids = matches!(self.state, State::Scheduled | State::Open);
        let mut bidders = standing.clone();
        bidders.sort();
        bidders.dedup();
        View {
            state: self.state,
            seq: Seq(self.seq),
            position: self.position,
            price,
            min_next: Amount::new(self.least_above(price)).unwrap_or(Amount::MAX),
            leader: if matches!(self.state, State::Unsold | State::Cancelled) { None } else { leader },
            bid_count: standing.len() as u32,
            bidder_count: bidders.len() as u32,
            reserve: self.reserve_status(),
            buy_now: if takes_bids && self.buy_now_available() {
                self.terms.buy_now.map(|it| it.price)
            } else {
                None
            },
            starts_at: self.terms.starts_at,
            ends_at: self.ends_at,
            at: self.at,
        }
    }
}
