//! Times of a shop's own clock.

use serde_json::{Value, json};

use super::{assert_succeeds, assert_wrong_option, dry_run, export, file, import, rejects};
use crate::support::app::App;
use crate::support::process::run;

const SHOP: [&str; 10] = [
    "--map",
    "order_id=Order Number",
    "--map",
    "customer_id=Email (Billing)",
    "--map",
    "amount=Order Total Amount",
    "--map",
    "placed_at=Order Date",
    "--set",
    "currency=USD",
];

#[tokio::test]
async fn local_times_are_read_in_the_zone_of_the_shop() {
    let app = App::start().await;
    let orders = export("berlin", "woocommerce_orders.csv");
    let zone = [&SHOP[..], &["--time-zone", "Europe/Berlin"]].concat();
    let ended = run(import(&app, "orders", &orders, &zone));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("4 read: 3 created"), "{}", ended.out);
    assert!(ended.out.contains("1 time happened twice"), "{}", ended.out);
    let refused = rejects(&orders);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["pointer"], "/placed_at");
    let reason = refused[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("\"2026-03-29 02:30\" is a time that did not exist in Europe/Berlin"),
        "{reason}"
    );
    app.client.wait_until_caught_up().await;
    let orders = app.client.list("/api/orders", 10).await;
    let placed = |id: &str| {
        let order = orders.iter().find(|order| order["order_id"] == id);
        order.unwrap()["placed_at"].clone()
    };
    assert_eq!(placed("5001"), "2025-12-31T23:10:00.000Z");
    assert_eq!(placed("5003"), "2026-07-15T12:00:00.000Z");
    assert_eq!(
        placed("5004"),
        "2026-10-25T00:30:00.000Z",
        "the first of the two is meant"
    );

    // The shop's own copy of the order, with its offset, is the same order.
    let copy = json!({"order_id": "5001", "customer_id": "ida.kern@example.com", "amount": 4900,
        "currency": "USD", "placed_at": "2026-01-01T00:10:00+01:00"});
    let copy = file("berlin", "copy.ndjson", format!("{copy}\n"));
    assert_succeeds(&run(import(&app, "orders", &copy, &[])), "1 unchanged");
}

#[tokio::test]
async fn a_local_time_without_a_zone_is_refused_with_the_option() {
    let app = App::without_workers().await;
    let orders = export("no_zone", "woocommerce_orders.csv");
    let ended = run(import(&app, "orders", &orders, &SHOP));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    for row in rejects(&orders) {
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains("pass --time-zone"), "{reason}");
    }
    let unknown = [&SHOP[..], &["--time-zone", "Europe/Berln"]].concat();
    assert_wrong_option(&app, "orders", &orders, &unknown, "IANA database");
}

fn placed_at(objects: &[Value]) -> Vec<&str> {
    objects
        .iter()
        .map(|order| order["placed_at"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_zone_in_the_file_is_never_ignored() {
    let app = App::without_workers().await;
    let row = |zone: &str| format!("o-{zone},c-1,1,USD,2026-07-01 09:00:00 {zone}\n");
    let rows: String = ["UTC", "CEST", "PDT", "IST", "CST", "BST", "nonsense"]
        .map(row)
        .concat();
    let table = format!("order_id,customer_id,amount,currency,placed_at\n{rows}");
    let orders = file("abbreviations", "orders.csv", table);
    let format = ["--date-format", "%Y-%m-%d %H:%M:%S %Z"];
    let (objects, ended) = dry_run(&app, "orders", &orders, &format);
    let wanted = [
        "2026-07-01T09:00:00.000Z",
        "2026-07-01T07:00:00.000Z",
        "2026-07-01T16:00:00.000Z",
    ];
    assert_eq!(placed_at(&objects), wanted);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("has the time zone"), "{}", ended.err);
}

#[tokio::test]
async fn dates_alone_are_days_of_the_named_zone_or_of_the_server() {
    let app = App::start().await;
    let table = "order_id,customer_id,amount,currency,placed_at\no-1,c-1,1,USD,15.07.2026\n";
    let orders = file("dates", "orders.csv", table);
    let format = [
        "--date-format",
        "%d.%m.%Y %H:%M",
        "--date-format",
        "%d.%m.%Y",
    ];
    let (objects, _) = dry_run(&app, "orders", &orders, &format);
    assert_eq!(placed_at(&objects), ["2026-07-15"]);
    let zone = [&format[..], &["--time-zone", "Europe/Berlin"]].concat();
    let (objects, _) = dry_run(&app, "orders", &orders, &zone);
    assert_eq!(placed_at(&objects), ["2026-07-14T22:00:00.000Z"]);
    assert_succeeds(&run(import(&app, "orders", &orders, &format)), "1 created");
}
