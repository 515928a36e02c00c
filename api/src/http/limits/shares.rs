//! Places that are limited in total and per caller, so that no caller takes those of all
//! others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::problem::Problem;

/// Places, or units of any other kind, that callers take and give back.
#[derive(Debug, Clone)]
pub(crate) struct Shares(Arc<SharesState>);

#[derive(Debug)]
struct SharesState {
    total: usize,
    per_caller: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    /// Amount that each caller holds, by name. Callers without any have no entry.
    by_caller: HashMap<Arc<str>, usize>,
}

/// Amount that a caller holds. It is released when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    caller: Arc<str>,
    taken: usize,
}

impl Shares {
    /// Creates `total` places, of which one caller may take `per_caller`; at least one each.
    pub(crate) fn new(total: usize, per_caller: usize) -> Self {
        Self(Arc::new(SharesState {
            total: total.max(1),
            per_caller: per_caller.max(1),
            taken: Mutex::default(),
        }))
    }

    /// Takes `count` places for a caller. Returns `None` if that is more than are free, or
    /// more than the caller may have.
    pub(crate) fn take(&self, caller: &Arc<str>, count: usize) -> Option<Share> {
        let mut share = self.empty(caller);
        share.grow(count).then_some(share)
    }

    /// Returns the share of a caller that has taken nothing yet.
    pub(crate) fn empty(&self, caller: &Arc<str>) -> Share {
        Share {
            shares: self.clone(),
            caller: caller.clone(),
            taken: 0,
        }
    }

    /// Takes one place for a caller.
    ///
    /// # Errors
    /// 503 if there is none.
    pub(crate) fn place(&self, caller: &Arc<str>) -> Result<Share, Problem> {
        self.take(caller, 1).ok_or_else(super::too_many)
    }
}

impl Share {
    /// Takes `count` more. Returns false, and takes nothing, if that is more than are free, or
    /// more than the caller may have.
    pub(crate) fn grow(&mut self, count: usize) -> bool {
        let limits = &self.shares.0;
        // Poisoning is harmless: no operation on the counts panics halfway.
        let mut taken = limits.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_caller.get(&self.caller).copied().unwrap_or(0);
        if count > limits.total - taken.total || count > limits.per_caller.saturating_sub(own) {
            return false;
        }
        taken.total += count;
        *taken.by_caller.entry(self.caller.clone()).or_default() += count;
        self.taken += count;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = self.shares.0.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        taken.total -= self.taken;
        if let Some(own) = taken.by_caller.get_mut(&self.caller) {
            *own -= self.taken;
            if *own == 0 {
                taken.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::ProblemKind;

    #[test]
    fn a_caller_takes_its_share_and_leaves_the_rest_to_others() {
        let shares = Shares::new(8, 2);
        let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(Arc::<str>::from);
        let first = shares.place(&a);
        assert!(shares.take(&a, 2).is_none());
        let second = shares.place(&a);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(shares.place(&a).unwrap_err().kind(), ProblemKind::Busy);
        let others = [&b, &c, &d].map(|caller| shares.take(caller, 2));
        assert!(others.iter().all(Option::is_some));
        assert!(shares.take(&e, 1).is_none(), "none is left");
        drop(second);
        assert!(shares.take(&e, 1).is_some());
        drop((first, others));
        assert!(shares.0.taken.lock().unwrap().by_caller.is_empty());
        assert!(shares.take(&a, 2).is_some());
    }

    #[test]
    fn a_caller_may_always_take_one() {
        let shares = Shares::new(0, 0);
        let caller = Arc::from("a");
        let one = shares.place(&caller);
        assert!(one.is_ok() && shares.place(&caller).is_err());
        drop(one);
        assert!(shares.place(&caller).is_ok());
    }
}
