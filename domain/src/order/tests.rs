use cqrs_es::test::TestFramework;
use proptest::prelude::*;

use super::*;
use crate::event::LoggedEvent;
use crate::{Amount, Text, Timestamp};

type OrderTest = TestFramework<Order>;

fn usd() -> OrderServices {
    OrderServices {
        currency: Currency::try_from("USD").unwrap(),
    }
}

fn order(amount: i64) -> OrderContent {
    OrderContent {
        amount: Amount::try_from(amount).unwrap(),
        refunded_amount: Amount::default(),
        currency: usd().currency,
        placed_at: Timestamp::try_from("1997-01-01T00:00:00Z").unwrap(),
        status: OrderStatus::Placed,
        items: vec![],
        updated_at: None,
    }
}

fn item(sku: &str) -> OrderItem {
    OrderItem {
        sku: Text::try_from(sku.to_owned()).unwrap(),
        name: None,
        quantity: std::num::NonZeroU32::MIN,
        unit_amount: None,
    }
}

#[test]
fn a_new_order_is_placed() {
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(OrderCommand::Record(order(1177)))
        .then_expect_events(vec![OrderEvent::Placed(order(1177))]);
}

#[test]
fn repeating_an_order_makes_no_event() {
    let with_items = OrderContent {
        items: vec![item("cd-1"), item("cd-2")],
        ..order(1177)
    };
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(with_items.clone())])
        .when(OrderCommand::Record(with_items))
        .then_expect_events(vec![]);
}

#[test]
fn changed_content_is_an_update_with_the_previous_figures() {
    let cancelled = OrderContent {
        status: OrderStatus::Cancelled,
        ..order(1177)
    };
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(order(1177))])
        .when(OrderCommand::Record(cancelled.clone()))
        .then_expect_events(vec![OrderEvent::Updated {
            content: cancelled,
            previous: order(1177).figures(),
        }]);
}

#[test]
fn changed_items_alone_are_an_update() {
    let placed = OrderContent {
        items: vec![item("cd-1")],
        ..order(1177)
    };
    let corrected = OrderContent {
        items: vec![item("cd-2")],
        ..order(1177)
    };
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(placed.clone())])
        .when(OrderCommand::Record(corrected.clone()))
        .then_expect_events(vec![OrderEvent::Updated {
            content: corrected,
            previous: placed.figures(),
        }]);
}

#[test]
fn another_currency_is_refused() {
    let eur = Currency::try_from("EUR").unwrap();
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(OrderCommand::Record(OrderContent {
            currency: eur,
            ..order(1)
        }))
        .then_expect_error(OrderError::Currency {
            given: eur,
            expected: usd().currency,
        });
}

fn refunded(amount: i64, refunded: i64) -> OrderContent {
    OrderContent {
        refunded_amount: Amount::try_from(refunded).unwrap(),
        ..order(amount)
    }
}

#[test]
fn a_part_refund_is_an_update_that_counts_less() {
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(order(6_000))])
        .when(OrderCommand::Record(refunded(6_000, 1_500)))
        .then_expect_events(vec![OrderEvent::Updated {
            content: refunded(6_000, 1_500),
            previous: order(6_000).figures(),
        }]);
    let figures = refunded(6_000, 1_500).figures();
    assert_eq!((figures.counts(), figures.net_amount()), (true, 4_500));
    let whole = refunded(6_000, 6_000).figures();
    assert_eq!((whole.counts(), whole.net_amount()), (true, 0));
}

#[test]
fn repeating_a_part_refund_makes_no_event() {
    let content = OrderContent {
        items: vec![item("cd-1")],
        ..refunded(6_000, 1_500)
    };
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(content.clone())])
        .when(OrderCommand::Record(content))
        .then_expect_events(vec![]);
}

#[test]
fn no_more_is_refunded_than_was_paid() {
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(OrderCommand::Record(refunded(100, 101)))
        .then_expect_error(OrderError::Refund {
            refunded: 101,
            amount: 100,
        });
}

#[test]
fn events_of_before_refunded_amounts_mean_none() {
    let old = r#"{"amount":5,"currency":"USD","placed_at":"1997-01-01T00:00:00.000Z"}"#;
    let placed = OrderEvent::Placed(order(5));
    assert_eq!(OrderEvent::decode("order_placed.1", old).unwrap(), placed);
    assert_eq!(placed.data().get(), old);
}

#[test]
fn events_survive_the_log() {
    let update = OrderEvent::Updated {
        content: OrderContent {
            status: OrderStatus::Refunded,
            items: vec![item("cd-1")],
            ..order(5)
        },
        previous: refunded(7, 3).figures(),
    };
    let events = [
        OrderEvent::Placed(order(5)),
        OrderEvent::Placed(refunded(5, 2)),
        update,
    ];
    for event in events {
        assert_eq!(
            OrderEvent::decode(event.tag(), event.data().get()).unwrap(),
            event
        );
    }
}

fn changed_at(content: OrderContent, updated_at: &str) -> OrderContent {
    OrderContent {
        updated_at: Some(Timestamp::try_from(updated_at).unwrap()),
        ..content
    }
}

const MORNING: &str = "2024-11-23T08:00:00Z";
const NOON: &str = "2024-11-23T12:00:00Z";
const EVENING: &str = "2024-11-23T18:00:00Z";

#[test]
fn an_older_version_is_stale_and_changes_nothing() {
    let given = OrderEvent::Placed(changed_at(order(200), NOON));
    let older = OrderCommand::Record(changed_at(order(100), MORNING));
    OrderTest::with(usd())
        .given(vec![given.clone()])
        .when(older.clone())
        .then_expect_events(vec![]);
    let mut recorded = Order::default();
    assert!(!recorded.is_stale(&older));
    recorded.apply(given);
    assert!(recorded.is_stale(&older));
    let same = OrderCommand::Record(changed_at(order(100), NOON));
    assert!(!recorded.is_stale(&same) && !recorded.is_stale(&OrderCommand::Record(order(100))));
}

#[test]
fn a_newer_version_and_one_of_the_same_time_are_applied() {
    for time in [NOON, EVENING] {
        OrderTest::with(usd())
            .given(vec![OrderEvent::Placed(changed_at(order(200), NOON))])
            .when(OrderCommand::Record(changed_at(order(100), time)))
            .then_expect_events(vec![OrderEvent::Updated {
                content: changed_at(order(100), time),
                previous: order(200).figures(),
            }]);
    }
}

#[test]
fn a_version_without_a_time_is_applied_and_leaves_the_recorded_one() {
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(changed_at(order(200), NOON))])
        .when(OrderCommand::Record(order(100)))
        .then_expect_events(vec![OrderEvent::Updated {
            content: changed_at(order(100), NOON),
            previous: order(200).figures(),
        }]);
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(changed_at(order(200), NOON))])
        .when(OrderCommand::Record(order(200)))
        .then_expect_events(vec![]);
}

#[test]
fn the_same_content_at_a_later_time_outdates_the_versions_in_between() {
    let confirmed = OrderEvent::Updated {
        content: changed_at(order(200), EVENING),
        previous: order(200).figures(),
    };
    let given = OrderEvent::Placed(changed_at(order(200), MORNING));
    OrderTest::with(usd())
        .given(vec![given.clone()])
        .when(OrderCommand::Record(changed_at(order(200), EVENING)))
        .then_expect_events(vec![confirmed.clone()]);
    OrderTest::with(usd())
        .given(vec![given, confirmed])
        .when(OrderCommand::Record(changed_at(order(100), NOON)))
        .then_expect_events(vec![]);
}

#[test]
fn a_stale_order_in_another_currency_is_refused() {
    let eur = Currency::try_from("EUR").unwrap();
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(changed_at(order(200), NOON))])
        .when(OrderCommand::Record(OrderContent {
            currency: eur,
            ..changed_at(order(200), MORNING)
        }))
        .then_expect_error(OrderError::Currency {
            given: eur,
            expected: usd().currency,
        });
}

proptest! {
    /// Whatever order and however often versions of distinct times arrive, the
    /// newest one remains, and the events fold to the state that was decided on.
    #[test]
    fn the_newest_version_remains(arrivals in prop::collection::vec(0i64..50, 1..40)) {
        let version = |minute: i64| OrderContent {
            updated_at: Some(Timestamp::from_millis(minute * 60_000).unwrap()),
            // Contents repeat, times do not.
            ..order(minute % 3)
        };
        let (mut recorded, mut refolded) = (Order::default(), Order::default());
        for minute in &arrivals {
            if let Some(event) = recorded.decide(version(*minute), usd()).unwrap() {
                recorded.apply(event.clone());
                refolded.apply(event);
            }
        }
        let newest = arrivals.iter().max().unwrap();
        let mut expected = Order::default();
        expected.apply(OrderEvent::Placed(version(*newest)));
        prop_assert_eq!(&recorded, &expected);
        prop_assert_eq!(refolded, expected);
    }
}

/// The longest head of an order that Redis keeps compact: version, number, and
/// fold version precede the state.
#[test]
fn a_head_fits_the_compact_encoding_of_redis() {
    let placed_at = Timestamp::try_from("2026-11-23T01:02:03.456Z").unwrap();
    let most = crate::MAX_AMOUNT;
    let contents = [
        order(12_345),
        OrderContent {
            placed_at,
            ..refunded(1_234_567, 1_234_567)
        },
        changed_at(refunded(most, most), "2036-11-23T01:02:03.456Z"),
    ];
    for content in contents {
        let mut head = Order::default();
        head.apply(OrderEvent::Placed(OrderContent {
            items: vec![item("cd-1")],
            ..content
        }));
        let json = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), head);
        assert!(json.len() + "12 1234567 2 ".len() <= 64, "{json}");
    }
}

#[test]
fn a_head_leaves_out_what_the_order_lacks() {
    let head = |content: OrderContent| {
        let mut head = Order::default();
        head.apply(OrderEvent::Placed(content));
        serde_json::to_string(&head).unwrap()
    };
    assert_eq!(head(order(5)), r#""p5 avfsiyo0""#);
    assert_eq!(head(refunded(5, 2)), r#""p5 avfsiyo0 0 2""#);
    let changed = changed_at(order(5), "1997-01-01T00:00:00Z");
    assert_eq!(head(changed), r#""p5 avfsiyo0 0 0 0""#);
}

fn to(id: &str) -> CustomerId {
    CustomerId::try_from(id).unwrap()
}

fn moved(cents: i64, previous: Option<i64>, how: Move) -> OrderEvent {
    OrderEvent::Moved {
        content: order(cents),
        to: to("c-2"),
        previous: previous.map(|cents| order(cents).figures()),
        how,
    }
}

fn moving(cents: i64, how: Move) -> OrderCommand {
    OrderCommand::Move {
        content: order(cents),
        to: to("c-2"),
        how,
    }
}

#[test]
fn an_order_moves_once() {
    for how in [Move::Alone, Move::WithCustomer] {
        OrderTest::with(usd())
            .given(vec![OrderEvent::Placed(order(100))])
            .when(moving(100, how))
            .then_expect_events(vec![moved(100, Some(100), how)]);
        OrderTest::with(usd())
            .given(vec![
                OrderEvent::Placed(order(100)),
                moved(100, Some(100), how),
            ])
            .when(moving(100, how))
            .then_expect_events(vec![]);
    }
}

#[test]
fn an_order_that_moved_with_its_customer_can_move_on_alone() {
    let given = vec![
        OrderEvent::Placed(order(100)),
        moved(100, Some(100), Move::WithCustomer),
    ];
    OrderTest::with(usd())
        .given(given)
        .when(moving(100, Move::Alone))
        .then_expect_events(vec![moved(100, None, Move::Alone)]);
}

#[test]
fn an_older_move_does_not_bring_an_order_back() {
    let at = |cents, day: i64| OrderContent {
        updated_at: Some(Timestamp::from_millis(day * 86_400_000).unwrap()),
        ..order(cents)
    };
    let given = vec![
        OrderEvent::Placed(at(100, 1)),
        OrderEvent::Moved {
            content: at(120, 2),
            to: to("c-2"),
            previous: Some(order(100).figures()),
            how: Move::Alone,
        },
    ];
    let receive = |content| OrderCommand::Receive {
        content,
        from: to("c-2"),
        replaces: true,
    };
    OrderTest::with(usd())
        .given(given.clone())
        .when(receive(at(100, 1)))
        .then_expect_events(vec![]);
    OrderTest::with(usd())
        .given(given)
        .when(receive(at(120, 2)))
        .then_expect_events(vec![OrderEvent::Received {
            content: at(120, 2),
            from: to("c-2"),
        }]);
}

#[test]
fn an_order_that_changed_meanwhile_does_not_move_with_its_customer() {
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(order(120))])
        .when(moving(100, Move::WithCustomer))
        .then_expect_events(vec![]);
}

#[test]
fn an_order_may_move_before_it_arrives_under_its_old_customer() {
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(moving(100, Move::Alone))
        .then_expect_events(vec![moved(100, None, Move::Alone)]);
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(moving(100, Move::WithCustomer))
        .then_expect_events(vec![]);
}

#[test]
fn an_order_that_moved_alone_changes_no_more() {
    let given = vec![
        OrderEvent::Placed(order(100)),
        moved(100, Some(100), Move::Alone),
    ];
    OrderTest::with(usd())
        .given(given.clone())
        .when(OrderCommand::Record(order(120)))
        .then_expect_events(vec![]);
    let state = folded(given);
    assert!(state.is_moved_alone());
    assert!(!state.is_to_move());
}

#[test]
fn content_for_an_order_that_moved_with_its_customer_is_redirected() {
    let given = vec![
        OrderEvent::Placed(order(100)),
        moved(100, Some(100), Move::WithCustomer),
    ];
    assert!(!folded(given.clone()).is_to_move());
    OrderTest::with(usd())
        .given(given.clone())
        .when(OrderCommand::Record(order(100)))
        .then_expect_events(vec![]);
    OrderTest::with(usd())
        .given(given.clone())
        .when(OrderCommand::Record(order(120)))
        .then_expect_events(vec![OrderEvent::Redirected(order(120))]);
    let redirected = [given, vec![OrderEvent::Redirected(order(120))]].concat();
    assert!(folded(redirected.clone()).is_to_move());
    OrderTest::with(usd())
        .given(redirected)
        .when(moving(120, Move::WithCustomer))
        .then_expect_events(vec![moved(120, None, Move::WithCustomer)]);
}

#[test]
fn an_order_is_received_once_and_an_own_one_is_kept() {
    let receive = |cents, replaces| OrderCommand::Receive {
        content: order(cents),
        from: to("c-1"),
        replaces,
    };
    let received = |cents| OrderEvent::Received {
        content: order(cents),
        from: to("c-1"),
    };
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(receive(100, false))
        .then_expect_events(vec![received(100)]);
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(order(70))])
        .when(receive(100, false))
        .then_expect_events(vec![]);
    OrderTest::with(usd())
        .given(vec![OrderEvent::Placed(order(70))])
        .when(receive(100, true))
        .then_expect_events(vec![OrderEvent::Updated {
            content: order(100),
            previous: order(70).figures(),
        }]);
}

#[test]
fn an_order_can_come_back() {
    let receive = |replaces| OrderCommand::Receive {
        content: order(100),
        from: to("c-1"),
        replaces,
    };
    let received = OrderEvent::Received {
        content: order(100),
        from: to("c-1"),
    };
    let redirected = OrderEvent::Redirected(order(100));
    for (how, replaces, expected) in [
        (Move::Alone, true, &received),
        (Move::Alone, false, &received),
        (Move::WithCustomer, false, &received),
        // To the customer into whom this one was merged.
        (Move::WithCustomer, true, &redirected),
    ] {
        OrderTest::with(usd())
            .given(vec![
                OrderEvent::Placed(order(100)),
                moved(100, Some(100), how),
            ])
            .when(receive(replaces))
            .then_expect_events(vec![expected.clone()]);
    }
    let behind = vec![
        OrderEvent::Placed(order(100)),
        moved(100, Some(100), Move::WithCustomer),
        redirected,
    ];
    OrderTest::with(usd())
        .given(behind)
        .when(receive(true))
        .then_expect_events(vec![]);
}

fn folded(events: Vec<OrderEvent>) -> Order {
    let mut state = Order::default();
    for event in events {
        state.apply(event);
    }
    state
}
