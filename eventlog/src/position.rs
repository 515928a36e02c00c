//! Positions of events in the log.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Index of a partition, starting at 0.
pub type Partition = u16;

/// Position in the log, written `partition:number`. Numbers start at 1 and have no gaps
/// within their partition; 0 means "before the first event".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Partition of the event.
    pub partition: Partition,
    /// Number of the event within the partition.
    pub number: u64,
}

/// Error for a text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a position such as 3:1842")]
pub struct PositionError(String);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.number)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let parse = || {
            let (partition, number) = text.split_once(':')?;
            let digits = |s: &str, most| {
                (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
            };
            if !digits(partition, 5) || !digits(number, 19) {
                return None;
            }
            Some(Self {
                partition: partition.parse().ok()?,
                number: number.parse().ok()?,
            })
        };
        parse().ok_or_else(|| PositionError(text.to_owned()))
    }
}

/// Set of positions, at most one per partition; written comma-separated, `1:2,3:7`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<Partition, u64>);

impl Positions {
    /// Adds a position, unless a later one of the same partition is present.
    pub fn insert(&mut self, position: Position) {
        let number = self.0.entry(position.partition).or_default();
        *number = position.number.max(*number);
    }

    /// Returns the positions, one per partition that has any.
    pub fn iter(&self) -> impl Iterator<Item = Position> {
        self.0
            .iter()
            .map(|(&partition, &number)| Position { partition, number })
    }

    /// Returns the number of a partition's position; 0 if it has none.
    pub fn number(&self, partition: Partition) -> u64 {
        self.0.get(&partition).copied().unwrap_or_default()
    }

    /// Returns whether all of the other positions are at or before these.
    pub fn cover(&self, others: &Self) -> bool {
        let is_covered = |other: Position| other.number <= self.number(other.partition);
        others.iter().all(is_covered)
    }

    /// Returns whether there are no positions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Position> for Positions {
    fn from_iter<I: IntoIterator<Item = Position>>(positions: I) -> Self {
        let mut all = Self::default();
        positions.into_iter().for_each(|p| all.insert(p));
        all
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, position) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{position}")?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        text.split(',')
            .map(|part| part.trim_matches(' ').parse())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_position_of_each_partition_counts() {
        let positions: Positions = "3:7, 1:2,3:5".parse().unwrap();
        assert_eq!(positions.to_string(), "1:2,3:7");
        assert_eq!([0, 1, 3].map(|p| positions.number(p)), [0, 2, 7]);
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            "3",
            "3:",
            ":1",
            "3:-1",
            "+3:1",
            "a:b",
            "99999:1",
            "000003:1",
            "1:2,",
            "1:2,\t3:4",
            "1:00000000000000000001",
        ] {
            assert!(text.parse::<Positions>().is_err(), "{text}");
        }
    }
}
