//! Laws that hold for messages under any commands in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn a_receipt() -> impl Strategy<Value = Receipt> {
    let kinds = select(vec![
        ReceiptKind::Delivered,
        ReceiptKind::Failed,
        ReceiptKind::Bounced(BounceKind::Hard),
        ReceiptKind::Bounced(BounceKind::Soft),
        ReceiptKind::Complained,
        ReceiptKind::Deferred,
        ReceiptKind::Opened,
        ReceiptKind::Clicked(None),
    ]);
    // Received a millisecond apart at the end; some are dated far ahead.
    let times = prop_oneof![0..4_i64, Just(1_000_000_000), Just(2_000_000_000)];
    (kinds, times, 0..3_i64).prop_map(|(kind, millis, received)| Receipt {
        received_at: instant(10 + received),
        ..receipt_of(kind, millis)
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Queue(content())),
        select(vec![Suppression::Cancelled, Suppression::Unsubscribed]).prop_map(Command::Suppress),
        (1..4_u32).prop_map(|number| Command::RecordAttempt(attempt(number))),
        Just(Command::RecordSent(text("v-1").into())),
        Just(Command::GiveUp(text("503"))),
        Just(Command::Reject(text("unknown_recipient"))),
        (0..4_i64).prop_map(end_wait),
        Just(Command::Requeue),
        a_receipt().prop_map(Command::RecordReceipt),
    ]
}

fn run(message: &mut Message, command: Command) -> Option<Event> {
    let event = message.decide(command).ok().flatten()?;
    message.apply(event.clone());
    Some(event)
}

/// Receipts in two orders of arrival, mixed with the record that the message
/// was sent, which may come at any time.
fn two_orders() -> impl Strategy<Value = (Vec<Command>, Vec<Command>)> {
    let receipts = prop::collection::vec(a_receipt().prop_map(Command::RecordReceipt), 1..6);
    let commands = receipts.prop_map(|mut commands| {
        commands.push(Command::RecordSent(text("v-1").into()));
        commands
    });
    commands.prop_flat_map(|commands| (Just(commands.clone()), Just(commands).prop_shuffle()))
}

proptest! {
    #[test]
    fn receipts_have_the_same_result_in_any_order(
        (one, other) in two_orders(),
        status in select(MessageStatus::ALL.to_vec()),
    ) {
        let ends = [one, other].map(|commands| {
            let mut message = folded(history(status));
            for command in commands {
                run(&mut message, command);
            }
            message
        });
        prop_assert_eq!(&ends[0], &ends[1]);
    }

    /// Counting by events alone, as views do, agrees with the message's status.
    #[test]
    fn counts_by_events_add_up(commands in prop::collection::vec(command(), 0..30)) {
        let mut message = Message::default();
        let mut counts = [0_i32; MessageStatus::ALL.len()];
        let mut reasons = BTreeMap::<_, i32>::new();
        for command in commands {
            let before = message.status();
            let Some(event) = run(&mut message, command.clone()) else {
                continue;
            };
            let event = Event::decode(event.tag(), event.data().get()).unwrap();
            let is_move = event.status().is_some();
            prop_assert_eq!(event.from(), before.filter(|_| is_move));
            let change = [(event.from(), -1), (event.status(), 1)];
            for (status, by) in change {
                let index = MessageStatus::ALL.iter().position(|s| Some(*s) == status);
                index.into_iter().for_each(|index| counts[index] += by);
            }
            let suppressed = match &event {
                Event::Suppressed { why, .. } => Some(why.reason()),
                _ => None,
            };
            for (reason, by) in [(event.unsuppressed(), -1), (suppressed, 1)] {
                reason.into_iter().for_each(|r| *reasons.entry(r.name()).or_default() += by);
            }
            prop_assert!(run(&mut message.clone(), command).is_none());
        }
        let expected = MessageStatus::ALL.map(|s| i32::from(message.status() == Some(s)));
        prop_assert_eq!(counts, expected);
        let is_suppressed = message.status() == Some(Suppressed);
        prop_assert!(reasons.values().all(|count| *count >= 0), "{:?}", reasons);
        prop_assert_eq!(reasons.values().sum::<i32>(), i32::from(is_suppressed));
    }
}
