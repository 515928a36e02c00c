//! The view `customers` for the projector: a document per customer, with
//! buckets of times beside customers that have very many.

use bson::{RawDocument, RawDocumentBuf};
use mongodb::IndexModel;

use super::buckets::Buckets;
use super::fold::{FoldContext, fold};
use super::times::{FoldStop, Limits};
use super::{CustomerDocument, Customers};
use crate::runtime::parts::{After, Before, ChangedPart, FoldOutcome};
use crate::runtime::recorded::ReadError;
use crate::runtime::recorded::SharedEntry;
use crate::runtime::view::{AnyView, Content, FoldError, Input, View, document_of, not_read, read};

/// The view [`Customers`] with the buckets of its documents.
pub(crate) struct CustomersWithBuckets;

impl AnyView for CustomersWithBuckets {
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

/// Result of one pass over the events.
enum Pass {
    Done(FoldOutcome),
    /// Number of leading events that can be folded together. The next one must
    /// wait until these are written.
    Prefix(usize),
}

/// Folds events up to and including the first that changes buckets.
///
/// # Errors
/// Index of the event that cannot be folded, and the reason.
pub(crate) fn fold_within(
    limits: &Limits,
    before: &Before<'_>,
    events: &[&Input],
) -> Result<FoldOutcome, (usize, FoldError)> {
    match pass(limits, before, events)? {
        Pass::Done(folded) => Ok(folded),
        // The fold of the conflicting event consumed the document, so the events
        // before it are folded again.
        Pass::Prefix(count) => match pass(limits, before, &events[..count])? {
            Pass::Done(folded) => Ok(folded),
            Pass::Prefix(_) => Err((0, FoldError("events cannot be separated".to_owned()))),
        },
    }
}

fn pass(
    limits: &Limits,
    before: &Before<'_>,
    events: &[&Input],
) -> Result<Pass, (usize, FoldError)> {
    let id = events.first().map_or("", |event| &*event.document);
    let mut context = FoldContext {
        limits,
        zone: before.zone,
        buckets: Buckets::new(id, before.parts),
    };
    let mut document = deserialize(before.document).map_err(|error| (0, error))?;
    let mut folded = 0;
    for (index, event) in events.iter().enumerate() {
        let Content::Event(event) = &event.content else {
            return Err((index, not_read(&event.content)));
        };
        match fold(document, event, &mut context) {
            Ok(after) => document = Some(after),
            Err(FoldStop::Needs(ids)) => return Ok(Pass::Done(FoldOutcome::Needs(ids))),
            Err(FoldStop::Overtaken) => return Ok(Pass::Done(FoldOutcome::Overtaken)),
            Err(FoldStop::ReadEarlier) => return Ok(Pass::Prefix(index)),
            Err(FoldStop::Invalid(error)) => return Err((index, error)),
        }
        folded = index + 1;
        // A bucket may be ahead of its document by one event at most.
        if context.buckets.has_changes() {
            break;
        }
    }
    let document = serialize(&document).map_err(|error| (0, error))?;
    let parts: Vec<ChangedPart> = context.buckets.into_changed();
    Ok(Pass::Done(FoldOutcome::After(After {
        document,
        events: folded,
        parts,
    })))
}

fn deserialize(document: Option<&RawDocument>) -> Result<Option<CustomerDocument>, FoldError> {
    let read = document.map(|document| bson::deserialize_from_slice(document.as_bytes()));
    read.transpose()
        .map_err(|error: bson::error::Error| FoldError(error.to_string()))
}

fn serialize(document: &Option<CustomerDocument>) -> Result<RawDocumentBuf, FoldError> {
    bson::serialize_to_raw_document_buf(document).map_err(|error| FoldError(error.to_string()))
}
