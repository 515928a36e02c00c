//! Distinguishes a fault of one message from a wrong URL or credential where
//! the vendor gives the same answer to both, such as 404.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The most messages that are remembered. Forgetting one costs one more request
/// for it.
const MOST: usize = 10_000;

/// How long a message that the vendor took shows that it serves requests.
const LATELY: Duration = Duration::from_secs(5 * 60);

/// Messages that got such an answer, and how many others the vendor had taken
/// by the first.
#[derive(Debug, Default)]
pub(super) struct Unserved {
    taken: u64,
    last_taken: Option<Instant>,
    messages: HashMap<String, u64>,
}

impl Unserved {
    /// The vendor took this message.
    pub(super) fn note_taken(&mut self, message: &str, now: Instant) {
        self.taken += 1;
        self.last_taken = Some(now);
        self.messages.remove(message);
    }

    /// The vendor did not serve this message. Returns whether that is about the
    /// message alone: it was not served before either, the vendor has taken
    /// others since then, and took the last one lately.
    pub(super) fn note_unserved(&mut self, message: &str, now: Instant) -> bool {
        if self.messages.len() >= MOST {
            self.messages.clear();
        }
        // The last message of a campaign has no others between its attempts.
        let first = self.messages.entry(message.to_owned());
        let first = *first.or_insert(self.taken);
        let is_recent = |at: Instant| now.saturating_duration_since(at) < LATELY;
        first < self.taken && self.last_taken.is_some_and(is_recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_the_vendor_takes_nothing_no_message_is_to_blame() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        unserved.note_taken("before", now);
        for _ in 0..100 {
            assert!(!unserved.note_unserved("one", now));
            assert!(!unserved.note_unserved("other", now));
        }
    }

    #[test]
    fn a_message_is_to_blame_each_time_once_others_are_taken() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        assert!(!unserved.note_unserved("last", now));
        unserved.note_taken("other", now);
        for _ in 0..8 {
            assert!(unserved.note_unserved("last", now));
        }
    }

    #[test]
    fn a_vendor_that_has_taken_nothing_lately_may_be_to_blame_itself() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        assert!(!unserved.note_unserved("last", now));
        unserved.note_taken("other", now);
        assert!(!unserved.note_unserved("last", now + LATELY));
        unserved.note_taken("other", now + LATELY);
        assert!(unserved.note_unserved("last", now + LATELY));
    }

    #[test]
    fn what_was_taken_after_all_is_forgotten() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        assert!(!unserved.note_unserved("one", now));
        unserved.note_taken("one", now);
        assert!(!unserved.note_unserved("one", now));
    }
}
