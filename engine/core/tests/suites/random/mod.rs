//! Random terms, commands and times, close enough to each other that they meet.

mod extreme;

pub(crate) use extreme::{extreme_step, extreme_terms, opened, position};

use crate::common::{account, amount, auction_id, chosen, draft, reason, secs, table, time};
use crate::oracle::Oracle;
use gavel_core::command::StandingBids;
use gavel_core::terms::*;
use gavel_core::*;
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub when: When,
    pub action: Action,
}

/// When the command is received, as seen from the one before and from what is due next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Later(u64),
    Earlier(u64),
    /// So many microseconds from what is due next.
    Due(i64),
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Command(Make),
    Wide(Wide),
}

/// A change of the bans of wider scope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub bidder: u64,
    pub seller: bool,
    pub lift: bool,
}

/// A command as seen from the auction's state.
#[derive(Clone, Debug)]
pub(crate) enum Make {
    Plain(Command),
    Bid {
        bidder: u64,
        sum: Sum,
        id: Id,
    },
    BuyNow {
        bidder: u64,
        id: Id,
    },
    Retract(usize),
    /// Seconds from the present end.
    Extend(i64),
    GiveBack(i64),
    /// By whom the offer was got, or by somebody else.
    Offer {
        accept: bool,
        right: bool,
    },
}

/// An amount near what matters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sum {
    Exactly(u64),
    FromNext(i64),
    FromMax(i64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Id {
    None,
    Chosen(u128),
    OfBid(usize),
    Assigned(i64),
    OtherAuctions,
}

impl When {
    pub(crate) fn after(self, now: Timestamp, due: Option<Timestamp>) -> Timestamp {
        let micros = match self {
            Self::Later(seconds) => now.micros() + seconds * 1_000_000,
            Self::Earlier(seconds) => now.micros() - seconds * 1_000_000,
            Self::Due(micros) => due.unwrap_or(now).micros().saturating_add_signed(micros),
        };
        Timestamp::from_micros(micros).unwrap()
    }
}

fn near(base: u64, distance: i64) -> Amount {
    Amount::new(base.saturating_add_signed(distance)).unwrap_or(Amount::MAX)
}

fn moved(end: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(end.micros().saturating_add_signed(seconds * 1_000_000)).unwrap()
}

impl Make {
    pub(crate) fn command(&self, oracle: &Oracle) -> Command {
        match self.clone() {
            Self::Plain(command) => command,
            Self::Bid { bidder, sum, id } => {
                Command::Bid { bidder: account(bidder), amount: sum.amount(oracle), id: id.id(oracle) }
            }
            Self::BuyNow { bidder, id } => Command::BuyNow { bidder: account(bidder), id: id.id(oracle) },
            Self::Retract(nth) => {
                Command::Retract { bid: Id::OfBid(nth).id(oracle).unwrap_or(chosen(99)), reason: reason() }
            }
            Self::Extend(seconds) => Command::Extend { ends_at: moved(oracle.ends_at, seconds) },
            Self::GiveBack(seconds) => Command::GiveBack { ends_at: moved(oracle.ends_at, seconds) },
            Self::Offer { accept, right } => {
                let bidder = oracle.buyer.filter(|_| right).map_or(account(5), |it| it.0);
                if accept { Command::AcceptOffer { bidder } } else { Command::DeclineOffer { bidder } }
            }
        }
    }
}

impl Sum {
    fn amount(self, oracle: &Oracle) -> Amount {
        match self {
            Self::Exactly(sum) => amount(sum),
            Self::FromNext(distance) => near(oracle.least_next(), distance),
            Self::FromMax(distance) => near(oracle.standing().map_or(0, |now| now.max.get()), distance),
        }
    }
}

impl Id {
    fn id(self, oracle: &Oracle) -> Option<BidId> {
        match self {
            Self::None => None,
            Self::Chosen(n) => Some(chosen(n)),
            Self::OfBid(nth) => oracle.bids.get(nth.checked_rem(oracle.bids.len())?).map(|bid| bid.id),
            Self::Assigned(ahead) => {
                Some(BidId::assigned(auction_id(), Seq((i64::from(oracle.seq) + ahead).max(0) as u32)))
            }
            Self::OtherAuctions => Some(BidId::assigned(AuctionId::new(1, ShardId(0), 1)?, Seq(oracle.seq))),
        }
    }
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        12 => (0u64..4).prop_map(When::Later),
        4 => (0u64..40).prop_map(When::Later),
        1 => (0u64..5_000).prop_map(When::Later),
        2 => (0u64..30).prop_map(When::Earlier),
        2 => (-2_000_000i64..3).prop_map(When::Due),
        1 => (-1i64..2).prop_map(When::Due),
    ]
}

fn sum() -> impl Strategy<Value = Sum> {
    prop_oneof![
        6 => (0i64..25).prop_map(Sum::FromNext),
        4 => (-1i64..2).prop_map(Sum::FromNext),
        4 => (-12i64..13).prop_map(Sum::FromMax),
        2 => (0u64..200).prop_map(Sum::Exactly),
    ]
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![
        12 => Just(Id::None),
        5 => (0u128..12).prop_map(Id::Chosen),
        3 => any::<usize>().prop_map(Id::OfBid),
        1 => (-3i64..2).prop_map(Id::Assigned),
        1 => Just(Id::OtherAuctions),
    ]
}

fn plain() -> impl Strategy<Value = Command> {
    let details = Details("{\"title\":\"clock\"}".into());
    prop_oneof![
        (0u64..7).prop_map(|n| Command::Remove { bidder: account(n), reason: reason() }),
        (0u64..7).prop_map(|n| Command::Ban { bidder: account(n), standing: StandingBids::Keep }),
        (0u64..7).prop_map(|n| Command::Ban { bidder: account(n), standing: StandingBids::Remove }),
        (0u64..7).prop_map(|n| Command::Unban { bidder: account(n) }),
        Just(Command::Edit { details }),
        prop::option::of(0u64..150).prop_map(|it| Command::LowerReserve { reserve: it.map(amount) }),
    ]
}

fn ending() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => Just(Command::End),
        1 => prop::sample::select(vec!["", "broken"]).prop_map(|it| Command::Cancel { reason: Reason(it.into()) }),
        2 => Just(Command::Paid),
        6 => Just(Command::Unpaid),
    ]
}

fn make() -> impl Strategy<Value = Make> {
    prop_oneof![
        40 => (0u64..7, sum(), id()).prop_map(|(bidder, sum, id)| Make::Bid { bidder, sum, id }),
        1 => (0u64..7, id()).prop_map(|(bidder, id)| Make::BuyNow { bidder, id }),
        6 => any::<usize>().prop_map(Make::Retract),
        5 => plain().prop_map(Make::Plain),
        2 => ending().prop_map(Make::Plain),
        1 => (-5i64..60).prop_map(Make::Extend),
        1 => (-5i64..400).prop_map(Make::GiveBack),
        4 => (any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(accept, right)| Make::Offer { accept, right }),
        5 => Just(Make::Plain(Command::Pulse)),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let wide = (0u64..7, any::<bool>(), any::<bool>());
    let wide = wide.prop_map(|(bidder, seller, lift)| Action::Wide(Wide { bidder, seller, lift }));
    let action = prop_oneof![30 => make().prop_map(Action::Command), 1 => wide];
    (when(), action).prop_map(|(when, action)| Step { when, action })
}

fn soft_close() -> impl Strategy<Value = SoftClose> {
    let modes = select(vec![SoftCloseMode::FromBid, SoftCloseMode::FromEnd, SoftCloseMode::Reset]);
    let triggers = select(vec![SoftCloseTrigger::Any, SoftCloseTrigger::Price, SoftCloseTrigger::Leader]);
    let hard_end = prop::option::of((100i64..160).prop_map(time));
    (modes, triggers, 1u64..60, 1u64..40, hard_end).prop_map(
        |(mode, trigger, window, extension, hard_end)| SoftClose {
            mode,
            trigger,
            window: secs(window),
            extension: secs(extension),
            hard_end,
        },
    )
}

fn buy_now() -> impl Strategy<Value = BuyNow> {
    (120u64..400, any::<bool>()).prop_map(|(price, always)| BuyNow {
        price: amount(price),
        policy: if always { BuyNowPolicy::Always } else { BuyNowPolicy::UntilFirstBid },
    })
}

/// A hundred seconds of auction, with small prices and steps.
pub(crate) fn terms() -> impl Strategy<Value = TermsDraft> {
    let prices = (1u64..40, prop::option::of(40u64..120), prop::option::of(buy_now()));
    let tables =
        select(vec![table(&[(0, 1)]), table(&[(0, 5), (30, 10), (100, 25)]), table(&[(0, 10), (40, 3)])]);
    let retraction = select(vec![None, Some(Retraction::Until(secs(0))), Some(Retraction::Until(secs(30)))]);
    let others = (tables, retraction, prop::bool::weighted(0.8), -1i64..2);
    (prices, prop::option::of(soft_close()), others).prop_map(
        |((opening, reserve, buy_now), soft_close, (increments, retraction, proxy, start))| TermsDraft {
            starts_at: Some(time(start * 3_000 / 2 + 1_500 * i64::from(start < 0))),
            ends_at: Some(time(100)).filter(|_| start < 1),
            duration: Some(secs(100)).filter(|_| start == 1),
            opening_price: Some(amount(opening)),
            reserve_price: reserve.map(amount),
            buy_now,
            increments,
            soft_close: soft_close.filter(|_| start < 1),
            proxy: Some(proxy),
            retraction,
            payment_window: Some(secs(60)),
            offer_window: Some(secs(20)),
            ..draft()
        },
    )
}

/// Many bidders, long enough for hundreds of bids.
pub(crate) fn crowd_terms() -> TermsDraft {
    let retraction = Some(Retraction::Until(secs(0)));
    TermsDraft { ends_at: Some(time(900_000)), retraction, reserve_price: Some(amount(500)), ..draft() }
}

pub(crate) fn crowd_step() -> impl Strategy<Value = Step> {
    let id = prop_oneof![2 => Just(Id::None), 3 => (0u128..400).prop_map(Id::Chosen), 1 => any::<usize>().prop_map(Id::OfBid)];
    let sum = prop_oneof![5 => (0i64..9).prop_map(Sum::FromNext), 1 => (-3i64..40).prop_map(Sum::FromMax)];
    let make = prop_oneof![
        60 => (1u64..60, sum, id).prop_map(|(bidder, sum, id)| Make::Bid { bidder, sum, id }),
        2 => any::<usize>().prop_map(Make::Retract),
        1 => (1u64..60).prop_map(|n| Make::Plain(Command::Remove { bidder: account(n), reason: reason() })),
    ];
    make.prop_map(|make| Step { when: When::Later(30), action: Action::Command(make) })
}
