//! Fold of the view `api_keys`.

use domain::{ApiKeyEvent, Event, KeyId, NewKey, Subject};

use super::document::ApiKeyDocument;
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

pub(super) fn fold(
    document: Option<ApiKeyDocument>,
    event: &Recorded,
) -> Result<ApiKeyDocument, FoldError> {
    let (Subject::ApiKey(id), Event::ApiKey(happened)) = (&event.subject, &event.event) else {
        return Err(FoldError(format!("{} is not an API key", event.subject)));
    };
    match (document, happened) {
        (None, ApiKeyEvent::Created(key)) => Ok(created(id, key, event)),
        (Some(document), happened) => changed(document, happened, event),
        (None, _) => Err(FoldError(format!("{id} was never created"))),
    }
}

fn created(id: &KeyId, key: &NewKey, event: &Recorded) -> ApiKeyDocument {
    let content = key.content.clone();
    ApiKeyDocument {
        key_id: id.clone(),
        name: content.name.into(),
        role: content.role,
        prefix: key.prefix.as_str().to_owned(),
        created_at: date(event.metadata.at),
        created_by: event.metadata.actor.clone(),
        expires_at: content.expires_at.map(date),
        last_used_at: None,
        revoked_at: None,
        revoked_by: None,
    }
}

fn changed(
    mut document: ApiKeyDocument,
    happened: &ApiKeyEvent,
    event: &Recorded,
) -> Result<ApiKeyDocument, FoldError> {
    match happened {
        ApiKeyEvent::Created(_) => {
            let reason = format!("{} was already created", document.key_id);
            return Err(FoldError(reason));
        }
        ApiKeyEvent::Revoked {} => {
            document.revoked_at = Some(date(event.metadata.at));
            document.revoked_by = Some(event.metadata.actor.clone());
        }
        ApiKeyEvent::Used { at } => document.last_used_at = Some(date(*at)),
    }
    Ok(document)
}
