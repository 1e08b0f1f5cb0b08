//! Details: one JSON object for the readers. It is passed on as it was written, without the spaces between its parts, so
//! that its numbers and the order of its fields survive.

use super::json::Must;
use crate::limits::DETAILS_DEPTH_MAX;
use crate::request::RequestError;
use gavel_core::Details;
use gavel_core::limits::DETAILS_BYTES_MAX;
use serde_json::Value;

const _: () = assert!(DETAILS_BYTES_MAX == 16 * 1024 && DETAILS_DEPTH_MAX == 32, "the words below say so");
const MUST: Must = "must be a JSON object of at most 16384 bytes without spaces, at most 32 deep, without the character U+0000";

/// Reads the details of `AUCTION EDIT`.
///
/// # Errors
/// They are no object, too long, too deep, or hold what the readers' databases can't store.
pub fn parse(json: &[u8]) -> Result<Details, RequestError> {
    let text = std::str::from_utf8(json).map_err(|_| RequestError::argument("details", MUST, json))?;
    read(text).map_err(|must| RequestError::argument("details", must, json))
}

/// Reads the field `details`, or says what it must be.
pub(super) fn read(text: &str) -> Result<Details, Must> {
    // Reading it whole proves that every reader can: escapes pair up, numbers are in range.
    let value: Value = serde_json::from_str(text).map_err(|_| MUST)?;
    if !value.is_object() || !fits(&value, DETAILS_DEPTH_MAX) {
        return Err(MUST);
    }
    let compact = without_spaces(text);
    if compact.len() > DETAILS_BYTES_MAX {
        return Err(MUST);
    }
    Ok(Details(compact.into_boxed_str()))
}

/// True when the value is at most `depth` deep and holds no U+0000. The parser has bounded the depth before.
fn fits(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => depth > 0 && items.iter().all(|item| fits(item, depth - 1)),
        Value::Object(fields) => {
            depth > 0 && fields.iter().all(|(name, item)| !name.contains('\0') && fits(item, depth - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Valid JSON without the spaces between its parts.
fn without_spaces(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |character: &char| {
        if quoted {
            quoted = escaped || *character != '"';
            escaped = !escaped && *character == '\\';
            return true;
        }
        quoted = *character == '"';
        !matches!(character, ' ' | '\t' | '\n' | '\r')
    };
    json.chars().filter(keep).collect()
}
