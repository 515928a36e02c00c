//! What a view is: a document type, and a pure fold.

use std::marker::PhantomData;

use bson::{RawDocument, RawDocumentBuf};
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Recorded;
use crate::api_keys::ApiKeys;
use crate::audit::Audit;
use crate::campaign_stats::CampaignStats;
use crate::campaigns::Campaigns;
use crate::customers::Customers;
use crate::messages::Messages;
use crate::orders::Orders;
use crate::segments::Segments;
use crate::users::Users;

/// A read model. Adding one is a folder beside `customers` and a line in
/// [`VIEWS`].
pub trait View: 'static {
    /// Its name, and the first part of its collections' names.
    const NAME: &'static str;

    /// The version of [`Self::fold`]. Raised when events that were folded
    /// before now come to other documents: those that are there are told to be
    /// outdated, until the view is rebuilt.
    const FOLD: i32 = 1;

    /// Whether each event makes a document of its own, which no other event
    /// touches.
    const INSERT_ONLY: bool = false;

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
    &Typed::<Customers>(PhantomData),
    &Typed::<Orders>(PhantomData),
    &Typed::<Audit>(PhantomData),
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

/// A [`View`] whose documents are BSON: what the projector, the rebuild and
/// the verification work with, compiled once for all views.
pub trait AnyView: Send + Sync {
    /// [`View::NAME`]
    fn name(&self) -> &'static str;

    /// [`View::FOLD`]
    fn fold_version(&self) -> i32;

    /// [`View::INSERT_ONLY`]
    fn insert_only(&self) -> bool;

    /// [`View::document_of`]
    fn document_of(&self, subject: &Subject, position: Position) -> Option<String>;

    /// Folds events of one document, in order.
    ///
    /// # Errors
    /// The first event that could not be folded, as its index, and why.
    fn fold(
        &self,
        document: Option<&RawDocument>,
        events: &[&Recorded],
    ) -> Result<RawDocumentBuf, (usize, FoldError)>;

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

    fn insert_only(&self) -> bool {
        V::INSERT_ONLY
    }

    fn document_of(&self, subject: &Subject, position: Position) -> Option<String> {
        V::document_of(subject, position)
    }

    fn fold(
        &self,
        document: Option<&RawDocument>,
        events: &[&Recorded],
    ) -> Result<RawDocumentBuf, (usize, FoldError)> {
        let bson = |at: usize| move |error: bson::error::Error| (at, FoldError(error.to_string()));
        let mut current: Option<V::Document> = document
            .map(|document| bson::deserialize_from_slice(document.as_bytes()))
            .transpose()
            .map_err(bson(0))?;
        for (index, event) in events.iter().enumerate() {
            let next = V::fold(current, event).map_err(|error| (index, error))?;
            current = Some(next);
        }
        bson::serialize_to_raw_document_buf(&current).map_err(bson(0))
    }

    fn indexes(&self) -> Vec<IndexModel> {
        V::indexes()
    }
}
