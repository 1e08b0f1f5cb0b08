//! `Idempotency-Key`: what makes a request that is sent again the same request.
//!
//! A key is 1 to 255 visible ASCII characters, in quotes (a structured header's string) or bare. For bids, purchases and openings it
//! becomes the id that the log keeps: a UUID as it is, any other text by a hash, the same on every server and in every version.

use super::answers::Fingerprint;
use super::limits::KEY_CHARS_MAX;
use super::problem::Problem;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use gavel_core::{BidId, OpenId};
use std::future::{Ready, ready};

/// The header.
pub(super) const HEADER: &str = "idempotency-key";

const MUST: &str =
    "Idempotency-Key must be 1 to 255 visible ASCII characters, in quotes or without, and given once";

/// Says what a digest is of; another version of the hash would be another text.
const CONTEXT: &[u8] = b"gavel idempotency key 1";

/// The key of a request, if it has one.
#[derive(Clone, Debug)]
pub(super) struct Key(pub(super) Option<KeyText>);

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyText(Box<str>);

impl Key {
    /// The id of a bid or purchase with this key.
    pub(super) fn bid_id(&self) -> Option<BidId> {
        self.0.as_ref().map(|key| BidId::from_bits(key.bits()))
    }

    /// The id of an opening with this key.
    pub(super) fn open_id(&self) -> Option<OpenId> {
        self.0.as_ref().map(|key| OpenId(key.bits()))
    }
}

impl KeyText {
    fn parse(header: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(header).ok()?.trim();
        let text = match text.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => text.to_owned(),
        };
        let fits =
            (1..=KEY_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// The bits of a UUID as they are, of any other text those of [`hashed`].
    fn bits(&self) -> u128 {
        BidId::parse(self.0.as_bytes()).map_or_else(|| hashed(&[self.0.as_bytes()]), BidId::to_bits)
    }

    /// The id of the bid on one line (from 1) of a stream with this key.
    pub(super) fn bid_id_of_line(&self, line: u64) -> BidId {
        BidId::from_bits(hashed(&[self.0.as_bytes(), &line.to_be_bytes()]))
    }

    /// The key itself, to remember it by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        hashed(&[self.0.as_bytes()])
    }
}

/// The inside of a structured header's string, behind its first quote.
fn unquoted(rest: &str) -> Option<String> {
    let inside = rest.strip_suffix('"')?;
    let (mut text, mut characters) = (String::new(), inside.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(characters.next().filter(|next| matches!(next, '"' | '\\'))?),
            other => text.push(other),
        }
    }
    Some(text)
}

/// BLAKE3 of the parts, as a UUID of version 8. One bit behind the variant is always set, so that it never has the form of an id
/// that the engine assigns.
fn hashed(parts: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(CONTEXT);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    let bits = u128::from_be_bytes(bytes);
    bits & !(0xf << 76 | 0b11 << 62) | 8 << 76 | 0b101 << 61
}

/// What was asked: method, path and body.
pub(super) fn asked(request: &HttpRequest, body: &[u8]) -> Fingerprint {
    hashed(&[request.method().as_str().as_bytes(), request.path().as_bytes(), body])
}

impl FromRequest for Key {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let mut headers = request.headers().get_all(HEADER);
        let key = match (headers.next(), headers.next()) {
            (None, _) => Ok(Self(None)),
            (Some(header), None) => {
                let key = KeyText::parse(header.as_bytes());
                key.map(|key| Self(Some(key))).ok_or_else(|| Problem::invalid(MUST))
            }
            (Some(_), Some(_)) => Err(Problem::invalid(MUST)),
        };
        ready(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<KeyText> {
        KeyText::parse(text.as_bytes())
    }

    #[test]
    fn a_key_is_the_same_in_quotes_and_without() {
        assert_eq!(key("\"order-7\""), key("order-7"));
        assert_eq!(key(r#""a\"b\\c""#), key(r#"a"b\c"#));
        let long = "k".repeat(KEY_CHARS_MAX + 1);
        for wrong in ["", "\"", "\"\"", "a b", "\"a\"b\"", "\"a\\b\"", "\"a", "clé", &long] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_uuid_is_taken_as_it_is_and_any_other_text_by_a_stable_hash() {
        let uuid = "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";
        assert_eq!(Key(key(uuid)).bid_id().unwrap().to_string(), uuid);
        // Fixed for ever: clients send the same text to other servers and versions, and mean the same request.
        assert_eq!(Key(key("order-7")).bid_id().unwrap().to_string(), ORDER_7);
        assert_ne!(key("order-7").unwrap().bid_id_of_line(1), key("order-7").unwrap().bid_id_of_line(2));
    }

    const ORDER_7: &str = "450fa13d-9756-86c3-a458-08fd7d53f6d2";

    #[test]
    fn a_hash_is_a_version_8_uuid_that_the_engine_never_assigns() {
        for number in 0..10_000_u64 {
            let id = BidId::from_bits(hashed(&[&number.to_be_bytes()]));
            let text = id.to_string();
            assert_eq!(&text[14..15], "8", "{text}");
            assert!(matches!(&text[19..20], "a" | "b"), "{text}");
            assert_eq!(id.as_assigned(), None, "{text}");
        }
    }
}
