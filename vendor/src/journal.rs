//! File of the ledger: append-only NDJSON, on disk before the response is sent.
//!
//! A single writer takes all waiting lines, writes them with one call, and syncs once if a caller
//! waits for one of them. Meanwhile the next lines queue up.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::due_receipt::DueReceipt;
use crate::error::VendorError;
use crate::outcome::MessageOutcome;

/// Line of the file. Messages are numbered by their `accepted` lines, starting at 0.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// A new message was accepted.
    Accepted(AcceptedMessage),
    /// A known message was requested again.
    Repeated(usize),
    /// The receipts of these messages were acknowledged.
    Acknowledged(Vec<usize>),
}

/// Accepted message. `content` is a fingerprint of `to` and the text.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AcceptedMessage {
    pub(crate) message_id: Box<str>,
    pub(crate) to: Box<str>,
    pub(crate) callback_url: Box<str>,
    pub(crate) content: u64,
    pub(crate) accepted_ms: i64,
    pub(crate) outcome: MessageOutcome,
}

/// Line that waits to be written.
pub(crate) struct JournalEntry {
    pub(crate) line: Line,
    /// Notified once the line is durable; dropped if it could not be written.
    pub(crate) durable: Option<oneshot::Sender<()>>,
    /// Receipt to schedule once the line is durable.
    pub(crate) due: Option<DueReceipt>,
}

const FILE_NAME: &str = "ledger.ndjson";
const LINES_PER_WRITE: usize = 4_096;

/// Opens the file in `dir`, creating both if missing, and locks it. Removes a last line that a
/// crash cut short, and passes every other line to `replay`.
pub(crate) fn open(
    dir: &Path,
    mut replay: impl FnMut(Line) -> Result<(), &'static str>,
) -> Result<File, VendorError> {
    let path = dir.join(FILE_NAME);
    let mut file = create(dir, &path).map_err(|source| VendorError::ledger(&path, source))?;
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => VendorError::LedgerInUse(path.clone()),
        std::fs::TryLockError::Error(source) => VendorError::ledger(&path, source),
    })?;
    let intact = read(&file, &path, &mut replay)?;
    file.set_len(intact)
        .and_then(|()| file.seek(SeekFrom::Start(intact)))
        .and_then(|_| file.sync_all())
        .map_err(|source| VendorError::ledger(&path, source))?;
    Ok(file)
}

fn create(dir: &Path, path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(dir)?;
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    // The name of a new file is durable only after its directory is synced.
    File::open(dir)?.sync_all()?;
    Ok(file)
}

/// Replays every complete line. Returns their total length in bytes.
fn read(
    file: &File,
    path: &Path,
    replay: &mut impl FnMut(Line) -> Result<(), &'static str>,
) -> Result<u64, VendorError> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut text = Vec::new();
    let (mut intact, mut number) = (0, 0);
    loop {
        text.clear();
        let length = reader
            .read_until(b'\n', &mut text)
            .map_err(|source| VendorError::ledger(path, source))?;
        if text.last() != Some(&b'\n') {
            return Ok(intact);
        }
        number += 1;
        serde_json::from_slice(&text)
            .map_err(|error| error.to_string())
            .and_then(|line| replay(line).map_err(str::to_owned))
            .map_err(|detail| VendorError::LedgerBroken {
                path: path.to_owned(),
                line: number,
                detail,
            })?;
        intact += length as u64;
    }
}

/// Writes entries until all senders are dropped. Blocks, so it must run on a separate thread.
///
/// # Errors
/// Returns the first error. The content of the file is then unknown, so the vendor must stop; the
/// next start reads the file.
pub(crate) fn write(
    mut file: File,
    mut entries: mpsc::UnboundedReceiver<JournalEntry>,
    schedule: &mpsc::UnboundedSender<DueReceipt>,
) -> io::Result<()> {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    while entries.blocking_recv_many(&mut batch, LINES_PER_WRITE) > 0 {
        bytes.clear();
        for entry in &batch {
            serde_json::to_writer(&mut bytes, &entry.line)?;
            bytes.push(b'\n');
        }
        file.write_all(&bytes)?;
        if batch.iter().any(|entry| entry.durable.is_some()) {
            file.sync_data()?;
        }
        for entry in batch.drain(..) {
            // Scheduled only now: a receipt of a message that a crash could lose must not be
            // posted. Receivers that are gone need no notification.
            entry.due.map(|due| schedule.send(due));
            entry.durable.map(|durable| durable.send(()));
        }
    }
    file.sync_data()
}
