//! Fold of the view `campaigns`.

use std::collections::BTreeSet;

use bson::DateTime;
use domain::rules::Rules;
use domain::{
    Audience, CampaignContent, CampaignEvent, CampaignId, CampaignStatus, Event, SegmentId,
    Subject, Text,
};

use super::document::CampaignDocument;
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

pub(super) fn fold(
    document: Option<CampaignDocument>,
    event: &Recorded,
) -> Result<CampaignDocument, FoldError> {
    let (Subject::Campaign(id), Event::Campaign(happened)) = (&event.subject, &event.event) else {
        return Err(FoldError(format!("{} is not a campaign", event.subject)));
    };
    match (document, happened) {
        (None, CampaignEvent::Created(content)) => Ok(created(id, content.clone(), event)),
        (None, _) => Err(FoldError(format!("{id} was never created"))),
        (Some(_), CampaignEvent::Created(_)) => Err(FoldError(format!("{id} was already created"))),
        (Some(document), happened) => Ok(CampaignDocument {
            updated_at: recorded(event),
            version: event.version as i64,
            ..changed(document, happened, event)
        }),
    }
}

fn created(id: &CampaignId, content: CampaignContent, event: &Recorded) -> CampaignDocument {
    let (segment_id, rules) = split(content.audience);
    CampaignDocument {
        campaign_id: id.clone(),
        name: content.name.into(),
        status: match content.scheduled_at {
            Some(_) => CampaignStatus::Scheduled,
            None => CampaignStatus::Draft,
        },
        segment_id,
        rules,
        template: content.template,
        scheduled_at: content.scheduled_at.map(date),
        messages_per_second: content.messages_per_second,
        tags: tags(content.tags),
        launch: None,
        size: None,
        has_determined: false,
        is_deleted: false,
        created_at: recorded(event),
        created_by: event.metadata.actor.clone(),
        launched_at: None,
        ended_at: None,
        updated_at: recorded(event),
        version: event.version as i64,
    }
}

fn updated(document: CampaignDocument, content: CampaignContent) -> CampaignDocument {
    let (segment_id, rules) = split(content.audience);
    CampaignDocument {
        name: content.name.into(),
        segment_id,
        rules,
        template: content.template,
        scheduled_at: content.scheduled_at.map(date),
        messages_per_second: content.messages_per_second,
        tags: tags(content.tags),
        ..document
    }
}

fn split(audience: Audience) -> (Option<SegmentId>, Option<Rules>) {
    match audience {
        Audience::SegmentId(segment) => (Some(segment), None),
        Audience::Rules(rules) => (None, Some(rules)),
    }
}

fn tags(tags: BTreeSet<Text<64>>) -> Vec<String> {
    tags.into_iter().map(String::from).collect()
}

fn changed(
    mut document: CampaignDocument,
    happened: &CampaignEvent,
    event: &Recorded,
) -> CampaignDocument {
    match happened {
        CampaignEvent::Created(_)
        | CampaignEvent::Retried { .. }
        | CampaignEvent::Undetermined { .. } => {}
        CampaignEvent::Updated(content) => return updated(document, content.clone()),
        CampaignEvent::Deleted {} => document.is_deleted = true,
        CampaignEvent::Scheduled { .. } => document.status = CampaignStatus::Scheduled,
        CampaignEvent::Launched(launch) => {
            document.status = CampaignStatus::Launching;
            document.rules = Some(launch.rules.clone());
            document.launch = Some(launch.clone().into());
            document.launched_at = Some(recorded(event));
        }
        CampaignEvent::Resolved(size) => {
            document.size = Some(*size);
            if document.status == CampaignStatus::Launching {
                document.status = CampaignStatus::Sending;
            }
        }
        CampaignEvent::RecipientDetermined { outcome, .. } => {
            document.size = document.size.map(|size| size.with_determined(*outcome));
            document.has_determined = true;
        }
        CampaignEvent::Paused {} => document.status = CampaignStatus::Paused,
        CampaignEvent::Resumed {} => {
            document.status = match document.size {
                Some(_) => CampaignStatus::Sending,
                None => CampaignStatus::Launching,
            };
        }
        CampaignEvent::Completed {} => ended(&mut document, CampaignStatus::Completed, event),
        CampaignEvent::Cancelled {} => ended(&mut document, CampaignStatus::Cancelled, event),
        // Not ended: a missed campaign can still be launched manually.
        CampaignEvent::Missed {} => document.status = CampaignStatus::Missed,
    }
    document
}

fn ended(document: &mut CampaignDocument, status: CampaignStatus, event: &Recorded) {
    document.status = status;
    document.ended_at = Some(recorded(event));
}

fn recorded(event: &Recorded) -> DateTime {
    date(event.metadata.at)
}
