//! The contract of a view: documents, and a pure fold.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};
use chrono_tz::Tz;
use domain::{Event, Subject};
use eventlog::Position;
use mongodb::IndexModel;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::runtime::parts::{DocumentAfter, DocumentBefore, FoldOutcome};
use crate::runtime::recorded::{Noted, RecordedDecision, SharedEntry};
use crate::runtime::recorded::{ReadError, Recorded};

/// A read model. To add one, add a file or a folder next to `customers` and an
/// entry in `VIEWS`.
pub trait View: 'static {
    /// Name of the view, and the first part of its collections' names.
    const NAME: &'static str;

    /// Version of [`Self::fold`]. Raise it when events that were already folded
    /// would now yield other documents. Existing generations are then reported
    /// as outdated until the view is rebuilt.
    const FOLD: i32 = 1;

    /// True if each document belongs to one aggregate, so that the aggregate's
    /// first event creates the document.
    const PER_AGGREGATE: bool = false;

    /// See [`AnyView::is_shared`]. The fold of such a view must yield the same
    /// document for any order of events.
    const IS_SHARED: bool = false;

    /// Type of the view's documents.
    type Document: Serialize + DeserializeOwned;

    /// Returns the id of the document that events about this subject touch, or
    /// `None` if they touch none. The id depends only on the key and the
    /// position, so events that touch no document are not decoded.
    fn document_of(subject: &Subject, position: Position) -> Option<String>;

    /// Returns the document after an event, given the one before. Pure: no
    /// clock, no I/O. Called only for events that touch a document, by
    /// [`Self::document_of`].
    ///
    /// # Errors
    /// [`FoldError`] for an event that contradicts the document. The event then
    /// goes into quarantine.
    fn fold(
        document: Option<Self::Document>,
        event: &Recorded,
    ) -> Result<Self::Document, FoldError>;

    /// Returns the indexes that the view's queries need.
    fn indexes() -> Vec<IndexModel>;
}

/// Reason why an event cannot be folded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FoldError(pub String);

/// An event to fold into a document of a view.
#[derive(Debug)]
pub struct FoldInput {
    /// Id of the document that the event touches. Empty for decisions.
    pub document: String,
    /// Position of the event in the log.
    pub position: Position,
    /// True if this is the first event that the document can have. The document
    /// then does not exist yet, unless it was written before a crash that kept
    /// the checkpoint from moving.
    pub begins: bool,
    pub(crate) content: InputContent,
}

/// The part of an event that a view reads.
#[derive(Debug)]
pub(crate) enum InputContent {
    /// The whole event.
    Event(Arc<Recorded>),
    /// Everything but the event's data.
    Noted(Noted),
    /// The entry cannot be decoded, for this reason.
    Unreadable(String),
    /// Not an event of the view, but a decision about an earlier one.
    Decision(RecordedDecision),
}

/// A view with BSON documents. The projector, the rebuild and the verification
/// work with this trait and are compiled once for all views. The wrapper
/// `Typed` implements it for every [`View`].
pub trait AnyView: Send + Sync {
    /// Returns [`View::NAME`].
    fn name(&self) -> &'static str;

    /// Returns [`View::FOLD`].
    fn fold_version(&self) -> i32;

    /// Returns whether each commit becomes a document of its own.
    fn is_per_commit(&self) -> bool;

    /// Returns whether many aggregates feed one document. An event that cannot
    /// be folded is then left out instead of holding back all later ones.
    fn is_shared(&self) -> bool {
        false
    }

    /// Returns the id of the document that an entry touches, without decoding
    /// the entry; `None` if it touches none. An entry with an unreadable key
    /// has a document id of its own. A view whose documents depend on an
    /// event's data returns a stand-in, which names no document.
    fn document_of(&self, entry: &SharedEntry) -> Option<String>;

    /// Returns whether an entry may touch one of these documents, without
    /// decoding the entry.
    fn may_touch(&self, entry: &SharedEntry, documents: &HashSet<String>) -> bool {
        let document = self.document_of(entry);
        document.is_some_and(|document| documents.contains(&document))
    }

    /// Returns whether documents may have parts.
    fn has_parts(&self) -> bool {
        false
    }

    /// Decodes as much of an entry as the view needs, and appends an input for
    /// each document that it touches. Only an entry of a shared view may touch
    /// several. `zone` is the deployment's time zone.
    ///
    /// # Errors
    /// [`ReadError`] if it is not an event that the view can read; nothing is
    /// appended then.
    fn read(
        &self,
        entry: &SharedEntry,
        zone: Tz,
        inputs: &mut Vec<FoldInput>,
    ) -> Result<(), ReadError>;

    /// Folds events of one document, in order. A view with parts may fold only
    /// the first ones. Pure, and the result does not depend on how events are
    /// cut into batches.
    ///
    /// # Errors
    /// The index of the first event that could not be folded, and the reason.
    fn fold(
        &self,
        before: &DocumentBefore<'_>,
        events: &[&FoldInput],
    ) -> Result<FoldOutcome, (usize, FoldError)>;

    /// Returns [`View::indexes`].
    fn indexes(&self) -> Vec<IndexModel>;
}

pub(crate) struct Typed<V>(pub(crate) PhantomData<fn() -> V>);

impl<V: View> AnyView for Typed<V> {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn fold_version(&self) -> i32 {
        V::FOLD
    }

    fn is_per_commit(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        V::IS_SHARED
    }

    fn document_of(&self, entry: &SharedEntry) -> Option<String> {
        document_of::<V>(entry)
    }

    fn read(
        &self,
        entry: &SharedEntry,
        _: Tz,
        inputs: &mut Vec<FoldInput>,
    ) -> Result<(), ReadError> {
        inputs.extend(read::<V>(entry)?);
        Ok(())
    }

    fn fold(
        &self,
        before: &DocumentBefore<'_>,
        events: &[&FoldInput],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        let folded = fold_bson(before.document, events, |document, content| match content {
            InputContent::Event(event) => V::fold(document, event),
            other => Err(not_read(other)),
        });
        Ok(DocumentAfter::whole(folded?, events.len()))
    }

    fn indexes(&self) -> Vec<IndexModel> {
        V::indexes()
    }
}

/// Decodes an entry for a view. An entry that touches no document is not
/// decoded, unless its type is unknown, which means that a newer program wrote
/// it.
pub(crate) fn read<V: View>(entry: &SharedEntry) -> Result<Option<FoldInput>, ReadError> {
    let subject = entry.subject()?;
    let position = entry.position();
    let document = V::document_of(subject, position);
    if document.is_none() && Event::is_known(subject, entry.tag()) {
        return Ok(None);
    }
    let event = entry.recorded()?;
    Ok(document.map(|document| FoldInput {
        document,
        position,
        begins: V::PER_AGGREGATE && entry.begins_aggregate(),
        content: InputContent::Event(event),
    }))
}

/// Returns the id of the document that an entry touches, without decoding the
/// entry.
pub(crate) fn document_of<V: View>(entry: &SharedEntry) -> Option<String> {
    match entry.subject() {
        Ok(subject) => V::document_of(subject, entry.position()),
        Err(ReadError::Malformed(_)) => Some(entry.key().to_owned()),
        Err(ReadError::Unknown(_)) => None,
    }
}

/// Returns the error for content that is not a decoded event.
pub(crate) fn not_read(content: &InputContent) -> FoldError {
    FoldError(match content {
        InputContent::Unreadable(reason) => reason.clone(),
        _ => "the event was not read in the form that this view folds".to_owned(),
    })
}

impl FoldInput {
    /// Appends the inputs that an entry gives a view: a decision if the entry is
    /// one that concerns the view, and the [events](Self::add_events).
    ///
    /// # Errors
    /// The reason, if the entry has a type that this program does not know.
    /// Nothing is appended then.
    pub(crate) fn add_all(
        view: &dyn AnyView,
        entry: &SharedEntry,
        zone: Tz,
        inputs: &mut Vec<Self>,
    ) -> Result<(), String> {
        let position = entry.position();
        let before = inputs.len();
        let decision = entry.decision().filter(|d| d.record.concerns(view.name()));
        inputs.extend(decision.map(|decision| Self {
            document: String::new(),
            position,
            begins: false,
            content: InputContent::Decision(decision),
        }));
        let added = Self::add_events(view, entry, zone, inputs);
        if added.is_err() {
            inputs.truncate(before);
        }
        added
    }

    /// Appends an event for each document that an entry touches. An entry that
    /// cannot be decoded becomes an event that cannot be folded.
    ///
    /// # Errors
    /// As [`Self::add_all`].
    pub(crate) fn add_events(
        view: &dyn AnyView,
        entry: &SharedEntry,
        zone: Tz,
        inputs: &mut Vec<Self>,
    ) -> Result<(), String> {
        match view.read(entry, zone, inputs) {
            Ok(()) => Ok(()),
            Err(ReadError::Unknown(reason)) => Err(reason),
            Err(ReadError::Malformed(reason)) => {
                // Without a document there is nothing to set aside, so the
                // entry counts as unknown.
                let document = view.document_of(entry).ok_or_else(|| reason.clone())?;
                inputs.push(Self {
                    document,
                    position: entry.position(),
                    begins: false,
                    content: InputContent::Unreadable(reason),
                });
                Ok(())
            }
        }
    }
}

/// Folds events into a document that is stored as BSON. On failure, returns the
/// index of the event and the reason.
pub(crate) fn fold_bson<D: Serialize + DeserializeOwned>(
    document: Option<&RawDocument>,
    events: &[&FoldInput],
    fold: impl Fn(Option<D>, &InputContent) -> Result<D, FoldError>,
) -> Result<RawDocumentBuf, (usize, FoldError)> {
    let unfit = |error: bson::error::Error| (0, FoldError(error.to_string()));
    let stored = document.map(|document| bson::deserialize_from_slice(document.as_bytes()));
    let mut current: Option<D> = stored.transpose().map_err(unfit)?;
    for (index, event) in events.iter().enumerate() {
        let next = fold(current, &event.content).map_err(|error| (index, error))?;
        current = Some(next);
    }
    bson::serialize_to_raw_document_buf(&current).map_err(unfit)
}
