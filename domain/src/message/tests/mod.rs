//! Given-when-then tests of messages.

mod laws;
mod receipts;

use cqrs_es::test::TestFramework;

use super::MessageStatus::{
    Bounced, Delivered, Failed, Queued, Rejected, Sent, Suppressed, Unconfirmed, Undeliverable,
};
use serde_json::json;

use super::*;
use crate::event::LoggedEvent;
use crate::{PersonalContent, TemplateIdentity, TextDigest};

type MessageTest = TestFramework<Message>;
type Command = MessageCommand;
type Event = MessageEvent;

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::try_from(text.to_owned()).unwrap()
}

fn content() -> MessageContent {
    MessageContent {
        channel: Channel::Email,
        to: text("ada@example.com"),
        template: TemplateIdentity {
            digest: TextDigest::of("Hi {{ name }}"),
            rules: 1,
        },
        content: PersonalContent {
            values: serde_json::from_value(json!({"name": "Ada"})).unwrap(),
            digest: TextDigest::of("Hi Ada"),
        },
    }
}

fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_770_000_000_000 + millis).unwrap()
}

fn attempt(number: u32) -> DeliveryAttempt {
    DeliveryAttempt {
        number,
        problem: text("503"),
        retry_at: instant(i64::from(number)),
    }
}

fn receipt(arrived: bool, millis: i64) -> Receipt {
    let (kind, reason) = match arrived {
        true => (ReceiptKind::Delivered, None),
        false => (ReceiptKind::Failed, Some(text("bounced"))),
    };
    Receipt {
        reason,
        ..receipt_of(kind, millis)
    }
}

fn receipt_of(kind: ReceiptKind, millis: i64) -> Receipt {
    Receipt::new(kind, text("v-1"), instant(millis))
}

fn bounce(kind: BounceKind, millis: i64) -> Receipt {
    receipt_of(ReceiptKind::Bounced(kind), millis)
}

fn queued() -> Event {
    Event::Queued(content())
}

fn sent(from: MessageStatus) -> Event {
    Event::Sent {
        handover: text("v-1").into(),
        from,
        unsuppressed: unsuppressed(from),
    }
}

/// Returns the reason of a suppression by a cancelled campaign.
fn unsuppressed(from: MessageStatus) -> Option<SuppressionReason> {
    (from == Suppressed).then_some(SuppressionReason::Cancelled)
}

fn suppressed(from: Option<MessageStatus>) -> Event {
    let why = Suppression::Cancelled;
    Event::Suppressed { why, from }
}

fn undeliverable() -> Event {
    Event::Undeliverable {
        problem: text("503"),
        from: Queued,
    }
}

fn rejected() -> Event {
    Event::Rejected {
        problem: text("unknown_recipient"),
        from: Queued,
    }
}

fn receipted(arrived: bool, millis: i64, from: MessageStatus) -> Event {
    recorded(receipt(arrived, millis), from)
}

fn recorded(receipt: Receipt, from: MessageStatus) -> Event {
    Event::receipted(receipt, None, from, unsuppressed(from))
}

/// Events that lead to a status, for a message that was queued first.
fn history(status: MessageStatus) -> Vec<Event> {
    let then = |event| vec![queued(), event];
    match status {
        Queued => vec![queued()],
        Suppressed => then(suppressed(Some(Queued))),
        Sent => then(sent(Queued)),
        Undeliverable => then(undeliverable()),
        Delivered => vec![queued(), sent(Queued), receipted(true, 5, Sent)],
        Failed => vec![queued(), sent(Queued), receipted(false, 5, Sent)],
        Bounced => vec![
            queued(),
            sent(Queued),
            recorded(bounce(BounceKind::Hard, 5), Sent),
        ],
        Unconfirmed => vec![queued(), sent(Queued), Event::Unconfirmed { from: Sent }],
        Rejected => then(rejected()),
    }
}

fn folded(events: impl IntoIterator<Item = Event>) -> Message {
    let mut message = Message::default();
    for event in events {
        message.apply(event);
    }
    message
}

fn then(given: Vec<Event>, command: Command, expected: Vec<Event>) {
    MessageTest::with(())
        .given(given)
        .when(command)
        .then_expect_events(expected);
}

#[test]
fn a_message_is_queued_or_suppressed_first() {
    then(vec![], Command::Queue(content()), vec![queued()]);
    let why = Suppression::Cancelled;
    then(vec![], Command::Suppress(why), vec![suppressed(None)]);
}

fn refused() -> RefusedReceipt {
    RefusedReceipt {
        problem: text("/occurred_at: is not a time"),
    }
}

fn end_wait(millis: i64) -> Command {
    Command::EndWaitForReceipt {
        sent_by: instant(millis),
    }
}

#[test]
fn commands_on_a_message_that_does_not_exist_are_rejected() {
    for command in [
        Command::RecordAttempt(attempt(1)),
        Command::RecordSent(text("v-1").into()),
        Command::GiveUp(text("503")),
        Command::Reject(text("unknown_recipient")),
        Command::Requeue,
        Command::RecordReceipt(receipt(true, 5)),
        Command::RecordRefusedReceipt(refused()),
        end_wait(5),
    ] {
        MessageTest::with(())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(MessageError::Unknown);
    }
}

type MakesEvent = fn(MessageStatus) -> Event;

/// Each command, with the statuses in which it makes an event. In all other
/// statuses it makes none.
#[test]
fn every_command_makes_its_event_in_its_statuses_only() {
    let later = receipt(true, 9);
    let cases: [(Command, &[MessageStatus], MakesEvent); 10] = [
        (Command::Queue(content()), &[], |_| queued()),
        (
            Command::Suppress(Suppression::Cancelled),
            &[Queued, Undeliverable],
            |from| suppressed(Some(from)),
        ),
        (Command::RecordAttempt(attempt(1)), &[Queued], |_| {
            Event::Attempted(attempt(1))
        }),
        (
            Command::RecordSent(text("v-1").into()),
            &[Queued, Undeliverable, Suppressed, Rejected],
            sent,
        ),
        (
            Command::Reject(text("unknown_recipient")),
            &[Queued],
            |_| rejected(),
        ),
        (end_wait(5), &[Sent], |from| Event::Unconfirmed { from }),
        (
            Command::RecordRefusedReceipt(refused()),
            &MessageStatus::ALL,
            |_| Event::ReceiptRefused(refused()),
        ),
        (Command::GiveUp(text("503")), &[Queued], |_| undeliverable()),
        (Command::Requeue, &[Undeliverable], |from| Event::Requeued {
            from,
        }),
        (Command::RecordReceipt(later), &MessageStatus::ALL, |from| {
            receipted(true, 9, from)
        }),
    ];
    for (command, from, event) in cases {
        for status in MessageStatus::ALL {
            let is_event = from.contains(&status);
            let expected = is_event.then(|| event(status)).into_iter().collect();
            then(history(status), command.clone(), expected);
        }
    }
}

#[test]
fn a_message_suppressed_before_it_was_queued_was_never_sent() {
    let given = vec![suppressed(None)];
    MessageTest::with(())
        .given(given.clone())
        .when(Command::RecordReceipt(receipt(true, 5)))
        .then_expect_error(MessageError::NotSent);
    for command in [
        Command::Queue(content()),
        Command::Suppress(Suppression::NoAddress),
        Command::RecordSent(text("v-1").into()),
        Command::RecordAttempt(attempt(1)),
        Command::GiveUp(text("503")),
        Command::Reject(text("unknown_recipient")),
        Command::Requeue,
        end_wait(5),
    ] {
        then(given.clone(), command, vec![]);
    }
}

#[test]
fn repeated_commands_make_no_events() {
    let repeats = [
        (Queued, Command::Queue(content())),
        (Suppressed, Command::Suppress(Suppression::Unsubscribed)),
        (Sent, Command::RecordSent(text("v-2").into())),
        (Undeliverable, Command::GiveUp(text("again"))),
        (Rejected, Command::Reject(text("again"))),
        (Unconfirmed, end_wait(9)),
        (Delivered, Command::RecordReceipt(receipt(true, 5))),
        (Failed, Command::RecordReceipt(receipt(false, 5))),
    ];
    for (status, command) in repeats {
        then(history(status), command, vec![]);
    }
    let attempted = vec![queued(), Event::Attempted(attempt(1))];
    then(attempted, Command::RecordAttempt(attempt(1)), vec![]);
}

#[test]
fn attempts_are_counted_and_start_over_after_a_retry() {
    let two = vec![
        queued(),
        Event::Attempted(attempt(1)),
        Event::Attempted(attempt(2)),
    ];
    assert_eq!(folded(two.clone()).attempts(), 2);
    assert_eq!(folded(two.clone()).due_at(), Some(instant(2)));
    for number in [0, 1, 2, 4] {
        let command = Command::RecordAttempt(attempt(number));
        then(two.clone(), command, vec![]);
    }
    let third = Event::Attempted(attempt(3));
    then(two.clone(), Command::RecordAttempt(attempt(3)), vec![third]);
    let again = Event::Requeued {
        from: Undeliverable,
    };
    let again = [two, vec![undeliverable(), again]].concat();
    assert_eq!(folded(again.clone()).attempts(), 0);
    assert_eq!(folded(again.clone()).due_at(), Some(Timestamp::EPOCH));
    let first = Event::Attempted(attempt(1));
    then(again, Command::RecordAttempt(attempt(1)), vec![first]);
}

#[test]
fn only_queued_messages_are_due() {
    for status in MessageStatus::ALL {
        let due = folded(history(status)).due_at();
        assert_eq!(due.is_some(), status == Queued, "{status:?}");
    }
}

#[test]
fn a_receipt_may_arrive_before_the_message_is_recorded_as_sent() {
    let early = receipted(true, 5, Queued);
    let given = vec![queued(), early.clone()];
    then(
        vec![queued()],
        Command::RecordReceipt(receipt(true, 5)),
        vec![early],
    );
    then(given, Command::RecordSent(text("v-1").into()), vec![]);
}

#[test]
fn a_message_suppressed_in_flight_becomes_sent() {
    let given = history(Suppressed);
    let sent = sent(Suppressed);
    then(
        given.clone(),
        Command::RecordSent(text("v-1").into()),
        vec![sent.clone()],
    );
    let given = [given, vec![sent]].concat();
    then(
        given,
        Command::RecordReceipt(receipt(true, 5)),
        vec![receipted(true, 5, Sent)],
    );
}

#[test]
fn the_latest_receipt_wins_and_ties_go_to_delivery() {
    let cases = [
        (Delivered, receipt(false, 4), false),
        (Delivered, receipt(false, 5), false),
        (Delivered, receipt(false, 6), true),
        (Failed, receipt(true, 4), false),
        (Failed, receipt(true, 5), true),
        (Failed, receipt(true, 6), true),
    ];
    for (status, receipt, is_newer) in cases {
        let event = recorded(receipt.clone(), status);
        let expected = is_newer.then_some(event).into_iter().collect();
        then(history(status), Command::RecordReceipt(receipt), expected);
    }
}

fn every_event() -> Vec<Event> {
    let reasons = [
        Suppression::Unsubscribed,
        Suppression::NoAddress,
        Suppression::Template {
            detail: "name has no value".to_owned(),
        },
        Suppression::FrequencyCap { most: 3 },
        Suppression::Cancelled,
    ];
    let suppressions = reasons.into_iter().flat_map(|why| {
        let from = |from| Event::Suppressed {
            why: why.clone(),
            from,
        };
        [from(None), from(Some(Undeliverable))]
    });
    let others = MessageStatus::ALL.into_iter().flat_map(history);
    let requeued = Event::Requeued {
        from: Undeliverable,
    };
    let marks = [
        ReceiptKind::Complained,
        ReceiptKind::Deferred,
        ReceiptKind::Opened,
        ReceiptKind::Clicked(None),
        ReceiptKind::Clicked(Some(text("https://shop.example/sale"))),
    ];
    let marks = marks.map(|kind| recorded(receipt_of(kind, 5), Delivered));
    let more = [
        Event::Attempted(attempt(3)),
        requeued,
        Event::ReceiptRefused(refused()),
    ];
    suppressions
        .chain(others)
        .chain(more)
        .chain(marks)
        .collect()
}

#[test]
fn events_survive_the_log() {
    let all = every_event();
    for event in &all {
        let read = Event::decode(event.tag(), event.data().get()).unwrap();
        assert_eq!(&read, event);
        assert_eq!((read.from(), read.status()), (event.from(), event.status()));
    }
    for tag in Event::tags() {
        assert!(all.iter().any(|event| event.tag() == *tag), "{tag}");
    }
    assert!(Event::decode("message_lost.1", "{}").is_err());
    let why = Suppression::FrequencyCap { most: 3 };
    let from = Some(Queued);
    assert_eq!(
        Event::Suppressed { why, from }.data().get(),
        r#"{"reason":"frequency_cap","most":3,"from":"queued"}"#
    );
}

#[test]
fn statuses_and_reasons_serialize_as_their_names() {
    for status in MessageStatus::ALL {
        let json = serde_json::to_string(&status).unwrap();
        assert_eq!(json, format!("{:?}", status.name()));
    }
    for event in every_event() {
        if let Event::Suppressed { why, .. } = event {
            let json = serde_json::to_value(&why).unwrap();
            assert_eq!(json["reason"], why.reason().name());
            let reason = serde_json::to_value(why.reason()).unwrap();
            assert_eq!(reason, why.reason().name());
        }
    }
}

#[test]
fn heads_are_small() {
    let tried = vec![queued(), Event::Attempted(attempt(12))];
    let all = MessageStatus::ALL.map(history);
    let arrived = [tried.clone(), history(Delivered)[1..].to_vec()].concat();
    let handover = Handover {
        began_at: Some(instant(3)),
        ..text("v-1").into()
    };
    let known = Event::Sent {
        handover,
        from: Queued,
        unsuppressed: None,
    };
    let ahead = Receipt {
        occurred_at: Timestamp::from_millis(253_402_300_799_999).unwrap(),
        ..receipt(true, 9)
    };
    let ahead = Event::receipted(ahead, Some(instant(3)), Sent, None);
    let complained = recorded(receipt_of(ReceiptKind::Complained, 9), Delivered);
    let refusals = vec![Event::ReceiptRefused(refused()); 8];
    let longest = [vec![queued(), known, ahead, complained], refusals].concat();
    let rare = [vec![suppressed(None)], tried, arrived, longest];
    for events in all.into_iter().chain(rare) {
        let head = folded(events);
        let json = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), head);
        // Version, number, and fold version precede the state in a head.
        assert!(json.len() + "3 1234567 1 ".len() <= 64, "{json}");
    }
}

#[test]
fn the_details_of_a_handover_survive_the_log_and_are_optional() {
    let handover = Handover {
        vendor_message_id: text("v-1"),
        began_at: Some(instant(5)),
        customer_seen: Some(17),
    };
    let event = Event::Sent {
        handover,
        from: Queued,
        unsuppressed: None,
    };
    let data = r#"{"vendor_message_id":"v-1","began_at":"2026-02-02T02:40:00.005Z","customer_seen":17,"from":"queued"}"#;
    assert_eq!(event.data().get(), data);
    assert_eq!(Event::decode("message_sent.1", data).unwrap(), event);
    let older = r#"{"vendor_message_id":"v-1","from":"queued"}"#;
    let known = sent(Queued);
    assert_eq!(known.data().get(), older);
    assert_eq!(Event::decode("message_sent.1", older).unwrap(), known);
}

#[test]
fn a_queued_message_holds_values_and_a_digest() {
    let data: serde_json::Value = serde_json::from_str(queued().data().get()).unwrap();
    let template = json!({"digest": content().template.digest, "rules": 1});
    let personal = json!({"values": {"name": "Ada"}, "digest": content().content.digest});
    let expected = json!({
        "channel": "email",
        "to": "ada@example.com",
        "template": template,
        "content": personal,
    });
    assert_eq!(data, expected);
}
