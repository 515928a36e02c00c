//! A multiset of instants, small enough to live in a document.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// Instants in order, repeats kept.
///
/// "First order" and "last order" must stay exact when the first or the last
/// one is cancelled, moved or refunded: that takes all of them. As bytes, an
/// instant is the LEB128 difference in milliseconds to the one before (the
/// first: to 1900), 4 to 6 bytes for a customer who buys now and then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instants(Vec<i64>);

/// Why an instant could not be taken out, or bytes not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstantsError {
    /// It was never put in.
    #[error("the instant {0} is not among those recorded")]
    Absent(Timestamp),
    /// The bytes are not what `Instants` writes.
    #[error("malformed instants")]
    Malformed,
}

/// 1900-01-01T00:00:00Z, the earliest timestamp: differences are never negative.
const ORIGIN: i64 = -2_208_988_800_000;

impl Instants {
    /// Puts one more in.
    pub fn insert(&mut self, time: Timestamp) {
        let millis = time.millis();
        let at = self.0.partition_point(|t| *t <= millis);
        self.0.insert(at, millis);
    }

    /// Takes one out.
    ///
    /// # Errors
    /// [`InstantsError::Absent`] if it is not there.
    pub fn remove(&mut self, time: Timestamp) -> Result<(), InstantsError> {
        let at = self
            .0
            .binary_search(&time.millis())
            .map_err(|_| InstantsError::Absent(time))?;
        self.0.remove(at);
        Ok(())
    }

    /// The earliest.
    pub fn first(&self) -> Option<Timestamp> {
        self.0.first().and_then(|t| Timestamp::from_millis(*t).ok())
    }

    /// The latest.
    pub fn last(&self) -> Option<Timestamp> {
        self.0.last().and_then(|t| Timestamp::from_millis(*t).ok())
    }

    /// All of them, the earliest first.
    pub fn iter(&self) -> impl Iterator<Item = Timestamp> {
        let times = self.0.iter();
        times.filter_map(|t| Timestamp::from_millis(*t).ok())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
            let difference = i64::try_from(read_varint(&mut bytes)?);
            let time = difference
                .ok()
                .and_then(|d| before.checked_add(d))
                .ok_or(InstantsError::Malformed)?;
            Timestamp::from_millis(time).map_err(|_| InstantsError::Malformed)?;
            times.push(time);
            before = time;
        }
        Ok(Self(times))
    }
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Result<u64, InstantsError> {
    let mut value = 0;
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

impl Serialize for Instants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Instants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(InstantsVisitor)
    }
}

struct InstantsVisitor;

impl Visitor<'_> for InstantsVisitor {
    type Value = Instants;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes of LEB128 differences")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Instants, E> {
        Instants::from_bytes(bytes).map_err(E::custom)
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Instants, E> {
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn instants_survive_their_bytes_and_stay_sorted(
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
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Instants::from_bytes(&bytes);
        }
    }

    #[test]
    fn what_was_never_put_in_cannot_be_taken_out() {
        let time = Timestamp::from_millis(0).unwrap();
        assert_eq!(
            Instants::default().remove(time),
            Err(InstantsError::Absent(time))
        );
    }
}
