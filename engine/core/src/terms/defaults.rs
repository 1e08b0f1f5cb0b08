//! What absent terms mean. Seller, currency and the end (or the duration) have no default; absent reserve price, buy-now
//! price, soft close and placement key mean there is none; an absent start is the time of receipt.

use super::Retraction;
use crate::{Amount, Duration};

/// One minor unit.
pub const OPENING_PRICE: Amount = ONE;
/// One minor unit, at every price.
pub const STEP: Amount = ONE;
/// A bid is a secret maximum.
pub const PROXY: bool = true;
/// A bid can't be taken back.
pub const RETRACTION: Retraction = Retraction::Never;
/// The winner has 7 days to pay.
pub const PAYMENT_WINDOW: Duration = Duration::from_secs(7 * 86_400);
/// The runner-up has one day to take an offer.
pub const OFFER_WINDOW: Duration = Duration::from_secs(86_400);

const ONE: Amount = match Amount::new(1) {
    Some(amount) => amount,
    None => Amount::ZERO,
};
const _: () = assert!(ONE.get() == 1);
