//! Memory budget for answers, which a client may read slowly or not at all.
//!
//! An answer counts towards the budget of bodies too, so that the sum of both is bounded.

use std::sync::Arc;

use super::body_budget::{BodyBudget, Reservation};
use super::shares::{Share, Shares};
use crate::http::problem::{Problem, ProblemKind};

/// Number of bytes that are counted at once.
const STEP: usize = 16 * 1024;

/// Budget of bytes for answers.
#[derive(Debug)]
pub(crate) struct AnswerBudget {
    bodies: BodyBudget,
    shares: Shares,
}

/// Memory that one answer holds, released when dropped.
#[derive(Debug)]
pub(crate) struct AnswerMemory {
    reservation: Reservation,
    share: Share,
    /// Bytes that are not counted yet, less than [`STEP`].
    uncounted: usize,
}

impl AnswerBudget {
    /// Creates a budget within that of bodies, of which all answers together may hold half, and
    /// those to one caller a quarter.
    pub(crate) fn within(bodies: &BodyBudget, limit: usize) -> Self {
        Self {
            bodies: bodies.clone(),
            shares: Shares::new(limit / 2, limit / 4),
        }
    }

    /// Returns the memory of an answer to a caller, empty at first.
    pub(crate) fn open(&self, caller: &Arc<str>) -> AnswerMemory {
        AnswerMemory {
            reservation: self.bodies.reserve(),
            share: self.shares.empty(caller),
            uncounted: 0,
        }
    }
}

impl AnswerMemory {
    /// Counts `bytes` more. A small answer is not counted.
    ///
    /// # Errors
    /// 503 if the budget is exhausted, or the caller's part of it.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        self.uncounted += bytes;
        if self.uncounted < STEP {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.uncounted);
        if !self.share.grow(bytes) {
            let detail = "answers that were not read yet hold too much memory; read them, and \
                          retry later";
            return Err(Problem::new(ProblemKind::Busy, detail));
        }
        self.reservation.grow(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn answers_to_one_caller_hold_a_quarter_and_all_together_half() {
        let bodies = BodyBudget::new(8 * MIB);
        let budget = AnswerBudget::within(&bodies, 8 * MIB);
        let [a, b, c] = ["a", "b", "c"].map(Arc::<str>::from);
        let holding = |caller, bytes| {
            let mut memory = budget.open(caller);
            memory.grow(bytes).map(|()| memory)
        };
        let first = holding(&a, MIB);
        assert!(first.is_ok());
        let refused = holding(&a, MIB + 1).map_err(|problem| problem.kind());
        assert_eq!(refused.unwrap_err(), ProblemKind::Busy);
        let second = holding(&a, MIB);
        assert!(second.is_ok() && holding(&a, MIB).is_err());
        assert!(holding(&a, STEP - 1).is_ok(), "small");
        let other = holding(&b, 2 * MIB);
        assert!(other.is_ok() && holding(&c, MIB).is_err());
        drop(second);
        assert!(holding(&c, MIB).is_ok());
        let mut body = bodies.reserve();
        assert!(body.grow(5 * MIB).is_ok(), "the rest is left to bodies");
        assert!(holding(&c, STEP).is_err(), "bodies use it all");
    }

    #[test]
    fn small_parts_are_counted_together() {
        let bodies = BodyBudget::new(4 * STEP);
        let budget = AnswerBudget::within(&bodies, 4 * STEP);
        let mut memory = budget.open(&Arc::from("a"));
        for _ in 0..STEP {
            assert!(memory.grow(1).is_ok());
        }
        let refused = (0..STEP).find_map(|_| memory.grow(1).err());
        assert!(refused.is_some());
    }
}
