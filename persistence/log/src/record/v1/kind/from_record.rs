//! What happened to an auction, read back from an archive.

use super::super::super::RecordError;
use super::super::read::{amount, amount_option, time, time_option};
use super::{ArchivedBid, ArchivedKind, ArchivedLeadership, ArchivedNext, ArchivedOpening, ArchivedOutcome};
use gavel_core::command::Reason;
use gavel_core::event::{
    AfterUnpaid, BidAccepted, BidRetracted, BidsRemoved, EndMovedCause, Leadership, Opened, Outcome,
    UnsoldReason,
};
use gavel_core::{AccountId, BidId, Details, EventKind, OpenId};
use rkyv::primitive::ArchivedU128;

fn account(bits: &ArchivedU128) -> AccountId {
    AccountId::from_bits(bits.to_native())
}

impl TryFrom<&ArchivedKind> for EventKind {
    type Error = RecordError;

    fn try_from(kind: &ArchivedKind) -> Result<Self, RecordError> {
        Ok(match kind {
            ArchivedKind::Opened(opening) => Self::Opened(Box::new((&**opening).try_into()?)),
            ArchivedKind::Started => Self::Started,
            ArchivedKind::BidAccepted(bid) => Self::BidAccepted((&**bid).try_into()?),
            ArchivedKind::BoughtNow { id, buyer, price, pay_by_us } => Self::BoughtNow {
                id: BidId::from_bits(id.to_native()),
                buyer: account(buyer),
                price: amount(price.to_native(), "price")?,
                pay_by: time(pay_by_us.to_native(), "payment deadline")?,
            },
            ArchivedKind::BidRetracted { id, bidder, reason, left } => {
                Self::BidRetracted(Box::new(BidRetracted {
                    id: BidId::from_bits(id.to_native()),
                    bidder: account(bidder),
                    reason: Reason((**reason).into()),
                    left: left.try_into()?,
                }))
            }
            ArchivedKind::BidsRemoved { bidder, reason, count, left } => {
                Self::BidsRemoved(Box::new(BidsRemoved {
                    bidder: account(bidder),
                    reason: Reason((**reason).into()),
                    count: count.to_native(),
                    left: left.try_into()?,
                }))
            }
            ArchivedKind::EndMoved { ends_at_us, given_back } => Self::EndMoved {
                ends_at: time(ends_at_us.to_native(), "end")?,
                cause: if *given_back { EndMovedCause::GivenBack } else { EndMovedCause::Command },
            },
            ArchivedKind::Ended { outcome, early } => {
                Self::Ended { outcome: outcome.try_into()?, early: *early }
            }
            ArchivedKind::Cancelled { reason } => Self::Cancelled { reason: Reason((**reason).into()) },
            ArchivedKind::DetailsEdited { details, appended } => {
                Self::DetailsEdited { details: Details((**details).into()), appended: *appended }
            }
            ArchivedKind::ReserveLowered { reserve, price } => Self::ReserveLowered {
                reserve: amount_option(reserve, "reserve price")?,
                price: amount_option(price, "price")?,
            },
            ArchivedKind::Paid => Self::Paid,
            ArchivedKind::Unpaid { next, expired } => {
                Self::Unpaid { next: next.try_into()?, expired: *expired }
            }
            ArchivedKind::OfferAccepted { pay_by_us } => {
                Self::OfferAccepted { pay_by: time(pay_by_us.to_native(), "payment deadline")? }
            }
            ArchivedKind::OfferEnded { next, expired } => {
                Self::OfferEnded { next: next.try_into()?, expired: *expired }
            }
            ArchivedKind::BidderBanned { bidder, removed } => Self::BidderBanned {
                bidder: account(bidder),
                removed: removed.as_ref().map(|left| left.try_into().map(Box::new)).transpose()?,
            },
            ArchivedKind::BidderUnbanned { bidder } => Self::BidderUnbanned { bidder: account(bidder) },
        })
    }
}

impl TryFrom<&ArchivedOpening> for Opened {
    type Error = RecordError;

    fn try_from(opening: &ArchivedOpening) -> Result<Self, RecordError> {
        let ArchivedOpening { terms, details, id, digest } = opening;
        Ok(Self {
            terms: terms.try_into()?,
            details: Details((**details).into()),
            id: id.as_ref().map(|id| OpenId(id.to_native())),
            digest: digest.to_native(),
        })
    }
}

impl TryFrom<&ArchivedBid> for BidAccepted {
    type Error = RecordError;

    fn try_from(bid: &ArchivedBid) -> Result<Self, RecordError> {
        let ArchivedBid { id, bidder, amount: maximum, price, leading, extended_to_us } = bid;
        Ok(Self {
            id: BidId::from_bits(id.to_native()),
            bidder: account(bidder),
            amount: amount(maximum.to_native(), "amount")?,
            price: amount(price.to_native(), "price")?,
            leading: *leading,
            extended_to: time_option(extended_to_us, "new end")?,
        })
    }
}

impl TryFrom<&ArchivedLeadership> for Leadership {
    type Error = RecordError;

    fn try_from(left: &ArchivedLeadership) -> Result<Self, RecordError> {
        let ArchivedLeadership { price, leader } = left;
        Ok(Self { price: amount_option(price, "price")?, leader: leader.as_ref().map(account) })
    }
}

impl TryFrom<&ArchivedOutcome> for Outcome {
    type Error = RecordError;

    fn try_from(outcome: &ArchivedOutcome) -> Result<Self, RecordError> {
        Ok(match outcome {
            ArchivedOutcome::Awarded { winner, price, pay_by_us } => Self::Awarded {
                winner: account(winner),
                price: amount(price.to_native(), "price")?,
                pay_by: time(pay_by_us.to_native(), "payment deadline")?,
            },
            ArchivedOutcome::NoBids => Self::Unsold(UnsoldReason::NoBids),
            ArchivedOutcome::ReserveNotMet => Self::Unsold(UnsoldReason::ReserveNotMet),
            ArchivedOutcome::Unpaid => Self::Unsold(UnsoldReason::Unpaid),
        })
    }
}

impl TryFrom<&ArchivedNext> for AfterUnpaid {
    type Error = RecordError;

    fn try_from(next: &ArchivedNext) -> Result<Self, RecordError> {
        Ok(match next {
            ArchivedNext::Offered { to, price, until_us } => Self::Offered {
                to: account(to),
                price: amount(price.to_native(), "price")?,
                until: time(until_us.to_native(), "offer deadline")?,
            },
            ArchivedNext::Unsold => Self::Unsold,
        })
    }
}
