//! Seeded randomness, and random events of every kind within the domain's bounds.

use gavel_core::command::{Reason, StandingBids};
use gavel_core::event::{
    AfterUnpaid, BidAccepted, BidRetracted, BidsRemoved, EndMovedCause, Leadership, Opened, Origin, Outcome,
    UnsoldReason,
};
use gavel_core::limits::{AMOUNT_MAX, DETAILS_BYTES_MAX, SEQUENCE_MAX};
use gavel_core::placement::{KeyRange, PlacementChange, Policy};
use gavel_core::terms::{
    BuyNow, BuyNowPolicy, HouseRules, IncrementStep, Increments, Retraction, SoftClose, SoftCloseMode,
    SoftCloseTrigger, ValidDraft,
};
use gavel_core::{
    AccountId, Amount, AuctionId, BidId, Currency, Details, Duration, Epoch, Event, EventKind, OpenId, Seq,
    ShardEvent, ShardId, Stamp, Terms, Timestamp,
};

/// The kinds that [`Dice::event`] knows; `0 ..= EVENT_KINDS - 1`.
pub(crate) const EVENT_KINDS: u64 = 17;
/// The kinds that [`Dice::shard_event`] knows.
pub(crate) const SHARD_EVENT_KINDS: u64 = 5;

/// splitmix64: the same numbers from the same seed, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.coin().then(|| value(self))
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    pub(crate) fn amount(&mut self) -> Amount {
        let bits = self.below(54);
        Amount::new((self.next() & ((1 << bits) - 1)).min(AMOUNT_MAX)).unwrap()
    }

    pub(crate) fn time(&mut self) -> Timestamp {
        Timestamp::from_micros(self.below(Timestamp::MAX.micros() / 2)).unwrap()
    }

    pub(crate) fn auction(&mut self) -> AuctionId {
        AuctionId::new(self.next() as u16, ShardId(self.next() as u8), 1 + self.below(SEQUENCE_MAX)).unwrap()
    }

    pub(crate) fn account(&mut self) -> AccountId {
        if self.coin() { AccountId::from_integer(self.next()) } else { AccountId::from_bits(self.wide()) }
    }

    fn bid_id(&mut self) -> BidId {
        BidId::from_bits(self.wide())
    }

    fn text(&mut self, bytes_max: u64) -> Box<str> {
        let length = self.below(bytes_max);
        (0..length).map(|_| char::from(b' ' + self.below(95) as u8)).collect()
    }

    fn seconds(&mut self, max: u64) -> Duration {
        Duration::from_secs(1 + self.below(max))
    }

    fn leadership(&mut self) -> Leadership {
        Leadership { price: self.maybe(Self::amount), leader: self.maybe(Self::account) }
    }

    fn next_step(&mut self) -> AfterUnpaid {
        if self.coin() {
            return AfterUnpaid::Unsold;
        }
        AfterUnpaid::Offered { to: self.account(), price: self.amount(), until: self.time() }
    }

    fn outcome(&mut self) -> Outcome {
        match self.below(4) {
            0 => Outcome::Awarded { winner: self.account(), price: self.amount(), pay_by: self.time() },
            1 => Outcome::Unsold(UnsoldReason::NoBids),
            2 => Outcome::Unsold(UnsoldReason::ReserveNotMet),
            _ => Outcome::Unsold(UnsoldReason::Unpaid),
        }
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn increments(&mut self) -> Increments {
        let mut from = 0;
        let steps = (0..1 + self.below(32)).map(|index| {
            from += if index == 0 { 0 } else { 1 + self.below(1_000_000) };
            let step = Amount::new(1 + self.below(1_000)).unwrap();
            IncrementStep { from: Amount::new(from).unwrap(), step }
        });
        Increments::new(steps.collect()).expect("ascending from 0")
    }

    /// Valid terms.
    pub(crate) fn terms(&mut self) -> Terms {
        let starts_at = self.time();
        let ends_at = starts_at.saturating_add(self.seconds(86_400));
        let opening = 1 + self.below(1_000_000);
        let reserve = opening + self.below(1_000_000);
        let amount = |units| Amount::new(units).unwrap();
        let buy_now = BuyNow {
            price: amount(reserve + self.below(1_000_000)),
            policy: self.pick(&[BuyNowPolicy::UntilFirstBid, BuyNowPolicy::Always]),
        };
        let soft_close = SoftClose {
            mode: self.pick(&[SoftCloseMode::FromBid, SoftCloseMode::FromEnd, SoftCloseMode::Reset]),
            trigger: self.pick(&[SoftCloseTrigger::Any, SoftCloseTrigger::Price, SoftCloseTrigger::Leader]),
            window: self.seconds(3_600),
            extension: self.seconds(3_600),
            hard_end: self.maybe(|dice| ends_at.saturating_add(dice.seconds(86_400))),
        };
        let key = format!("seller:{}", self.next()).into_boxed_str();
        let before_end = self.seconds(3_600);
        // In this order for ever: the fixture of format 1 holds what the dice gave in it.
        let seller = self.account();
        let currency = self.pick(&[*b"KRW", *b"EUR", *b"JPY"].map(|code| Currency::new(code).unwrap()));
        let (reserve_price, buy_now) = (self.maybe(|_| amount(reserve)), self.maybe(|_| buy_now));
        let (increments, soft_close) = (self.increments(), self.maybe(|_| soft_close));
        let (proxy, retraction) =
            (self.coin(), self.pick(&[Retraction::Never, Retraction::Until(before_end)]));
        let placement_key = self.maybe(|_| key);
        let rules = HouseRules {
            currency,
            increments,
            soft_close,
            proxy,
            retraction,
            payment_window: self.seconds(86_400),
            offer_window: self.seconds(86_400),
        };
        Terms::from_record(ValidDraft {
            seller,
            starts_at,
            ends_at,
            opening_price: amount(opening),
            reserve_price,
            buy_now,
            placement_key,
            rules: rules.shared(),
        })
        .expect("terms made to be valid")
    }

    pub(crate) fn bid(&mut self, auction: AuctionId, seq: Seq) -> BidAccepted {
        BidAccepted {
            id: self.maybe(Self::bid_id).unwrap_or(BidId::assigned(auction, seq)),
            bidder: self.account(),
            amount: self.amount(),
            price: self.amount(),
            leading: self.coin(),
            extended_to: self.maybe(Self::time),
        }
    }

    /// A random event of this kind.
    pub(crate) fn event(&mut self, kind: u64) -> Event {
        let (auction, seq) = (self.auction(), Seq(self.next() as u32));
        let received = self.time();
        let later = |micros| received.saturating_add(Duration::from_micros(micros));
        let usual = self.below(4) > 0;
        let decided = if usual { later(self.below(1 << 32)) } else { self.time() };
        let at = if usual { later(self.below(1_000)) } else { self.time() };
        Event {
            auction,
            seq,
            stamp: Stamp { received, decided },
            at,
            origin: self.pick(&[Origin::Client, Origin::Engine]),
            kind: self.kind(kind, auction, seq),
        }
    }

    fn kind(&mut self, kind: u64, auction: AuctionId, seq: Seq) -> EventKind {
        match kind {
            0 => EventKind::Opened(Box::new(Opened {
                terms: self.terms(),
                details: Details(self.text(DETAILS_BYTES_MAX as u64 + 1)),
                id: self.maybe(Self::wide).map(OpenId),
                digest: self.wide(),
            })),
            1 => EventKind::Started,
            2 => EventKind::BidAccepted(self.bid(auction, seq)),
            3 => EventKind::BoughtNow {
                id: self.bid_id(),
                buyer: self.account(),
                price: self.amount(),
                pay_by: self.time(),
            },
            4 => EventKind::BidRetracted(Box::new(BidRetracted {
                id: self.bid_id(),
                bidder: self.account(),
                reason: Reason(self.text(257)),
                left: self.leadership(),
            })),
            5 => EventKind::BidsRemoved(Box::new(BidsRemoved {
                bidder: self.account(),
                reason: Reason(self.text(257)),
                count: self.next() as u32,
                left: self.leadership(),
            })),
            6 => EventKind::EndMoved {
                ends_at: self.time(),
                cause: self.pick(&[EndMovedCause::Command, EndMovedCause::GivenBack]),
            },
            7 => EventKind::Ended { outcome: self.outcome(), early: self.coin() },
            8 => EventKind::Cancelled { reason: Reason(self.text(257)) },
            9 => EventKind::DetailsEdited {
                details: Details(self.text(DETAILS_BYTES_MAX as u64 + 1)),
                appended: self.coin(),
            },
            10 => EventKind::ReserveLowered {
                reserve: self.maybe(Self::amount),
                price: self.maybe(Self::amount),
            },
            11 => EventKind::Paid,
            12 => EventKind::Unpaid { next: self.next_step(), expired: self.coin() },
            13 => EventKind::OfferAccepted { pay_by: self.time() },
            14 => EventKind::OfferEnded { next: self.next_step(), expired: self.coin() },
            15 => EventKind::BidderBanned {
                bidder: self.account(),
                removed: self.maybe(|dice| Box::new(dice.leadership())),
            },
            _ => EventKind::BidderUnbanned { bidder: self.account() },
        }
    }

    /// A random shard event of this kind.
    pub(crate) fn shard_event(&mut self, kind: u64) -> ShardEvent {
        match kind {
            0 => ShardEvent::EpochStarted {
                epoch: Epoch(self.next() as u32),
                at: self.time(),
                alive_until: self.maybe(Self::time),
            },
            1 => ShardEvent::Banned {
                bidder: self.account(),
                seller: self.maybe(Self::account),
                standing: self.pick(&[StandingBids::Keep, StandingBids::Remove]),
                at: self.time(),
            },
            2 => ShardEvent::Unbanned {
                bidder: self.account(),
                seller: self.maybe(Self::account),
                at: self.time(),
            },
            3 => ShardEvent::PlacementChanged { change: self.change(), at: self.time() },
            _ => ShardEvent::AuctionsRetired {
                auctions: (0..=self.below(255)).map(|_| self.auction()).collect(),
                at: self.time(),
            },
        }
    }

    fn shard(&mut self) -> ShardId {
        ShardId(self.next() as u8)
    }

    fn change(&mut self) -> PlacementChange {
        match self.below(7) {
            0 => PlacementChange::ShardAdded(self.shard()),
            1 => PlacementChange::ShardDrained(self.shard()),
            2 => PlacementChange::DirectorySet { key: self.text(129), shard: self.maybe(Self::shard) },
            policy => PlacementChange::PolicySet {
                effective_at: self.time(),
                policy: match policy {
                    3 => Policy::Key,
                    4 => Policy::Sequence,
                    5 => Policy::Directory,
                    _ => {
                        let ranges = self.below(50);
                        Policy::Range(
                            (0..ranges)
                                .map(|_| KeyRange { from: self.text(129), shard: self.shard() })
                                .collect(),
                        )
                    }
                },
            },
        }
    }
}
