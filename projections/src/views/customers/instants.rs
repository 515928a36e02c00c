//! Multiset of instants in a compact encoding.

use domain::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Sorted instants, with repetitions.
///
/// The first and the last order must stay exact when one of the two is
/// cancelled, moved, or refunded, which requires the times of all orders. In
/// bytes, an instant is the LEB128 difference in milliseconds to the previous
/// one (to 1900 for the first), which takes 4 to 6 bytes for a typical
/// customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Instants(Vec<i64>);

/// Reason why an instant cannot be removed, or bytes cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InstantsError {
    /// The instant is not in the multiset.
    #[error("the instant {0} is not among those recorded")]
    Absent(Timestamp),
    /// The bytes are not a valid encoding.
    #[error("malformed instants")]
    Malformed,
}

/// 1900-01-01T00:00:00Z, the earliest timestamp, so that differences are never
/// negative.
pub(crate) const ORIGIN: i64 = -2_208_988_800_000;

impl Instants {
    /// Inserts an instant.
    pub(crate) fn insert(&mut self, time: Timestamp) {
        let millis = time.millis();
        let at = self.0.partition_point(|t| *t <= millis);
        self.0.insert(at, millis);
    }

    /// Removes one occurrence of an instant.
    ///
    /// # Errors
    /// [`InstantsError::Absent`] if the instant is not in the multiset.
    pub(crate) fn remove(&mut self, time: Timestamp) -> Result<(), InstantsError> {
        let at = self
            .0
            .binary_search(&time.millis())
            .map_err(|_| InstantsError::Absent(time))?;
        self.0.remove(at);
        Ok(())
    }

    /// Returns the earliest instant.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.0.first().and_then(|t| Timestamp::from_millis(*t).ok())
    }

    /// Returns the latest instant.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.0.last().and_then(|t| Timestamp::from_millis(*t).ok())
    }

    /// Returns all instants in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Timestamp> {
        let times = self.0.iter();
        times.filter_map(|t| Timestamp::from_millis(*t).ok())
    }

    /// Returns the number of instants, with repetitions.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no instants.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes and returns the earliest `count` instants, or all if there are
    /// fewer.
    pub(crate) fn take_first(&mut self, count: usize) -> Self {
        let rest = self.0.split_off(count.min(self.0.len()));
        Self(std::mem::replace(&mut self.0, rest))
    }

    /// Removes and returns the latest `count` instants, or all if there are
    /// fewer.
    pub(crate) fn take_last(&mut self, count: usize) -> Self {
        Self(self.0.split_off(self.0.len().saturating_sub(count)))
    }

    /// Returns the instants from `from` (inclusive) to `until` (exclusive);
    /// `None` means unbounded.
    pub(crate) fn between(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        let place = |bound: Timestamp| self.0.partition_point(|t| *t < bound.millis());
        let (from, until) = (from.map_or(0, place), until.map_or(self.0.len(), place));
        Self(self.0.get(from..until).unwrap_or_default().to_vec())
    }

    /// Removes the instants that [`between`](Self::between) returns.
    pub(crate) fn remove_between(&mut self, from: Option<Timestamp>, until: Option<Timestamp>) {
        let after = from.map_or(i64::MIN, Timestamp::millis);
        let before = until.map_or(i64::MAX, Timestamp::millis);
        self.0.retain(|t| *t < after || *t >= before);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 5);
        let mut before = ORIGIN;
        for time in &self.0 {
            write_varint(&mut bytes, time.abs_diff(before));
            before = *time;
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8]) -> Result<Self, InstantsError> {
        let mut times = Vec::with_capacity(bytes.len() / 5);
        let mut before = ORIGIN;
        while !bytes.is_empty() {
            let time = read_time(&mut bytes, before)?;
            times.push(time);
            before = time;
        }
        Ok(Self(times))
    }
}

pub(crate) fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

pub(crate) fn read_varint(bytes: &mut &[u8]) -> Result<u64, InstantsError> {
    let mut value = 0;
    // Nine groups of seven bits: larger values would not fit into an `i64`.
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(InstantsError::Malformed)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(InstantsError::Malformed)
}

impl FromIterator<Timestamp> for Instants {
    fn from_iter<I: IntoIterator<Item = Timestamp>>(times: I) -> Self {
        let mut millis: Vec<i64> = times.into_iter().map(Timestamp::millis).collect();
        millis.sort_unstable();
        Self(millis)
    }
}

impl Serialize for Instants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Instants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(
            deserializer,
            "bytes of LEB128 differences",
            Self::from_bytes,
        )
    }
}

/// Decodes a LEB128 difference and returns the instant that far after `before`.
pub(crate) fn read_time(bytes: &mut &[u8], before: i64) -> Result<i64, InstantsError> {
    let difference = i64::try_from(read_varint(bytes)?);
    let time = difference
        .ok()
        .and_then(|difference| before.checked_add(difference))
        .ok_or(InstantsError::Malformed)?;
    match Timestamp::from_millis(time) {
        Ok(_) => Ok(time),
        Err(_) => Err(InstantsError::Malformed),
    }
}

/// Deserializes from bytes with `read`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    read: fn(&[u8]) -> Result<T, InstantsError>,
) -> Result<T, D::Error> {
    deserializer.deserialize_bytes(BytesVisitor { expected, read })
}

struct BytesVisitor<T> {
    expected: &'static str,
    read: fn(&[u8]) -> Result<T, InstantsError>,
}

impl<T> Visitor<'_> for BytesVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        (self.read)(bytes).map_err(E::custom)
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<T, E> {
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn instants_round_trip_and_stay_sorted(
            millis in prop::collection::vec(-2_208_988_800_000i64..=253_402_300_799_999, 0..40)
        ) {
            let mut instants = Instants::default();
            for m in &millis {
                instants.insert(Timestamp::from_millis(*m).unwrap());
            }
            let mut sorted = millis.clone();
            sorted.sort_unstable();
            prop_assert_eq!(&instants.0, &sorted);
            let all: Vec<i64> = instants.iter().map(Timestamp::millis).collect();
            prop_assert_eq!(&all, &sorted);
            prop_assert_eq!(Instants::from_bytes(&instants.to_bytes()), Ok(instants.clone()));
            for m in &millis {
                instants.remove(Timestamp::from_millis(*m).unwrap()).unwrap();
            }
            prop_assert!(instants.is_empty());
        }

        #[test]
        fn any_bytes_are_decoded_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Instants::from_bytes(&bytes);
        }
    }

    #[test]
    fn ends_and_ranges_follow_the_order() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let all: Instants = [5, 1, 3, 3, 9].map(at).into_iter().collect();
        let millis =
            |instants: &Instants| instants.iter().map(Timestamp::millis).collect::<Vec<_>>();
        assert_eq!(millis(&all), [1, 3, 3, 5, 9]);
        assert_eq!(millis(&all.between(Some(at(3)), Some(at(9)))), [3, 3, 5]);
        assert_eq!(millis(&all.between(None, Some(at(3)))), [1]);
        assert_eq!(millis(&all.between(Some(at(6)), None)), [9]);
        let mut outside = all.clone();
        outside.remove_between(Some(at(3)), Some(at(9)));
        assert_eq!(millis(&outside), [1, 9]);
        outside.remove_between(None, None);
        assert!(outside.is_empty());
        let mut rest = all.clone();
        assert_eq!(millis(&rest.take_first(2)), [1, 3]);
        assert_eq!(millis(&rest.take_last(1)), [9]);
        assert_eq!(millis(&rest), [3, 5]);
        assert_eq!(millis(&rest.take_first(7)), [3, 5]);
        assert!(rest.take_last(7).is_empty());
    }

    #[test]
    fn an_absent_instant_cannot_be_removed() {
        let time = Timestamp::from_millis(0).unwrap();
        assert_eq!(
            Instants::default().remove(time),
            Err(InstantsError::Absent(time))
        );
    }
}
