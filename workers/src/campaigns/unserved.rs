//! Finds out which message is at fault where the vendor does not say it.
//!
//! Some answers are about a whole request and do not tell whether the vendor
//! or one of its messages is to blame: 404, 500, no answer in time. If the
//! vendor has taken other messages since such an answer, and the same message
//! is met again by one, the message is suspected. A batch is never divided
//! because of its answer: its messages are sent again as usual, and those that
//! are suspected go in smaller and smaller batches, down to one. So the one at
//! fault ends up alone, where its answers count against it and no other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::MessageId;

/// The most messages of a batch.
pub(super) const LARGEST_BATCH: usize = 100;

/// By how much the next batch of suspected messages is smaller.
const DIVISOR: usize = 10;

/// The most messages that are remembered. Forgetting one costs a few more
/// requests for it.
const MOST: usize = 50_000;

/// How long a message that the vendor took shows that it serves requests.
const LATELY: Duration = Duration::from_secs(5 * 60);

/// Messages that got such an answer.
#[derive(Debug, Default)]
pub(super) struct Unserved {
    taken: u64,
    last_taken: Option<Instant>,
    messages: HashMap<MessageId, Note>,
}

#[derive(Debug)]
struct Note {
    /// How many messages the vendor had taken by the first such answer.
    taken: u64,
    /// The most messages of the batch that it goes in.
    at_most: usize,
}

impl Unserved {
    /// The vendor took this message.
    pub(super) fn note_taken(&mut self, message: &MessageId, now: Instant) {
        self.taken += 1;
        self.last_taken = Some(now);
        self.messages.remove(message);
    }

    /// The vendor said of this message alone what became of it.
    pub(super) fn forget(&mut self, message: &MessageId) {
        self.messages.remove(message);
    }

    /// The vendor did not serve a request with these messages. Returns whether
    /// that is about a message of them and not about the vendor: one of them
    /// was not served before either, the vendor has taken others since then,
    /// and took the last one lately. Those of which this holds go in a smaller
    /// batch the next time.
    pub(super) fn note_unserved(&mut self, batch: &[&MessageId], now: Instant) -> bool {
        self.make_room(batch.len());
        let serves = self
            .last_taken
            .is_some_and(|at| now.saturating_duration_since(at) < LATELY);
        let mut is_suspect = false;
        for message in batch {
            // The last message of a campaign has no others between its attempts.
            let note = self.messages.entry((*message).clone()).or_insert(Note {
                taken: self.taken,
                at_most: LARGEST_BATCH,
            });
            if serves && note.taken < self.taken {
                is_suspect = true;
                note.at_most = note.at_most.min(batch.len() / DIVISOR).max(1);
            }
        }
        is_suspect
    }

    /// These messages go alone from now on.
    pub(super) fn isolate(&mut self, messages: &[&MessageId]) {
        self.make_room(messages.len());
        for message in messages {
            let note = Note {
                taken: self.taken,
                at_most: 1,
            };
            self.messages
                .entry((*message).clone())
                .and_modify(|note| note.at_most = 1)
                .or_insert(note);
        }
    }

    /// How many of these messages the next batch has, from the first one on.
    pub(super) fn next_batch<'a>(&self, messages: impl Iterator<Item = &'a MessageId>) -> usize {
        let messages = messages.take(LARGEST_BATCH);
        if self.messages.is_empty() {
            return messages.count();
        }
        let mut limits = messages.map(|message| self.at_most(message)).peekable();
        let at_most = limits.peek().copied().unwrap_or_default();
        // Nobody else goes together with those that are suspected.
        limits
            .take_while(|limit| *limit == at_most)
            .take(at_most)
            .count()
    }

    fn at_most(&self, message: &MessageId) -> usize {
        self.messages
            .get(message)
            .map_or(LARGEST_BATCH, |note| note.at_most)
    }

    fn make_room(&mut self, more: usize) {
        if self.messages.len() + more > MOST {
            self.messages.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: usize) -> MessageId {
        format!("msg_{:032x}_c-{n:04}", 7).parse().unwrap()
    }

    fn messages(numbers: std::ops::Range<usize>) -> Vec<MessageId> {
        numbers.map(message).collect()
    }

    /// The sizes of the batches that these messages go in.
    fn batches(unserved: &Unserved, mut messages: &[MessageId]) -> Vec<usize> {
        let mut sizes = Vec::new();
        while !messages.is_empty() {
            let size = unserved.next_batch(messages.iter());
            sizes.push(size);
            messages = &messages[size..];
        }
        sizes
    }

    #[test]
    fn while_the_vendor_takes_nothing_no_message_is_to_blame() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        unserved.note_taken(&message(0), now);
        for _ in 0..100 {
            assert!(!unserved.note_unserved(&[&message(1), &message(3)], now));
            assert!(!unserved.note_unserved(&[&message(2)], now));
        }
        assert_eq!(batches(&unserved, &messages(1..4)), [3]);
    }

    #[test]
    fn a_message_is_to_blame_each_time_once_others_are_taken() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let last = message(1);
        assert!(!unserved.note_unserved(&[&last], now));
        unserved.note_taken(&message(2), now);
        for _ in 0..8 {
            assert!(unserved.note_unserved(&[&last], now));
        }
    }

    #[test]
    fn a_vendor_that_has_taken_nothing_lately_may_be_to_blame_itself() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let (last, other) = (message(1), message(2));
        assert!(!unserved.note_unserved(&[&last], now));
        unserved.note_taken(&other, now);
        assert!(!unserved.note_unserved(&[&last], now + LATELY));
        unserved.note_taken(&other, now + LATELY);
        assert!(unserved.note_unserved(&[&last], now + LATELY));
    }

    #[test]
    fn what_was_taken_after_all_is_forgotten() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let one = message(1);
        assert!(!unserved.note_unserved(&[&one], now));
        unserved.note_taken(&one, now);
        assert!(!unserved.note_unserved(&[&one], now));
    }

    /// A vendor that serves no request with one certain message in it.
    #[test]
    fn the_message_at_fault_is_alone_after_three_answers_and_no_other_is() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let (all, at_fault) = (messages(0..300), message(123));
        let mut left = all.clone();
        let mut rounds = Vec::new();
        for _ in 0..4 {
            let (mut rest, mut sizes) = (left.as_slice(), Vec::new());
            let mut kept = Vec::new();
            while !rest.is_empty() {
                let (batch, others) = rest.split_at(unserved.next_batch(rest.iter()));
                rest = others;
                sizes.push(batch.len());
                if batch.contains(&at_fault) {
                    let batch: Vec<&MessageId> = batch.iter().collect();
                    unserved.note_unserved(&batch, now);
                    kept.extend(batch.into_iter().cloned());
                } else {
                    batch.iter().for_each(|one| unserved.note_taken(one, now));
                }
            }
            rounds.push(sizes);
            left = kept;
        }
        let expected: [&[usize]; 4] = [&[100, 100, 100], &[100], &[10; 10], &[1; 10]];
        assert_eq!(rounds, expected);
        assert_eq!(left, [at_fault]);
    }

    #[test]
    fn messages_that_go_alone_do_not_hold_up_others() {
        let mut unserved = Unserved::default();
        unserved.isolate(&[&message(1), &message(2)]);
        assert_eq!(
            batches(&unserved, &messages(0..250)),
            [1, 1, 1, 100, 100, 47]
        );
        unserved.forget(&message(1));
        assert_eq!(batches(&unserved, &messages(0..5)), [2, 1, 2]);
    }
}
