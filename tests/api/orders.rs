//! Orders, and their effect on the figures of the customer.

use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::process::run;

const DATA: &str = "/api/data/orders";

#[tokio::test]
async fn an_order_is_read_as_recorded() {
    let app = App::start().await;
    let sent = with(
        order("c-1", "o-1", 4999),
        json!({
            "status": "refunded",
            "refunded_amount": 1999,
            "items": [
                {"sku": "cd-42", "name": "Blue", "quantity": 2, "unit_amount": 1500},
                {"sku": "cd-43", "quantity": 1},
            ],
        }),
    );
    let at = app.client.post_accepted(DATA, sent.clone()).await;
    let page = app.client.read(&format!("/api/orders?after={at}")).await;
    let mut read = page["items"][0].clone();
    let updated_at = read.as_object_mut().unwrap().remove("updated_at");
    assert!(updated_at.unwrap().as_str().unwrap().ends_with('Z'));
    assert_eq!(read, sent);
    assert_eq!(page["next_cursor"], json!(null));
}

/// Records an order. Returns spend, count, average, first order, and last order of customer `c-1`.
async fn figures(app: &App, order: Value) -> Value {
    let at = app.client.post_accepted(DATA, order).await;
    let customer = app.client.customer("c-1", &at).await;
    json!([
        customer["total_spend"],
        customer["order_count"],
        customer["average_order_value"],
        customer["first_order_at"],
        customer["last_order_at"],
    ])
}

#[tokio::test]
async fn figures_exclude_cancelled_and_refunded_orders() {
    let app = App::start().await;
    let (early, middle, late) = (
        "2026-01-01T00:00:00.000Z",
        "2026-02-01T00:00:00.000Z",
        "2026-03-01T00:00:00.000Z",
    );
    let on = |id: &str, cents, day: &str, status: &str| {
        with(
            order("c-1", id, cents),
            json!({"placed_at": day, "status": status}),
        )
    };
    figures(&app, on("o-1", 100, early, "placed")).await;
    figures(&app, on("o-2", 200, middle, "placed")).await;
    let all = figures(&app, on("o-3", 301, late, "placed")).await;
    assert_eq!(all, json!([601, 3, 200, early, late]));

    let steps = [
        (
            on("o-1", 100, early, "cancelled"),
            json!([501, 2, 251, middle, late]),
        ),
        (
            on("o-3", 301, late, "refunded"),
            json!([200, 1, 200, middle, middle]),
        ),
        (
            on("o-3", 301, late, "cancelled"),
            json!([200, 1, 200, middle, middle]),
        ),
        (
            on("o-2", 200, middle, "cancelled"),
            json!([0, 0, null, null, null]),
        ),
        (
            on("o-4", 50, late, "cancelled"),
            json!([0, 0, null, null, null]),
        ),
        (
            on("o-1", 100, early, "placed"),
            json!([100, 1, 100, early, early]),
        ),
        (
            on("o-3", 400, late, "placed"),
            json!([500, 2, 250, early, late]),
        ),
        (
            on("o-1", 100, late, "placed"),
            json!([500, 2, 250, late, late]),
        ),
        (
            on("o-2", 200, middle, "placed"),
            json!([700, 3, 233, middle, late]),
        ),
    ];
    for (order, expected) in steps {
        assert_eq!(figures(&app, order.clone()).await, expected, "{order}");
    }
}

#[tokio::test]
async fn a_part_refund_reduces_what_counts() {
    let app = App::start().await;
    let refunded = |cents: i64| {
        let part = json!({"refunded_amount": cents, "placed_at": "2026-01-01T00:00:00.000Z"});
        with(order("c-1", "o-1", 6_000), part)
    };
    let at = Some("2026-01-01T00:00:00.000Z");
    let second = with(order("c-1", "o-2", 1_000), json!({"placed_at": at}));
    figures(&app, second).await;
    let whole = figures(&app, refunded(0)).await;
    assert_eq!(whole, json!([7_000, 2, 3_500, at, at]));
    let part = figures(&app, refunded(1_500)).await;
    assert_eq!(part, json!([5_500, 2, 2_750, at, at]));
    // All of it was paid back, and it still is an order.
    let nothing = figures(&app, refunded(6_000)).await;
    assert_eq!(nothing, json!([1_000, 2, 500, at, at]));
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["gross_spend"], 7_000);
    let orders = app.client.read("/api/orders").await;
    assert_eq!(orders["items"][0]["refunded_amount"], 6_000);
    assert_eq!(orders["items"][1]["refunded_amount"], 0);

    let again = app.client.post(DATA, refunded(6_000)).await;
    assert_eq!(again.body["outcome"], "unchanged");
    let cancelled = with(refunded(1_500), json!({"status": "cancelled"}));
    let left = figures(&app, cancelled).await;
    assert_eq!(left, json!([1_000, 1, 1_000, at, at]));
    let rules = json!({"rules": "total_spend > 999"});
    let spenders = app.client.post("/api/segments/preview", rules).await;
    assert_eq!(spenders.body["count"], 1, "{spenders:?}");
    app.client.wait_until_caught_up().await;
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[tokio::test]
async fn orders_are_listed_newest_first_and_by_customer() {
    let app = App::start().await;
    let day = |n| format!("2026-01-{n:02}T00:00:00.000Z");
    let orders: Vec<Value> = (1..=9)
        .map(|n| {
            let customer = format!("c-{}", n % 3);
            with(
                order(&customer, &format!("o-{n}"), n),
                json!({"placed_at": day(n)}),
            )
        })
        .collect();
    let at = app.client.post_accepted(DATA, orders.into()).await;
    let ids = async |path: &str| {
        let path = format!("{path}after={at}");
        let orders = app.client.list(&path, 2).await;
        let ids: Vec<_> = orders
            .iter()
            .map(|o| o["order_id"].as_str().unwrap().to_owned())
            .collect();
        ids.join(" ")
    };
    assert_eq!(
        ids("/api/orders?").await,
        "o-9 o-8 o-7 o-6 o-5 o-4 o-3 o-2 o-1"
    );
    assert_eq!(ids("/api/orders?customer_id=c-1&").await, "o-7 o-4 o-1");
    assert_eq!(ids("/api/orders?customer_id=c-9&").await, "");
    let odd = app.client.get("/api/orders?customer_id=a%20b").await;
    odd.assert_problem(400, "invalid-parameter");
}
