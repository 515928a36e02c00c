//! Lists for clients that mirror a view: in the order of recording, and in the
//! order of change.
//!
//! **Order.** Both lists go by event numbers, which never change: by partition
//! and the number of a document's first event, or within each partition by the
//! number of its last event. A rebuild folds the same events, so it keeps both
//! orders and all cursors.
//!
//! **Bound.** A batch of documents is not written at once. Pages therefore end
//! at the checkpoints, before which everything is written; otherwise, a cursor
//! could pass a document that is still to be written.
//!
//! **Decisions.** An order that was set aside is folded late, behind the
//! checkpoint. The list of changes shows it at the number of the operator's
//! decision.
//!
//! **Indexes.** A document that has not changed since its first event has no
//! [`Mirrored::changed`] and is not in the index on it, so that recording it
//! costs one index entry less. The list of changes merges both kinds.

mod pages;
mod reader;

use bson::doc;
use eventlog::Position;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

pub use pages::ChangedPage;
pub(crate) use pages::{changed_page, recorded_page};

use crate::runtime::view::View;

/// Numbers by which a document is listed. They are fields of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mirrored {
    /// Number of the document's first event.
    pub(crate) recorded: i64,
    /// Number of its last event, if that is another one.
    pub(crate) changed: Option<i64>,
}

impl Mirrored {
    /// Returns the numbers after an event at this position, given those before.
    pub(crate) fn after(before: Option<Self>, event: Position) -> Self {
        let number = event.number as i64;
        match before {
            None => Self {
                recorded: number,
                changed: None,
            },
            Some(before) => Self {
                changed: Some(number),
                ..before
            },
        }
    }

    /// Returns the indexes that the lists need.
    pub(crate) fn indexes() -> [IndexModel; 2] {
        let recorded = doc! {"_partition": 1, "recorded": 1};
        let options = IndexOptions::builder()
            .partial_filter_expression(doc! {"changed": {"$gt": 0}})
            .build();
        let changed = doc! {"_partition": 1, "changed": 1};
        [
            IndexModel::builder().keys(recorded).build(),
            IndexModel::builder().keys(changed).options(options).build(),
        ]
    }

    fn last(self) -> i64 {
        self.changed.unwrap_or(self.recorded)
    }
}

/// A view whose documents contain [`Mirrored`].
pub(crate) trait MirroredView: View<Document: Send + Sync + Unpin> {
    fn mirrored(document: &Self::Document) -> Mirrored;
}
