//! Parts: documents that hold data which would make a view's document too
//! large.
//!
//! **Shape.** A document and its parts are one state, which is folded as a
//! whole. The document lists its parts and the event up to which each was
//! folded. Parts are in a collection of their own, such as
//! `customers_g3.parts`.
//!
//! **Writing.** Parts are written first, each guarded by its previous number,
//! then the document. A fold ends after the first event that changes parts, so
//! a part is ahead of its document by at most one event: the next event that
//! changes parts, however the batches are cut. When that event is folded again
//! after a crash, it finds the part already written and leaves it unchanged.

use std::collections::HashMap;

use bson::{RawDocument, RawDocumentBuf};
use chrono_tz::Tz;

/// Loaded parts by id; `None` for a part that does not exist.
pub type Parts = HashMap<String, Option<Part>>;

/// A part as stored.
#[derive(Debug, Clone)]
pub struct Part {
    /// Number of the last event folded into the part.
    pub number: i64,
    /// The complete document, `_id`, `_partition` and `_number` included.
    pub document: RawDocumentBuf,
}

/// State that events are folded into.
#[derive(Debug)]
pub struct DocumentBefore<'a> {
    /// The document; `None` before its first event.
    pub document: Option<&'a RawDocument>,
    /// Parts of the document that have been loaded so far.
    pub parts: &'a Parts,
    /// Time zone of the deployment.
    pub zone: Tz,
}

/// Outcome of a fold.
#[derive(Debug)]
pub enum FoldOutcome {
    /// At least one event was folded.
    After(DocumentAfter),
    /// The fold needs these parts, which were not loaded. The caller loads them
    /// and folds again.
    Needs(Vec<String>),
    /// A part is further than the events explain, since another process is
    /// writing. The caller loads the document and its parts again.
    Overtaken,
}

/// A document after some events.
#[derive(Debug)]
pub struct DocumentAfter {
    /// The new document, without `_id`, `_partition` and `_number`.
    pub document: RawDocumentBuf,
    /// Number of events that were folded. The caller folds the others once this
    /// is written.
    pub events: usize,
    /// Parts that the last folded event has changed.
    pub parts: Vec<ChangedPart>,
}

/// A part to write.
#[derive(Debug)]
pub struct ChangedPart {
    /// Id of the part.
    pub id: String,
    /// Previous `_number` of the part; `None` for a new one.
    pub expected: Option<i64>,
    /// The new content, without `_id`, `_partition` and `_number`.
    pub document: RawDocumentBuf,
}

impl DocumentAfter {
    /// Returns the outcome for a document without parts, after all of so many
    /// events.
    pub(crate) fn whole(document: RawDocumentBuf, events: usize) -> FoldOutcome {
        FoldOutcome::After(Self {
            document,
            events,
            parts: Vec::new(),
        })
    }
}
