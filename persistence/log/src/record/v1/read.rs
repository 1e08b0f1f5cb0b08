//! Archived fields back into the domain's types, each within its bounds.

use super::super::RecordError;
use gavel_core::{Amount, AuctionId, Timestamp};
use rkyv::option::ArchivedOption;
use rkyv::primitive::ArchivedU64;

pub(super) const fn field(field: &'static str) -> RecordError {
    RecordError::Field { field }
}

pub(super) fn auction(bits: u64) -> Result<AuctionId, RecordError> {
    AuctionId::from_bits(bits).ok_or(field("auction"))
}

pub(super) fn time(micros: u64, name: &'static str) -> Result<Timestamp, RecordError> {
    Timestamp::from_micros(micros).ok_or(field(name))
}

pub(super) fn amount(minor_units: u64, name: &'static str) -> Result<Amount, RecordError> {
    Amount::new(minor_units).ok_or(field(name))
}

pub(super) fn time_option(
    micros: &ArchivedOption<ArchivedU64>,
    name: &'static str,
) -> Result<Option<Timestamp>, RecordError> {
    micros.as_ref().map(|micros| time(micros.to_native(), name)).transpose()
}

pub(super) fn amount_option(
    minor_units: &ArchivedOption<ArchivedU64>,
    name: &'static str,
) -> Result<Option<Amount>, RecordError> {
    minor_units.as_ref().map(|units| amount(units.to_native(), name)).transpose()
}
