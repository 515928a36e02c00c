//! The view `customers` as the projector sees it: a customer's document, and
//! buckets of times beside those that have very many.

use bson::{RawDocument, RawDocumentBuf};
use mongodb::IndexModel;

use super::buckets::Buckets;
use super::fold::{Around, fold};
use super::times::{Limits, Unsettled};
use super::{CustomerDocument, Customers};
use crate::ReadError;
use crate::parts::{After, Before, ChangedPart, FoldOutcome};
use crate::recorded::SharedEntry;
use crate::view::{AnyView, Content, FoldError, Input, View, document_of, not_read, read};

/// [`Customers`] with their buckets.
pub(crate) struct WithBuckets;

impl AnyView for WithBuckets {
    fn name(&self) -> &'static str {
        Customers::NAME
    }

    fn fold_version(&self) -> i32 {
        Customers::FOLD
    }

    fn is_per_commit(&self) -> bool {
        false
    }

    fn has_parts(&self) -> bool {
        true
    }

    fn document_of(&self, entry: &SharedEntry) -> Option<String> {
        document_of::<Customers>(entry)
    }

    fn read(&self, entry: &SharedEntry) -> Result<Option<Input>, ReadError> {
        read::<Customers>(entry)
    }

    fn fold(
        &self,
        before: &Before<'_>,
        events: &[&Input],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        fold_within(&Limits::STORED, before, events)
    }

    fn indexes(&self) -> Vec<IndexModel> {
        Customers::indexes()
    }
}

/// What a pass through some events came to.
enum Pass {
    Done(FoldOutcome),
    /// Only so many events can be folded at once.
    Only(usize),
}

/// Folds events up to the first that changes buckets.
pub(super) fn fold_within(
    limits: &Limits,
    before: &Before<'_>,
    events: &[&Input],
) -> Result<FoldOutcome, (usize, FoldError)> {
    match pass(limits, before, events)? {
        Pass::Done(folded) => Ok(folded),
        Pass::Only(count) => match pass(limits, before, &events[..count])? {
            Pass::Done(folded) => Ok(folded),
            Pass::Only(_) => Err((0, FoldError("events cannot be told apart".to_owned()))),
        },
    }
}

fn pass(
    limits: &Limits,
    before: &Before<'_>,
    events: &[&Input],
) -> Result<Pass, (usize, FoldError)> {
    let id = events.first().map_or("", |event| &*event.document);
    let mut around = Around {
        limits,
        zone: before.zone,
        buckets: Buckets::given(id, before.parts),
    };
    let mut document = stored(before.document).map_err(|error| (0, error))?;
    let mut folded = 0;
    for (index, event) in events.iter().enumerate() {
        let Content::Event(event) = &event.content else {
            return Err((index, not_read(&event.content)));
        };
        match fold(document, event, &mut around) {
            Ok(after) => document = Some(after),
            Err(Unsettled::Needs(ids)) => return Ok(Pass::Done(FoldOutcome::Needs(ids))),
            Err(Unsettled::Overtaken) => return Ok(Pass::Done(FoldOutcome::Overtaken)),
            Err(Unsettled::Apart) => return Ok(Pass::Only(index)),
            Err(Unsettled::Unfit(error)) => return Err((index, error)),
        }
        folded = index + 1;
        if around.buckets.are_changed() {
            break;
        }
    }
    let document = written(&document).map_err(|error| (0, error))?;
    let parts: Vec<ChangedPart> = around.buckets.into_changed();
    Ok(Pass::Done(FoldOutcome::After(After {
        document,
        events: folded,
        parts,
    })))
}

fn stored(document: Option<&RawDocument>) -> Result<Option<CustomerDocument>, FoldError> {
    let read = document.map(|document| bson::deserialize_from_slice(document.as_bytes()));
    read.transpose()
        .map_err(|error: bson::error::Error| FoldError(error.to_string()))
}

fn written(document: &Option<CustomerDocument>) -> Result<RawDocumentBuf, FoldError> {
    bson::serialize_to_raw_document_buf(document).map_err(|error| FoldError(error.to_string()))
}
