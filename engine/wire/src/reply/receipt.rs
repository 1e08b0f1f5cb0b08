//! The reply to a bid. Written into a fixed array first, then appended at once: this is the reply that there are most of.

use gavel_core::{BidId, Position, Receipt, Standing};

/// The longest receipt in bytes.
pub const RECEIPT_BYTES_MAX: usize = 160;

/// `[LEADING|OUTBID|SOLD, position, price, min_next, ends_at_us, bid_id]`
#[inline]
pub fn receipt(out: &mut Vec<u8>, receipt: &Receipt) {
    let Receipt { standing, price, min_next, ends_at, bid, position } = *receipt;
    let mut line = Line { bytes: [0; RECEIPT_BYTES_MAX], len: 0 };
    line.put(match standing {
        Standing::Leading => b"*6\r\n+LEADING\r\n$",
        Standing::Outbid => b"*6\r\n+OUTBID\r\n$",
        Standing::Sold => b"*6\r\n+SOLD\r\n$",
    });
    line.position(position);
    line.integer(b"\r\n:", price.get());
    line.integer(b"\r\n:", min_next.get());
    line.integer(b"\r\n:", ends_at.micros());
    line.put(b"\r\n$36\r\n");
    line.bid_id(bid);
    line.put(b"\r\n");
    out.extend_from_slice(&line.bytes[..line.len]);
}

struct Line {
    bytes: [u8; RECEIPT_BYTES_MAX],
    len: usize,
}

impl Line {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        self.bytes[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }

    #[inline]
    fn integer(&mut self, before: &[u8], value: u64) {
        self.put(before);
        self.put(itoa::Buffer::new().format(value).as_bytes());
    }

    /// The position as a bulk, after its `$`: its length can't be known before its digits.
    #[inline]
    fn position(&mut self, position: Position) {
        let (mut shard, mut epoch, mut lsn) = (itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new());
        let parts =
            [shard.format(position.shard.0), epoch.format(position.epoch.0), lsn.format(position.lsn.0)];
        self.integer(b"", (parts[0].len() + parts[1].len() + parts[2].len() + 2) as u64);
        self.put(b"\r\n");
        self.put(parts[0].as_bytes());
        self.put(b"-");
        self.put(parts[1].as_bytes());
        self.put(b"-");
        self.put(parts[2].as_bytes());
    }

    #[inline]
    fn bid_id(&mut self, bid: BidId) {
        self.put(&uuid_text(bid.to_bits()));
    }
}

/// A hyphenated lower-case UUID.
#[inline]
pub(crate) fn uuid_text(bits: u128) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    const STARTS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut text = [b'-'; 36];
    for (byte, start) in bits.to_be_bytes().into_iter().zip(STARTS) {
        text[start] = DIGITS[usize::from(byte >> 4)];
        text[start + 1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// `*6 +LEADING $35 three integers $36`, each as long as it can get.
const _: () = {
    let heads = b"*6\r\n+LEADING\r\n$35\r\n\r\n\r\n$36\r\n\r\n".len();
    let position = "255-4294967295-18446744073709551615".len();
    let integers = "\r\n:9007199254740991".len() * 2 + "\r\n:253402214400000000".len();
    assert!(heads + position + integers + 36 <= RECEIPT_BYTES_MAX, "the longest receipt fits");
};
