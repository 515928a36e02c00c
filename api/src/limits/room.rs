//! Memory for bodies, shared by all requests.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::problem::{Problem, ProblemKind};

/// How many bytes of bodies are held, and may be. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    held: AtomicUsize,
    limit: usize,
    /// Bodies that can be evicted; `None` where none is.
    incomplete: Option<Mutex<Incomplete>>,
}

/// Bodies that are still arriving and hold bytes, by when they took the first.
#[derive(Debug, Default)]
struct Incomplete {
    next: u64,
    bodies: BTreeMap<u64, Arc<Held>>,
}

impl Incomplete {
    /// The oldest body of the address that holds the most, apart from this
    /// body: many bodies from a few addresses evict each other.
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

/// What one body holds.
#[derive(Debug)]
struct Held {
    /// Whose body it is.
    address: IpAddr,
    bytes: AtomicUsize,
    evicted: CancellationToken,
}

impl Room {
    /// One that refuses more when it is full.
    pub(crate) fn new(limit: usize) -> Self {
        Self::with(limit, None)
    }

    /// One that, when it is full, evicts the body that has been arriving for
    /// the longest time, of those from the address that holds the most.
    pub(crate) fn evicting(limit: usize) -> Self {
        Self::with(limit, Some(Mutex::default()))
    }

    fn with(limit: usize, incomplete: Option<Mutex<Incomplete>>) -> Self {
        Self(Arc::new(Shared {
            held: AtomicUsize::new(0),
            limit,
            incomplete,
        }))
    }

    /// For a body that is about to be read.
    pub(crate) fn none(&self) -> Taken {
        self.with_free_bytes(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
    }

    /// For a body from this address, of which the first `free` bytes do not
    /// count.
    pub(crate) fn with_free_bytes(&self, address: IpAddr, free: usize) -> Taken {
        Taken {
            room: self.clone(),
            held: Arc::new(Held {
                address,
                bytes: AtomicUsize::new(0),
                evicted: CancellationToken::new(),
            }),
            place: None,
            free,
        }
    }

    fn incomplete(&self) -> Option<MutexGuard<'_, Incomplete>> {
        let incomplete = self.0.incomplete.as_ref()?;
        // Nothing that is done with it panics half-way.
        Some(incomplete.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Evicts an incomplete body, but not this one. Returns whether there was
    /// one.
    fn evict(&self, except: Option<u64>) -> bool {
        let Some(mut incomplete) = self.incomplete() else {
            return false;
        };
        let victim = incomplete.victim(except);
        let Some(held) = victim.and_then(|place| incomplete.bodies.remove(&place)) else {
            return false;
        };
        held.evicted.cancel();
        // Its reader drops the bytes when it runs next.
        self.give_back(&held);
        true
    }

    fn give_back(&self, held: &Held) {
        let bytes = held.bytes.swap(0, Ordering::Relaxed);
        self.0.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A body's part of the room, given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    room: Room,
    held: Arc<Held>,
    /// Its place among the incomplete bodies.
    place: Option<u64>,
    /// How much more does not count.
    free: usize,
}

impl Taken {
    /// How much space for a body is worth having at once, whose client says
    /// that it has `declared` bytes.
    pub(crate) fn foresee(&self, declared: usize) -> usize {
        match self.free {
            0 => declared,
            free => declared.min(free),
        }
    }

    /// Cancelled when the body is evicted: it must then be dropped.
    pub(crate) fn evicted(&self) -> CancellationToken {
        self.held.evicted.clone()
    }

    /// Takes this much more.
    ///
    /// # Errors
    /// 503 if others hold too much.
    pub(crate) fn more(&mut self, bytes: usize) -> Result<(), Problem> {
        let free = bytes.min(self.free);
        self.free -= free;
        let bytes = bytes - free;
        if bytes == 0 {
            return Ok(());
        }
        self.queue();
        // In this order, so that an eviction in between gives back too little,
        // which `drop` makes up for, and never too much.
        self.room.0.held.fetch_add(bytes, Ordering::Relaxed);
        self.held.bytes.fetch_add(bytes, Ordering::Relaxed);
        while self.room.0.held.load(Ordering::Relaxed) > self.room.0.limit {
            if self.held.evicted.is_cancelled() || !self.room.evict(self.place) {
                return Err(full());
            }
        }
        Ok(())
    }

    /// Takes a place among the incomplete bodies, where they can be evicted.
    fn queue(&mut self) {
        if self.place.is_none()
            && let Some(mut incomplete) = self.room.incomplete()
        {
            let place = incomplete.next;
            incomplete.next += 1;
            incomplete.bodies.insert(place, self.held.clone());
            self.place = Some(place);
        }
    }

    /// The body has arrived whole: it is not evicted any more.
    pub(crate) fn complete(&mut self) {
        if let Some(place) = self.place
            && let Some(mut incomplete) = self.room.incomplete()
        {
            incomplete.bodies.remove(&place);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.complete();
        self.room.give_back(&self.held);
    }
}

/// The problem with a body that there is no room for.
pub(crate) fn full() -> Problem {
    let detail = "the server holds as many bodies as it can; send the request again";
    Problem::new(ProblemKind::Busy, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let room = Room::new(10);
        let mut first = room.none();
        assert!(first.more(4).is_ok() && first.more(4).is_ok());
        let mut second = room.none();
        assert!(second.more(2).is_ok());
        assert_eq!(second.more(1).unwrap_err().kind(), ProblemKind::Busy);
        drop(second);
        assert!(first.more(2).is_ok());
        drop(first);
        assert!(room.none().more(10).is_ok());
        assert!(room.none().more(11).is_err());
    }

    #[test]
    fn the_first_bytes_may_be_free() {
        let room = Room::new(10);
        let full = &mut room.none();
        assert!(full.more(10).is_ok());
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut small = room.with_free_bytes(address, 4);
        assert!(small.more(2).is_ok() && small.more(2).is_ok());
        assert!(small.more(1).is_err());
        assert_eq!(room.none().foresee(1_000), 1_000);
        assert_eq!(room.with_free_bytes(address, 4).foresee(1_000), 4);
    }

    #[test]
    fn the_body_that_has_been_incomplete_longest_makes_room() {
        let room = Room::evicting(10);
        let (mut first, mut second, mut third) = (room.none(), room.none(), room.none());
        assert!(second.more(4).is_ok() && first.more(4).is_ok() && second.more(1).is_ok());
        first.complete();
        assert!(third.more(6).is_ok());
        assert!(second.evicted().is_cancelled() && !first.evicted().is_cancelled());
        assert!(second.more(1).is_err(), "evicted");
        assert!(third.more(1).is_err(), "no other is incomplete");
        drop((first, second, third));
        assert!(room.none().more(10).is_ok());
        assert!(room.none().more(11).is_err());
    }

    #[test]
    fn the_address_that_holds_the_most_makes_room() {
        let room = Room::evicting(10);
        let body = |last, bytes| {
            let mut taken = room.with_free_bytes([10, 0, 0, last].into(), 0);
            assert!(taken.more(bytes).is_ok());
            taken
        };
        let bodies = [body(1, 3), body(2, 2), body(2, 3)];
        let more = [body(3, 1), body(3, 2)];
        let evicted = |taken: &Taken| taken.evicted().is_cancelled();
        assert_eq!(bodies.each_ref().map(evicted), [false, true, false]);
        assert_eq!(more.each_ref().map(evicted), [false, false]);
    }
}
