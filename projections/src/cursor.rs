//! A place in a partition up to which events were folded.

use std::sync::Arc;

use eventlog::{Entry, Log, LogError, Position};

/// How far events were folded, recognized by the last one.
#[derive(Clone)]
pub(crate) struct Cursor {
    log: Log,
    pub(crate) at: Position,
    /// The fingerprint of the event there; `None` before the first.
    pub(crate) fingerprint: Option<String>,
    /// The epoch of the log that was folded.
    epoch: Arc<str>,
}

impl Cursor {
    /// At a checkpoint, or before the first event.
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

    /// The epoch of the log that is folded.
    pub(crate) fn epoch(&self) -> Arc<str> {
        match self.fingerprint {
            Some(_) => self.epoch.clone(),
            // Another log may have been accepted before its first event came.
            None => self.log.epoch(),
        }
    }

    pub(crate) fn move_to(&mut self, at: Position, fingerprint: String) {
        self.epoch = self.epoch();
        self.at = at;
        self.fingerprint = Some(fingerprint);
    }

    /// Up to `count` entries after this place. The entry at this place is read
    /// again every time, because Redis may have come back with older data
    /// meanwhile: `None` if it is another one or the log has another epoch.
    pub(crate) async fn next(&self, count: usize) -> Result<Option<Vec<Entry>>, LogError> {
        let Some(fingerprint) = &self.fingerprint else {
            return self.log.read(self.at, count).await.map(Some);
        };
        // An operator has accepted another log.
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
