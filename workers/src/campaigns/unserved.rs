//! Distinguishes a fault of one message from a wrong URL or credential where
//! the vendor gives the same answer to both, such as 404.

use std::collections::HashMap;

/// The most messages that are remembered. Forgetting one costs one more request
/// for it.
const MOST: usize = 10_000;

/// Messages that got such an answer, and how many others the vendor had taken
/// by then.
#[derive(Debug, Default)]
pub(super) struct Unserved {
    taken: u64,
    messages: HashMap<String, u64>,
}

impl Unserved {
    /// The vendor took this message.
    pub(super) fn note_taken(&mut self, message: &str) {
        self.taken += 1;
        self.messages.remove(message);
    }

    /// The vendor did not serve this message. Returns whether that is about the
    /// message alone: it was not served before either, and the vendor has taken
    /// others in between.
    pub(super) fn note_unserved(&mut self, message: &str) -> bool {
        if self.messages.len() >= MOST {
            self.messages.clear();
        }
        let before = self.messages.insert(message.to_owned(), self.taken);
        before.is_some_and(|taken| taken < self.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_the_vendor_takes_nothing_no_message_is_to_blame() {
        let mut unserved = Unserved::default();
        unserved.note_taken("before");
        for _ in 0..100 {
            assert!(!unserved.note_unserved("one"));
            assert!(!unserved.note_unserved("other"));
        }
    }

    #[test]
    fn a_message_is_to_blame_each_time_that_others_are_taken_in_between() {
        let mut unserved = Unserved::default();
        assert!(!unserved.note_unserved("one"));
        unserved.note_taken("other");
        assert!(unserved.note_unserved("one"));
        assert!(!unserved.note_unserved("one"));
        unserved.note_taken("another");
        assert!(unserved.note_unserved("one"));
    }

    #[test]
    fn what_was_taken_after_all_is_forgotten() {
        let mut unserved = Unserved::default();
        assert!(!unserved.note_unserved("one"));
        unserved.note_taken("one");
        assert!(!unserved.note_unserved("one"));
    }
}
