//! Folds of a whole document in memory, from its first event.

use std::collections::HashMap;

use bson::{RawDocument, RawDocumentBuf};
use chrono_tz::Tz;
use eventlog::Position;

use crate::runtime::documents::placed;
use crate::runtime::parts::{DocumentBefore, FoldOutcome, Part, Parts};
use crate::runtime::view::{AnyView, FoldInput};

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
    events: &[&FoldInput],
) -> Result<FoldedDocument, String> {
    let mut document: Option<RawDocumentBuf> = None;
    let mut parts = Parts::new();
    let mut rest = events;
    while !rest.is_empty() {
        let before = DocumentBefore {
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
