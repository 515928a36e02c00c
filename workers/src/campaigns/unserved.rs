//! Batch sizes after requests that the vendor did not serve.
//!
//! Some answers concern a whole request and do not show whether the vendor or one of
//! the messages is at fault. A batch is never split because of one such answer; its
//! messages are sent again as usual. But a message that is never served must neither
//! be tried forever nor use up the attempts of other messages:
//!
//! - Answers such as 404 cost no attempt. Messages that get one again although the
//!   vendor has accepted others since become suspects. They are sent in smaller and
//!   smaller batches, down to one, until the message at fault is alone.
//! - Answers such as 500 cost an attempt and make no message a suspect: they concern
//!   the vendor, which may fail at random. But the last attempt of a message is made
//!   alone, and the one before in a small batch, so that no message is given up
//!   because of another.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::MessageId;

/// Largest number of messages in a batch.
pub(super) const LARGEST_BATCH: usize = 100;

/// Factor by which the next batch of suspects is smaller.
const DIVISOR: usize = 10;

/// Largest number of messages that are tracked. Forgetting a message only costs a
/// few more requests.
const MOST: usize = 50_000;

/// Time for which the vendor counts as serving requests after it accepted a message.
const LATELY: Duration = Duration::from_secs(5 * 60);

/// Messages whose requests were not served, without the cost of an attempt.
#[derive(Debug, Default)]
pub(super) struct Unserved {
    taken: u64,
    last_taken: Option<Instant>,
    messages: HashMap<MessageId, Note>,
}

#[derive(Debug)]
struct Note {
    /// Number of messages that the vendor had accepted at the first such answer.
    taken: u64,
    /// Largest batch that may contain the message.
    at_most: usize,
}

impl Unserved {
    /// Records that the vendor accepted this message.
    pub(super) fn note_taken(&mut self, message: &MessageId, now: Instant) {
        self.taken += 1;
        self.last_taken = Some(now);
        self.messages.remove(message);
    }

    /// Stops tracking a message that got a result of its own.
    pub(super) fn forget(&mut self, message: &MessageId) {
        self.messages.remove(message);
    }

    /// Records that the vendor did not serve a request with these messages. Returns
    /// whether one of the messages is at fault rather than the vendor. That is so if
    /// one of them was not served before either, and the vendor has accepted other
    /// messages since then, the last one within [`LATELY`]. Such messages are sent in
    /// a smaller batch next time.
    pub(super) fn note_unserved(&mut self, batch: &[&MessageId], now: Instant) -> bool {
        self.make_room(batch.len());
        let since = self.last_taken.map(|at| now.saturating_duration_since(at));
        let is_serving = since.is_some_and(|since| since < LATELY);
        let mut are_suspect = false;
        for message in batch {
            if let Some(note) = self.messages.get_mut(*message) {
                if is_serving && note.taken < self.taken {
                    note.at_most = note.at_most.min(batch.len() / DIVISOR).max(1);
                    are_suspect = true;
                }
            } else {
                let note = Note {
                    taken: self.taken,
                    at_most: LARGEST_BATCH,
                };
                self.messages.insert((*message).clone(), note);
            }
        }
        are_suspect
    }

    /// Limits each of these messages to a batch of one from now on.
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

    /// Returns the size of the next batch, taken from the front of these messages.
    /// Each comes with the number of its failed attempts, of `most` allowed.
    pub(super) fn next_batch<'a>(
        &self,
        messages: impl Iterator<Item = (&'a MessageId, u32)>,
        most: u32,
    ) -> usize {
        let limits = messages.map(|(message, failed)| {
            let by_attempts = match most.saturating_sub(failed) {
                // The first attempt is never limited, even if it is the only one.
                _ if failed == 0 => LARGEST_BATCH,
                0 | 1 => 1,
                2 => LARGEST_BATCH / DIVISOR,
                _ => LARGEST_BATCH,
            };
            self.at_most(message).min(by_attempts)
        });
        let mut limits = limits.peekable();
        let at_most = limits.peek().copied().unwrap_or_default();
        // Messages with different limits do not share a batch: a suspect must not
        // make the requests of other messages fail.
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

    fn next_batch(unserved: &Unserved, messages: &[MessageId]) -> usize {
        unserved.next_batch(messages.iter().map(|message| (message, 0)), 8)
    }

    /// Returns the sizes of the batches in which these messages are sent.
    fn batches(unserved: &Unserved, mut messages: &[MessageId]) -> Vec<usize> {
        let mut sizes = Vec::new();
        while !messages.is_empty() {
            let size = next_batch(unserved, messages);
            sizes.push(size);
            messages = &messages[size..];
        }
        sizes
    }

    #[test]
    fn no_message_is_at_fault_while_the_vendor_accepts_nothing() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        unserved.note_taken(&message(0), now);
        for _ in 0..100 {
            assert!(!unserved.note_unserved(&[&message(1), &message(3)], now));
            assert!(!unserved.note_unserved(&[&message(2)], now));
        }
        assert_eq!(batches(&unserved, &messages(1..4)), [3]);
    }

    #[test]
    fn a_message_is_at_fault_every_time_once_others_were_accepted() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let last = message(1);
        assert!(!unserved.note_unserved(&[&last], now));
        unserved.note_taken(&message(2), now);
        for _ in 0..8 {
            assert!(unserved.note_unserved(&[&last], now));
        }
    }

    #[test]
    fn a_vendor_that_accepted_nothing_recently_may_be_at_fault_itself() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let (last, other) = (message(1), message(2));
        assert!(!unserved.note_unserved(&[&last], now));
        unserved.note_taken(&other, now);
        assert!(!unserved.note_unserved(&[&last], now + LATELY));
        unserved.note_taken(&other, now + LATELY);
        assert!(unserved.note_unserved(&[&last], now + LATELY));
    }

    #[test]
    fn an_accepted_message_is_forgotten() {
        let (mut unserved, now) = (Unserved::default(), Instant::now());
        let one = message(1);
        assert!(!unserved.note_unserved(&[&one], now));
        unserved.note_taken(&one, now);
        assert!(!unserved.note_unserved(&[&one], now));
    }

    /// Simulates a vendor that serves no request that contains one certain message.
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
                let (batch, others) = rest.split_at(next_batch(&unserved, rest));
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
    fn isolated_messages_do_not_hold_up_others() {
        let mut unserved = Unserved::default();
        unserved.isolate(&[&message(1), &message(2)]);
        assert_eq!(
            batches(&unserved, &messages(0..250)),
            [1, 1, 1, 100, 100, 47]
        );
        unserved.forget(&message(1));
        assert_eq!(batches(&unserved, &messages(0..5)), [2, 1, 2]);
    }

    #[test]
    fn the_last_attempt_is_made_alone() {
        let unserved = Unserved::default();
        let all = messages(0..100);
        let size = |failed, most| {
            let messages = all.iter().map(|message| (message, failed));
            unserved.next_batch(messages, most)
        };
        let sizes: Vec<usize> = (0..9).map(|failed| size(failed, 8)).collect();
        assert_eq!(sizes, [100, 100, 100, 100, 100, 100, 10, 1, 1]);
        assert_eq!([size(0, 1), size(0, 2), size(1, 2)], [100, 100, 1]);
        // Other messages neither wait for them nor share their requests.
        let mixed = [0, 0, 7, 0].into_iter();
        let mut mixed: Vec<(&MessageId, u32)> = all.iter().zip(mixed).collect();
        let mut sizes = Vec::new();
        while !mixed.is_empty() {
            let size = unserved.next_batch(mixed.iter().copied(), 8);
            sizes.push(size);
            mixed.drain(..size);
        }
        assert_eq!(sizes, [2, 1, 1]);
    }
}
