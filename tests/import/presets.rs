//! Exports of orders with their presets.

use serde_json::json;

use super::{assert_succeeds, customer, dry_run, export, import, rejects};
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test]
async fn rows_of_a_shopify_order_are_one_order() {
    let app = App::start().await;
    let file = export("shopify_orders", "shopify_orders.csv");
    let ended = run(import(
        &app,
        "orders",
        &file,
        &["--preset", "shopify-orders"],
    ));
    assert_succeeds(
        &ended,
        "6 read from 9 rows: 6 created, 0 updated, 0 unchanged, 0 refused",
    );
    app.client.wait_until_caught_up().await;
    let figures = [
        ("mira.quist@example.com", 2, 9650),
        ("jon.vale@example.com", 1, 4500),
        ("pia.rook@example.com", 1, 3000),
    ];
    for (id, orders, spent) in figures {
        let customer = customer(&app, id).await;
        assert_eq!(customer["order_count"], orders, "{id}");
        assert_eq!(customer["total_spend"], spent, "{id}");
    }
    let orders = app.client.list("/api/orders", 50).await;
    assert_eq!(orders.len(), 6);
    let order = |id: &str| orders.iter().find(|order| order["order_id"] == id).unwrap();
    assert_eq!(order("#2101")["amount"], 8450);
    assert_eq!(
        order("#2101")["items"],
        json!([
            {"sku": "SOAP-OAT", "name": "Oat soap", "quantity": 2, "unit_amount": 1200},
            {"sku": "TOW-GR", "name": "Linen towel, grey", "quantity": 1, "unit_amount": 3000},
            {"sku": "BRU-1", "name": "Brush 5\"", "quantity": 1, "unit_amount": 1800}
        ])
    );
    assert_eq!(order("#2102")["refunded_amount"], 1500);
    assert_eq!(order("#2104")["status"], "cancelled");

    let again = run(import(&app, "orders", &file, &["--yes"]));
    assert_succeeds(
        &again,
        "6 read from 9 rows: 0 created, 0 updated, 6 unchanged, 0 refused",
    );
    assert!(
        again
            .err
            .contains("This looks like Shopify's export of orders: preset shopify-orders"),
        "{}",
        again.err
    );
}

#[tokio::test]
async fn stripe_payments_count_without_refunds_and_failures() {
    let app = App::start().await;
    let file = export("stripe", "stripe_payments.csv");
    let ended = run(import(
        &app,
        "orders",
        &file,
        &["--preset", "stripe-payments"],
    ));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let summary = "4 read: 2 created, 0 updated, 0 unchanged, 1 refused, 1 skipped";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&file);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["line"], 5);
    assert!(refused[0]["reason"].as_str().unwrap().contains("JPY"));
    app.client.wait_until_caught_up().await;
    let customer = customer(&app, "cus_pt_1").await;
    assert_eq!(
        (&customer["order_count"], &customer["total_spend"]),
        (&json!(1), &json!(9000))
    );
}

#[tokio::test]
async fn magento_orders_have_four_decimals_and_guests() {
    let app = App::start().await;
    let file = export("magento", "magento_orders.csv");
    let ended = run(import(&app, "orders", &file, &["--yes"]));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let summary = "7 read: 5 created, 0 updated, 0 unchanged, 1 refused, 1 skipped";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&file);
    assert!(
        refused[0]["reason"].as_str().unwrap().contains("19.9950"),
        "{refused:?}"
    );
    app.client.wait_until_caught_up().await;
    let ira = customer(&app, "701").await;
    assert_eq!(
        (&ira["order_count"], &ira["total_spend"]),
        (&json!(2), &json!(8495))
    );
    let sol = customer(&app, "702").await;
    assert_eq!(
        (&sol["order_count"], &sol["total_spend"]),
        (&json!(0), &json!(0))
    );
    let guest = customer(&app, "guest.one@example.com").await;
    assert_eq!(guest["total_spend"], 1000);
}

#[tokio::test]
async fn the_amount_of_an_invoice_is_the_sum_of_its_rows() {
    let app = App::start().await;
    let file = export("online_retail", "online_retail.csv");
    let arguments = ["--preset", "online-retail", "--set", "currency=USD"];
    let ended = run(import(&app, "orders", &file, &arguments));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let summary = "5 read from 8 rows: 3 created, 0 updated, 0 unchanged, 1 refused, 1 skipped";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&file);
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (
            &refused[0]["line"],
            &refused[0]["last_line"],
            &refused[0]["rows"]
        ),
        (&json!(8), &json!(9), &json!(2))
    );
    assert_eq!(
        refused[0]["reason"],
        "customer_id is empty: column CustomerID"
    );
    assert!(refused[0]["input"].as_str().unwrap().contains("NEST"));
    app.client.wait_until_caught_up().await;
    let customer = customer(&app, "17850").await;
    assert_eq!(customer["order_count"], 2);
    assert_eq!(customer["total_spend"], 6 * 255 + 2 * 339 + 7 * 185);
    let orders = app.client.list("/api/orders", 50).await;
    let summer = orders
        .iter()
        .find(|order| order["order_id"] == "700004")
        .unwrap();
    assert_eq!(summer["placed_at"], "2011-07-01T08:01:00.000Z");
}

#[tokio::test]
async fn woocommerce_orders_are_read_in_the_zone_of_the_shop() {
    let app = App::without_workers().await;
    let orders = export("woocommerce", "woocommerce_orders.csv");
    let arguments = ["--set", "currency=USD", "--time-zone", "Europe/Berlin"];
    let (objects, ended) = dry_run(&app, "orders", &orders, &arguments);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(
        ended.err.contains("preset woocommerce-orders"),
        "{}",
        ended.err
    );
    let placed: Vec<_> = objects.iter().map(|order| &order["placed_at"]).collect();
    let expected = [
        "2025-12-31T23:10:00.000Z",
        "2026-07-15T12:00:00.000Z",
        "2026-10-25T00:30:00.000Z",
    ];
    assert_eq!(placed, expected);
    assert_eq!(objects[2]["status"], "refunded");
    assert_eq!(objects[2]["refunded_amount"], 1500);
    assert!(ended.err.contains("1 refused"), "{}", ended.err);

    let (_, ended) = dry_run(&app, "orders", &orders, &arguments[..2]);
    assert!(
        ended.err.contains("--time-zone Europe/Berlin reads them"),
        "{}",
        ended.err
    );
    let (_, ended) = dry_run(&app, "orders", &orders, &arguments[2..]);
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    assert!(ended.err.contains("orders need currency"), "{}", ended.err);
}
