//! Turns of commands that contend for the same aggregates within a process.
//!
//! A command is decided on what its aggregate was, and the append finds out
//! whether another came first. Where many change one aggregate at once, each
//! round would let one of them through and have all others decided in vain. So a
//! command that has met a conflict waits for its turn, and so does one that
//! finds others waiting: it would only take the turn of one that waits.
//!
//! Aggregates share a fixed number of turns. That two which have nothing to do
//! with each other share one costs a wait, and only while both are contended
//! for. Turns are taken in ascending order, so that no two commands wait for
//! each other.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use eventlog::Key;
use tokio::sync::{Mutex, MutexGuard};

/// How many turns there are. Few are ever contended for at once.
const TURNS: usize = 1_024;

/// The turns of a process.
pub(crate) struct Turns {
    turns: Box<[Turn]>,
    /// How many commands have a turn or wait for one. While it is 0, a command
    /// has nothing else to look at.
    waiting: AtomicUsize,
    hasher: RandomState,
}

#[derive(Default)]
struct Turn {
    /// Passes from one to the next in the order in which they came.
    lock: Mutex<()>,
    /// How many have it or wait for it.
    waiting: AtomicUsize,
}

/// Turns that a command has, until it is dropped.
pub(crate) struct Taken<'a> {
    turns: &'a Turns,
    /// Those that it has or waits for.
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
    /// Splits items into those whose aggregates somebody waits for, and the
    /// others; all items of one aggregate go the same way.
    pub(crate) fn contended<T>(&self, items: Vec<T>, key: impl Fn(&T) -> &Key) -> (Vec<T>, Vec<T>) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return (Vec::new(), items);
        }
        // Asked once for each, since the answer may change meanwhile.
        let mut known = HashMap::new();
        items.into_iter().partition(|item| {
            let number = self.number(key(item));
            let waiting = || self.turns[number].waiting.load(Ordering::Relaxed) > 0;
            *known.entry(number).or_insert_with(waiting)
        })
    }

    /// Waits for the turns of these aggregates. A caller has them once.
    pub(crate) async fn take<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> Taken<'_> {
        let mut taken = Taken::waiting(self, keys.map(|key| self.number(key)).collect());
        for number in taken.numbers.clone() {
            taken.locks.push(self.turns[number].lock.lock().await);
        }
        taken
    }

    fn number(&self, key: &Key) -> usize {
        self.hasher.hash_one(key) as usize % TURNS
    }
}

impl<'a> Taken<'a> {
    fn waiting(turns: &'a Turns, numbers: BTreeSet<usize>) -> Self {
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

/// Also of one that does not wait any more.
impl Drop for Taken<'_> {
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
    fn an_aggregate_is_had_by_one_command_at_a_time_and_others_by_others() {
        let (turns, keys) = (Turns::default(), keys(&["a", "b", "c"]));
        let first = turns.take(keys[..1].iter()).now_or_never();
        let first = first.expect("nobody has it");
        assert!(turns.take(keys.iter()).now_or_never().is_none());
        let is_other = |key: &&Key| turns.number(key) != turns.number(&keys[0]);
        let other = keys.iter().filter(is_other);
        assert!(turns.take(other).now_or_never().is_some());
        drop(first);
        assert!(turns.take(keys.iter()).now_or_never().is_some());
    }

    #[test]
    fn what_somebody_waits_for_is_contended_until_nobody_does() {
        let (turns, keys) = (Turns::default(), keys(&["a", "b", "a"]));
        let contended = || turns.contended(keys.iter().collect(), |key| key).0.len();
        assert_eq!(contended(), 0);
        let first = turns.take(keys[..1].iter()).now_or_never();
        assert!(contended() >= 2, "both items of the one");
        let mut waiting = Box::pin(turns.take(keys[..1].iter()));
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        assert!(contended() >= 2, "one still waits");
        drop(waiting);
        assert_eq!(contended(), 0);
    }
}
