//! Turns of commands that contend for the same aggregates within a process.
//!
//! A command is decided on a state of its aggregate, and the append detects
//! whether another command changed the aggregate in the meantime. If many
//! commands change one aggregate concurrently, each round would let one of them
//! through and reject all others. So a command that met a conflict waits for
//! its turn, and so does a command that finds others waiting, since it would
//! only delay one of them.
//!
//! Aggregates share a fixed number of turns. Two unrelated aggregates may share
//! a turn; this costs a wait only while both are contended. A command acquires
//! its turns in ascending order, so that no two commands wait for each other.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use eventlog::Key;
use tokio::sync::{Mutex, MutexGuard};

/// Number of turns. Only a few are ever contended at the same time.
const TURNS: usize = 1_024;

/// Turns of a process.
pub(crate) struct Turns {
    turns: Box<[Turn]>,
    /// Number of commands that have turns or wait for them. While it is 0,
    /// nothing is contended and no single turn needs to be checked.
    waiting: AtomicUsize,
    hasher: RandomState,
}

#[derive(Default)]
struct Turn {
    /// Fair lock: passes to the waiting commands in their order of arrival.
    lock: Mutex<()>,
    /// Number of commands that have the turn or wait for it.
    waiting: AtomicUsize,
}

/// Turns of a command, held until this is dropped.
pub(crate) struct HeldTurns<'a> {
    turns: &'a Turns,
    /// Numbers of the turns that the command has or waits for.
    numbers: BTreeSet<usize>,
    locks: Vec<MutexGuard<'a, ()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            turns: (0..TURNS).map(|_| Turn::default()).collect(),
            waiting: AtomicUsize::new(0),
            hasher: RandomState::new(),
        }
    }
}

impl Turns {
    /// Splits items into those whose turns are contended and the others. All
    /// items of one aggregate go the same way.
    pub(crate) fn split_contended<T>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> &Key,
    ) -> (Vec<T>, Vec<T>) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return (Vec::new(), items);
        }
        // Each turn is read once, since its count may change in between and
        // items of one aggregate must stay together.
        let mut known = HashMap::new();
        items.into_iter().partition(|item| {
            let number = self.number(key(item));
            let waiting = || self.turns[number].waiting.load(Ordering::Relaxed) > 0;
            *known.entry(number).or_insert_with(waiting)
        })
    }

    /// Waits for the turns of these aggregates. A caller must not hold turns
    /// already.
    pub(crate) async fn acquire<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> HeldTurns<'_> {
        // Enqueuing before locking makes the turns contended for commands that
        // arrive later. The set iterates in ascending order, which rules out
        // deadlocks.
        let mut held = HeldTurns::enqueue(self, keys.map(|key| self.number(key)).collect());
        for number in held.numbers.clone() {
            held.locks.push(self.turns[number].lock.lock().await);
        }
        held
    }

    fn number(&self, key: &Key) -> usize {
        self.hasher.hash_one(key) as usize % TURNS
    }
}

impl<'a> HeldTurns<'a> {
    fn enqueue(turns: &'a Turns, numbers: BTreeSet<usize>) -> Self {
        turns.waiting.fetch_add(1, Ordering::Relaxed);
        for number in &numbers {
            turns.turns[*number].waiting.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            turns,
            numbers,
            locks: Vec::new(),
        }
    }
}

/// Also runs for a command that stopped waiting before it had all of its turns.
impl Drop for HeldTurns<'_> {
    fn drop(&mut self) {
        for number in &self.numbers {
            let turn = &self.turns.turns[*number];
            turn.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        self.turns.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn keys(names: &[&str]) -> Vec<Key> {
        let key = |name: &&str| Key {
            text: format!("order/c/{name}").into(),
            partition: 0,
        };
        names.iter().map(key).collect()
    }

    #[test]
    fn a_turn_is_held_by_one_command_at_a_time() {
        let (turns, keys) = (Turns::default(), keys(&["a", "b", "c"]));
        let first = turns.acquire(keys[..1].iter()).now_or_never();
        let first = first.expect("the turn is free");
        assert!(turns.acquire(keys.iter()).now_or_never().is_none());
        let is_other = |key: &&Key| turns.number(key) != turns.number(&keys[0]);
        let other = keys.iter().filter(is_other);
        assert!(turns.acquire(other).now_or_never().is_some());
        drop(first);
        assert!(turns.acquire(keys.iter()).now_or_never().is_some());
    }

    #[test]
    fn a_turn_is_contended_while_a_command_holds_or_waits_for_it() {
        let (turns, keys) = (Turns::default(), keys(&["a", "b", "a"]));
        let contended = || {
            turns
                .split_contended(keys.iter().collect(), |key| key)
                .0
                .len()
        };
        assert_eq!(contended(), 0);
        let first = turns.acquire(keys[..1].iter()).now_or_never();
        assert!(contended() >= 2, "both items of the aggregate");
        let mut waiting = Box::pin(turns.acquire(keys[..1].iter()));
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        assert!(contended() >= 2, "one command still waits");
        drop(waiting);
        assert_eq!(contended(), 0);
    }
}
