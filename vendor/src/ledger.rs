//! The messages that were sent, each once, under the id that its sender gave it.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use chrono::Utc;
use indexmap::{IndexMap, IndexSet};
use tokio::sync::{mpsc, oneshot};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::journal::{self, Accepted, Entry, Line};
use crate::message::{Counts, Message, Number, Receipt, Sent};
use crate::outcome;
use crate::receipts::Due;
use crate::send::Send;
use crate::serve::VendorError;
use crate::settings::Settings;

/// All messages, in memory and on their way to the file.
pub(crate) struct Ledger {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    messages: IndexMap<Box<str>, Message>,
    callbacks: IndexSet<Box<str>>,
    /// None once closed.
    journal: Option<mpsc::UnboundedSender<Entry>>,
}

/// A message in the book, new or known.
pub(crate) struct Recorded {
    pub(crate) number: Number,
    /// Notified when it is on disk; an error if that failed.
    pub(crate) durable: oneshot::Receiver<()>,
    /// For a new message whose receipt is posted before the response: ends once it was.
    pub(crate) posted: Option<oneshot::Receiver<()>>,
}

/// Why a message was not recorded.
pub(crate) enum NotRecorded {
    /// Its id was used before, for another recipient or text.
    OtherContent,
    /// The ledger is closed.
    Closed,
}

impl Ledger {
    /// Reads the ledger in `dir`. Returns it with its file, for `journal::write`.
    pub(crate) fn open(
        dir: &Path,
        journal: mpsc::UnboundedSender<Entry>,
    ) -> Result<(Self, File), VendorError> {
        let mut book = Book::default();
        let file = journal::open(dir, |line| book.replay(line))?;
        book.journal = Some(journal);
        let book = Mutex::new(book);
        Ok((Self { book }, file))
    }

    /// Records a message, or that a known one was sent again.
    pub(crate) fn record(&self, send: Send, settings: &Settings) -> Result<Recorded, NotRecorded> {
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
        let entry = Entry {
            line,
            durable: Some(durable),
            due,
        };
        book.append(entry)?;
        Ok(Recorded {
            number,
            durable: when_durable,
            posted,
        })
    }

    /// Whether a message was sent under this id.
    pub(crate) fn knows(&self, message_id: &str) -> bool {
        self.book().messages.contains_key(message_id)
    }

    /// Notes that the receipts of these messages were taken. Not waited for: a
    /// crash means that they are posted again.
    pub(crate) fn acknowledge(&self, numbers: Vec<Number>) {
        let entry = Entry {
            line: Line::Acknowledged(numbers),
            durable: None,
            due: None,
        };
        // Closed: the same as a crash.
        let _ = self.book().append(entry);
    }

    /// Closes the ledger, which lets the writer end.
    pub(crate) fn close(&self) {
        self.book().journal = None;
    }

    /// Every receipt that is still to be posted, as after a restart.
    pub(crate) fn pending(&self) -> Vec<Due> {
        let now = Utc::now().timestamp_millis();
        let book = self.book();
        let messages = book.messages.values().enumerate();
        messages
            .filter(|(_, message)| message.receipt() == Receipt::Pending)
            .map(|(number, message)| {
                let after_ms = message.occurred_ms().saturating_sub(now);
                Due::first(number, u64::try_from(after_ms).unwrap_or(0))
            })
            .collect()
    }

    /// Which callback gets the receipt of a message, as index and URL.
    pub(crate) fn callback(&self, number: Number) -> (u32, Box<str>) {
        let book = self.book();
        let callback = book.messages[number].callback;
        (callback, book.callbacks[callback as usize].clone())
    }

    /// The receipts of these messages as JSON: an array, or `singly` the first one's object.
    pub(crate) fn receipts_json(
        &self,
        numbers: &[Number],
        singly: bool,
    ) -> serde_json::Result<Bytes> {
        let book = self.book();
        let mut receipts = numbers.iter().map(|number| {
            let message = &book.messages[*number];
            message.receipt_body(*number, book.id(*number))
        });
        let json = match (singly, receipts.len()) {
            (true, 1) => serde_json::to_vec(&receipts.next())?,
            _ => serde_json::to_vec(&receipts.collect::<Vec<_>>())?,
        };
        Ok(Bytes::from(json))
    }

    /// Milliseconds until each of these receipts is posted again; only those
    /// that are to be.
    pub(crate) fn duplicates(&self, numbers: &[Number], settings: &Settings) -> Vec<Due> {
        let book = self.book();
        let duplicated = |number: &Number| book.messages[*number].outcome.duplicate;
        let again = numbers.iter().copied().filter(duplicated);
        again
            .map(|number| {
                let delay = outcome::duplicate_delay_ms(book.id(number), settings);
                Due::again(number, delay)
            })
            .collect()
    }

    /// Messages from `start` on, oldest first.
    pub(crate) fn page(&self, start: Number, limit: usize) -> Vec<Sent> {
        let book = self.book();
        let end = book.messages.len().min(start.saturating_add(limit));
        let sent = |number: Number| book.messages[number].sent(number, book.id(number));
        (start..end).map(sent).collect()
    }

    /// Counts of messages by their state.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for message in self.book().messages.values() {
            counts.add(message);
        }
        counts
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in here is left half-done by a panic.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Notes a line here and sends it to the file, in the same order.
    fn append(&mut self, entry: Entry) -> Result<(), NotRecorded> {
        let journal = self.journal.clone().ok_or(NotRecorded::Closed)?;
        self.note(&entry.line);
        journal.send(entry).map_err(|_| NotRecorded::Closed)
    }

    fn replay(&mut self, line: Line) -> Result<(), &'static str> {
        let known = |number: &usize| *number < self.messages.len();
        let sound = match &line {
            Line::Accepted(accepted) => !self.messages.contains_key(&accepted.message_id),
            Line::Repeated(number) => known(number),
            Line::Acknowledged(numbers) => numbers.iter().all(known),
        };
        if !sound {
            return Err("does not fit the lines before it");
        }
        self.note(&line);
        Ok(())
    }

    fn note(&mut self, line: &Line) {
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

    fn add(&mut self, accepted: &Accepted) {
        let callback = match self.callbacks.get_index_of(&accepted.callback_url) {
            Some(known) => known,
            None => self.callbacks.insert_full(accepted.callback_url.clone()).0,
        };
        let message = Message {
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
        // Numbers are only ever made by this book, and nothing is removed.
        self.messages.get_index(number).map_or("", |(id, _)| id)
    }
}

fn accepted(send: Send, content: u64, settings: &Settings) -> Accepted {
    Accepted {
        outcome: outcome::decide(&send.message_id, settings),
        message_id: send.message_id.into(),
        to: send.to.into(),
        callback_url: send.callback_url.into(),
        content,
        accepted_ms: Utc::now().timestamp_millis(),
    }
}

/// The receipt to schedule once a message is on disk and, if the response waits
/// for it, a receiver that is notified when it was posted.
fn first_receipt(
    number: Number,
    outcome: outcome::Outcome,
) -> (Option<Due>, Option<oneshot::Receiver<()>>) {
    if outcome.lost {
        return (None, None);
    }
    let mut due = Due::first(number, outcome.delay_ms);
    let posted = outcome.early.then(|| due.tell_when_posted());
    (Some(due), posted)
}
