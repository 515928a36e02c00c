//! Fold of the view `messages`: applies an event to a message's document.

use bson::DateTime;
use domain::{CampaignId, CustomerId, Event, MessageEvent, MessageId, MessageStatus, Subject};

use super::document::{MessageDocument, MessageMarks};
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

pub(super) fn fold(
    document: Option<MessageDocument>,
    event: &Recorded,
) -> Result<MessageDocument, FoldError> {
    let (Subject::Message(customer, campaign), Event::Message(message_event)) =
        (&event.subject, &event.event)
    else {
        return Err(FoldError(format!("{} is not a message", event.subject)));
    };
    let at = date(event.metadata.at);
    let document = match (document, message_event) {
        (None, MessageEvent::Queued(_) | MessageEvent::Suppressed { .. }) => {
            new_document(campaign, customer, at)
        }
        (None, _) => return Err(FoldError(format!("{} was never queued", event.subject))),
        (Some(_), MessageEvent::Queued(_)) => {
            return Err(FoldError(format!("{} was already queued", event.subject)));
        }
        (Some(document), _) => document,
    };
    Ok(apply(document, message_event, at))
}

/// Returns a document that the message's first event is then applied to.
fn new_document(campaign: &CampaignId, customer: &CustomerId, at: DateTime) -> MessageDocument {
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
        bounce: None,
        queued_at: at,
        sent_at: None,
        ended_at: None,
        marks: MessageMarks::default(),
        refused_receipts: 0,
        updated_at: at,
    }
}

fn apply(mut document: MessageDocument, event: &MessageEvent, at: DateTime) -> MessageDocument {
    document.updated_at = at;
    if let Some(status) = event.status() {
        // These belong to the status before; the event below sets its own.
        document.status = status;
        document.retry_at = None;
        document.ended_at = None;
        document.suppression = None;
        document.bounce = None;
    }
    if let Some(receipt) = event.receipt() {
        let receipt = receipt.clone();
        document.vendor_message_id = Some(receipt.vendor_message_id.into());
        document.problem = None;
        document.reason = receipt.reason.map(String::from);
        document.ended_at = Some(date(receipt.occurred_at));
    }
    let marked_at = event.mark().map(|mark| date(mark.occurred_at));
    match event {
        MessageEvent::Queued(content) => {
            let content = content.clone();
            document.channel = Some(content.channel);
            document.to = Some(content.to.into());
            document.template = Some(content.template);
            document.content = Some(content.content);
        }
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
        MessageEvent::Undeliverable { problem, .. } | MessageEvent::Rejected { problem, .. } => {
            document.problem = Some(problem.clone().into());
            document.ended_at = Some(at);
        }
        MessageEvent::Requeued { .. } => {
            document.attempts = 0;
            document.problem = None;
            document.queued_at = at;
        }
        MessageEvent::Delivered(_) | MessageEvent::Failed(_) => {}
        MessageEvent::Bounced { bounce, .. } => document.bounce = Some(*bounce),
        MessageEvent::Unconfirmed { .. } => document.ended_at = Some(at),
        MessageEvent::Complained(_) => document.marks.complained_at = marked_at,
        MessageEvent::Deferred(_) => document.marks.deferred_at = marked_at,
        MessageEvent::Opened(_) => document.marks.opened_at = marked_at,
        MessageEvent::Clicked { url, .. } => {
            document.marks.clicked_at = marked_at;
            document.marks.clicked_url = url.clone().map(String::from);
        }
        MessageEvent::ReceiptRefused(_) => document.refused_receipts += 1,
    }
    document
}
