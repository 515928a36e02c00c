//! Fold of the view `segments`.

use bson::DateTime;
use domain::{Event, SegmentContent, SegmentEvent, SegmentId, Subject};

use super::document::SegmentDocument;
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

pub(super) fn fold(
    document: Option<SegmentDocument>,
    event: &Recorded,
) -> Result<SegmentDocument, FoldError> {
    let (Subject::Segment(id), Event::Segment(happened)) = (&event.subject, &event.event) else {
        return Err(FoldError(format!("{} is not a segment", event.subject)));
    };
    match (document, happened) {
        (None, SegmentEvent::Created(content)) => Ok(created(id, content.clone(), event)),
        (Some(document), happened) => changed(document, happened, event),
        (None, _) => Err(FoldError(format!("{id} was never created"))),
    }
}

fn created(id: &SegmentId, content: SegmentContent, event: &Recorded) -> SegmentDocument {
    SegmentDocument {
        segment_id: id.clone(),
        name: content.name.into(),
        description: content.description.map(String::from),
        text: content.rules.to_string(),
        rules: content.rules,
        created_at: recorded(event),
        created_by: event.metadata.actor.clone(),
        updated_at: recorded(event),
        updated_by: event.metadata.actor.clone(),
        version: event.version as i64,
        archived_at: None,
        archived_by: None,
        held_by: Vec::new(),
    }
}

fn changed(
    mut document: SegmentDocument,
    happened: &SegmentEvent,
    event: &Recorded,
) -> Result<SegmentDocument, FoldError> {
    match happened {
        SegmentEvent::Created(_) => {
            let reason = format!("{} was already created", document.segment_id);
            return Err(FoldError(reason));
        }
        SegmentEvent::Updated(content) => {
            let new = created(&document.segment_id, content.clone(), event);
            document = SegmentDocument {
                created_at: document.created_at,
                created_by: document.created_by,
                held_by: document.held_by,
                ..new
            };
        }
        SegmentEvent::Archived {} => {
            document.archived_at = Some(recorded(event));
            document.archived_by = Some(event.metadata.actor.clone());
        }
        SegmentEvent::Held { holder } => {
            let place = document
                .held_by
                .binary_search_by(|id| id.as_str().cmp(holder.as_str()));
            if let Err(place) = place {
                document.held_by.insert(place, holder.to_string());
            }
        }
        SegmentEvent::Released { holder } => document.held_by.retain(|id| id != holder.as_str()),
    }
    Ok(document)
}

fn recorded(event: &Recorded) -> DateTime {
    date(event.metadata.at)
}
