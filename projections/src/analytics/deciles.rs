//! Deciles of a list of values.

/// Minimum number of values for which deciles are computed.
const MIN_VALUES: usize = 10;

/// Returns the 10th to the 90th percentile by nearest rank: the smallest value
/// such that at least that share of the values is not greater. `None` for fewer
/// than ten values.
pub(crate) fn deciles(mut values: Vec<i64>) -> Option<[i64; 9]> {
    if values.len() < MIN_VALUES {
        return None;
    }
    values.sort_unstable();
    let mut deciles = [0; 9];
    for (tenths, decile) in (1..).zip(&mut deciles) {
        let rank = (values.len() * tenths).div_ceil(10);
        *decile = values[rank - 1];
    }
    Some(deciles)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_values_are_their_own_deciles() {
        let values = vec![7, 3, 9, 1, 5, 10, 2, 8, 4, 6];
        assert_eq!(deciles(values), Some([1, 2, 3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(deciles((1..=9).collect()), None);
        assert_eq!(deciles(vec![4; 10]), Some([4; 9]));
    }

    proptest! {
        #[test]
        fn a_decile_is_the_smallest_value_that_covers_its_share(
            values in prop::collection::vec(1..50i64, 10..200)
        ) {
            let found = deciles(values.clone()).unwrap();
            for (tenths, decile) in (1..).zip(found) {
                let share = |max: i64| values.iter().filter(|value| **value <= max).count() * 10;
                prop_assert!(values.contains(&decile));
                prop_assert!(share(decile) >= tenths * values.len());
                prop_assert!(share(decile - 1) < tenths * values.len());
            }
        }
    }
}
