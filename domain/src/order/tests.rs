use cqrs_es::test::TestFramework;

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
        .when(RecordOrder(order(1177)))
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
        .when(RecordOrder(with_items))
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
        .when(RecordOrder(cancelled.clone()))
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
        .when(RecordOrder(corrected.clone()))
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
        .when(RecordOrder(OrderContent {
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
        .when(RecordOrder(refunded(6_000, 1_500)))
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
        .when(RecordOrder(content))
        .then_expect_events(vec![]);
}

#[test]
fn no_more_is_refunded_than_was_paid() {
    OrderTest::with(usd())
        .given_no_previous_events()
        .when(RecordOrder(refunded(100, 101)))
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

#[test]
fn a_head_fits_the_compact_encoding_of_redis() {
    let placed_at = Timestamp::try_from("2026-11-23T01:02:03.456Z").unwrap();
    let contents = [
        order(12_345),
        OrderContent {
            placed_at,
            ..refunded(1_234_567, 1_234_567)
        },
    ];
    for content in contents {
        let mut head = Order::default();
        head.apply(OrderEvent::Placed(OrderContent {
            items: vec![item("cd-1")],
            ..content
        }));
        let json = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), head);
        // Version, number, and fold version precede the state in a head.
        assert!(json.len() + "12 1234567 1 ".len() <= 64, "{json}");
    }
}

#[test]
fn a_head_without_a_refund_has_four_elements() {
    let mut head = Order::default();
    head.apply(OrderEvent::Placed(order(5)));
    let json = serde_json::to_string(&head).unwrap();
    assert_eq!(json, r#"[5,852076800000,"p",0]"#);
    head.apply(OrderEvent::Placed(refunded(5, 2)));
    let json = serde_json::to_string(&head).unwrap();
    assert_eq!(json, r#"[5,852076800000,"p",0,2]"#);
}
