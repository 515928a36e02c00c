//! What each event does to a message's document.

use bson::DateTime;
use domain::{
    CampaignId, CustomerId, Event, MessageContent, MessageEvent, MessageId, MessageStatus, Receipt,
    Subject,
};

use super::document::MessageDocument;
use crate::Recorded;
use crate::date::date;
use crate::view::FoldError;

pub(super) fn fold(
    document: Option<MessageDocument>,
    event: &Recorded,
) -> Result<MessageDocument, FoldError> {
    let (Subject::Message(customer, campaign), Event::Message(happened)) =
        (&event.subject, &event.event)
    else {
        return Err(FoldError(format!("{} is no message", event.subject)));
    };
    let at = date(event.metadata.at);
    let document = match (document, happened) {
        (None, MessageEvent::Queued(_) | MessageEvent::Suppressed { .. }) => {
            new(campaign, customer, at)
        }
        (None, _) => return Err(FoldError(format!("{} was never queued", event.subject))),
        (Some(_), MessageEvent::Queued(_)) => {
            return Err(FoldError(format!("{} was queued before", event.subject)));
        }
        (Some(document), _) => document,
    };
    Ok(changed(document, happened, at))
}

/// A message of which nothing is known but that it was queued or suppressed.
fn new(campaign: &CampaignId, customer: &CustomerId, at: DateTime) -> MessageDocument {
    let id = MessageId {
        campaign: campaign.clone(),
        customer: customer.clone(),
    };
    MessageDocument {
        message_id: id.to_string(),
        campaign_id: id.campaign,
        customer_id: id.customer,
        status: MessageStatus::Queued,
        channel: None,
        to: None,
        template: None,
        content: None,
        suppression: None,
        attempts: 0,
        problem: None,
        retry_at: None,
        vendor_message_id: None,
        reason: None,
        queued_at: at,
        sent_at: None,
        ended_at: None,
        updated_at: at,
    }
}

fn changed(
    mut document: MessageDocument,
    happened: &MessageEvent,
    at: DateTime,
) -> MessageDocument {
    document.updated_at = at;
    if let Some(status) = happened.status() {
        document.status = status;
        document.retry_at = None;
        document.ended_at = None;
        document.suppression = None;
    }
    match happened {
        MessageEvent::Queued(content) => address(&mut document, content.clone()),
        MessageEvent::Suppressed { why, .. } => {
            document.suppression = Some(why.into());
            document.ended_at = Some(at);
        }
        MessageEvent::Attempted(attempt) => {
            document.attempts = attempt.number;
            document.problem = Some(attempt.problem.clone().into());
            document.retry_at = Some(date(attempt.retry_at));
        }
        MessageEvent::Sent { handover, .. } => {
            document.vendor_message_id = Some(handover.vendor_message_id.clone().into());
            document.problem = None;
            document.sent_at = Some(at);
        }
        MessageEvent::Undeliverable { problem, .. } => {
            document.problem = Some(problem.clone().into());
            document.ended_at = Some(at);
        }
        MessageEvent::Requeued { .. } => {
            document.attempts = 0;
            document.problem = None;
            document.queued_at = at;
        }
        MessageEvent::Receipted { receipt, .. } => receive(&mut document, receipt.clone()),
    }
    document
}

fn address(document: &mut MessageDocument, content: MessageContent) {
    document.channel = Some(content.channel);
    document.to = Some(content.to.into());
    document.template = Some(content.template);
    document.content = Some(content.content);
}

fn receive(document: &mut MessageDocument, receipt: Receipt) {
    document.vendor_message_id = Some(receipt.vendor_message_id.into());
    document.problem = None;
    document.reason = receipt.reason.map(String::from);
    document.ended_at = Some(date(receipt.occurred_at));
}
