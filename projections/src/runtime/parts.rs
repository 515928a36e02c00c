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
use eventlog::Position;

use crate::runtime::documents::placed;
use crate::runtime::view::{AnyView, Input};

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
pub struct Before<'a> {
    /// The document; `None` before its first event.
    pub document: Option<&'a RawDocument>,
    /// Parts of the document that were loaded so far.
    pub parts: &'a Parts,
    /// Time zone of the deployment.
    pub zone: Tz,
}

/// Outcome of a fold.
#[derive(Debug)]
pub enum FoldOutcome {
    /// At least one event was folded.
    After(After),
    /// The fold needs these parts, which were not loaded. The caller loads them
    /// and folds again.
    Needs(Vec<String>),
    /// A part is further than the events explain, since another process is
    /// writing. The caller loads the document and its parts again.
    Overtaken,
}

/// A document after some events.
#[derive(Debug)]
pub struct After {
    /// The new document, without the fields that place it.
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

impl After {
    /// Returns the outcome for a document without parts, after all events.
    pub(crate) fn whole(document: RawDocumentBuf, events: &[&Input]) -> FoldOutcome {
        FoldOutcome::After(Self {
            document,
            events: events.len(),
            parts: Vec::new(),
        })
    }
}

/// A document and its parts, with the fields that place them.
pub(crate) struct FoldedDocument {
    pub(crate) document: RawDocumentBuf,
    pub(crate) parts: HashMap<String, RawDocumentBuf>,
}

/// Folds all events of one document from its beginning, in memory.
pub(crate) fn fold_from_beginning(
    view: &'static dyn AnyView,
    zone: Tz,
    id: &str,
    events: &[&Input],
) -> Result<FoldedDocument, String> {
    let mut document: Option<RawDocumentBuf> = None;
    let mut parts = Parts::new();
    let mut rest = events;
    while !rest.is_empty() {
        let before = Before {
            document: document.as_deref(),
            parts: &parts,
            zone,
        };
        let after = match view.fold(&before, rest).map_err(|(_, error)| error.0)? {
            FoldOutcome::After(after) => after,
            FoldOutcome::Needs(ids) => {
                // From the beginning, no part exists that was not folded here.
                for id in ids {
                    parts.entry(id).or_insert(None);
                }
                continue;
            }
            FoldOutcome::Overtaken => return Err("its parts are ahead of the document".to_owned()),
        };
        let (folded, left) = rest.split_at(after.events);
        let last = folded.last().ok_or("a fold without events")?.position;
        for part in after.parts {
            let document = place(&part.id, last, &part.document)?;
            let number = last.number as i64;
            parts.insert(part.id, Some(Part { number, document }));
        }
        document = Some(after.document);
        rest = left;
    }
    let last = events.last().ok_or("no events")?.position;
    let parts = parts.into_iter();
    let parts = parts.filter_map(|(id, part)| Some((id, part?.document)));
    Ok(FoldedDocument {
        document: place(id, last, &document.ok_or("no document")?)?,
        parts: parts.collect(),
    })
}

fn place(id: &str, at: Position, document: &RawDocument) -> Result<RawDocumentBuf, String> {
    placed(id, at.partition, at.number as i64, document).map_err(|error| error.to_string())
}
