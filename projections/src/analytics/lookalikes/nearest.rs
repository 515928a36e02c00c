//! Selection of the nearest candidates.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::profile::Profile;

/// Bounded heap of the nearest candidates offered so far.
pub(crate) struct Nearest {
    limit: usize,
    /// Heap with the farthest candidate on top.
    candidates: BinaryHeap<Candidate>,
}

/// A customer and the distance to the mean.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) distance: f64,
    pub(crate) id: String,
    pub(crate) profile: Profile,
}

impl Nearest {
    /// Creates an empty selection of at most `limit` candidates.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            candidates: BinaryHeap::new(),
        }
    }

    /// Adds a candidate if there is room, or if it is nearer than the farthest one,
    /// which it then replaces.
    pub(crate) fn offer(&mut self, distance: f64, id: &str, profile: Profile) {
        if self.candidates.len() >= self.limit {
            let farthest = self.candidates.peek();
            if farthest.is_none_or(|far| compare((distance, id), far.rank()).is_ge()) {
                return;
            }
            self.candidates.pop();
        }
        self.candidates.push(Candidate {
            distance,
            id: id.to_owned(),
            profile,
        });
    }

    /// Returns the candidates, the nearest first; ties are ordered by id.
    pub(crate) fn into_vec(self) -> Vec<Candidate> {
        self.candidates.into_sorted_vec()
    }
}

/// Orders by distance, then by id, so that the result does not depend on the order
/// in which customers are read.
fn compare(a: (f64, &str), b: (f64, &str)) -> Ordering {
    a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

impl Candidate {
    fn rank(&self) -> (f64, &str) {
        (self.distance, &self.id)
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.rank(), other.rank())
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
