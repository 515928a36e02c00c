//! The view `customers` for the projector: a document per customer, with
//! buckets of times beside customers that have very many.

use chrono_tz::Tz;
use mongodb::IndexModel;

use super::buckets::Buckets;
use super::fold::{FoldContext, fold};
use super::times::{FoldStop, TimesLimits};
use super::{CustomerDocument, Customers};
use crate::runtime::parts::{ChangedPart, DocumentAfter, DocumentBefore, FoldOutcome};
use crate::runtime::recorded::ReadError;
use crate::runtime::recorded::SharedEntry;
use crate::runtime::view::{
    AnyView, FoldError, FoldInput, InputContent, View, document_of, not_read, read,
};

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

    fn read(
        &self,
        entry: &SharedEntry,
        _: Tz,
        inputs: &mut Vec<FoldInput>,
    ) -> Result<(), ReadError> {
        inputs.extend(read::<Customers>(entry)?);
        Ok(())
    }

    fn fold(
        &self,
        before: &DocumentBefore<'_>,
        events: &[&FoldInput],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        fold_within(&TimesLimits::STORED, before, events)
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
    limits: &TimesLimits,
    before: &DocumentBefore<'_>,
    events: &[&FoldInput],
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
    limits: &TimesLimits,
    before: &DocumentBefore<'_>,
    events: &[&FoldInput],
) -> Result<Pass, (usize, FoldError)> {
    let id = events.first().map_or("", |event| &*event.document);
    let mut context = FoldContext {
        limits,
        zone: before.zone,
        buckets: Buckets::new(id, before.parts),
    };
    let unfit = |error: bson::error::Error| (0, FoldError(error.to_string()));
    let stored = before
        .document
        .map(|document| bson::deserialize_from_slice(document.as_bytes()));
    let mut document: Option<CustomerDocument> = stored.transpose().map_err(unfit)?;
    let mut folded = 0;
    for (index, event) in events.iter().enumerate() {
        let InputContent::Event(event) = &event.content else {
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
    let document = bson::serialize_to_raw_document_buf(&document).map_err(unfit)?;
    let parts: Vec<ChangedPart> = context.buckets.into_changed();
    Ok(Pass::Done(FoldOutcome::After(DocumentAfter {
        document,
        events: folded,
        parts,
    })))
}
