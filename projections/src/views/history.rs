//! Histories of one aggregate, for unit tests of folds.

use std::sync::Arc;

use bson::RawDocumentBuf;
use chrono_tz::Tz;
use domain::{Event, LoggedEvent, Metadata, Subject, Timestamp};
use eventlog::Position;

use crate::runtime::parts::{DocumentBefore, FoldOutcome, Parts};
use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, FoldInput, InputContent, View};
use crate::views::view_named;

/// Returns events of one aggregate in partition 3, one second apart, each
/// recorded by another actor.
pub(crate) fn history<E: LoggedEvent>(
    subject: &Subject,
    events: Vec<E>,
    wrap: fn(E) -> Event,
) -> Vec<Recorded> {
    let recorded = |(event, version): (E, u64)| Recorded {
        position: Position {
            partition: 3,
            number: version,
        },
        subject: subject.clone(),
        version,
        tag: event.tag().to_owned(),
        event: wrap(event),
        metadata: Arc::new(Metadata {
            at: Timestamp::from_millis(version as i64 * 1_000).unwrap(),
            actor: format!("key:{version}"),
            request: None,
            cause: None,
            address: None,
        }),
    };
    events.into_iter().zip(1..).map(recorded).collect()
}

/// Folds a history into a document, with a round trip through BSON after each
/// event.
pub(crate) fn folded<V: View>(history: &[Recorded]) -> Result<V::Document, FoldError> {
    let view = view_named(V::NAME).unwrap();
    let mut stored: Option<RawDocumentBuf> = None;
    for event in history {
        let input = FoldInput {
            document: String::new(),
            position: event.position,
            begins: false,
            content: InputContent::Event(Arc::new(event.clone())),
        };
        let before = DocumentBefore {
            document: stored.as_deref(),
            parts: &Parts::new(),
            zone: Tz::UTC,
        };
        match view.fold(&before, &[&input]).map_err(|(_, error)| error)? {
            FoldOutcome::After(after) => stored = Some(after.document),
            unfolded => panic!("{unfolded:?}"),
        }
    }
    Ok(bson::deserialize_from_slice(stored.unwrap().as_bytes()).unwrap())
}
