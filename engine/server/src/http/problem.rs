//! What went wrong, as RFC 9457 says it: the same codes and words as over RESP, with the HTTP status of each code.

use super::limits::RETRY_AFTER_S;
use super::text::{CurrencyText, KindText, TimeText};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use gavel_core::Rejection;
use gavel_engine::{ChangeError, LiveAuction, Refusal};
use gavel_wire::{Code, RequestError, currency_exponent};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use utoipa::ToSchema;

/// The media type of problems.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not carried out (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Problem", as = Problem)]
pub(super) struct Body {
    /// Which kind of problem: `urn:gavel:problem:` and the code in lower case.
    #[serde(rename = "type")]
    #[schema(example = "urn:gavel:problem:toolow")]
    kind: KindText,
    /// The kind in words; always the same for one code.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// This problem in words: what was wrong, and what is allowed.
    detail: String,
    /// The code, as over RESP.
    #[schema(example = "TOOLOW")]
    code: &'static str,
    /// With `TOOLOW`: the least amount that would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_next: Option<u64>,
    /// The currency of `min_next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<CurrencyText>,
    /// The decimals of the currency's minor unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_exponent: Option<u8>,
    /// With `NOTSTARTED` and `CLOSED`: when bids are taken from, or were taken until.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<TimeText>,
    /// With terms that are `INVALID`: every field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldProblem>>,
}

/// One field of the terms that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// The field.
    field: &'static str,
    /// What is wrong, and what is allowed.
    problem: String,
}

/// A kind of problem, displayed as its URN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(Code);

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("urn:gavel:problem:")?;
        self.0.as_str().chars().try_for_each(|letter| write!(f, "{}", letter.to_ascii_lowercase()))
    }
}

/// A problem on its way to the client, and whether it is the last answer of its connection.
#[derive(Clone, Debug)]
pub(super) struct Problem(Box<Body>, bool);

/// The status and the title of each code. The one table: nothing else chooses a status, but for what only HTTP knows
/// (a path, a method, a media type, a body that is too large or comes too slowly).
pub(super) const fn of_code(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::NotFound => (StatusCode::NOT_FOUND, "There is no such thing"),
        Code::NotStarted => (StatusCode::CONFLICT, "Bids are not taken yet"),
        Code::Closed => (StatusCode::CONFLICT, "Bids are not taken any more"),
        Code::TooLow => (StatusCode::CONFLICT, "The amount is too low"),
        Code::SellerBid => (StatusCode::FORBIDDEN, "A seller cannot bid on their own auction"),
        Code::Banned => (StatusCode::FORBIDDEN, "This bidder may not bid here"),
        Code::IdConflict => (StatusCode::CONFLICT, "The id was used before with other content"),
        Code::State => (StatusCode::CONFLICT, "Not in this state"),
        Code::Gap => (StatusCode::GONE, "What was asked for is not there any more"),
        Code::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too much is under way"),
        Code::Loading => (StatusCode::SERVICE_UNAVAILABLE, "The log is still being read"),
        Code::Invalid => (StatusCode::BAD_REQUEST, "Something in the request is not what it must be"),
        Code::TooLarge => (StatusCode::UNPROCESSABLE_ENTITY, "A bound is reached"),
        Code::Unknown => (StatusCode::NOT_FOUND, "There is no such request"),
    }
}

impl Problem {
    /// A problem with the status of its code.
    pub(super) fn new(code: Code, detail: impl Display) -> Self {
        let (status, title) = of_code(code);
        Self(
            Box::new(Body {
                kind: KindText(Kind(code)),
                title,
                status: status.as_u16(),
                detail: detail.to_string(),
                code: code.as_str(),
                min_next: None,
                currency: None,
                currency_exponent: None,
                at: None,
                errors: None,
            }),
            false,
        )
    }

    /// The same with another status: one that only HTTP has a reason for.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }

    /// The same, as the last answer of its connection.
    pub(super) fn closing(mut self) -> Self {
        self.1 = true;
        self
    }

    /// Something in the request is not what it must be.
    pub(super) fn invalid(detail: impl Display) -> Self {
        Self::new(Code::Invalid, detail)
    }

    /// A refusal by the rules, about this auction.
    pub(super) fn rejection(rejection: &Rejection, auction: Option<&LiveAuction>) -> Self {
        let mut problem = Self::new(Code::of(rejection), rejection);
        let body = &mut *problem.0;
        match rejection {
            Rejection::TooLow(least) => {
                body.min_next = Some(least.get());
                let currency = auction.map(|auction| auction.terms().currency);
                body.currency = currency.map(CurrencyText);
                body.currency_exponent = currency.and_then(currency_exponent);
            }
            Rejection::NotStarted(at) | Rejection::Closed(at) => body.at = Some(TimeText(*at)),
            Rejection::InvalidTerms(errors) => {
                let one = |error: &gavel_core::FieldError| FieldProblem {
                    field: error.field,
                    problem: error.problem.to_string(),
                };
                body.errors = Some(errors.iter().map(one).collect());
            }
            Rejection::NotFound(_)
            | Rejection::SellerBid
            | Rejection::Banned
            | Rejection::IdConflict
            | Rejection::State(..)
            | Rejection::Invalid(_)
            | Rejection::TooLarge(_) => {}
        }
        problem
    }

    /// The body, for a line of a stream.
    pub(super) fn body(&self) -> &Body {
        &self.0
    }

    fn code_status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Loading => Code::Loading,
            Refusal::ConnectionCredit(_) | Refusal::ProcessCredit(_) | Refusal::Closing | Refusal::Failed => {
                Code::Busy
            }
        };
        Self::new(code, refusal)
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Placement(problem) => Self::invalid(problem),
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Rejected(rejection) => Self::rejection(&rejection, None),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        Self::new(error.code(), error)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0.code, self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code_status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.code_status();
        let mut response = HttpResponse::build(status);
        response.content_type(MEDIA_TYPE);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
        }
        if self.1 || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) {
            // The rest of the body may still come: what would follow it can't be found.
            response.force_close();
        }
        response.body(super::text::json(&*self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_core::Amount;

    #[test]
    fn every_code_has_a_status_of_a_refusal_and_a_title() {
        for code in Code::ALL {
            let (status, title) = of_code(code);
            assert!(
                status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE,
                "{code}: {status}"
            );
            assert!(!title.is_empty() && !title.ends_with('.'), "{code}: {title}");
        }
    }

    #[test]
    fn a_problem_says_what_resp_says_and_what_would_do() {
        let problem = Problem::rejection(&Rejection::TooLow(Amount::new(10_600).unwrap()), None);
        let shown: serde_json::Value =
            serde_json::from_str(&super::super::text::json(problem.body())).unwrap();
        let expected = serde_json::json!({
            "type": "urn:gavel:problem:toolow", "title": "The amount is too low", "status": 409,
            "detail": "bid at least 10600", "code": "TOOLOW", "min_next": 10_600,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_can_be_tried_again_says_when() {
        for refusal in [Refusal::Loading, Refusal::ProcessCredit(1), Refusal::Closing] {
            let response = Problem::from(refusal).error_response();
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "1");
            assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), MEDIA_TYPE);
        }
    }
}
