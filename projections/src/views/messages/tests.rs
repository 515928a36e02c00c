use domain::{
    BounceKind, Channel, DeliveryAttempt, Event, MessageContent, MessageEvent, MessageStatus,
    PersonalContent, Receipt, ReceiptKind, RefusedReceipt, Suppression, TemplateIdentity, Text,
    TextDigest, Timestamp,
};

use super::*;
use crate::views::history::{folded, history};

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    text.to_owned().try_into().unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn queued() -> MessageEvent {
    let (template, content) = content();
    MessageEvent::Queued(MessageContent {
        channel: Channel::Email,
        to: text("ada@example.com"),
        template,
        content,
    })
}

/// Identity of the template, and Ada's values for it.
fn content() -> (TemplateIdentity, PersonalContent) {
    let template = TemplateIdentity {
        digest: TextDigest::of("Hi {{ name }}"),
        rules: 1,
    };
    let content = PersonalContent {
        values: serde_json::from_value(serde_json::json!({"name": "Ada"})).unwrap(),
        digest: TextDigest::of("Hi Ada"),
    };
    (template, content)
}

fn suppressed(why: Suppression, from: Option<MessageStatus>) -> MessageEvent {
    MessageEvent::Suppressed { why, from }
}

fn attempted(number: u32) -> MessageEvent {
    MessageEvent::Attempted(DeliveryAttempt {
        number,
        problem: text("503"),
        retry_at: at(60_000),
    })
}

fn sent(from: MessageStatus) -> MessageEvent {
    MessageEvent::Sent {
        handover: text("v-1").into(),
        from,
        unsuppressed: None,
    }
}

fn given_up() -> MessageEvent {
    let (problem, from) = (text("too often"), MessageStatus::Queued);
    MessageEvent::Undeliverable { problem, from }
}

fn receipt(arrived: bool, from: MessageStatus) -> MessageEvent {
    let (kind, reason) = match arrived {
        true => (ReceiptKind::Delivered, None),
        false => (ReceiptKind::Failed, Some(text("no such mailbox"))),
    };
    let receipt = Receipt {
        reason,
        ..Receipt::new(kind, text("v-1"), at(30_000))
    };
    MessageEvent::receipted(receipt, None, from, None)
}

fn receipt_of(kind: ReceiptKind, millis: i64, from: MessageStatus) -> MessageEvent {
    let receipt = Receipt::new(kind, text("v-1"), at(millis));
    MessageEvent::receipted(receipt, None, from, None)
}

fn fold(events: Vec<MessageEvent>) -> Result<MessageDocument, FoldError> {
    let (customer, campaign) = ("c-1".try_into().unwrap(), 0x1af.into());
    let subject = Subject::Message(customer, campaign);
    folded::<Messages>(&history(&subject, events, Event::Message))
}

fn millis(at: Option<bson::DateTime>) -> Option<i64> {
    at.map(bson::DateTime::timestamp_millis)
}

#[test]
fn a_queued_message_has_its_channel_address_and_content() {
    let document = fold(vec![queued()]).unwrap();
    let id = "msg_000000000000000000000000000001af_c-1";
    assert_eq!(document.message_id, id);
    assert_eq!(document.id().to_string(), id);
    assert_eq!(document.status, MessageStatus::Queued);
    assert_eq!(document.channel, Some(Channel::Email));
    assert_eq!(document.to.as_deref(), Some("ada@example.com"));
    assert_eq!(document.template.zip(document.content), Some(content()));
    assert_eq!((document.suppression, document.attempts), (None, 0));
    assert_eq!(document.queued_at.timestamp_millis(), 1_000);
    assert_eq!((document.sent_at, document.ended_at), (None, None));
}

#[test]
fn the_document_id_is_the_message_id() {
    let (customer, campaign) = ("c-1".try_into().unwrap(), 0x1af.into());
    let subject = Subject::Message(customer, campaign);
    let event = history(&subject, vec![queued()], Event::Message).remove(0);
    let id = Messages::document_of(&event.subject, event.position);
    assert_eq!(id, Some(fold(vec![queued()]).unwrap().message_id));
}

#[test]
fn a_suppressed_message_has_its_reason() {
    let detail = "line 1: nothing to divide by".to_owned();
    for (why, reason, detail) in [
        (Suppression::Unsubscribed, "unsubscribed", None),
        (Suppression::NoAddress, "no_address", None),
        (
            Suppression::Template {
                detail: detail.clone(),
            },
            "template",
            Some(detail),
        ),
        (
            Suppression::FrequencyCap { most: 3 },
            "frequency_cap",
            Some("at most 3 within a week".to_owned()),
        ),
        (Suppression::Cancelled, "cancelled", None),
    ] {
        let document = fold(vec![suppressed(why, None)]).unwrap();
        assert_eq!(document.status, MessageStatus::Suppressed);
        let suppression = document.suppression.unwrap();
        assert_eq!((&*suppression.reason, suppression.detail), (reason, detail));
        assert_eq!((document.channel, document.to), (None, None));
        assert_eq!(document.queued_at.timestamp_millis(), 1_000);
        assert_eq!(millis(document.ended_at), Some(1_000));
    }
}

#[test]
fn a_failed_attempt_records_the_time_of_the_next() {
    let document = fold(vec![queued(), attempted(1), attempted(2)]).unwrap();
    assert_eq!(document.status, MessageStatus::Queued);
    assert_eq!(document.attempts, 2);
    assert_eq!(document.problem.as_deref(), Some("503"));
    assert_eq!(millis(document.retry_at), Some(60_000));
    assert_eq!(document.updated_at.timestamp_millis(), 3_000);
}

#[test]
fn a_sent_message_waits_for_its_receipt() {
    let document = fold(vec![queued(), attempted(1), sent(MessageStatus::Queued)]).unwrap();
    assert_eq!(document.status, MessageStatus::Sent);
    assert_eq!(document.vendor_message_id.as_deref(), Some("v-1"));
    assert_eq!((document.attempts, document.problem), (1, None));
    assert_eq!((document.retry_at, document.ended_at), (None, None));
    assert_eq!(millis(document.sent_at), Some(3_000));
}

#[test]
fn a_receipt_ends_a_message_at_the_vendors_time() {
    let handed_over = vec![queued(), sent(MessageStatus::Queued)];
    let arrived = [
        handed_over.clone(),
        vec![receipt(true, MessageStatus::Sent)],
    ]
    .concat();
    let document = fold(arrived).unwrap();
    assert_eq!(document.status, MessageStatus::Delivered);
    assert_eq!(document.reason, None);
    assert_eq!(millis(document.ended_at), Some(30_000));
    let failed = [handed_over, vec![receipt(false, MessageStatus::Sent)]].concat();
    let document = fold(failed.clone()).unwrap();
    assert_eq!(document.status, MessageStatus::Failed);
    assert_eq!(document.reason.as_deref(), Some("no such mailbox"));
    let then_delivered = [failed, vec![receipt(true, MessageStatus::Failed)]].concat();
    let document = fold(then_delivered).unwrap();
    assert_eq!(document.status, MessageStatus::Delivered);
    assert_eq!(document.reason, None);
}

#[test]
fn a_message_without_a_receipt_is_unconfirmed_until_one_comes() {
    let from = MessageStatus::Sent;
    let unconfirmed = MessageEvent::Unconfirmed { from };
    let events = vec![queued(), sent(MessageStatus::Queued), unconfirmed];
    let document = fold(events.clone()).unwrap();
    assert_eq!(document.status, MessageStatus::Unconfirmed);
    assert_eq!(millis(document.ended_at), Some(3_000));
    let late = [events, vec![receipt(true, MessageStatus::Unconfirmed)]].concat();
    let document = fold(late).unwrap();
    assert_eq!(document.status, MessageStatus::Delivered);
    assert_eq!(millis(document.ended_at), Some(30_000));
}

#[test]
fn a_bounce_has_its_kind_and_what_else_happened_is_kept() {
    let delivered = MessageStatus::Delivered;
    let url = Some(text("https://shop.example/"));
    let events = vec![
        queued(),
        sent(MessageStatus::Queued),
        receipt_of(ReceiptKind::Deferred, 4_000, MessageStatus::Sent),
        receipt_of(ReceiptKind::Complained, 9_000, MessageStatus::Sent),
        receipt(true, MessageStatus::Sent),
        receipt_of(ReceiptKind::Opened, 31_000, delivered),
        receipt_of(ReceiptKind::Clicked(url), 32_000, delivered),
        MessageEvent::ReceiptRefused(RefusedReceipt {
            problem: text("/occurred_at: is not a time"),
        }),
    ];
    let document = fold(events.clone()).unwrap();
    assert_eq!((document.status, document.bounce), (delivered, None));
    let marks = document.marks;
    let times = [
        marks.deferred_at,
        marks.complained_at,
        marks.opened_at,
        marks.clicked_at,
    ];
    assert_eq!(
        times.map(millis),
        [Some(4_000), Some(9_000), Some(31_000), Some(32_000)]
    );
    assert_eq!(marks.clicked_url.as_deref(), Some("https://shop.example/"));
    assert_eq!(document.refused_receipts, 1);
    let hard = ReceiptKind::Bounced(BounceKind::Hard);
    let bounced = [events, vec![receipt_of(hard, 40_000, delivered)]].concat();
    let document = fold(bounced.clone()).unwrap();
    assert_eq!(document.status, MessageStatus::Bounced);
    assert_eq!(document.bounce, Some(BounceKind::Hard));
    assert_eq!(millis(document.marks.complained_at), Some(9_000));
    let again = [bounced, vec![receipt(true, MessageStatus::Bounced)]].concat();
    assert_eq!(fold(again).unwrap().bounce, None);
}

#[test]
fn a_rejected_message_keeps_the_vendors_reason() {
    let rejected = MessageEvent::Rejected {
        problem: text("answered refused: unknown-recipient"),
        from: MessageStatus::Queued,
    };
    let document = fold(vec![queued(), attempted(1), rejected]).unwrap();
    assert_eq!(document.status, MessageStatus::Rejected);
    let problem = document.problem.as_deref();
    assert_eq!(problem, Some("answered refused: unknown-recipient"));
    assert_eq!(millis(document.ended_at), Some(3_000));
}

#[test]
fn a_receipt_may_precede_the_record_of_the_handover() {
    let events = vec![queued(), attempted(1), receipt(true, MessageStatus::Queued)];
    let document = fold(events).unwrap();
    assert_eq!(document.status, MessageStatus::Delivered);
    assert_eq!(document.vendor_message_id.as_deref(), Some("v-1"));
    assert_eq!((document.retry_at, document.sent_at), (None, None));
    assert_eq!(document.problem, None);
}

#[test]
fn a_message_given_up_can_be_queued_again() {
    let given_up = vec![queued(), attempted(1), given_up()];
    let document = fold(given_up.clone()).unwrap();
    assert_eq!(document.status, MessageStatus::Undeliverable);
    assert_eq!(document.problem.as_deref(), Some("too often"));
    assert_eq!((document.attempts, document.retry_at), (1, None));
    assert_eq!(millis(document.ended_at), Some(3_000));
    let from = MessageStatus::Undeliverable;
    let requeued = [given_up, vec![MessageEvent::Requeued { from }]].concat();
    let document = fold(requeued).unwrap();
    assert_eq!(document.status, MessageStatus::Queued);
    assert_eq!((document.attempts, document.problem), (0, None));
    assert_eq!(document.queued_at.timestamp_millis(), 4_000);
    assert_eq!(document.ended_at, None);
    assert_eq!(document.template.zip(document.content), Some(content()));
}

#[test]
fn a_message_suppressed_during_the_handover_may_have_been_sent() {
    let cancelled = suppressed(Suppression::Cancelled, Some(MessageStatus::Queued));
    let document = fold(vec![queued(), cancelled.clone()]).unwrap();
    assert_eq!(document.status, MessageStatus::Suppressed);
    assert_eq!(document.to.as_deref(), Some("ada@example.com"));
    let events = vec![queued(), cancelled, sent(MessageStatus::Suppressed)];
    let document = fold(events).unwrap();
    assert_eq!(document.status, MessageStatus::Sent);
    assert_eq!(document.ended_at, None);
    assert_eq!(document.suppression, None);
}

#[test]
fn events_that_contradict_the_document_are_rejected() {
    assert!(fold(vec![queued(), queued()]).is_err());
    assert!(fold(vec![attempted(1)]).is_err());
    assert!(fold(vec![sent(MessageStatus::Queued)]).is_err());
}
