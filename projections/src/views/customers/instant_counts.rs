//! Multiset of instants in which repetitions take almost no space.

use std::collections::BTreeMap;

use domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::instants::{
    self, Instants, InstantsError, ORIGIN, read_time, read_varint, write_varint,
};

/// Sorted instants, each with its number of occurrences.
///
/// A shop without times of day gives all orders of a day the same instant,
/// which can then occur millions of times. In bytes, each instant is the LEB128
/// difference in milliseconds to the previous one (to 1900 for the first),
/// followed by the LEB128 count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct InstantCounts(Vec<(i64, u64)>);

impl InstantCounts {
    /// Returns the multiset after adding some instants and removing others.
    ///
    /// # Errors
    /// [`InstantsError::Absent`] if an instant to remove is not in the
    /// multiset.
    pub(crate) fn changed(
        &self,
        added: &Instants,
        removed: &Instants,
    ) -> Result<Self, InstantsError> {
        let mut changes: BTreeMap<Timestamp, i64> = BTreeMap::new();
        for time in added.iter() {
            *changes.entry(time).or_default() += 1;
        }
        for time in removed.iter() {
            *changes.entry(time).or_default() -= 1;
        }
        let mut counts = Vec::with_capacity(self.0.len() + changes.len());
        let mut rest = self.0.as_slice();
        for (time, change) in changes {
            let before = rest.partition_point(|(t, _)| *t < time.millis());
            counts.extend_from_slice(&rest[..before]);
            rest = &rest[before..];
            let mut count = 0;
            if let Some(((t, there), after)) = rest.split_first()
                && *t == time.millis()
            {
                (count, rest) = (*there, after);
            }
            let count = count.checked_add_signed(change);
            match count.ok_or(InstantsError::Absent(time))? {
                0 => {}
                count => counts.push((time.millis(), count)),
            }
        }
        counts.extend_from_slice(rest);
        Ok(Self(counts))
    }

    /// Splits the multiset into parts of about equal size, in order, each with
    /// at most `most` distinct instants. Returns at least one part, even for an
    /// empty multiset.
    pub(crate) fn split(self, most: usize) -> Vec<Self> {
        let parts = self.0.len().div_ceil(most.max(1));
        if parts <= 1 {
            return vec![self];
        }
        let size = self.0.len().div_ceil(parts);
        let parts = self.0.chunks(size);
        parts.map(|part| Self(part.to_vec())).collect()
    }

    /// Returns each instant with its number of occurrences, in ascending order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Timestamp, u64)> {
        let counts = self.0.iter();
        counts.filter_map(|(t, count)| Some((Timestamp::from_millis(*t).ok()?, *count)))
    }

    /// Returns the earliest instant.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.iter().next().map(|(time, _)| time)
    }

    /// Returns the number of instants, with repetitions.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 6);
        let mut before = ORIGIN;
        for (time, count) in &self.0 {
            write_varint(&mut bytes, time.abs_diff(before));
            write_varint(&mut bytes, *count);
            before = *time;
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8]) -> Result<Self, InstantsError> {
        let mut counts: Vec<(i64, u64)> = Vec::with_capacity(bytes.len() / 5);
        let mut before = ORIGIN;
        while !bytes.is_empty() {
            let time = read_time(&mut bytes, before)?;
            let count = read_varint(&mut bytes)?;
            // Each multiset has exactly one encoding, without zero counts and
            // repeated instants.
            let repeated = counts.last().is_some_and(|(last, _)| *last == time);
            if count == 0 || repeated {
                return Err(InstantsError::Malformed);
            }
            counts.push((time, count));
            before = time;
        }
        Ok(Self(counts))
    }
}

impl Serialize for InstantCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for InstantCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "bytes of LEB128 differences and counts";
        instants::deserialize(deserializer, expected, Self::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instants(millis: &[i64]) -> Instants {
        let at = |millis: &i64| Timestamp::from_millis(*millis).unwrap();
        millis.iter().map(at).collect()
    }

    fn all(counts: &InstantCounts) -> Vec<i64> {
        let repeated = counts
            .iter()
            .flat_map(|(time, count)| std::iter::repeat_n(time.millis(), count as usize));
        repeated.collect()
    }

    proptest! {
        #[test]
        fn changes_agree_with_a_model(
            first in prop::collection::vec(-3..9i64, 0..30),
            second in prop::collection::vec(-3..9i64, 0..30),
            taken in 0..60usize,
        ) {
            let none = Instants::default();
            let counts = InstantCounts::default().changed(&instants(&first), &none).unwrap();
            let mut model = [first, second.clone()].concat();
            let taken: Vec<i64> = model.drain(..taken.min(model.len())).collect();
            let counts = counts.changed(&instants(&second), &instants(&taken)).unwrap();
            model.sort_unstable();
            prop_assert_eq!(all(&counts), model.clone());
            prop_assert_eq!(counts.len(), model.len() as u64);
            prop_assert_eq!(InstantCounts::from_bytes(&counts.to_bytes()), Ok(counts.clone()));
            for most in 1..5 {
                let parts = counts.clone().split(most);
                prop_assert!(parts.iter().all(|part| part.0.len() <= most));
                let joined: Vec<i64> = parts.iter().flat_map(all).collect();
                prop_assert_eq!(joined, model.clone());
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = InstantCounts::from_bytes(&bytes);
        }
    }

    #[test]
    fn a_million_repeats_take_a_few_bytes() {
        let mut counts = InstantCounts::default();
        let thousand = instants(&[7; 1_000]);
        for _ in 0..1_000 {
            counts = counts.changed(&thousand, &Instants::default()).unwrap();
        }
        assert_eq!(counts.len(), 1_000_000);
        assert!(counts.to_bytes().len() < 10);
    }

    #[test]
    fn an_absent_instant_cannot_be_removed() {
        let time = Timestamp::from_millis(7).unwrap();
        let counts = InstantCounts::default();
        let changed = counts.changed(&instants(&[7]), &instants(&[7, 7]));
        assert_eq!(changed, Err(InstantsError::Absent(time)));
    }
}
