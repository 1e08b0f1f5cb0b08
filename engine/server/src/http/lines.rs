//! The lines of a stream, cut out of the pieces that it comes in. A line that is too long is told once and read past; nothing of
//! it is kept.

use super::limits::LINE_BYTES_MAX;
use bytes::BytesMut;

/// Cuts pieces into lines.
#[derive(Default)]
pub(super) struct Lines {
    buffer: BytesMut,
    /// Lines that have been taken, blank ones among them.
    number: u64,
    /// The present line was too long; its rest is read past.
    is_skipping: bool,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Whole.
    Whole(BytesMut),
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong,
}

impl Lines {
    /// Takes the next piece in. To be called when [`Lines::next`] has no more, so that what is held stays bounded.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The number of the line that came last, from 1; blank ones count, so that it is the one that an editor shows.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank. `is_last`: nothing comes behind what is here, so that the last line needs no end.
    pub(super) fn next(&mut self, is_last: bool) -> Option<Line> {
        loop {
            let end = memchr::memchr(b'\n', &self.buffer);
            if let Some(end) = end {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                if std::mem::take(&mut self.is_skipping) {
                    continue;
                }
                self.number += 1;
                if end > LINE_BYTES_MAX {
                    return Some(Line::TooLong);
                }
                if let Some(line) = not_blank(line) {
                    return Some(line);
                }
            } else if self.is_skipping {
                self.buffer.clear();
                return None;
            } else if self.buffer.len() > LINE_BYTES_MAX {
                self.buffer.clear();
                self.is_skipping = true;
                self.number += 1;
                return Some(Line::TooLong);
            } else if is_last && !self.buffer.is_empty() {
                self.number += 1;
                return not_blank(self.buffer.split());
            } else {
                return None;
            }
        }
    }
}

fn not_blank(line: BytesMut) -> Option<Line> {
    if line.iter().all(u8::is_ascii_whitespace) { None } else { Some(Line::Whole(line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text that comes in pieces of so many bytes.
    fn cut(text: &[u8], size: usize) -> Vec<Line> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in text.chunks(size) {
            lines.push(piece);
            found.extend(std::iter::from_fn(|| lines.next(false)));
            assert!(lines.buffer.len() <= LINE_BYTES_MAX, "what is held is bounded");
        }
        found.extend(std::iter::from_fn(|| lines.next(true)));
        found
    }

    fn whole(line: &[u8]) -> Line {
        Line::Whole(BytesMut::from(line))
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let text = [b"one\r\n\n  \ntwo\n".as_slice(), &long, b"\nthree\n", &long[1..], b"\nlast"].concat();
        for size in [1, 2, 3, 7, 100, 1_000, text.len()] {
            let expected = [
                whole(b"one\r"),
                whole(b"two"),
                Line::TooLong,
                whole(b"three"),
                whole(&long[1..]),
                whole(b"last"),
            ];
            assert_eq!(cut(&text, size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_told_once() {
        assert_eq!(cut(&vec![b'x'; 1 << 20], 4_096), [Line::TooLong]);
        assert_eq!(cut(b"", 1), []);
    }
}
