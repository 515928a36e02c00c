//! What a view is: documents, and a pure fold.

use std::marker::PhantomData;
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};
use domain::{Event, Subject};
use eventlog::Position;
use mongodb::IndexModel;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api_keys::ApiKeys;
use crate::audit::Audit;
use crate::campaign_stats::CampaignStats;
use crate::campaigns::Campaigns;
use crate::customers::WithBuckets;
use crate::messages::Messages;
use crate::orders::Orders;
use crate::parts::{After, Before, FoldOutcome};
use crate::recorded::{Decision, Noted, SharedEntry};
use crate::segments::Segments;
use crate::users::Users;
use crate::{ReadError, Recorded};

/// A read model. Adding one is a folder beside `customers` and a line in
/// [`VIEWS`].
pub trait View: 'static {
    /// Its name, and the first part of its collections' names.
    const NAME: &'static str;

    /// The version of [`Self::fold`]. Raised when events that were folded
    /// before now come to other documents: those that are there are told to be
    /// outdated, until the view is rebuilt.
    const FOLD: i32 = 1;

    /// Whether each document is of one aggregate alone, so that the aggregate's
    /// first event begins it.
    const PER_AGGREGATE: bool = false;

    /// [`AnyView::is_shared`]. Its fold must come to the same in any order of
    /// events.
    const IS_SHARED: bool = false;

    /// One document.
    type Document: Serialize + DeserializeOwned;

    /// The id of the one document that events about this touch, if they touch
    /// any. Known before an event is read: those that touch none are not.
    fn document_of(subject: &Subject, position: Position) -> Option<String>;

    /// The document after an event, given the one before. Pure: no clock, no
    /// I/O. Called only for events with a [`Self::document_of`].
    ///
    /// # Errors
    /// [`FoldError`] for an event that contradicts the document; the view then
    /// stops at it.
    fn fold(
        document: Option<Self::Document>,
        event: &Recorded,
    ) -> Result<Self::Document, FoldError>;

    /// The indexes its queries need.
    fn indexes() -> Vec<IndexModel>;
}

/// All views.
pub const VIEWS: [&'static dyn AnyView; 9] = [
    &WithBuckets,
    &Typed::<Orders>(PhantomData),
    &Audit,
    &Typed::<Segments>(PhantomData),
    &Typed::<Campaigns>(PhantomData),
    &Typed::<Messages>(PhantomData),
    &Typed::<CampaignStats>(PhantomData),
    &Typed::<Users>(PhantomData),
    &Typed::<ApiKeys>(PhantomData),
];

/// The view of this name.
pub fn view_named(name: &str) -> Option<&'static dyn AnyView> {
    VIEWS.into_iter().find(|view| view.name() == name)
}

/// Why a fold cannot take an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FoldError(pub String);

/// An event on its way into a document of a view.
#[derive(Debug)]
pub struct Input {
    /// The id of the document that it touches.
    pub document: String,
    /// Where it stands in the log.
    pub position: Position,
    /// Whether it is the first event that the document can have, so that there
    /// is no document yet, unless one was written and the checkpoint not moved.
    pub begins: bool,
    pub(crate) content: Content,
}

/// How much of an event a view reads.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it.
    Event(Arc<Recorded>),
    /// All but its data.
    Noted(Noted),
    /// What it is cannot be read, for this reason.
    Unreadable(String),
    /// None that is folded, but a decision about another one.
    Decision(Decision),
}

/// A view whose documents are BSON: what the projector, the rebuild and the
/// verification work with, compiled once for all views. Every [`View`] is one.
pub trait AnyView: Send + Sync {
    /// [`View::NAME`]
    fn name(&self) -> &'static str;

    /// [`View::FOLD`]
    fn fold_version(&self) -> i32;

    /// Whether each commit makes a document of its own.
    fn is_per_commit(&self) -> bool;

    /// Whether documents are fed by many aggregates, so that one event that
    /// cannot be folded is left out instead of holding back all later ones.
    fn is_shared(&self) -> bool {
        false
    }

    /// The document that an entry touches, read or not; none if it touches
    /// none. An entry whose key is not readable has one to itself.
    fn document_of(&self, entry: &SharedEntry) -> Option<String>;

    /// Whether documents may have parts beside them.
    fn has_parts(&self) -> bool {
        false
    }

    /// Reads an entry as far as the view needs; `None` for one that touches no
    /// document.
    ///
    /// # Errors
    /// [`ReadError`] if it is not an event that the view can read.
    fn read(&self, entry: &SharedEntry) -> Result<Option<Input>, ReadError>;

    /// Folds events of one document, in order: all of them, or some where it
    /// has parts. Pure, and the same however events are cut into batches.
    ///
    /// # Errors
    /// The first event that could not be folded, as its index, and why.
    fn fold(
        &self,
        before: &Before<'_>,
        events: &[&Input],
    ) -> Result<FoldOutcome, (usize, FoldError)>;

    /// [`View::indexes`]
    fn indexes(&self) -> Vec<IndexModel>;
}

struct Typed<V>(PhantomData<fn() -> V>);

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

    fn read(&self, entry: &SharedEntry) -> Result<Option<Input>, ReadError> {
        read::<V>(entry)
    }

    fn fold(
        &self,
        before: &Before<'_>,
        events: &[&Input],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        let folded = fold_bson(before.document, events, |document, content| match content {
            Content::Event(event) => V::fold(document, event),
            other => Err(not_read(other)),
        });
        Ok(After::whole(folded?, events))
    }

    fn indexes(&self) -> Vec<IndexModel> {
        V::indexes()
    }
}

/// Reads an entry for a view. What touches no document is not read, but for
/// whether a newer program wrote it.
pub(crate) fn read<V: View>(entry: &SharedEntry) -> Result<Option<Input>, ReadError> {
    let subject = entry.subject()?;
    let position = entry.position();
    let document = V::document_of(subject, position);
    if document.is_none() && Event::is_known(subject, entry.tag()) {
        return Ok(None);
    }
    let event = entry.recorded()?;
    Ok(document.map(|document| Input {
        document,
        position,
        begins: V::PER_AGGREGATE && entry.begins_aggregate(),
        content: Content::Event(event),
    }))
}

/// The document that an entry touches, read or not.
pub(crate) fn document_of<V: View>(entry: &SharedEntry) -> Option<String> {
    match entry.subject() {
        Ok(subject) => V::document_of(subject, entry.position()),
        Err(ReadError::Malformed(_)) => Some(entry.key().to_owned()),
        Err(ReadError::Unknown(_)) => None,
    }
}

/// Why content that is not an event cannot be folded.
pub(crate) fn not_read(content: &Content) -> FoldError {
    FoldError(match content {
        Content::Unreadable(reason) => reason.clone(),
        _ => "it was not read as this view reads events".to_owned(),
    })
}

impl Input {
    /// What a view takes from an entry: perhaps a decision for it, and perhaps
    /// an event. One that cannot be read is an event that cannot be folded.
    ///
    /// # Errors
    /// Why, if it is of a type that this program does not know.
    pub(crate) fn all_of(
        view: &dyn AnyView,
        entry: &SharedEntry,
    ) -> Result<[Option<Self>; 2], String> {
        let position = entry.position();
        let decision = entry.decision().filter(|d| d.record.concerns(view.name()));
        let decision = decision.map(|decision| Self {
            document: String::new(),
            position,
            begins: false,
            content: Content::Decision(decision),
        });
        let event = match view.read(entry) {
            Ok(event) => event,
            Err(ReadError::Unknown(reason)) => return Err(reason),
            Err(ReadError::Malformed(reason)) => {
                // What touches no document and is of no known type.
                let document = view.document_of(entry).ok_or_else(|| reason.clone())?;
                Some(Self {
                    document,
                    position,
                    begins: false,
                    content: Content::Unreadable(reason),
                })
            }
        };
        Ok([decision, event])
    }
}

/// Folds events into a document that is stored as BSON.
pub(crate) fn fold_bson<D: Serialize + DeserializeOwned>(
    document: Option<&RawDocument>,
    events: &[&Input],
    fold: impl Fn(Option<D>, &Content) -> Result<D, FoldError>,
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
