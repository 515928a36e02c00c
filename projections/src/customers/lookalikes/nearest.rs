//! The nearest of many.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::profile::Profile;

/// As many as are wanted, at any time the nearest of those offered.
pub(super) struct Nearest {
    limit: usize,
    /// The farthest on top.
    found: BinaryHeap<Candidate>,
}

/// Somebody near.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) distance: f64,
    pub(super) id: String,
    pub(super) profile: Profile,
}

impl Nearest {
    /// Of so many at most.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            found: BinaryHeap::new(),
        }
    }

    /// Takes it in if it is nearer than one that is there, or there is room.
    pub(super) fn offer(&mut self, distance: f64, id: &str, profile: Profile) {
        if self.found.len() >= self.limit {
            let farthest = self.found.peek();
            if farthest.is_none_or(|far| order((distance, id), far.place()).is_ge()) {
                return;
            }
            self.found.pop();
        }
        self.found.push(Candidate {
            distance,
            id: id.to_owned(),
            profile,
        });
    }

    /// Those found, the nearest first; of those as near, by id.
    pub(super) fn into_vec(self) -> Vec<Candidate> {
        self.found.into_sorted_vec()
    }
}

/// Who comes before whom.
fn order(one: (f64, &str), other: (f64, &str)) -> Ordering {
    one.0.total_cmp(&other.0).then_with(|| one.1.cmp(other.1))
}

impl Candidate {
    fn place(&self) -> (f64, &str) {
        (self.distance, &self.id)
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.place(), other.place())
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}
