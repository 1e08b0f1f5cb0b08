//! Terms as JSON: what `AUCTION OPEN` takes.
//!
//! One object; unknown fields are refused, `null` is the same as absent, and amounts are integers, never fractions or texts.
//! Whatever is wrong is told at once, one error per field: what JSON shows here, and what the rules show about the rest
//! ([`TermsRequest::validate`]).
//!
//! ```text
//! field             what it is                                                   when absent
//! seller            an account, as text                                          required
//! currency          ISO 4217, three capitals                                     required
//! starts_at         a time                                                       when the command was received
//! ends_at           a time; or duration_s: seconds from the start                one of them is required
//! opening_price     the least first bid                                          1
//! reserve_price     below it the item is not sold; secret                        none
//! buy_now           {"price": …, "policy": "until_first_bid"|"always"}           none; policy: until_first_bid
//! increments        [{"from": 0, "step": …}, …]                                  1 at every price
//! soft_close        {"mode": "from_bid"|"from_end"|"reset",                      none; mode: from_bid
//!                    "trigger": "any"|"price"|"leader",                          any
//!                    "window_s": …, "extension_s": …,                            required; as window_s
//!                    "hard_end": a time}                                         none
//! proxy             true: a bid is a secret maximum; false: the price itself     true
//! retraction        "never", or {"until_s": …}: seconds before the end           "never"
//! placement_key     text that placement goes by                                  the seller
//! payment_window_s  how long the winner has to pay, in seconds                   7 days
//! offer_window_s    how long a second chance stands, in seconds                  1 day
//! details           an object for the readers, at most 16 KiB                    {}
//! ```

mod details;
mod draft;
mod json;

use crate::request::RequestError;
use gavel_core::{Details, FieldError, Open, OpenId, Rejection, Terms, TermsDraft, Timestamp};

pub use details::parse as parse_details;

/// Terms and details as a client sent them, not yet judged by the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct TermsRequest {
    draft: TermsDraft,
    details: Details,
    /// What JSON itself shows to be wrong, one error per field.
    errors: Vec<FieldError>,
}

impl TermsRequest {
    /// Reads the terms. What is wrong with single fields is kept for [`TermsRequest::validate`].
    ///
    /// # Errors
    /// The text is no JSON object at all.
    pub fn parse(json: &[u8]) -> Result<Self, RequestError> {
        let not_an_object = || RequestError::argument("terms", "must be one JSON object", json);
        let text = std::str::from_utf8(json).map_err(|_| not_an_object())?;
        let object = json::Object::parse(text).ok_or_else(not_an_object)?;
        let (draft, details, errors) = draft::read(object);
        Ok(Self { draft, details, errors })
    }

    /// The terms as far as they could be read.
    #[must_use]
    pub const fn draft(&self) -> &TermsDraft {
        &self.draft
    }

    /// Digest of the request as it was sent: equal for a retry, however much later.
    #[must_use]
    pub fn digest(&self) -> u128 {
        Open::digest_of(&self.draft, &self.details)
    }

    /// Judges the terms as a whole.
    ///
    /// # Errors
    /// `InvalidTerms` with every field that is wrong, in whichever way.
    pub fn validate(self, id: Option<OpenId>, now: Timestamp) -> Result<Open, Rejection> {
        let digest = self.digest();
        let Self { draft, details, mut errors } = self;
        match Terms::validate(draft, now) {
            Ok(terms) if errors.is_empty() => return Ok(Open { terms, details, id, digest }),
            Ok(_) => {}
            // A field that could not be read is absent from the draft: what the rules say to that would mislead.
            Err(more) => {
                let more = more
                    .into_iter()
                    .filter(|error| errors.iter().all(|known| !covers(known.field, error.field)));
                let more: Vec<_> = more.collect();
                errors.extend(more);
            }
        }
        Err(Rejection::InvalidTerms(errors.into()))
    }
}

/// True when an error about `known` makes one about `field` meaningless: `ends_at` and `duration_s` stand for each other.
fn covers(known: &str, field: &str) -> bool {
    let end = |name: &str| name == "ends_at" || name == "duration_s";
    known == field || (end(known) && end(field))
}
