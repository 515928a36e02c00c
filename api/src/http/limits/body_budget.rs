//! Memory budget for request bodies, shared by all requests.
//!
//! A reservation grows as its body arrives, and is released when the body is dropped.
//! An evicting budget makes room by dropping a body that is still arriving.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::http::problem::{Problem, ProblemKind};

/// Budget of bytes for bodies. Clones share the same budget.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget(Arc<BudgetState>);

#[derive(Debug)]
struct BudgetState {
    held: AtomicUsize,
    limit: usize,
    /// Bodies that can be evicted; `None` for a budget that never evicts.
    incomplete: Option<Mutex<IncompleteBodies>>,
}

/// Bodies that are still arriving and hold bytes, by the order of their first byte.
#[derive(Debug, Default)]
struct IncompleteBodies {
    next: u64,
    bodies: BTreeMap<u64, Arc<HeldBytes>>,
}

impl IncompleteBodies {
    /// Returns the body to evict: the oldest one of the address that holds the most
    /// bytes, apart from `except`. Many bodies from a few addresses thus evict each
    /// other, and not the bodies of other addresses.
    fn victim(&self, except: Option<u64>) -> Option<u64> {
        let others = || {
            self.bodies
                .iter()
                .filter(move |(place, _)| Some(**place) != except)
        };
        let mut by_address: HashMap<IpAddr, usize> = HashMap::new();
        for (_, held) in others() {
            *by_address.entry(held.address).or_default() += held.bytes.load(Ordering::Relaxed);
        }
        let most = by_address.values().copied().max()?;
        let (place, _) = others().find(|(_, held)| by_address.get(&held.address) == Some(&most))?;
        Some(*place)
    }
}

/// Bytes that one body holds.
#[derive(Debug)]
struct HeldBytes {
    /// Address of the sender.
    address: IpAddr,
    bytes: AtomicUsize,
    evicted: CancellationToken,
}

impl BodyBudget {
    /// Creates a budget that rejects bodies when it is exhausted.
    pub(crate) fn new(limit: usize) -> Self {
        Self::with(limit, None)
    }

    /// Creates a budget that, when it is exhausted, evicts a body that is still
    /// arriving: the oldest one from the address that holds the most bytes.
    pub(crate) fn evicting(limit: usize) -> Self {
        Self::with(limit, Some(Mutex::default()))
    }

    fn with(limit: usize, incomplete: Option<Mutex<IncompleteBodies>>) -> Self {
        Self(Arc::new(BudgetState {
            held: AtomicUsize::new(0),
            limit,
            incomplete,
        }))
    }

    /// Creates an empty reservation for a body that is about to be read.
    pub(crate) fn reserve(&self) -> Reservation {
        self.reserve_from(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
    }

    /// Creates an empty reservation for a body from this address. Its first `free`
    /// bytes do not count.
    pub(crate) fn reserve_from(&self, address: IpAddr, free: usize) -> Reservation {
        Reservation {
            budget: self.clone(),
            held: Arc::new(HeldBytes {
                address,
                bytes: AtomicUsize::new(0),
                evicted: CancellationToken::new(),
            }),
            place: None,
            free,
        }
    }

    fn incomplete(&self) -> Option<MutexGuard<'_, IncompleteBodies>> {
        let incomplete = self.0.incomplete.as_ref()?;
        // Poisoning is harmless: no operation on the map panics halfway.
        Some(incomplete.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Evicts an incomplete body other than `except`. Returns false if there is none.
    fn evict(&self, except: Option<u64>) -> bool {
        let Some(mut incomplete) = self.incomplete() else {
            return false;
        };
        let victim = incomplete.victim(except);
        let Some(held) = victim.and_then(|place| incomplete.bodies.remove(&place)) else {
            return false;
        };
        held.evicted.cancel();
        // The budget is released now. The reader drops the bytes when it runs next.
        self.release(&held);
        true
    }

    fn release(&self, held: &HeldBytes) {
        // The swap makes the release idempotent: eviction and drop may both run.
        let bytes = held.bytes.swap(0, Ordering::Relaxed);
        self.0.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Part of the budget that one body holds, released when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: BodyBudget,
    held: Arc<HeldBytes>,
    /// Key among the incomplete bodies.
    place: Option<u64>,
    /// Number of further bytes that do not count.
    free: usize,
}

impl Reservation {
    /// Returns the capacity to allocate up front for a body of `declared` bytes. While
    /// bytes are free it is limited to those, since the client may declare any length.
    pub(crate) fn initial_capacity(&self, declared: usize) -> usize {
        match self.free {
            0 => declared,
            free => declared.min(free),
        }
    }

    /// Returns a token that is canceled when the body is evicted. The caller must then
    /// drop the body.
    pub(crate) fn evicted(&self) -> CancellationToken {
        self.held.evicted.clone()
    }

    /// Reserves `bytes` more.
    ///
    /// # Errors
    /// 503 if the budget is exhausted, or if this body was evicted.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let free = bytes.min(self.free);
        self.free -= free;
        let bytes = bytes - free;
        if bytes == 0 {
            return Ok(());
        }
        // The first bytes that count register the body among the incomplete ones.
        if self.place.is_none()
            && let Some(mut incomplete) = self.budget.incomplete()
        {
            let place = incomplete.next;
            incomplete.next += 1;
            incomplete.bodies.insert(place, self.held.clone());
            self.place = Some(place);
        }
        // In this order, an eviction in between releases too few bytes, which `drop`
        // corrects. In the other order it could release bytes that are not counted yet.
        self.budget.0.held.fetch_add(bytes, Ordering::Relaxed);
        self.held.bytes.fetch_add(bytes, Ordering::Relaxed);
        while self.budget.0.held.load(Ordering::Relaxed) > self.budget.0.limit {
            if self.held.evicted.is_cancelled() || !self.budget.evict(self.place) {
                return Err(out_of_body_memory());
            }
        }
        Ok(())
    }

    /// Marks the body as complete. A complete body is not evicted.
    pub(crate) fn complete(&mut self) {
        if let Some(place) = self.place
            && let Some(mut incomplete) = self.budget.incomplete()
        {
            incomplete.bodies.remove(&place);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.complete();
        self.budget.release(&self.held);
    }
}

/// Returns the problem of a body for which no memory is left.
pub(crate) fn out_of_body_memory() -> Problem {
    let detail = "the server has no memory left for request bodies; retry later";
    Problem::new(ProblemKind::Busy, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_reservation_is_released() {
        let budget = BodyBudget::new(10);
        let mut first = budget.reserve();
        assert!(first.grow(4).is_ok() && first.grow(4).is_ok());
        let mut second = budget.reserve();
        assert!(second.grow(2).is_ok());
        assert_eq!(second.grow(1).unwrap_err().kind(), ProblemKind::Busy);
        drop(second);
        assert!(first.grow(2).is_ok());
        drop(first);
        assert!(budget.reserve().grow(10).is_ok());
        assert!(budget.reserve().grow(11).is_err());
    }

    #[test]
    fn free_bytes_do_not_count() {
        let budget = BodyBudget::new(10);
        let full = &mut budget.reserve();
        assert!(full.grow(10).is_ok());
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut small = budget.reserve_from(address, 4);
        assert!(small.grow(2).is_ok() && small.grow(2).is_ok());
        assert!(small.grow(1).is_err());
        assert_eq!(budget.reserve().initial_capacity(1_000), 1_000);
        assert_eq!(budget.reserve_from(address, 4).initial_capacity(1_000), 4);
    }

    #[test]
    fn the_oldest_incomplete_body_is_evicted() {
        let budget = BodyBudget::evicting(10);
        let (mut first, mut second, mut third) =
            (budget.reserve(), budget.reserve(), budget.reserve());
        assert!(second.grow(4).is_ok() && first.grow(4).is_ok() && second.grow(1).is_ok());
        first.complete();
        assert!(third.grow(6).is_ok());
        assert!(second.evicted().is_cancelled() && !first.evicted().is_cancelled());
        assert!(second.grow(1).is_err(), "evicted");
        assert!(third.grow(1).is_err(), "no other body is incomplete");
        drop((first, second, third));
        assert!(budget.reserve().grow(10).is_ok());
        assert!(budget.reserve().grow(11).is_err());
    }

    #[test]
    fn a_body_of_the_address_that_holds_the_most_is_evicted() {
        let budget = BodyBudget::evicting(10);
        let body = |last, bytes| {
            let mut reservation = budget.reserve_from([10, 0, 0, last].into(), 0);
            assert!(reservation.grow(bytes).is_ok());
            reservation
        };
        let bodies = [body(1, 3), body(2, 2), body(2, 3)];
        let more = [body(3, 1), body(3, 2)];
        let evicted = |reservation: &Reservation| reservation.evicted().is_cancelled();
        assert_eq!(bodies.each_ref().map(evicted), [false, true, false]);
        assert_eq!(more.each_ref().map(evicted), [false, false]);
    }
}
