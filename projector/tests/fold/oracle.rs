//! The naive oracle: documents made from whole histories, with everybody in memory and the engine's own auction beside. Nothing in it knows of
//! batches, versions that guard, or sweeps.

use crate::history::{Entry, SHARD};
use bson::{DateTime, RawDocumentBuf, Uuid};
use gavel_core::auction::View;
use gavel_core::event::{AfterUnpaid, Opened, Outcome, Resolution};
use gavel_core::terms::SoftClose;
use gavel_core::{
    AccountId, Amount, Auction, AuctionId, BidId, Event, EventKind, Retraction, State, Timestamp,
};
use gavel_projector::Collection;
use gavel_projector::documents::{
    self, BidStatus, BidderStatus, BuyNow, Extension, LatestBid, Moment, Money, OwnBid, Stored, Text, Word,
};
use gavel_projector::limits::{LATEST_BIDS_MAX, OWN_BIDS_MAX, TIMELINE_MAX};
use std::collections::BTreeMap;

type Documents = BTreeMap<(Collection, String), RawDocumentBuf>;

/// One bid of the whole history.
struct Bid<'a> {
    event: &'a Event,
    id: BidId,
    bidder: AccountId,
    amount: Amount,
    price: Amount,
    status: BidStatus,
    extended_to: Option<Timestamp>,
    withdrawn_by: Option<i64>,
}

/// One auction's whole history.
struct Story<'a> {
    engine: Auction,
    events: Vec<&'a Event>,
    bids: Vec<Bid<'a>>,
}

pub(crate) fn states(events: &[&Event]) -> Vec<State> {
    stories(events.iter().map(|event| (gavel_core::Position::start(SHARD), *event)))
        .values()
        .map(|story| story.engine.state())
        .collect()
}

/// All documents that these records come to.
pub(crate) fn documents(log: &[Entry]) -> Documents {
    let events = log.iter().filter_map(|entry| Some((entry.position, entry.event.as_ref()?)));
    let stories = stories(events.clone());
    let mut documents = Documents::new();
    for story in stories.values() {
        put(&mut documents, story.engine.id().to_string(), &story.auction());
        story.bids.iter().for_each(|bid| put(&mut documents, bid_id(bid), &bid.document(story)));
        story.bidders().into_iter().for_each(|bidder| put(&mut documents, bidder.id.clone(), &bidder));
        if let Some(reserve) = story.reserve() {
            put(&mut documents, story.engine.id().to_string(), &reserve);
        }
    }
    let mut latest = BTreeMap::new();
    for (position, event) in events {
        if counts(&event.kind) {
            latest.insert(stories[&event.auction].opened().terms.seller, position.lsn.0 as i64);
        }
    }
    for (seller, version) in latest {
        let of: Vec<_> = stories.values().filter(|story| story.opened().terms.seller == seller).collect();
        let seller = seller_of(seller, version, &of);
        put(&mut documents, seller.id.clone(), &seller);
    }
    documents
}

fn put<T: Stored>(documents: &mut Documents, id: String, document: &T) {
    let raw = bson::serialize_to_raw_document_buf(document).unwrap();
    assert!(documents.insert((T::COLLECTION, id), raw).is_none());
}

fn stories<'a>(
    events: impl Iterator<Item = (gavel_core::Position, &'a Event)>,
) -> BTreeMap<AuctionId, Story<'a>> {
    let mut stories: BTreeMap<AuctionId, Story<'a>> = BTreeMap::new();
    for (position, event) in events {
        if let Some(engine) = Auction::from_opened(event, position) {
            stories.insert(event.auction, Story { engine, events: vec![event], bids: Vec::new() });
            continue;
        }
        let story = stories.get_mut(&event.auction).unwrap();
        story.engine.apply(event, position);
        story.events.push(event);
        story.take_bid(event);
    }
    stories
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis((at.micros() / 1_000) as i64)
}

fn uuid(id: BidId) -> Uuid {
    Uuid::parse_str(id.to_string()).unwrap()
}

fn seq(event: &Event) -> i64 {
    event.seq.0.into()
}

fn bid_id(bid: &Bid<'_>) -> String {
    format!("{}/{:010}", bid.event.auction, bid.event.seq.0)
}

impl Bid<'_> {
    fn document(&self, story: &Story<'_>) -> documents::Bid {
        let LatestBid { seq, bid_id: id, bidder, price, status, at, extended_to, withdrawn_by } =
            self.shown(story);
        let version = withdrawn_by.unwrap_or(seq);
        documents::Bid {
            id: bid_id(self),
            version,
            bid_id: id,
            bidder,
            price,
            status,
            at,
            extended_to,
            withdrawn_by,
        }
    }

    fn shown(&self, story: &Story<'_>) -> LatestBid {
        LatestBid {
            seq: seq(self.event),
            bid_id: uuid(self.id),
            bidder: story.pseudonym(self.bidder),
            price: Money(self.price),
            status: Word(self.status),
            at: date(self.event.at),
            extended_to: self.extended_to.map(date),
            withdrawn_by: self.withdrawn_by,
        }
    }
}

impl<'a> Story<'a> {
    fn opened(&self) -> &'a Opened {
        match &self.events[0].kind {
            EventKind::Opened(opened) => opened,
            other => panic!("{other:?}"),
        }
    }

    fn take_bid(&mut self, event: &'a Event) {
        let (id, bidder, amount, price, status, extended_to) = match &event.kind {
            EventKind::BidAccepted(bid) => {
                let status = if bid.leading { BidStatus::Leading } else { BidStatus::Outbid };
                (bid.id, bid.bidder, bid.amount, bid.price, status, bid.extended_to)
            }
            EventKind::BoughtNow { id, buyer, price, .. } => {
                (*id, *buyer, *price, *price, BidStatus::Sold, None)
            }
            kind => {
                for bid in self.bids.iter_mut().filter(|bid| bid.withdrawn_by.is_none()) {
                    if takes_out(kind, bid) {
                        bid.withdrawn_by = Some(seq(event));
                    }
                }
                return;
            }
        };
        self.bids.push(Bid { event, id, bidder, amount, price, status, extended_to, withdrawn_by: None });
    }

    fn pseudonym(&self, bidder: AccountId) -> i64 {
        seq(self.bids.iter().find(|bid| bid.bidder == bidder).unwrap().event)
    }

    /// The first event at which something is so, in time.
    fn when(&self, which: impl Fn(&EventKind) -> bool) -> Option<DateTime> {
        self.events.iter().find(|event| which(&event.kind)).map(|event| date(event.at))
    }

    fn auction(&self) -> documents::Auction {
        let View { state, seq: _, position, price, min_next, leader, bid_count, bidder_count, .. } =
            self.engine.view();
        let View { reserve, buy_now, starts_at, ends_at, at, .. } = self.engine.view();
        let opened = self.opened();
        let is_due = matches!(state, State::Awarded | State::Offered);
        let edits = |appended: bool| {
            self.events.iter().filter_map(move |event| match &event.kind {
                EventKind::DetailsEdited { details, appended: how } if *how == appended => {
                    Some(details.0.to_string())
                }
                _ => None,
            })
        };
        let details = edits(false).next_back().unwrap_or_else(|| opened.details.0.to_string());
        let details_added: Vec<String> = edits(true).collect();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let text = |name| json(&details).get(name).and_then(|it| it.as_str()).map(str::to_owned);
        let images = std::iter::once(&details).chain(&details_added).flat_map(|details| {
            let images =
                json(details).get("images").and_then(|it| it.as_array()).cloned().unwrap_or_default();
            images.into_iter().filter_map(|image| image.as_str().map(str::to_owned))
        });
        let mut timeline: Vec<Moment> = self.timeline();
        let timeline_omitted = timeline.len().saturating_sub(TIMELINE_MAX);
        if timeline_omitted > 0 {
            timeline.drain(TIMELINE_MAX - 1..timeline.len() - 1);
        }
        documents::Auction {
            id: Text(self.engine.id()),
            version: self.engine.seq().0.into(),
            position: Text(position),
            state: Word(state),
            seller: Text(opened.terms.seller),
            title: text("title"),
            description: text("description"),
            category: text("category"),
            images: images.collect(),
            details: details.clone(),
            details_added,
            details_omitted: 0,
            opened_at: date(self.events[0].at),
            starts_at: date(starts_at),
            ends_at: date(ends_at),
            at: date(at),
            ended_at: self.when(|kind| {
                matches!(
                    kind,
                    EventKind::Ended { .. } | EventKind::BoughtNow { .. } | EventKind::Cancelled { .. }
                )
            }),
            deadline: self.engine.next_due().filter(|_| is_due).map(date),
            final_at: state.is_final().then_some(date(at)),
            price: price.map(Money),
            current_price: Money(price.unwrap_or(opened.terms.opening_price)),
            min_next: (min_next != Amount::MAX).then_some(Money(min_next)),
            buy_now: buy_now.map(Money),
            leader: leader.map(|leader| self.pseudonym(leader)),
            reserve_status: Word(reserve),
            bid_count: bid_count.into(),
            bidder_count: bidder_count.into(),
            bids_accepted: self.bids.len() as i64,
            extensions: self.bids.iter().filter(|bid| bid.extended_to.is_some()).count() as i64,
            bids: self.bids.iter().rev().take(LATEST_BIDS_MAX).map(|bid| bid.shown(self)).collect(),
            timeline,
            timeline_omitted: timeline_omitted as i64,
            outcome: self.outcome().map(Word),
            terms: terms(opened),
        }
    }

    fn outcome(&self) -> Option<Resolution> {
        match self.engine.state() {
            State::Scheduled | State::Open => None,
            State::Awarded | State::Closed => Some(Resolution::Awarded),
            State::Offered => Some(Resolution::Offered),
            State::Cancelled => Some(Resolution::Cancelled),
            State::Unsold => {
                let ended = self.events.iter().find_map(|event| match event.kind {
                    EventKind::Ended { outcome: Outcome::Unsold(reason), .. } => Some(reason),
                    _ => None,
                });
                Some(Resolution::Unsold(ended.unwrap_or(gavel_core::event::UnsoldReason::Unpaid)))
            }
        }
    }

    fn timeline(&self) -> Vec<Moment> {
        let mut leader = None;
        let mut moments = Vec::new();
        for event in &self.events {
            let (bidder, price, until, reason) = match &event.kind {
                EventKind::BidAccepted(_)
                | EventKind::BidderUnbanned { .. }
                | EventKind::BidderBanned { removed: None, .. } => continue,
                EventKind::Opened(opened) => (None, None, Some(opened.terms.ends_at), None),
                EventKind::EndMoved { ends_at, .. } => (None, None, Some(*ends_at), None),
                EventKind::BoughtNow { buyer, price, pay_by, .. } => {
                    (Some(*buyer), Some(*price), Some(*pay_by), None)
                }
                EventKind::BidRetracted(it) => {
                    (Some(it.bidder), it.left.price, None, Some(it.reason.0.to_string()))
                }
                EventKind::BidsRemoved(it) => (Some(it.bidder), it.left.price, None, None),
                EventKind::BidderBanned { bidder, removed: Some(left) } => {
                    (Some(*bidder), left.price, None, None)
                }
                EventKind::Ended { outcome: Outcome::Awarded { winner, price, pay_by }, .. } => {
                    (Some(*winner), Some(*price), Some(*pay_by), None)
                }
                EventKind::Unpaid { next: AfterUnpaid::Offered { to, price, until }, .. }
                | EventKind::OfferEnded { next: AfterUnpaid::Offered { to, price, until }, .. } => {
                    (Some(*to), Some(*price), Some(*until), None)
                }
                EventKind::Cancelled { reason } => (None, None, None, Some(reason.0.to_string())),
                EventKind::ReserveLowered { price, .. } => (None, *price, None, None),
                EventKind::Paid => (leader, None, None, None),
                EventKind::OfferAccepted { pay_by } => (leader, None, Some(*pay_by), None),
                EventKind::Started
                | EventKind::DetailsEdited { .. }
                | EventKind::Ended { .. }
                | EventKind::Unpaid { .. }
                | EventKind::OfferEnded { .. } => (None, None, None, None),
            };
            leader = match &event.kind {
                EventKind::BoughtNow { .. } | EventKind::Ended { .. } | EventKind::Unpaid { .. } => bidder,
                EventKind::OfferEnded { .. } => bidder,
                _ => leader,
            };
            moments.push(Moment {
                seq: seq(event),
                kind: event.kind.name().to_owned(),
                at: date(event.at),
                bidder: bidder.map(|bidder| self.pseudonym(bidder)),
                price: price.map(Money),
                until: until.map(date),
                reason,
            });
        }
        moments
    }

    fn reserve(&self) -> Option<documents::Reserve> {
        let opened = self.opened();
        let first = opened.terms.reserve_price.map(|price| (1, Some(price)))?;
        let mut lowered = self.events.iter().filter_map(|event| match event.kind {
            EventKind::ReserveLowered { reserve, .. } => Some((seq(event), reserve)),
            _ => None,
        });
        let (version, price) = lowered.next_back().unwrap_or(first);
        let (id, seller) = (Text(self.engine.id()), Text(opened.terms.seller));
        Some(documents::Reserve { id, version, seller, price: price.map(Money) })
    }

    /// Everybody is looked at after every event.
    fn bidders(&self) -> Vec<documents::Bidder> {
        let mut all: BTreeMap<AccountId, documents::Bidder> = BTreeMap::new();
        for (nth, event) in self.events.iter().enumerate() {
            for bid in self.bids.iter().filter(|bid| bid.event.seq == event.seq) {
                let fresh = || self.newcomer(bid);
                let bidder = all.entry(bid.bidder).or_insert_with(fresh);
                bidder.bids_accepted += 1;
                bidder.last_at = date(event.at);
            }
            for (account, bidder) in &mut all {
                let before = bidder.status.0;
                let (named, status) = self.status_after(*account, before, nth);
                if named || status != before {
                    bidder.version = seq(event);
                }
                bidder.status = Word(status);
                match &event.kind {
                    EventKind::BidderBanned { bidder: who, .. } if who == account => bidder.banned = true,
                    EventKind::BidderUnbanned { bidder: who } if who == account => bidder.banned = false,
                    _ => {}
                }
            }
        }
        for (account, bidder) in &mut all {
            let standing: Vec<&Bid<'_>> =
                self.bids.iter().filter(|bid| bid.bidder == *account && bid.withdrawn_by.is_none()).collect();
            bidder.bid_count = standing.len() as i64;
            bidder.bids = self.own(*account);
            let known = bidder.bids.iter().map(|own| own.amount).max();
            bidder.amount = known.filter(|_| !standing.is_empty());
        }
        all.into_values().collect()
    }

    /// The latest standing ones, of those that were ever among the latest. Bids fall out of the list by later ones, and don't come back.
    fn own(&self, account: AccountId) -> Vec<OwnBid> {
        let mut list: Vec<&Bid<'_>> = Vec::new();
        for event in &self.events {
            list.retain(|bid| bid.withdrawn_by != Some(seq(event)));
            list.extend(self.bids.iter().filter(|bid| bid.bidder == account && bid.event.seq == event.seq));
            if list.len() > OWN_BIDS_MAX {
                list.remove(0);
            }
        }
        let own = |bid: &&Bid<'_>| OwnBid {
            seq: seq(bid.event),
            bid_id: uuid(bid.id),
            amount: Money(bid.amount),
            at: date(bid.event.at),
        };
        list.iter().map(own).collect()
    }

    fn newcomer(&self, bid: &Bid<'_>) -> documents::Bidder {
        documents::Bidder {
            id: format!("{}/{}", self.engine.id(), bid.bidder),
            version: 0,
            bidder: Text(bid.bidder),
            auction: Text(self.engine.id()),
            pseudonym: self.pseudonym(bid.bidder),
            status: Word(BidderStatus::Outbid),
            amount: None,
            bid_count: 0,
            bids_accepted: 0,
            bids: Vec::new(),
            first_at: date(bid.event.at),
            last_at: date(bid.event.at),
            banned: false,
        }
    }

    /// Whether the event names the bidder, and how they stand after it.
    fn status_after(&self, who: AccountId, before: BidderStatus, nth: usize) -> (bool, BidderStatus) {
        use BidderStatus::*;
        let event = self.events[nth];
        let is_in = matches!(before, Leading | Outbid);
        let stands = self.bids.iter().any(|bid| {
            let is_out = bid.withdrawn_by.is_some_and(|by| by <= seq(event));
            bid.bidder == who && bid.event.seq <= event.seq && !is_out
        });
        let left = |bidder: AccountId, leader: Option<AccountId>| {
            let status = match (leader == Some(who), stands) {
                (true, _) => Leading,
                (false, true) => Outbid,
                (false, false) => Withdrawn,
            };
            (bidder == who || leader == Some(who), status)
        };
        let offered = |next: &AfterUnpaid, had: BidderStatus, loses: BidderStatus| match next {
            AfterUnpaid::Offered { to, .. } if *to == who => (true, Offered),
            _ if before == had => (false, loses),
            _ => (false, before),
        };
        match &event.kind {
            EventKind::BidAccepted(bid) if bid.bidder == who => {
                (true, if bid.leading { Leading } else { Outbid })
            }
            EventKind::BidAccepted(bid) if bid.leading && before == Leading => (false, Outbid),
            EventKind::BoughtNow { buyer, .. } if *buyer == who => (true, Won),
            EventKind::Ended { outcome: Outcome::Awarded { winner, .. }, .. } if *winner == who => {
                (true, Won)
            }
            EventKind::BoughtNow { .. } | EventKind::Ended { .. } if is_in => (false, Lost),
            EventKind::Cancelled { .. } if is_in => (false, Cancelled),
            EventKind::BidRetracted(it) => left(it.bidder, it.left.leader),
            EventKind::BidsRemoved(it) => left(it.bidder, it.left.leader),
            EventKind::BidderBanned { bidder, removed: Some(it) } => left(*bidder, it.leader),
            EventKind::BidderBanned { bidder, .. } | EventKind::BidderUnbanned { bidder } => {
                (*bidder == who, before)
            }
            EventKind::Paid if before == Won => (false, Paid),
            EventKind::Unpaid { next, .. } => offered(next, Won, Unpaid),
            EventKind::OfferEnded { next, expired } => {
                offered(next, Offered, if *expired { Expired } else { Declined })
            }
            EventKind::OfferAccepted { .. } if before == Offered => (false, Won),
            _ => (false, before),
        }
    }
}

fn takes_out(kind: &EventKind, bid: &Bid<'_>) -> bool {
    match kind {
        EventKind::BidRetracted(retracted) => retracted.id == bid.id,
        EventKind::BidsRemoved(removed) => removed.bidder == bid.bidder,
        EventKind::BidderBanned { bidder, removed: Some(_) } => *bidder == bid.bidder,
        _ => false,
    }
}

fn terms(opened: &Opened) -> documents::Terms {
    let terms = &opened.terms;
    let seconds = |duration: gavel_core::Duration| (duration.micros() / 1_000_000) as i64;
    let soft = |SoftClose { mode, trigger, window, extension, hard_end }| Extension {
        mode: Word(mode),
        trigger: Word(trigger),
        window_s: seconds(window),
        extension_s: seconds(extension),
        hard_end: hard_end.map(date),
    };
    documents::Terms {
        currency: terms.currency.to_string(),
        ends_at: date(terms.ends_at),
        opening_price: Money(terms.opening_price),
        buy_now: terms.buy_now.map(|it| BuyNow { price: Money(it.price), policy: Word(it.policy) }),
        increments: terms.increments.clone(),
        soft_close: terms.soft_close.map(soft),
        proxy: terms.proxy,
        retraction_until_s: match terms.retraction {
            Retraction::Never => None,
            Retraction::Until(before) => Some(seconds(before)),
        },
        payment_window_s: seconds(terms.payment_window),
        offer_window_s: seconds(terms.offer_window),
    }
}

fn counts(kind: &EventKind) -> bool {
    let name = kind.name();
    ["opened", "bought_now", "ended", "cancelled", "paid", "unpaid", "offer_ended"].contains(&name)
}

fn seller_of(seller: AccountId, version: i64, stories: &[&Story<'_>]) -> documents::Seller {
    let count = |states: &[State]| {
        stories.iter().filter(|story| states.contains(&story.engine.state())).count() as i64
    };
    let failed = |event: &&&Event| ["unpaid", "offer_ended"].contains(&event.kind.name());
    let mut paid = BTreeMap::new();
    for story in stories.iter().filter(|story| story.engine.state() == State::Closed) {
        let price = story.engine.view().price.unwrap().get() as i64;
        *paid.entry(story.opened().terms.currency.to_string()).or_default() += price;
    }
    documents::Seller {
        id: format!("{seller}/{SHARD}"),
        version,
        seller: Text(seller),
        shard: SHARD.0.into(),
        opened: stories.len() as i64,
        live: count(&[State::Scheduled, State::Open]),
        pending: count(&[State::Awarded, State::Offered]),
        sold: count(&[State::Closed]),
        unsold: count(&[State::Unsold]),
        cancelled: count(&[State::Cancelled]),
        failed_sales: stories.iter().map(|story| story.events.iter().filter(failed).count() as i64).sum(),
        paid,
    }
}
