//! Digests: of a whole state, for comparing engines, and of a request, to tell a retry from a conflict.
//!
//! A shard's digest is the sum of the digests of its parts, so it does not depend on the order in which they are held, and can
//! be kept up to date part by part.

use crate::terms::{HouseRules, ValidDraft};
use crate::{AccountId, Amount, Details, Duration, Open, Timestamp};
use crate::{BuyNow, Retraction, SoftClose, TermsDraft};

/// 256 bits, as four 64-bit lanes that add up with wrap-around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub [u64; 4]);

impl std::ops::AddAssign for Digest {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(lane, more)| *lane = lane.wrapping_add(more));
    }
}

impl std::ops::Add for Digest {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::ops::SubAssign for Digest {
    fn sub_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(lane, less)| *lane = lane.wrapping_sub(less));
    }
}

impl std::iter::Sum for Digest {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| sum + part)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        let (lanes, _) = bytes.as_chunks::<8>();
        Self(std::array::from_fn(|lane| u64::from_le_bytes(lanes[lane])))
    }
}

impl From<Digest> for [u8; 32] {
    fn from(digest: Digest) -> Self {
        let mut bytes = [0; 32];
        let (lanes, _) = bytes.as_chunks_mut::<8>();
        lanes.iter_mut().zip(digest.0).for_each(|(bytes, lane)| *bytes = lane.to_le_bytes());
        bytes
    }
}

/// Sixty-four hexadecimal digits.
impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        <[u8; 32]>::from(*self).iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Writes values in one canonical way: integers little-endian and of fixed width, texts with their length before them,
/// optional values with a byte that says whether they are there.
///
/// What is written is gathered before it is hashed: hashing every field by itself takes twice as long, and recovery hashes
/// millions of auctions.
pub(crate) struct Canon {
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
}

/// Bytes that are gathered, at most.
const GATHERED_MAX: usize = 4 * 1024;

impl Canon {
    /// `what` names the kind of thing, so that equal bytes of different kinds differ.
    pub(crate) fn new(what: &str) -> Self {
        let mut canon = Self { hasher: blake3::Hasher::new(), gathered: Vec::with_capacity(GATHERED_MAX) };
        canon.text(what);
        canon
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() > GATHERED_MAX {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
        if bytes.len() > GATHERED_MAX {
            self.hasher.update(bytes);
        } else {
            self.gathered.extend_from_slice(bytes);
        }
    }

    pub(crate) fn number(&mut self, value: impl Into<u128>) {
        self.raw(&value.into().to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.raw(text.as_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.number(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn optional(&mut self, value: Option<impl Into<u128>>) {
        self.option(value, |canon, value| canon.number(value));
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        *self.hasher.update(&self.gathered).finalize().as_bytes()
    }

    fn soft_close(&mut self, soft: SoftClose) {
        let SoftClose { mode, trigger, window, extension, hard_end } = soft;
        self.raw(&[mode as u8, trigger as u8]);
        self.number(window);
        self.number(extension);
        self.optional(hard_end);
    }

    fn retraction(&mut self, retraction: Retraction) {
        match retraction {
            Retraction::Never => self.option(None::<Duration>, |_, _| {}),
            Retraction::Until(before_end) => self.optional(Some(before_end)),
        }
    }

    fn buy_now(&mut self, buy_now: BuyNow) {
        self.number(buy_now.price);
        self.raw(&[buy_now.policy as u8]);
    }

    fn increments(&mut self, rows: &[crate::IncrementStep]) {
        self.number(rows.len() as u64);
        for row in rows {
            self.number(row.from);
            self.number(row.step);
        }
    }

    /// Terms that are in force. Destructured whole, so that a new field can't be forgotten.
    #[rustfmt::skip]
    pub(crate) fn terms(&mut self, terms: &ValidDraft) {
        let ValidDraft {
            seller, starts_at, ends_at, opening_price, reserve_price, buy_now, placement_key, rules,
        } = terms;
        let HouseRules { currency, increments, soft_close, proxy, retraction, payment_window, offer_window } = &**rules;
        self.number(*seller);
        self.raw(&currency.code());
        self.number(*starts_at);
        self.number(*ends_at);
        self.number(*opening_price);
        self.optional(*reserve_price);
        self.option(*buy_now, Self::buy_now);
        self.increments(increments.rows());
        self.option(*soft_close, Self::soft_close);
        self.raw(&[u8::from(*proxy)]);
        self.retraction(*retraction);
        self.option(placement_key.as_deref(), Self::text);
        self.number(*payment_window);
        self.number(*offer_window);
    }

    /// Terms as they were sent. Destructured whole, so that a new field can't be forgotten.
    #[rustfmt::skip]
    fn draft(&mut self, draft: &TermsDraft) {
        let TermsDraft {
            seller, currency, starts_at, ends_at, duration, opening_price, reserve_price, buy_now, increments, soft_close,
            proxy, retraction, placement_key, payment_window, offer_window,
        } = draft;
        self.optional(*seller);
        self.option(*currency, |canon, currency| canon.raw(&currency.code()));
        [*starts_at, *ends_at].into_iter().for_each(|time| self.optional(time));
        [*opening_price, *reserve_price].into_iter().for_each(|amount| self.optional(amount));
        [*duration, *payment_window, *offer_window].into_iter().for_each(|length| self.optional(length));
        self.option(*buy_now, Self::buy_now);
        self.option(increments.as_deref(), Self::increments);
        self.option(*soft_close, Self::soft_close);
        self.option(*proxy, |canon, proxy| canon.raw(&[u8::from(proxy)]));
        self.option(*retraction, Self::retraction);
        self.option(placement_key.as_deref(), Self::text);
    }
}

impl From<Amount> for u128 {
    fn from(amount: Amount) -> Self {
        amount.get().into()
    }
}

impl From<Timestamp> for u128 {
    fn from(time: Timestamp) -> Self {
        time.micros().into()
    }
}

impl From<Duration> for u128 {
    fn from(length: Duration) -> Self {
        length.micros().into()
    }
}

impl From<AccountId> for u128 {
    fn from(account: AccountId) -> Self {
        account.to_bits()
    }
}

impl Open {
    /// The digest of a request to open an auction, for [`Open::digest`]: over the terms as the client sent them, before any
    /// default was filled in, and the details.
    #[must_use]
    pub fn digest_of(draft: &TermsDraft, details: &Details) -> u128 {
        let mut canon = Canon::new("gavel request to open 1");
        canon.draft(draft);
        canon.text(&details.0);
        let [first, second, ..] = Digest::from(canon.finish()).0;
        u128::from(second) << 64 | u128::from(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_order_and_can_be_undone() {
        let [a, b, c] = [1, 2, 3].map(|n| Digest::from([n * 85; 32]));
        assert_eq!(a + b + c, c + a + b);
        assert_ne!(a + b, a + c);
        let mut sum = a + b;
        sum -= b;
        assert_eq!(sum, a);
        assert_eq!(Digest::from(<[u8; 32]>::from(c)), c);
        assert_eq!(Digest([1, 0, 0, 0xff << 56]).to_string(), format!("01{}ff", "0".repeat(60)));
    }

    #[test]
    fn every_part_of_a_request_counts_and_absent_differs_from_given() {
        let base = TermsDraft::default();
        let none = Details::default();
        let one = Amount::new(1);
        let changed = [
            TermsDraft { opening_price: one, ..base.clone() },
            TermsDraft { reserve_price: one, ..base.clone() },
            TermsDraft { proxy: Some(true), ..base.clone() },
            TermsDraft { starts_at: Some(Timestamp::default()), ..base.clone() },
            TermsDraft { ends_at: Some(Timestamp::default()), ..base.clone() },
            TermsDraft { placement_key: Some(String::new()), ..base.clone() },
            TermsDraft { retraction: Some(Retraction::Never), ..base.clone() },
            TermsDraft { retraction: Some(Retraction::Until(Duration::ZERO)), ..base.clone() },
        ];
        let mut digests: Vec<u128> = changed.iter().map(|draft| Open::digest_of(draft, &none)).collect();
        digests.push(Open::digest_of(&base, &none));
        digests.push(Open::digest_of(&base, &Details("{}".into())));
        assert_eq!(Open::digest_of(&base, &none), Open::digest_of(&base.clone(), &none));
        let distinct: std::collections::HashSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }
}
