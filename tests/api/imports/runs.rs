//! Previews and runs: figures, refused rows, options, stops and events.

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    ImportApp, complete, counts, events, orders, orders_plan, run, shown, upload, uploaded,
    wait_for,
};
use crate::support::events::EventStream;
use crate::support::wait::{PATIENCE, until};

/// Rows: a good one, one without an amount, one in another currency, a good one.
const MIXED: &str = "order_id,customer_id,amount,currency,placed_at\n\
                     o-1,c-1,10.50,USD,2026-03-01\n\
                     o-2,c-1,,USD,2026-03-01\n\
                     o-3,c-1,3.00,EUR,2026-03-01\n\
                     o-4,c-2,4.00,USD,2026-03-02\n";

fn mixed_plan() -> Value {
    json!({"kind": "orders"})
}

#[tokio::test]
async fn a_preview_shows_what_a_run_then_does() {
    let app = ImportApp::start().await;
    let client = app.client();
    let path = uploaded(client, "mixed.csv", MIXED).await;
    let preview = client.post(&format!("{path}/preview"), mixed_plan()).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    let preview = preview.body;
    assert_eq!(preview["read"], 4);
    assert_eq!(
        (&preview["valid"], &preview["refused"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(preview["is_whole"], true);
    let items = preview["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["order_id"], "o-1");
    assert_eq!(items[0]["amount"], 1050);
    let refusals = preview["refusals"].as_array().unwrap();
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    let of = |line: u64| refusals.iter().find(|one| one["line"] == line).unwrap();
    assert_eq!(of(3)["pointer"], "/amount");
    assert_eq!(of(4)["pointer"], "/currency");
    assert_eq!(of(4)["input"], "o-3,c-1,3.00,EUR,2026-03-01");
    client
        .get("/api/customers/c-1")
        .await
        .assert_problem(404, "not-found");

    let import = complete(client, &path, mixed_plan()).await;
    assert_eq!(counts(&import), [4, 2, 0, 0, 2]);
    assert_eq!(import["progress"]["done_bytes"], import["bytes"]);
    assert_eq!(import["kind"], "orders");
    assert_eq!(import["started_by"], "key:bootstrap");
    assert_eq!(import["has_refused_rows"], true);
    until("the view has the orders", async || {
        let customer = client.get("/api/customers/c-1").await;
        customer.body["total_spend"] == 1050 && customer.body["order_count"] == 1
    })
    .await;

    let refused = client.get(&format!("{path}/refused")).await;
    assert_eq!(refused.header("content-type"), "application/x-ndjson");
    assert!(
        refused
            .header("content-disposition")
            .starts_with("attachment")
    );
    let rows: Vec<Value> = refused
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines: Vec<&Value> = rows.iter().map(|row| &row["line"]).collect();
    assert_eq!(lines, [3, 4]);
    assert_eq!(rows[1]["input"], "o-3,c-1,3.00,EUR,2026-03-01");

    let orders = client.list("/api/audit?type=order_placed.1", 10).await;
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[0]["actor"], "key:bootstrap");
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(app.files(), 0);
}

#[tokio::test]
async fn the_export_of_a_shop_is_detected_and_has_the_right_figures() {
    let app = ImportApp::start().await;
    let client = app.client();
    let export = include_bytes!("../../data/exports/shopify_orders.csv");
    let answer = upload(client, "orders_export.csv", export.to_vec()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let path = answer.header("location").to_owned();
    let detected = &answer.body["detected"];
    assert_eq!(detected["preset"], "shopify-orders");
    assert_eq!(detected["title"], "Shopify's export of orders");
    assert_eq!(detected["kind"], "orders");
    assert_eq!(detected["columns"][0], "Name");
    let plan = json!({
        "kind": detected["kind"], "preset": detected["preset"],
        "format": detected["format"], "options": detected["options"],
    });
    let preview = client.post(&format!("{path}/preview"), plan.clone()).await;
    assert_eq!(preview.body["valid"], 6, "{preview:?}");
    assert_eq!(preview.body["rows"], 9);
    assert_eq!(
        preview.body["items"][0]["items"].as_array().unwrap().len(),
        3
    );
    let import = complete(client, &path, plan).await;
    assert_eq!(counts(&import), [6, 6, 0, 0, 0]);
    assert_eq!(import["progress"]["rows"], 9);
    assert_eq!(import["preset"], "shopify-orders");
    client.wait_until_caught_up().await;
    for (customer, orders, spend) in [
        ("mira.quist%40example.com", 2, 9650),
        ("jon.vale%40example.com", 1, 4500),
        ("pia.rook%40example.com", 1, 3000),
    ] {
        let customer = client.read(&format!("/api/customers/{customer}")).await;
        assert_eq!(customer["order_count"], orders, "{customer}");
        assert_eq!(customer["total_spend"], spend, "{customer}");
    }
}

#[tokio::test]
async fn the_trail_of_an_import_has_its_options_and_counts() {
    let app = ImportApp::start().await;
    let client = app.client();
    let path = uploaded(client, "orders.csv", orders(0..3)).await;
    complete(client, &path, orders_plan()).await;
    let one = async |tag: &str| {
        let mut events = events(client, tag).await;
        assert_eq!(events.len(), 1, "{tag}: {events:?}");
        events.remove(0)
    };
    let started = one("import_started.1").await;
    assert_eq!(started["kind"], "orders");
    assert_eq!(started["file"]["file_name"], "orders.csv");
    assert_eq!(started["options"]["set"]["currency"], "USD");
    let finished = one("import_finished.1").await;
    assert_eq!(finished["counts"]["created"], 3);
}

#[tokio::test]
async fn options_that_do_not_fit_are_refused_before_a_run() {
    let app = ImportApp::start().await;
    let client = app.client();
    let path = uploaded(client, "orders.csv", orders(0..3)).await;
    for (plan, pointer) in [
        (json!({}), "/kind"),
        (json!({"kind": "invoices"}), "/kind"),
        (
            json!({"kind": "orders", "options": {"delimiter": "||"}}),
            "/options/delimiter",
        ),
        (
            json!({"kind": "orders", "options": {"mop": {}}}),
            "/options/mop",
        ),
        (
            json!({"kind": "orders", "preset": "shop-orders"}),
            "/preset",
        ),
        (
            json!({"kind": "customers", "preset": "shopify-orders"}),
            "/options",
        ),
        (
            json!({"kind": "orders", "options": {"map": {"order_id": "Nope"}}}),
            "/options/map/order_id",
        ),
        (
            json!({"kind": "orders", "options": {"set": {"colour": "red"}}}),
            "/options/set/colour",
        ),
    ] {
        for action in ["preview", "run"] {
            let answer = client.post(&format!("{path}/{action}"), plan.clone()).await;
            assert_eq!(answer.status, 422, "{plan} {answer:?}");
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{answer:?}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(
                !detail.contains(app.folder.path().to_str().unwrap()),
                "{detail}"
            );
            assert!(!detail.contains("--"), "options are members here: {detail}");
        }
    }
    assert_eq!(shown(client, &path).await["status"], "uploaded");
    complete(client, &path, orders_plan()).await;
    let again = client.post(&format!("{path}/run"), orders_plan()).await;
    again.assert_problem(409, "impossible-transition");
}

#[tokio::test]
async fn a_binary_file_is_refused_with_a_reason() {
    let app = ImportApp::start().await;
    let client = app.client();
    let answer = upload(
        client,
        "photo.png",
        b"\x89PNG\r\n\x1a\n\0\0\0\xff\xfe".to_vec(),
    )
    .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let path = answer.header("location").to_owned();
    for action in ["preview", "run"] {
        let answer = client
            .post(&format!("{path}/{action}"), orders_plan())
            .await;
        answer.assert_problem(422, "invalid-field");
    }
}

#[tokio::test]
async fn one_import_runs_at_a_time_and_a_stopped_one_continues() {
    let app = ImportApp::start().await;
    let client = app.client();
    // Enough rows that the run is not over before it is stopped: on a busy machine, the read in
    // between waits seconds for the view.
    let rows = 200_000;
    let path = uploaded(client, "orders.csv", orders(0..rows)).await;
    let other = uploaded(client, "few.csv", orders(0..1)).await;
    run(client, &path, orders_plan()).await;

    let busy = client.post(&format!("{other}/run"), orders_plan()).await;
    busy.assert_problem(409, "import-running");
    let again = client.post(&format!("{path}/run"), orders_plan()).await;
    again.assert_problem(409, "impossible-transition");
    client
        .delete(&path)
        .await
        .assert_problem(409, "impossible-transition");

    until("some rows are recorded", async || {
        let import = shown(client, &path).await;
        import["progress"]["read"]
            .as_u64()
            .is_some_and(|read| read > 0)
    })
    .await;
    let stopped = client.post(&format!("{path}/stop"), json!({})).await;
    assert_eq!(stopped.status, 202, "{stopped:?}");
    assert_eq!(stopped.body["status"], "stopped");
    let import = wait_for(client, &path, "stopped").await;
    let [read, created, ..] = counts(&import);
    assert!(read > 0 && read < rows as u64, "{import}");
    assert_eq!(read, created);
    let stopped = client.post(&format!("{path}/stop"), json!({})).await;
    assert_eq!(stopped.status, 202, "stopping again changes nothing");

    complete(client, &other, orders_plan()).await;
    let import = complete(client, &path, orders_plan()).await;
    // The other import has recorded the first order.
    let rows = rows as u64;
    assert_eq!(counts(&import), [rows, rows, 0, 0, 0]);
}

#[tokio::test]
async fn an_import_is_followed_to_its_end() {
    let app = ImportApp::start().await;
    let client = app.client();
    let path = uploaded(client, "orders.csv", orders(0..20_000)).await;
    run(client, &path, orders_plan()).await;
    until("the view has the start", async || {
        shown(client, &path).await["status"] != "uploaded"
    })
    .await;
    let mut stream = EventStream::open(client, &format!("{path}/events")).await;
    let mut last = None;
    while let Some((name, import)) = timeout(PATIENCE, stream.next()).await.unwrap() {
        assert!(last.as_ref().is_none_or(|(name, _)| name == "progress"));
        if name == "progress" {
            assert_eq!(import["status"], "running");
        }
        last = Some((name, import));
    }
    let (name, import) = last.unwrap();
    assert_eq!(
        (name.as_str(), &import["status"]),
        ("end", &json!("finished"))
    );
    assert_eq!(counts(&import), [20_000, 20_000, 0, 0, 0]);
    let mut stream = EventStream::open(client, &format!("{path}/events")).await;
    assert_eq!(stream.next().await.unwrap().0, "end");
    let unknown = client.get("/api/imports/imp_1/events").await;
    unknown.assert_problem(404, "not-found");
}
