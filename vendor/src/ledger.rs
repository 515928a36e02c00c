//! Ledger of the messages that were sent: each once, by the id that its sender gave it.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use chrono::Utc;
use indexmap::{IndexMap, IndexSet};
use tokio::sync::{mpsc, oneshot};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::due_receipt::DueReceipt;
use crate::error::VendorError;
use crate::journal::{self, AcceptedMessage, JournalEntry, Line};
use crate::message::{
    LedgerMessage, MessageCounts, Number, ReceiptState, SendRequest, SentMessage,
};
use crate::outcome::{self, MessageOutcome};
use crate::settings::VendorSettings;

/// All messages, in memory, with the queue to the file.
pub(crate) struct Ledger {
    book: Mutex<Book>,
}

/// State of the ledger. Changes are sent to the journal under the lock, so that the file has them
/// in the same order.
#[derive(Default)]
struct Book {
    messages: IndexMap<Box<str>, LedgerMessage>,
    callbacks: IndexSet<Box<str>>,
    /// Queue to the writer; `None` once the ledger is closed.
    journal: Option<mpsc::UnboundedSender<JournalEntry>>,
}

/// Recorded message, new or known.
pub(crate) struct PendingRecord {
    pub(crate) number: Number,
    /// Notified when the record is on disk; an error if the write failed.
    pub(crate) durable: oneshot::Receiver<()>,
    /// For a new message whose receipt is posted before the response: ends after that post.
    pub(crate) posted: Option<oneshot::Receiver<()>>,
}

/// Reason why a message was not recorded.
pub(crate) enum NotRecorded {
    /// The id was used before, for another recipient or text.
    OtherContent,
    /// The ledger is closed.
    Closed,
}

impl Ledger {
    /// Reads the ledger in `dir`. Returns the ledger, and its file for `journal::write`.
    pub(crate) fn open(
        dir: &Path,
        journal: mpsc::UnboundedSender<JournalEntry>,
    ) -> Result<(Self, File), VendorError> {
        let mut book = Book::default();
        let file = journal::open(dir, |line| book.replay(line))?;
        book.journal = Some(journal);
        let book = Mutex::new(book);
        Ok((Self { book }, file))
    }

    /// Records a new message, or the repetition of a known one.
    pub(crate) fn record(
        &self,
        send: SendRequest,
        settings: &VendorSettings,
    ) -> Result<PendingRecord, NotRecorded> {
        let content = xxh3_64_with_seed(send.text.as_bytes(), xxh3_64(send.to.as_bytes()));
        let mut book = self.book();
        let (durable, when_durable) = oneshot::channel();
        let (number, line, due, posted) = match book.messages.get_full(send.message_id.as_str()) {
            Some((_, _, known)) if known.content != content => {
                return Err(NotRecorded::OtherContent);
            }
            Some((number, _, _)) => (number, Line::Repeated(number), None, None),
            None => {
                let accepted = accepted(send, content, settings);
                let number = book.messages.len();
                let (due, posted) = first_receipt(number, accepted.outcome);
                (number, Line::Accepted(accepted), due, posted)
            }
        };
        let entry = JournalEntry {
            line,
            durable: Some(durable),
            due,
        };
        book.append(entry)?;
        Ok(PendingRecord {
            number,
            durable: when_durable,
            posted,
        })
    }

    /// Returns true if a message was sent with this id.
    pub(crate) fn contains(&self, message_id: &str) -> bool {
        self.book().messages.contains_key(message_id)
    }

    /// Records that the receipts of these messages were acknowledged. Does not wait for the disk:
    /// after a crash the receipts are posted again.
    pub(crate) fn acknowledge(&self, numbers: Vec<Number>) {
        let entry = JournalEntry {
            line: Line::Acknowledged(numbers),
            durable: None,
            due: None,
        };
        // A closed ledger has the same effect as a crash.
        let _ = self.book().append(entry);
    }

    /// Closes the ledger, so that the writer ends.
    pub(crate) fn close(&self) {
        self.book().journal = None;
    }

    /// Returns every receipt that has not been acknowledged, to be posted after a restart.
    pub(crate) fn pending(&self) -> Vec<DueReceipt> {
        let now = Utc::now().timestamp_millis();
        let book = self.book();
        let messages = book.messages.values().enumerate();
        messages
            .filter(|(_, message)| message.receipt() == ReceiptState::Pending)
            .map(|(number, message)| {
                let after_ms = message.occurred_ms().saturating_sub(now);
                DueReceipt::first(number, u64::try_from(after_ms).unwrap_or(0))
            })
            .collect()
    }

    /// Returns the index and the URL of the callback for a message's receipt.
    pub(crate) fn callback(&self, number: Number) -> (u32, Box<str>) {
        let book = self.book();
        let callback = book.messages[number].callback;
        (callback, book.callbacks[callback as usize].clone())
    }

    /// Returns the receipts of these messages as JSON: an array, or an object if there is one
    /// receipt and `as_object` is set.
    pub(crate) fn receipts_json(
        &self,
        numbers: &[Number],
        as_object: bool,
    ) -> serde_json::Result<Bytes> {
        let book = self.book();
        let mut receipts = numbers.iter().map(|number| {
            let message = &book.messages[*number];
            message.receipt_body(*number, book.id(*number))
        });
        let json = match (as_object, receipts.len()) {
            (true, 1) => serde_json::to_vec(&receipts.next())?,
            _ => serde_json::to_vec(&receipts.collect::<Vec<_>>())?,
        };
        Ok(Bytes::from(json))
    }

    /// Returns the second post of each of these receipts that is posted twice.
    pub(crate) fn duplicates(
        &self,
        numbers: &[Number],
        settings: &VendorSettings,
    ) -> Vec<DueReceipt> {
        let book = self.book();
        let is_duplicated = |number: &Number| book.messages[*number].outcome.duplicate;
        let duplicated = numbers.iter().copied().filter(is_duplicated);
        duplicated
            .map(|number| {
                let delay = outcome::duplicate_delay_ms(book.id(number), settings);
                DueReceipt::duplicate(number, delay)
            })
            .collect()
    }

    /// Returns up to `limit` messages from `start` on, oldest first.
    pub(crate) fn page(&self, start: Number, limit: usize) -> Vec<SentMessage> {
        let book = self.book();
        let end = book.messages.len().min(start.saturating_add(limit));
        let sent = |number: Number| book.messages[number].sent(number, book.id(number));
        (start..end).map(sent).collect()
    }

    /// Counts the messages by state.
    pub(crate) fn counts(&self) -> MessageCounts {
        let mut counts = MessageCounts::default();
        for message in self.book().messages.values() {
            counts.add(message);
        }
        counts
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // No panic can leave the state inconsistent.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Applies a line and sends it to the journal.
    fn append(&mut self, entry: JournalEntry) -> Result<(), NotRecorded> {
        let journal = self.journal.clone().ok_or(NotRecorded::Closed)?;
        self.apply(&entry.line);
        journal.send(entry).map_err(|_| NotRecorded::Closed)
    }

    fn replay(&mut self, line: Line) -> Result<(), &'static str> {
        let is_known = |number: &usize| *number < self.messages.len();
        let is_consistent = match &line {
            Line::Accepted(accepted) => !self.messages.contains_key(&accepted.message_id),
            Line::Repeated(number) => is_known(number),
            Line::Acknowledged(numbers) => numbers.iter().all(is_known),
        };
        if !is_consistent {
            return Err("contradicts the lines before it");
        }
        self.apply(&line);
        Ok(())
    }

    fn apply(&mut self, line: &Line) {
        match line {
            Line::Accepted(accepted) => self.add(accepted),
            Line::Repeated(number) => self.messages[*number].requested += 1,
            Line::Acknowledged(numbers) => {
                for number in numbers {
                    self.messages[*number].acknowledged = true;
                }
            }
        }
    }

    fn add(&mut self, accepted: &AcceptedMessage) {
        let callback = match self.callbacks.get_index_of(&accepted.callback_url) {
            Some(known) => known,
            None => self.callbacks.insert_full(accepted.callback_url.clone()).0,
        };
        let message = LedgerMessage {
            to: accepted.to.clone(),
            content: accepted.content,
            accepted_ms: accepted.accepted_ms,
            outcome: accepted.outcome,
            // Cannot truncate: four billion callbacks do not fit in memory.
            callback: callback as u32,
            requested: 1,
            acknowledged: false,
        };
        self.messages.insert(accepted.message_id.clone(), message);
    }

    fn id(&self, number: Number) -> &str {
        // Every number is an index of this map, from which nothing is removed.
        self.messages.get_index(number).map_or("", |(id, _)| id)
    }
}

fn accepted(send: SendRequest, content: u64, settings: &VendorSettings) -> AcceptedMessage {
    AcceptedMessage {
        outcome: outcome::decide(&send.message_id, settings),
        message_id: send.message_id.into(),
        to: send.to.into(),
        callback_url: send.callback_url.into(),
        content,
        accepted_ms: Utc::now().timestamp_millis(),
    }
}

/// Returns the receipt to schedule once a message is on disk and, if the response waits for the
/// receipt, a receiver that ends after its first post.
fn first_receipt(
    number: Number,
    outcome: MessageOutcome,
) -> (Option<DueReceipt>, Option<oneshot::Receiver<()>>) {
    if outcome.lost {
        return (None, None);
    }
    let mut due = DueReceipt::first(number, outcome.delay_ms);
    let posted = outcome.early.then(|| due.notify_when_posted());
    (Some(due), posted)
}
