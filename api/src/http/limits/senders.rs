//! Limits for posts whose signature can be verified only after the body is read.
//!
//! A signature covers the body, so bodies from unknown senders must be read too.
//! Three rules keep them from using up the vendor's share:
//!
//! - A small body needs no memory budget. It is read and verified under any load, even
//!   from an address that the vendor shares with other senders.
//! - When a budget is exhausted, a body that is still arriving is evicted: the oldest
//!   one from the address that holds the most bytes. A vendor's body arrives within
//!   milliseconds.
//! - Addresses with a recent valid signature share a budget of their own, separate from
//!   all other addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::body_budget::{BodyBudget, Reservation};
use super::rates::network;

/// Bytes of a body that need no budget: about as many as its connection buffers
/// anyway.
const FREE: usize = 32 * 1024;

/// Capacity for addresses with a recent valid signature.
const VERIFIED: Capacity = Capacity {
    slow: 32,
    slow_per_address: 16,
    bytes: 96 * 1024 * 1024,
};

/// Capacity for all other addresses.
const UNVERIFIED: Capacity = Capacity {
    slow: 32,
    slow_per_address: 4,
    bytes: 32 * 1024 * 1024,
};

/// Time for which a valid signature makes its address verified.
const VERIFIED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Capacity for one class of addresses.
struct Capacity {
    /// Maximum number of slow bodies.
    slow: usize,
    /// Maximum number of slow bodies from one address.
    slow_per_address: usize,
    /// Memory budget in bytes, not counting the first [`FREE`] bytes of each body.
    bytes: usize,
}

/// Limits for posts whose signature can be verified only after the body is read.
pub(crate) struct Senders {
    verified: BodyBudget,
    unverified: BodyBudget,
    table: Mutex<Addresses>,
}

#[derive(Default)]
struct Addresses {
    senders: HashMap<IpAddr, AddressState>,
    slow_verified: usize,
    slow_unverified: usize,
}

#[derive(Default)]
struct AddressState {
    /// Time of its last valid signature.
    verified_at: Option<Instant>,
    /// Number of its slow bodies.
    slow: usize,
}

impl AddressState {
    fn is_verified(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < VERIFIED_FOR;
        self.verified_at.is_some_and(is_recent)
    }
}

/// Place for a slow body, released when dropped.
pub(crate) struct SlowPlace<'a> {
    senders: &'a Senders,
    address: IpAddr,
    /// Class of the address when it took the place; a later change must not shift the
    /// counts.
    is_verified: bool,
}

impl Senders {
    pub(crate) fn new() -> Self {
        Self {
            verified: BodyBudget::evicting(VERIFIED.bytes),
            unverified: BodyBudget::evicting(UNVERIFIED.bytes),
            table: Mutex::default(),
        }
    }

    /// Creates an empty reservation for a body that is about to be read.
    pub(crate) fn reserve(&self, address: Option<IpAddr>) -> Reservation {
        let (now, table, address) = (Instant::now(), self.table(), key(address));
        let sender = table.senders.get(&address);
        match sender.is_some_and(|sender| sender.is_verified(now)) {
            true => self.verified.reserve_from(address, FREE),
            false => self.unverified.reserve_from(address, FREE),
        }
    }

    /// Takes a place for a slow body. Returns `None` if none is free.
    pub(crate) fn slow_place(&self, address: Option<IpAddr>) -> Option<SlowPlace<'_>> {
        let (now, address) = (Instant::now(), key(address));
        let mut table = self.table();
        let table = &mut *table;
        let sender = table.senders.entry(address).or_default();
        let is_verified = sender.is_verified(now);
        let (capacity, slow) = match is_verified {
            true => (VERIFIED, &mut table.slow_verified),
            false => (UNVERIFIED, &mut table.slow_unverified),
        };
        if *slow >= capacity.slow || sender.slow >= capacity.slow_per_address {
            return None;
        }
        *slow += 1;
        sender.slow += 1;
        Some(SlowPlace {
            senders: self,
            address,
            is_verified,
        })
    }

    /// Marks an address as verified.
    pub(crate) fn record_valid_signature(&self, address: Option<IpAddr>) {
        let mut table = self.table();
        let sender = table.senders.entry(key(address)).or_default();
        sender.verified_at = Some(Instant::now());
    }

    /// Evicts addresses without a recent valid signature and without a slow body.
    pub(crate) fn evict_idle(&self) {
        let (now, mut table) = (Instant::now(), self.table());
        let senders = &mut table.senders;
        senders.retain(|_, sender| sender.slow > 0 || sender.is_verified(now));
    }

    fn table(&self) -> MutexGuard<'_, Addresses> {
        // Poisoning is harmless: no operation on the table panics halfway.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SlowPlace<'_> {
    fn drop(&mut self) {
        let mut table = self.senders.table();
        match self.is_verified {
            true => table.slow_verified -= 1,
            false => table.slow_unverified -= 1,
        }
        if let Some(sender) = table.senders.get_mut(&self.address) {
            sender.slow -= 1;
        }
    }
}

/// Returns the key of an address. All senders without a known address share one key.
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
    fn slow_places_are_limited_per_address_and_in_total() {
        let senders = Senders::new();
        let mut held = Vec::new();
        for last in 0..8 {
            for _ in 0..UNVERIFIED.slow_per_address {
                held.extend(senders.slow_place(address(last)));
            }
            assert!(senders.slow_place(address(last)).is_none());
        }
        assert_eq!(held.len(), UNVERIFIED.slow);
        assert!(senders.slow_place(address(9)).is_none());
        held.pop();
        assert!(senders.slow_place(address(9)).is_some());
    }

    #[test]
    fn unverified_senders_do_not_use_up_the_verified_share() {
        let senders = Senders::new();
        let mut held = Vec::new();
        for last in 0..UNVERIFIED.slow {
            held.extend(senders.slow_place(address(last as u8)));
        }
        let mut reservation = senders.reserve(address(1));
        assert!(reservation.grow(FREE + UNVERIFIED.bytes).is_ok());
        assert!(senders.reserve(address(200)).grow(FREE).is_ok());
        senders.record_valid_signature(address(200));
        assert!(senders.slow_place(address(200)).is_some());
        assert!(senders.reserve(address(200)).grow(1024 * 1024).is_ok());
        assert!(!reservation.evicted().is_cancelled());
    }

    #[test]
    fn large_unverified_bodies_are_evicted_for_a_new_sender() {
        let senders = Senders::new();
        let mut held = Vec::new();
        for last in 0..16 {
            let mut reservation = senders.reserve(address(last));
            assert!(reservation.grow(FREE + UNVERIFIED.bytes / 16).is_ok());
            held.push(reservation);
        }
        assert!(senders.reserve(address(200)).grow(200 * 1024).is_ok());
        let evicted: Vec<_> = held.iter().map(|t| t.evicted().is_cancelled()).collect();
        assert!(evicted[0] && !evicted[1..].contains(&true));
    }

    #[test]
    fn idle_unverified_addresses_are_evicted() {
        let senders = Senders::new();
        senders.record_valid_signature(address(1));
        let slow = senders.slow_place(address(2));
        drop(senders.slow_place(address(3)));
        senders.evict_idle();
        assert_eq!(senders.table().senders.len(), 2);
        drop(slow);
        senders.evict_idle();
        assert_eq!(senders.table().senders.len(), 1);
    }
}
