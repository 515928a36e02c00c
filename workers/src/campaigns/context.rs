//! Context of the workers' commands, and the request that they trace back to.

use commands::Context;
use domain::{CampaignId, Metadata, Subject};
use eventlog::{Log, LogError};

use crate::clock::now;

/// Returns the context of a worker's commands; they trace back to `request` if known.
pub(super) fn context(actor: &str, request: Option<String>) -> Context {
    Context {
        actor: actor.to_owned(),
        request,
        address: None,
        now: now(),
    }
}

/// Returns the request that led to the campaign's last event of one of these types,
/// such as `campaign_launched`. Also `None` if the campaign's events were trimmed, since
/// the request serves only for tracing.
pub(super) async fn request_of(
    log: &Log,
    campaign: &CampaignId,
    types: &[&str],
) -> Result<Option<String>, LogError> {
    let subject = Subject::Campaign(campaign.clone());
    let key = log.layout().key(subject.to_string(), subject.route());
    let history = match log.history(&key).await {
        Err(LogError::Trimmed { .. }) => return Ok(None),
        history => history?,
    };
    let is_of = |tag: &str| {
        tag.split('.')
            .next()
            .is_some_and(|name| types.contains(&name))
    };
    let brought = history.iter().rev().find(|entry| is_of(&entry.tag));
    let metadata = brought.and_then(|entry| serde_json::from_str::<Metadata>(&entry.meta).ok());
    Ok(metadata.and_then(|metadata| metadata.request))
}
