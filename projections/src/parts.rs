//! Documents beside a view's document, which hold what would make it too large.
//!
//! **Shape.** A document and its parts are one state, which is folded as a
//! whole. The document says which parts there are and up to which event each
//! was folded; parts lie in a collection of their own, `customers_g3.parts`.
//!
//! **Writing.** Parts are written first, each guarded by the number that it had
//! before, then the document. A fold ends after the first event that changes
//! parts, so that a part is ahead of its document by one event at most: the
//! next one that changes parts, whatever the batches are. Folded again after a
//! crash, that event finds the part written and takes it as it is.

use std::collections::HashMap;

use bson::{RawDocument, RawDocumentBuf};
use chrono_tz::Tz;
use eventlog::Position;

use crate::documents::placed;
use crate::view::{AnyView, Input};

/// Parts by id, as far as they were asked for; `None` where there is none.
pub type Parts = HashMap<String, Option<Part>>;

/// A part as it is stored.
#[derive(Debug, Clone)]
pub struct Part {
    /// The last event folded into it.
    pub number: i64,
    /// All of it.
    pub document: RawDocumentBuf,
}

/// What events are folded into.
#[derive(Debug)]
pub struct Before<'a> {
    /// The document, if there is one.
    pub document: Option<&'a RawDocument>,
    /// Parts of it.
    pub parts: &'a Parts,
    /// The deployment's time zone.
    pub zone: Tz,
}

/// What a fold came to.
#[derive(Debug)]
pub enum FoldOutcome {
    /// Some events, at least one, are in.
    After(After),
    /// The fold needs these parts, which it was not given. It is to be done
    /// again with them.
    Needs(Vec<String>),
    /// A part is further than the events explain: another process is at it.
    /// The document and its parts are to be loaded again.
    Overtaken,
}

/// A document after some events.
#[derive(Debug)]
pub struct After {
    /// The document.
    pub document: RawDocumentBuf,
    /// How many of the events are in. The others are to be folded when this is
    /// written.
    pub events: usize,
    /// The parts that the last of these events has changed.
    pub parts: Vec<ChangedPart>,
}

/// A part to write.
#[derive(Debug)]
pub struct ChangedPart {
    /// Its id.
    pub id: String,
    /// The number that it had; `None` for one that is new.
    pub expected: Option<i64>,
    /// All of it but the fields that place it.
    pub document: RawDocumentBuf,
}

impl After {
    /// A document without parts, after all events.
    pub(crate) fn whole(document: RawDocumentBuf, events: &[&Input]) -> FoldOutcome {
        FoldOutcome::After(Self {
            document,
            events: events.len(),
            parts: Vec::new(),
        })
    }
}

/// A document and its parts, placed.
pub(crate) struct Whole {
    pub(crate) document: RawDocumentBuf,
    pub(crate) parts: HashMap<String, RawDocumentBuf>,
}

/// Folds all events of one document, from nothing.
pub(crate) fn fold_from_zero(
    view: &'static dyn AnyView,
    zone: Tz,
    id: &str,
    events: &[&Input],
) -> Result<Whole, String> {
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
                for id in ids {
                    parts.entry(id).or_insert(None);
                }
                continue;
            }
            FoldOutcome::Overtaken => return Err("its parts are ahead of it".to_owned()),
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
    Ok(Whole {
        document: place(id, last, &document.ok_or("no document")?)?,
        parts: parts.collect(),
    })
}

fn place(id: &str, at: Position, document: &RawDocument) -> Result<RawDocumentBuf, String> {
    placed(id, at.partition, at.number as i64, document).map_err(|error| error.to_string())
}
