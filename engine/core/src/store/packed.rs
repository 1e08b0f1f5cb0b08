//! A number of 128 bits that is aligned to four bytes, so that lists of ids beside small numbers have no gaps.

/// Sixteen bytes; a `u128` would be aligned to sixteen, and make twenty bytes thirty-two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed([u32; 4]);

const _: () = assert!(size_of::<Packed>() == 16 && align_of::<Packed>() == 4);

impl Packed {
    pub(crate) const fn new(bits: u128) -> Self {
        Self([bits as u32, (bits >> 32) as u32, (bits >> 64) as u32, (bits >> 96) as u32])
    }

    pub(crate) const fn bits(self) -> u128 {
        let [a, b, c, d] = self.0;
        (d as u128) << 96 | (c as u128) << 64 | (b as u128) << 32 | a as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_comes_back_at_its_place() {
        for bit in 0..128 {
            assert_eq!(Packed::new(1 << bit).bits(), 1 << bit);
        }
        assert_eq!(Packed::new(u128::MAX).bits(), u128::MAX);
    }
}
