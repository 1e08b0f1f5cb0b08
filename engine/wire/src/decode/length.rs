//! The decimal number and line end after `*` and `$`.

use crate::limits::LENGTH_DIGITS_MAX;

/// Not a number, or one above the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadLength;

/// The number whose first digit is at `start`, and where the next line begins. `None` when the line is not all there.
#[inline]
pub(crate) fn length(buf: &[u8], start: usize, max: u64) -> Result<Option<(u64, usize)>, BadLength> {
    // Nearly all have one or two digits; any other way of ending is judged digit by digit.
    match buf.get(start..start + 4) {
        Some(&[one @ b'0'..=b'9', b'\r', b'\n', _]) if max >= 99 => {
            Ok(Some((u64::from(one - b'0'), start + 3)))
        }
        Some(&[ten @ b'0'..=b'9', one @ b'0'..=b'9', b'\r', b'\n']) if max >= 99 => {
            Ok(Some((u64::from(ten - b'0') * 10 + u64::from(one - b'0'), start + 4)))
        }
        _ => digit_by_digit(buf, start, max),
    }
}

fn digit_by_digit(buf: &[u8], start: usize, max: u64) -> Result<Option<(u64, usize)>, BadLength> {
    let mut value: u64 = 0;
    let mut at = start;
    loop {
        match buf.get(at) {
            None => return Ok(None),
            Some(&digit @ b'0'..=b'9') if at - start < LENGTH_DIGITS_MAX => {
                value = value * 10 + u64::from(digit - b'0');
                at += 1;
            }
            Some(b'\r') if at > start && value <= max => {
                return match buf.get(at + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some((value, at + 2))),
                    Some(_) => Err(BadLength),
                };
            }
            Some(_) => return Err(BadLength),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_bounded_and_followed_by_a_line_end() {
        assert_eq!(length(b"*12\r\nx", 1, 100), Ok(Some((12, 5))));
        assert_eq!(length(b"0\r\n", 0, 0), Ok(Some((0, 3))));
        assert_eq!(length(b"7\r\n$", 0, 100), Ok(Some((7, 3))));
        assert_eq!(length(b"7\r\n$", 0, 6), Err(BadLength));
        assert_eq!(length(b"100\r\n", 0, 100), Ok(Some((100, 5))));
        for unfinished in [&b""[..], b"1", b"12\r"] {
            assert_eq!(length(unfinished, 0, 100), Ok(None));
        }
        for wrong in
            [&b"\r\n"[..], b"-1\r\n", b"+1\r\n", b"101\r\n", b"1x\r\n", b"1\r\r", b"99999999999\r\n", b"1\n"]
        {
            assert_eq!(length(wrong, 0, 100), Err(BadLength), "{wrong:?}");
        }
    }
}
