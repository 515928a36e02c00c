//! Receipts: their times, what wins, and what they leave on a message.

use super::*;

/// A message whose accepted request began at `instant(100)`.
fn accepted() -> Vec<Event> {
    let handover = Handover {
        began_at: Some(instant(100)),
        ..text("v-1").into()
    };
    let sent = Event::Sent {
        handover,
        from: Queued,
        unsuppressed: None,
    };
    vec![queued(), sent]
}

fn run(message: &mut Message, receipt: Receipt) -> Option<Event> {
    let event = message.decide(Command::RecordReceipt(receipt)).unwrap();
    event.inspect(|event| message.apply(event.clone()))
}

/// Returns a receipt with this time that is received at `instant(1_000)`.
fn dated(kind: ReceiptKind, millis: i64) -> Receipt {
    Receipt {
        received_at: instant(1_000),
        ..receipt_of(kind, millis)
    }
}

/// Returns the recorded and the reported time of a receipt for these events.
fn times(given: Vec<Event>, millis: i64) -> (Timestamp, Option<Timestamp>) {
    let mut message = folded(given);
    let event = run(&mut message, dated(ReceiptKind::Delivered, millis)).unwrap();
    let receipt = event.receipt().unwrap();
    (receipt.occurred_at, receipt.reported_at)
}

const MINUTES: i64 = 60_000;
const DAYS: i64 = 24 * 60 * MINUTES;

#[test]
fn times_are_clamped_to_the_send_and_to_now() {
    let kept = |millis| (instant(millis), None);
    assert_eq!(times(accepted(), 100), kept(100));
    assert_eq!(
        times(accepted(), 1_000 + 5 * MINUTES),
        kept(1_000 + 5 * MINUTES)
    );
    let ahead = 1_001 + 5 * MINUTES;
    let expected = (instant(1_000), Some(instant(ahead)));
    assert_eq!(times(accepted(), ahead), expected);
    assert_eq!(times(accepted(), 99), (instant(100), Some(instant(99))));
    // While the send is not recorded, only a time of long ago cannot be right.
    assert_eq!(times(vec![queued()], 99), kept(99));
    let early = -8 * DAYS;
    let expected = (instant(1_000), Some(instant(early)));
    assert_eq!(times(vec![queued()], early), expected);
}

#[test]
fn a_receipt_with_a_possible_time_outranks_one_without() {
    for given in [accepted(), vec![queued()]] {
        let mut message = folded(given);
        let future = dated(ReceiptKind::Failed, DAYS);
        assert!(run(&mut message, future.clone()).is_some());
        let later = Receipt {
            received_at: instant(2_000),
            ..future
        };
        assert_eq!(run(&mut message, later.clone()), None, "a repeat");
        assert!(run(&mut message, dated(ReceiptKind::Delivered, 200)).is_some());
        assert_eq!(run(&mut message, later), None);
        assert_eq!(message.status(), Some(Delivered));
    }
}

#[test]
fn receipts_from_before_the_send_have_its_time() {
    let mut message = folded(accepted());
    let early = dated(ReceiptKind::Delivered, -5);
    assert!(run(&mut message, early.clone()).is_some());
    assert_eq!(run(&mut message, early), None, "a repeat");
    assert!(run(&mut message, dated(ReceiptKind::Failed, 150)).is_some());
    assert_eq!(message.status(), Some(Failed));
}

#[test]
fn a_bounce_of_a_delivered_message_counts_at_the_same_time_too() {
    for millis in [5, 6] {
        let hard = bounce(BounceKind::Hard, millis);
        let event = recorded(hard.clone(), Delivered);
        then(
            history(Delivered),
            Command::RecordReceipt(hard),
            vec![event],
        );
    }
    let earlier = Command::RecordReceipt(bounce(BounceKind::Hard, 4));
    then(history(Delivered), earlier, vec![]);
    let same = Command::RecordReceipt(receipt(true, 5));
    then(history(Bounced), same, vec![]);
}

#[test]
fn a_receipt_with_another_vendors_id_is_refused() {
    let mixed_up = |kind| Receipt {
        vendor_message_id: text("v-2"),
        ..receipt_of(kind, 9)
    };
    let opened = recorded(receipt_of(ReceiptKind::Opened, 5), Queued);
    for given in [
        history(Sent),
        history(Delivered),
        vec![queued(), receipted(true, 5, Queued)],
        vec![queued(), opened],
    ] {
        for kind in [ReceiptKind::Delivered, ReceiptKind::Complained] {
            MessageTest::with(())
                .given(given.clone())
                .when(Command::RecordReceipt(mixed_up(kind)))
                .then_expect_error(MessageError::OtherVendorMessage);
        }
    }
}

#[test]
fn marks_are_recorded_once_per_kind_and_change_no_status() {
    let kinds = [
        ReceiptKind::Complained,
        ReceiptKind::Deferred,
        ReceiptKind::Opened,
        ReceiptKind::Clicked(Some(text("https://shop.example/"))),
    ];
    for status in MessageStatus::ALL {
        let mut message = folded(history(status));
        for kind in &kinds {
            let event = run(&mut message, receipt_of(kind.clone(), 7)).unwrap();
            assert_eq!((event.status(), event.from()), (None, None));
            assert_eq!(run(&mut message, receipt_of(kind.clone(), 9)), None);
            assert_eq!(message.status(), Some(status));
        }
    }
}

#[test]
fn marks_keep_what_a_message_waits_for() {
    let mut message = folded(vec![queued(), Event::Attempted(attempt(2))]);
    run(&mut message, receipt_of(ReceiptKind::Deferred, 7)).unwrap();
    assert_eq!(message.attempts(), 2);
    assert_eq!(message.due_at(), Some(instant(2)));
    let mut message = folded(history(Suppressed));
    run(&mut message, receipt_of(ReceiptKind::Opened, 7)).unwrap();
    let sent = message.decide(Command::RecordSent(text("v-1").into()));
    let sent = sent.unwrap().unwrap();
    assert_eq!(sent.unsuppressed(), Some(SuppressionReason::Cancelled));
}

#[test]
fn a_complaint_may_come_before_the_receipt_of_the_delivery() {
    let complaint = recorded(receipt_of(ReceiptKind::Complained, 9), Sent);
    let given = [history(Sent), vec![complaint]].concat();
    let delivered = Command::RecordReceipt(receipt(true, 5));
    then(given, delivered, vec![receipted(true, 5, Sent)]);
}

#[test]
fn a_message_is_unconfirmed_only_after_the_time_for_a_receipt() {
    then(accepted(), end_wait(99), vec![]);
    let unconfirmed = Event::Unconfirmed { from: Sent };
    then(accepted(), end_wait(100), vec![unconfirmed.clone()]);
    let late = [accepted(), vec![unconfirmed]].concat();
    let settled = Event::receipted(receipt(true, 500), Some(instant(100)), Unconfirmed, None);
    let command = Command::RecordReceipt(receipt(true, 500));
    then(late, command, vec![settled]);
}

#[test]
fn refused_receipts_of_a_message_are_bounded() {
    let mut message = folded(history(Sent));
    let mut count = 0;
    for _ in 0..20 {
        let command = Command::RecordRefusedReceipt(refused());
        if let Some(event) = message.decide(command).unwrap() {
            message.apply(event);
            count += 1;
        }
    }
    assert_eq!(count, 8);
    assert_eq!(message.status(), Some(Sent));
}
