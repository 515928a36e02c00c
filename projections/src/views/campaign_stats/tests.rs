use domain::{
    BounceKind, Channel, DeliveryAttempt, Event, MessageContent, MessageEvent, MessageStatus,
    PersonalContent, Receipt, ReceiptKind, RefusedReceipt, Suppression, SuppressionReason,
    TemplateIdentity, TemplateValues, Text, TextDigest, Timestamp,
};

use super::*;
use crate::views::history::{folded, history};

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    text.to_owned().try_into().unwrap()
}

fn queued() -> MessageEvent {
    MessageEvent::Queued(MessageContent {
        channel: Channel::Phone,
        to: text("+39 02"),
        template: TemplateIdentity {
            digest: TextDigest::of("Hi"),
            rules: 1,
        },
        content: PersonalContent {
            values: TemplateValues::default(),
            digest: TextDigest::of("Hi"),
        },
    })
}

fn suppressed(why: Suppression, from: Option<MessageStatus>) -> MessageEvent {
    MessageEvent::Suppressed { why, from }
}

fn attempted() -> MessageEvent {
    MessageEvent::Attempted(DeliveryAttempt {
        number: 1,
        problem: text("503"),
        retry_at: Timestamp::EPOCH,
    })
}

fn sent(from: MessageStatus) -> MessageEvent {
    MessageEvent::Sent {
        handover: text("v-1").into(),
        from,
        unsuppressed: unsuppressed(from),
    }
}

/// Reason that a sent message had been suppressed for: the campaign's cancellation.
fn unsuppressed(from: MessageStatus) -> Option<SuppressionReason> {
    (from == MessageStatus::Suppressed).then_some(SuppressionReason::Cancelled)
}

fn given_up() -> MessageEvent {
    let (problem, from) = (text("too often"), MessageStatus::Queued);
    MessageEvent::Undeliverable { problem, from }
}

fn receipt(arrived: bool, from: MessageStatus) -> MessageEvent {
    let kind = match arrived {
        true => ReceiptKind::Delivered,
        false => ReceiptKind::Failed,
    };
    receipt_of(kind, from)
}

fn receipt_of(kind: ReceiptKind, from: MessageStatus) -> MessageEvent {
    let receipt = Receipt::new(kind, text("v-1"), Timestamp::EPOCH);
    MessageEvent::receipted(receipt, None, from, unsuppressed(from))
}

/// Figures after these events. They may be of several messages: the fold does not
/// tell messages apart.
fn figures(events: Vec<MessageEvent>) -> CampaignFigures {
    let subject = Subject::Message("c-1".try_into().unwrap(), 1.into());
    let document = folded::<CampaignStats>(&history(&subject, events, Event::Message)).unwrap();
    assert_eq!(document.campaign_id, 1.into());
    let figures = document.figures;
    let parts = figures.sent() + figures.failed() + figures.suppressed() + figures.pending();
    assert_eq!(figures.audience(), parts);
    figures
}

#[test]
fn a_document_is_of_one_campaign_and_one_partition() {
    let subject = Subject::Message("c-1".try_into().unwrap(), "cmp_1".try_into().unwrap());
    let event = history(&subject, vec![queued()], Event::Message).remove(0);
    let id = CampaignStats::document_of(&event.subject, event.position);
    assert_eq!(id.as_deref(), Some("cmp_1/3"));
    let folded = folded::<CampaignStats>(&[event]).unwrap();
    let last_at = folded.figures.last_at.unwrap();
    assert_eq!(last_at.timestamp_millis(), 1_000);
}

#[test]
fn a_message_counts_under_its_current_status() {
    use MessageStatus::{Delivered, Failed, Queued, Sent, Undeliverable};
    let steps = [
        (queued(), Queued),
        (given_up(), Undeliverable),
        (
            MessageEvent::Requeued {
                from: Undeliverable,
            },
            Queued,
        ),
        (sent(Queued), Sent),
        (receipt(false, Sent), Failed),
        (receipt(true, Failed), Delivered),
    ];
    let mut events = Vec::new();
    for (event, status) in steps {
        events.push(event);
        let counts = figures(events.clone()).by_status;
        for other in MessageStatus::ALL {
            assert_eq!(counts.of(other), i64::from(other == status), "{other:?}");
        }
    }
}

#[test]
fn figures_are_derived_from_the_counts() {
    let queued_from = MessageStatus::Queued;
    let mut events = vec![queued(); 9];
    events.extend(vec![sent(queued_from); 6]);
    events.extend(vec![receipt(true, MessageStatus::Sent); 2]);
    events.push(receipt(false, MessageStatus::Sent));
    events.push(given_up());
    events.push(suppressed(Suppression::NoAddress, None));
    let figures = figures(events);
    assert_eq!((figures.audience(), figures.sent()), (10, 5));
    assert_eq!((figures.delivered(), figures.awaiting_receipt()), (2, 3));
    assert_eq!((figures.failed(), figures.undeliverable()), (2, 1));
    assert_eq!((figures.suppressed(), figures.pending()), (1, 2));
    assert_eq!(figures.queued(), 2);
}

#[test]
fn failed_attempts_are_counted_and_change_nothing_else() {
    let before = figures(vec![queued()]);
    let after = figures(vec![queued(), attempted(), attempted()]);
    assert_eq!(after.attempts, 2);
    assert_eq!(after.by_status, before.by_status);
    let millis = |figures: &CampaignFigures| figures.last_at.unwrap().timestamp_millis();
    assert!(millis(&after) > millis(&before), "an attempt is a change");
}

#[test]
fn suppressions_are_counted_by_reason() {
    let figures = figures(vec![
        suppressed(Suppression::Unsubscribed, None),
        suppressed(Suppression::FrequencyCap { most: 1 }, None),
        suppressed(Suppression::FrequencyCap { most: 2 }, None),
        queued(),
        suppressed(Suppression::Cancelled, Some(MessageStatus::Queued)),
        sent(MessageStatus::Suppressed),
    ]);
    let reasons: Vec<_> = figures
        .suppressed_for
        .iter()
        .map(|(reason, count)| (&**reason, *count))
        .collect();
    // The vendor had accepted the message before the cancellation suppressed it.
    let expected = [("frequency_cap", 2), ("unsubscribed", 1)];
    assert_eq!(reasons, expected);
    assert_eq!((figures.suppressed(), figures.sent()), (3, 1));
}

#[test]
fn partitions_are_summed() {
    let mut sum = CampaignFigures::default();
    sum.add(&figures(vec![queued(), attempted()]));
    sum.add(&figures(vec![suppressed(Suppression::NoAddress, None)]));
    sum.add(&figures(vec![
        queued(),
        suppressed(Suppression::NoAddress, None),
    ]));
    assert_eq!((sum.audience(), sum.queued(), sum.attempts), (4, 2, 1));
    assert_eq!(sum.suppressed_for["no_address"], 2);
    let last_at = sum.last_at.unwrap();
    assert_eq!(
        last_at.timestamp_millis(),
        2_000,
        "the latest of all partitions"
    );
}

#[test]
fn bounces_and_waits_without_end_move_the_counts_and_marks_do_not() {
    use MessageStatus::{Bounced, Delivered, Queued, Rejected, Sent, Unconfirmed};
    let bounced = |from| receipt_of(ReceiptKind::Bounced(BounceKind::Soft), from);
    let counts = |events: Vec<MessageEvent>| {
        let figures = figures(events);
        (figures.sent(), figures.delivered(), figures.failed())
    };
    let delivered = vec![queued(), sent(Queued), receipt(true, Sent)];
    assert_eq!(counts(delivered.clone()), (1, 1, 0));
    let returned = [delivered.clone(), vec![bounced(Delivered)]].concat();
    assert_eq!(counts(returned.clone()), (0, 0, 1));
    assert_eq!(figures(returned).by_status.of(Bounced), 1);
    let waited = vec![
        queued(),
        sent(Queued),
        MessageEvent::Unconfirmed { from: Sent },
    ];
    assert_eq!(counts(waited.clone()), (1, 0, 0));
    assert_eq!(figures(waited.clone()).awaiting_receipt(), 0);
    let late = [waited, vec![receipt(true, Unconfirmed)]].concat();
    assert_eq!(counts(late), (1, 1, 0));
    let rejected = MessageEvent::Rejected {
        problem: text("unknown_recipient"),
        from: Queued,
    };
    let rejected = figures(vec![queued(), rejected]);
    assert_eq!((rejected.failed(), rejected.undeliverable()), (1, 0));
    assert_eq!(rejected.by_status.of(Rejected), 1);

    let marked = [
        ReceiptKind::Complained,
        ReceiptKind::Deferred,
        ReceiptKind::Opened,
        ReceiptKind::Clicked(None),
    ];
    let marked = marked.map(|kind| receipt_of(kind, Delivered)).to_vec();
    let refused = MessageEvent::ReceiptRefused(RefusedReceipt {
        problem: text("/occurred_at: is not a time"),
    });
    let all = figures([delivered, marked, vec![refused.clone(), refused]].concat());
    assert_eq!((all.sent(), all.delivered(), all.failed()), (1, 1, 0));
    let expected = MarkCounts {
        complained: 1,
        opened: 1,
        clicked: 1,
    };
    assert_eq!((all.marks, all.refused_receipts), (expected, 2));
}
