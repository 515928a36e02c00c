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

#[test]
fn events_survive_the_log() {
    let update = OrderEvent::Updated {
        content: OrderContent {
            status: OrderStatus::Refunded,
            items: vec![item("cd-1")],
            ..order(5)
        },
        previous: order(7).figures(),
    };
    for event in [OrderEvent::Placed(order(5)), update] {
        assert_eq!(
            OrderEvent::decode(event.tag(), event.data().get()).unwrap(),
            event
        );
    }
}

#[test]
fn a_head_fits_the_compact_encoding_of_redis() {
    let mut head = Order::default();
    head.apply(OrderEvent::Placed(OrderContent {
        items: vec![item("cd-1")],
        ..order(12_345)
    }));
    let json = serde_json::to_string(&head).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), head);
    // Version, number, and fold version precede the state in a head.
    assert!(json.len() + "12 1234567 1 ".len() <= 64, "{json}");
}
