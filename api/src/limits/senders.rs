//! Room for posts that tell who sent them only once they are read.
//!
//! A signature covers the body, so strangers' bodies are read too. Three things
//! keep them from taking the vendor's room:
//!
//! - A small body needs no room. It is read and checked whatever else is under
//!   way, even from an address that the vendor shares with a stranger.
//! - When a room is full, a body that is still arriving is evicted: of the
//!   address that holds the most, the one that has been arriving for the longest
//!   time. A vendor's body arrives within milliseconds.
//! - An address that has shown a valid signature lately has its own room, apart
//!   from all that have not.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rates::network;
use super::room::{Room, Taken};

/// The first bytes of a body, which need no room: about as many as
/// its connection holds anyway.
const FREE: usize = 32 * 1024;

/// Addresses that have shown a good signature.
const KNOWN: Capacity = Capacity {
    slow: 32,
    slow_per_address: 16,
    bytes: 96 * 1024 * 1024,
};

/// All others.
const STRANGERS: Capacity = Capacity {
    slow: 32,
    slow_per_address: 4,
    bytes: 32 * 1024 * 1024,
};

/// How long a good signature counts.
const LATELY: Duration = Duration::from_secs(24 * 60 * 60);

/// How much is for those of one kind.
struct Capacity {
    /// Bodies that are read although they do not arrive at once.
    slow: usize,
    /// How many of these may come from one address.
    slow_per_address: usize,
    /// Bytes held, beyond [`FREE`] of each body.
    bytes: usize,
}

/// Limits for posts whose signature can only be checked once they are read.
pub(crate) struct Senders {
    known: Room,
    strangers: Room,
    table: Mutex<Addresses>,
}

#[derive(Default)]
struct Addresses {
    senders: HashMap<IpAddr, AddressState>,
    slow_of_known: usize,
    slow_of_strangers: usize,
}

#[derive(Default)]
struct AddressState {
    /// When it last showed a good signature.
    verified: Option<Instant>,
    slow: usize,
}

impl AddressState {
    fn is_known(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < LATELY;
        self.verified.is_some_and(is_recent)
    }
}

/// A place for a body that does not arrive at once, given back when dropped.
pub(crate) struct SlowPlace<'a> {
    senders: &'a Senders,
    address: IpAddr,
    is_known: bool,
}

impl Senders {
    pub(crate) fn new() -> Self {
        Self {
            known: Room::evicting(KNOWN.bytes),
            strangers: Room::evicting(STRANGERS.bytes),
            table: Mutex::default(),
        }
    }

    /// For a body that is about to be read.
    pub(crate) fn room(&self, address: Option<IpAddr>) -> Taken {
        let (now, table, address) = (Instant::now(), self.table(), key(address));
        let sender = table.senders.get(&address);
        match sender.is_some_and(|sender| sender.is_known(now)) {
            true => self.known.with_free_bytes(address, FREE),
            false => self.strangers.with_free_bytes(address, FREE),
        }
    }

    /// A place for a body that does not arrive at once, if there is one.
    pub(crate) fn slow(&self, address: Option<IpAddr>) -> Option<SlowPlace<'_>> {
        let (now, address) = (Instant::now(), key(address));
        let mut table = self.table();
        let table = &mut *table;
        let sender = table.senders.entry(address).or_default();
        let is_known = sender.is_known(now);
        let (capacity, slow) = match is_known {
            true => (KNOWN, &mut table.slow_of_known),
            false => (STRANGERS, &mut table.slow_of_strangers),
        };
        if *slow >= capacity.slow || sender.slow >= capacity.slow_per_address {
            return None;
        }
        *slow += 1;
        sender.slow += 1;
        Some(SlowPlace {
            senders: self,
            address,
            is_known,
        })
    }

    /// Makes an address known.
    pub(crate) fn record_valid_signature(&self, address: Option<IpAddr>) {
        let mut table = self.table();
        let sender = table.senders.entry(key(address)).or_default();
        sender.verified = Some(Instant::now());
    }

    /// Evicts addresses that have shown no valid signature lately and have no
    /// slow body under way.
    pub(crate) fn evict_idle(&self) {
        let (now, mut table) = (Instant::now(), self.table());
        let senders = &mut table.senders;
        senders.retain(|_, sender| sender.slow > 0 || sender.is_known(now));
    }

    fn table(&self) -> MutexGuard<'_, Addresses> {
        // Nothing that is done with it panics half-way.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SlowPlace<'_> {
    fn drop(&mut self) {
        let mut table = self.senders.table();
        match self.is_known {
            true => table.slow_of_known -= 1,
            false => table.slow_of_strangers -= 1,
        }
        if let Some(sender) = table.senders.get_mut(&self.address) {
            sender.slow -= 1;
        }
    }
}

/// Those of whom no address is known capacity one.
fn key(address: Option<IpAddr>) -> IpAddr {
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some([10, 0, 0, last].into())
    }

    #[test]
    fn an_address_has_few_places_and_strangers_few_together() {
        let senders = Senders::new();
        let mut held = Vec::new();
        for last in 0..8 {
            for _ in 0..STRANGERS.slow_per_address {
                held.extend(senders.slow(address(last)));
            }
            assert!(senders.slow(address(last)).is_none());
        }
        assert_eq!(held.len(), STRANGERS.slow);
        assert!(senders.slow(address(9)).is_none());
        held.pop();
        assert!(senders.slow(address(9)).is_some());
    }

    #[test]
    fn strangers_leave_those_that_showed_a_signature_their_room() {
        let senders = Senders::new();
        let mut held = Vec::new();
        for last in 0..STRANGERS.slow {
            held.extend(senders.slow(address(last as u8)));
        }
        let mut taken = senders.room(address(1));
        assert!(taken.more(FREE + STRANGERS.bytes).is_ok());
        assert!(senders.room(address(200)).more(FREE).is_ok());
        senders.record_valid_signature(address(200));
        assert!(senders.slow(address(200)).is_some());
        assert!(senders.room(address(200)).more(1024 * 1024).is_ok());
        assert!(!taken.evicted().is_cancelled());
    }

    #[test]
    fn large_bodies_of_strangers_make_room_for_one_that_is_not_known_yet() {
        let senders = Senders::new();
        let mut held = Vec::new();
        for last in 0..16 {
            let mut taken = senders.room(address(last));
            assert!(taken.more(FREE + STRANGERS.bytes / 16).is_ok());
            held.push(taken);
        }
        assert!(senders.room(address(200)).more(200 * 1024).is_ok());
        let evicted: Vec<_> = held.iter().map(|t| t.evicted().is_cancelled()).collect();
        assert!(evicted[0] && !evicted[1..].contains(&true));
    }

    #[test]
    fn only_the_known_and_the_slow_are_remembered() {
        let senders = Senders::new();
        senders.record_valid_signature(address(1));
        let slow = senders.slow(address(2));
        drop(senders.slow(address(3)));
        senders.evict_idle();
        assert_eq!(senders.table().senders.len(), 2);
        drop(slow);
        senders.evict_idle();
        assert_eq!(senders.table().senders.len(), 1);
    }
}
