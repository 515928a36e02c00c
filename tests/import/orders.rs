//! Orders whose rows are spread over a table, their statuses, and rows that contradict each other.

use serde_json::json;

use super::{assert_succeeds, export, file, import, rejects};
use crate::support::app::App;
use crate::support::process::run;

const SHOPIFY: [&str; 10] = [
    "--map",
    "customer_id=Email",
    "--map",
    "amount=Total",
    "--map",
    "currency=Currency",
    "--map",
    "placed_at=Created at",
    "--date-format",
    "%Y-%m-%d %H:%M:%S %z",
];

#[tokio::test]
async fn continuation_rows_belong_to_their_order_without_a_preset_too() {
    let app = App::start().await;
    let file = export("continuation", "shopify_orders.csv");
    for (id, created) in [("order_id=Name", 6), ("order_id=Id", 6)] {
        let arguments = [&SHOPIFY[..], &["--map", id, "--restart"]].concat();
        let ended = run(import(&app, "orders", &file, &arguments));
        assert_succeeds(
            &ended,
            &format!("6 read from 9 rows: {created} created, 0 updated, 0 unchanged, 0 refused"),
        );
    }
    app.client.wait_until_caught_up().await;
    let mira = app
        .client
        .read("/api/customers/mira.quist%40example.com")
        .await;
    assert_eq!(
        (&mira["order_count"], &mira["total_spend"]),
        (&json!(4), &json!(19300))
    );
}

#[tokio::test]
async fn a_status_without_a_meaning_is_refused_with_the_option_that_gives_it_one() {
    let app = App::without_workers().await;
    let file = export("statuses", "shopify_orders.csv");
    let with_status = ["--map", "order_id=Name", "--map", "status=Financial Status"];
    let arguments = [&SHOPIFY[..], &with_status].concat();
    let ended = run(import(&app, "orders", &file, &arguments));
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let refused = rejects(&file);
    let reason = refused[0]["reason"].as_str().unwrap();
    assert!(reason.contains("--status 'paid=placed'"), "{reason}");
    assert_eq!(refused[0]["rows"], 3);
    assert_eq!(refused[0]["input"].as_str().unwrap().lines().count(), 3);

    let statuses = "paid=placed,pending=placed,partially_refunded=placed,voided=skip";
    let arguments = [&arguments[..], &["--status", statuses]].concat();
    let ended = run(import(&app, "orders", &file, &arguments));
    assert_succeeds(
        &ended,
        "6 read from 9 rows: 4 created, 0 updated, 1 unchanged, 0 refused, 1 skipped",
    );
}

#[tokio::test]
async fn a_row_that_contradicts_an_earlier_one_is_refused_unless_the_last_wins() {
    let app = App::start().await;
    let table = "customer_id,name\nd-1,Ann\nd-2,Cy\nd-1,Bob\nd-2,Cy\n";
    let path = file("contradictions", "customers.csv", table);
    let ended = run(import(&app, "customers", &path, &[]));
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let summary = "4 read: 2 created, 0 updated, 0 unchanged, 1 refused, 1 repeated";
    assert!(ended.out.contains(summary), "{}", ended.out);
    assert!(
        ended
            .out
            .contains("1 × line 2 of the file has the same customer_id"),
        "{}",
        ended.out
    );
    assert_eq!(rejects(&path)[0]["line"], 4);
    app.client.wait_until_caught_up().await;
    assert_eq!(app.client.read("/api/customers/d-1").await["name"], "Ann");

    let ended = run(import(&app, "customers", &path, &["--last-wins"]));
    assert_succeeds(&ended, "4 read: 0 created, ");
    app.client.wait_until_caught_up().await;
    assert_eq!(app.client.read("/api/customers/d-1").await["name"], "Bob");
}

#[tokio::test]
async fn rows_of_an_order_that_do_not_follow_each_other_are_refused() {
    let app = App::without_workers().await;
    let table = "order_id,customer_id,amount,currency,placed_at,items.sku,items.quantity\n\
                 o-1,c-1,10.00,USD,2026-01-01,a,1\n\
                 o-2,c-1,20.00,USD,2026-01-01,a,1\n\
                 o-1,c-1,10.00,USD,2026-01-01,b,1\n\
                 o-3,c-1,30.00,USD,2026-01-01,a,1\n\
                 o-3,c-1,35.00,USD,2026-01-01,b,1\n";
    let path = file("scattered", "orders.csv", table);
    let ended = run(import(&app, "orders", &path, &[]));
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let summary = "4 read from 5 rows: 2 created, 0 updated, 0 unchanged, 2 refused";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&path);
    let reason = |index: usize| refused[index]["reason"].as_str().unwrap();
    assert!(
        reason(0).contains("rows of one order must follow each other"),
        "{}",
        reason(0)
    );
    assert!(reason(1).contains("contradict each other"), "{}", reason(1));
    assert_eq!(refused[1]["rows"], 2);
}
