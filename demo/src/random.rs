//! Pseudo-random numbers that are the same in every version of the program.

/// Generator of pseudo-random numbers (SplitMix64). Its output must not change,
/// since an interrupted load continues with the same data.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Creates a generator whose numbers depend on the seed and on `stream`.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xa076_1d64_78bd_642f));
        // Nearby streams give unrelated numbers only after the first mixing.
        let state = random.next();
        Self(state)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`, or 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product; its bias is below 2^-32 for the bounds used.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Returns a number of the range, both ends included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Returns true in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns a number from 0 to 1, 1 excluded.
    pub(crate) fn fraction(&mut self) -> f64 {
        // 53 bits are exact in an `f64`.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns one of the values.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Returns an index, each with a probability proportional to its weight.
    pub(crate) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            match rest.checked_sub(*weight) {
                Some(less) => rest = less,
                None => return index,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        let mut random = Random::new(1, 2);
        let first: Vec<u64> = (0..5).map(|_| random.below(1_000)).collect();
        let mut again = Random::new(1, 2);
        let second: Vec<u64> = (0..5).map(|_| again.below(1_000)).collect();
        assert_eq!(first, second);
        let mut other = Random::new(1, 3);
        let other: Vec<u64> = (0..5).map(|_| other.below(1_000)).collect();
        assert_ne!(first, other);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(7, 0);
        for _ in 0..1_000 {
            assert!((3..=9).contains(&random.between(3, 9)));
            assert!((0.0..1.0).contains(&random.fraction()));
            assert_ne!(random.weighted(&[1, 0, 3]), 1);
        }
    }
}
