//! Choosing by weight in constant time: Vose's alias method ("A Linear Algorithm For Generating Random Numbers With a
//! Given Distribution", 1991). Invariant: column i keeps its own index with `keep[i]`, else gives `alias[i]`.

use rand::Rng;

/// A table to choose from by weight.
#[derive(Debug)]
pub struct AliasTable {
    /// Chance, out of 2^32, that a column answers with its own index.
    keep: Vec<u64>,
    alias: Vec<u32>,
}

const ONE: f64 = 4_294_967_296.0;

impl AliasTable {
    /// A table over the weights, which are positive and finite; at least one, at most 2^32 - 1.
    #[must_use]
    pub fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut scaled: Vec<f64> = weights.collect();
        let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
        scaled.iter_mut().for_each(|weight| *weight /= mean);
        let mut alias: Vec<u32> = (0..scaled.len() as u32).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            alias.iter().partition(|&&i| scaled[i as usize] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            alias[poor as usize] = rich;
            scaled[rich as usize] -= 1.0 - scaled[poor as usize];
            if scaled[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What is left over differs from 1 by rounding alone: it keeps its own index.
        small.into_iter().chain(large).for_each(|i| scaled[i as usize] = 1.0);
        Self { keep: scaled.iter().map(|weight| (weight * ONE) as u64).collect(), alias }
    }

    /// An index, with the chance its weight gives it.
    pub fn pick(&self, chooser: &mut impl Rng) -> u32 {
        let column = super::below(chooser, self.keep.len() as u32);
        let kept = u64::from(chooser.next_u32()) < self.keep[column as usize];
        if kept { column } else { self.alias[column as usize] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn shares_are_the_weights() {
        let table = AliasTable::new([1.0, 2.0, 3.0, 4.0].into_iter());
        let mut chooser = crate::distribution::Chooser::seed_from_u64(3);
        let mut counts = [0_i64; 4];
        (0..100_000).for_each(|_| counts[table.pick(&mut chooser) as usize] += 1);
        for (count, expected) in counts.into_iter().zip([10_000, 20_000, 30_000, 40_000]) {
            assert!((count - expected).abs() < 800, "{counts:?}");
        }
    }

    #[test]
    fn one_weight_is_always_chosen() {
        let table = AliasTable::new([0.5].into_iter());
        let mut chooser = crate::distribution::Chooser::seed_from_u64(3);
        assert!((0..100).all(|_| table.pick(&mut chooser) == 0));
    }
}
