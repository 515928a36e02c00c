//! The place up to which a partition was folded.

use std::sync::Arc;

use eventlog::{Entry, Log, LogError, Position};

/// Position of the last folded event, with the fingerprint that identifies it.
#[derive(Clone)]
pub(crate) struct LogCursor {
    log: Log,
    pub(crate) at: Position,
    /// Fingerprint of the event at `at`; `None` before the first event.
    pub(crate) fingerprint: Option<String>,
    /// Epoch of the log that was folded.
    epoch: Arc<str>,
}

impl LogCursor {
    /// Creates a cursor at a checkpoint, or before the first event.
    pub(crate) fn new(log: &Log, at: Position, fingerprint: &str, epoch: &str) -> Self {
        let has_folded = at.number > 0;
        Self {
            log: log.clone(),
            at,
            fingerprint: has_folded.then(|| fingerprint.to_owned()),
            epoch: match has_folded {
                true => epoch.into(),
                false => log.epoch(),
            },
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the epoch of the log that is being folded.
    pub(crate) fn epoch(&self) -> Arc<str> {
        match self.fingerprint {
            Some(_) => self.epoch.clone(),
            // Nothing was folded yet, so a log that an operator accepted
            // meanwhile is fine.
            None => self.log.epoch(),
        }
    }

    pub(crate) fn move_to(&mut self, at: Position, fingerprint: String) {
        self.epoch = self.epoch();
        self.at = at;
        self.fingerprint = Some(fingerprint);
    }

    /// Reads up to `count` entries after this place. The entry at this place is
    /// read again every time, since Redis may have lost recent data in between.
    /// Returns `None` if that entry is another one, or if the log has another
    /// epoch.
    pub(crate) async fn next(&self, count: usize) -> Result<Option<Vec<Entry>>, LogError> {
        let Some(fingerprint) = &self.fingerprint else {
            return self.log.read(self.at, count).await.map(Some);
        };
        // A changed epoch means that an operator accepted a restored log.
        if self.log.epoch() != self.epoch {
            return Ok(None);
        }
        let before = Position {
            number: self.at.number - 1,
            ..self.at
        };
        let entries = self.log.read(before, count.saturating_add(1)).await?;
        let mut entries = entries.into_iter();
        let is_same = entries
            .next()
            .is_some_and(|first| first.fingerprint() == *fingerprint);
        Ok(is_same.then(|| entries.collect()))
    }
}
