//! JSON as PostgreSQL's `jsonb` takes it. Two things that JSON allows, `jsonb` refuses: the character U+0000, and half a surrogate pair. Both
//! can only stand in a string as an escape, and become U+FFFD, the sign for what can't be written. The log keeps what was said.

use std::borrow::Cow;

/// The text with every escape that `jsonb` refuses replaced by `\ufffd`. Mostly there is none, and nothing is copied.
pub(super) fn for_jsonb(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u") {
        return Cow::Borrowed(json);
    }
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        let (taken, replaced) = escape_at(escape);
        out.push_str(before);
        out.push_str(if replaced { "\\ufffd" } else { &escape[..taken] });
        rest = &escape[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// How long the escape (or pair of them) is that the text begins with, and whether it has to be replaced.
fn escape_at(text: &str) -> (usize, bool) {
    match unit(text) {
        Some(0) => (6, true),
        Some(0xd800..=0xdbff) => match text.get(6..).and_then(unit) {
            Some(0xdc00..=0xdfff) => (12, false),
            _ => (6, true),
        },
        Some(0xdc00..=0xdfff) => (6, true),
        Some(_) => (6, false),
        // A backslash and one character, which in valid JSON is ASCII.
        None => (text.char_indices().nth(2).map_or(text.len(), |(end, _)| end), false),
    }
}

/// The value of `\uXXXX` at the beginning.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::for_jsonb;

    #[test]
    fn only_what_jsonb_refuses_is_replaced() {
        for (json, wanted) in [
            (r#"{"a":"ü"}"#, r#"{"a":"ü"}"#),
            (r#"{"a":"\u00fc\n\\"}"#, r#"{"a":"\u00fc\n\\"}"#),
            (r#"{"a":"\u0000"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"\u0000b":"x\u0000\u0000"}"#, r#"{"\ufffdb":"x\ufffd\ufffd"}"#),
            // A backslash, and then the letters.
            (r#"{"a":"\\u0000"}"#, r#"{"a":"\\u0000"}"#),
            (r#"{"a":"\\\u0000"}"#, r#"{"a":"\\\ufffd"}"#),
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\ud83d\ude00"}"#),
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (r#"{"a":"\ude00\uD83D\uDE00"}"#, r#"{"a":"\ufffd\uD83D\uDE00"}"#),
        ] {
            assert_eq!(for_jsonb(json), wanted);
        }
    }
}
