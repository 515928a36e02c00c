//! Orders as a mirror reads them: every order once, or every change, while orders move.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::process::run;

const DATA: &str = "/api/data/orders";

/// Number of orders, of which 900 have the same time.
const ORDERS: i64 = 1_200;

fn numbered(n: i64, placed_at: &str) -> Value {
    let item = order(&format!("pg-c{}", n % 17), &format!("pg-{n:04}"), 100 + n);
    with(item, json!({"placed_at": placed_at}))
}

async fn start_with_orders() -> App {
    let app = App::start().await;
    let orders: Vec<Value> = (0..ORDERS)
        .map(|n| match n {
            0..900 => numbered(n, "2026-05-01T00:00:00.000Z"),
            _ => numbered(n, &format!("2026-04-{:02}T00:00:00.000Z", 1 + n % 30)),
        })
        .collect();
    app.client.post_accepted(DATA, orders.into()).await;
    app.client.wait_until_caught_up().await;
    app
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["order_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Moves an order that was not seen to a later day, and one that was seen to an earlier one.
async fn move_orders(app: &App, seen: &[String]) {
    let unseen = (0..ORDERS).rev().map(|n| (n, format!("pg-{n:04}")));
    let unseen = unseen.filter(|(_, id)| !seen.contains(id)).map(|(n, _)| n);
    let first_seen: i64 = seen[0]["pg-".len()..].parse().unwrap();
    let mut moved = vec![numbered(first_seen, "2026-01-01T00:00:00.000Z")];
    moved.extend(
        unseen
            .take(3)
            .map(|n| numbered(n, "2026-07-01T00:00:00.000Z")),
    );
    app.client.post_accepted(DATA, moved.into()).await;
    app.client.wait_until_caught_up().await;
}

#[tokio::test]
async fn every_order_is_listed_once_although_orders_move() {
    let app = start_with_orders().await;
    for rebuilds in [false, true] {
        let mut seen = Vec::new();
        let mut path = "/api/orders?order_by=recorded&limit=500".to_owned();
        loop {
            let page = app.client.read(&path).await;
            seen.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else {
                assert_eq!(page.get("resume_cursor"), None);
                break;
            };
            path = format!("/api/orders?order_by=recorded&limit=500&cursor={cursor}");
            move_orders(&app, &seen).await;
            if rebuilds {
                let rebuilt = run(app.patron(["rebuild", "orders"]));
                assert_eq!(rebuilt.code, Some(0), "{}{}", rebuilt.out, rebuilt.err);
            }
        }
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (1_200, 1_200));
    }
}

#[tokio::test]
async fn a_mirror_follows_changes_from_where_it_stopped() {
    let app = start_with_orders().await;
    let follow = async |mut cursor: Option<String>| {
        let mut seen = Vec::new();
        loop {
            let mut path = "/api/orders?order_by=changed&limit=500".to_owned();
            if let Some(cursor) = &cursor {
                path += &format!("&cursor={cursor}");
            }
            let page = app.client.read(&path).await;
            seen.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return (seen, page["resume_cursor"].as_str().unwrap().to_owned()),
            }
        }
    };
    let (all, cursor) = follow(None).await;
    assert_eq!(all.len(), 1_200);
    let changed = numbered(7, "2026-06-01T00:00:00.000Z");
    let new = numbered(5_000, "2020-01-01T00:00:00.000Z");
    app.client.post_accepted(DATA, json!([changed, new])).await;
    app.client.wait_until_caught_up().await;
    let rebuilt = run(app.patron(["rebuild", "orders"]));
    assert_eq!(rebuilt.code, Some(0), "{}{}", rebuilt.out, rebuilt.err);
    let (changes, cursor) = follow(Some(cursor)).await;
    let changes: BTreeSet<_> = changes
        .iter()
        .map(|order| (order["order_id"].as_str(), order["placed_at"].as_str()))
        .collect();
    let expected = [
        (Some("pg-0007"), Some("2026-06-01T00:00:00.000Z")),
        (Some("pg-5000"), Some("2020-01-01T00:00:00.000Z")),
    ];
    assert_eq!(changes, expected.into());
    assert_eq!(follow(Some(cursor.clone())).await, (vec![], cursor.clone()));

    for order_by in ["newest", "recorded"] {
        let path = format!("/api/orders?order_by={order_by}&cursor={cursor}");
        let foreign = app.client.get(&path).await;
        foreign.assert_problem(400, "invalid-parameter");
    }
    let unknown = app.client.get("/api/orders?order_by=amount").await;
    unknown.assert_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn an_order_under_two_customers_is_found_by_its_id() {
    let app = App::start().await;
    for customer in ["guest:lena@example.com", "c-501"] {
        let item = order(customer, "o-9001", 8_000);
        app.client.post_accepted(DATA, item).await;
    }
    app.client
        .post_accepted(DATA, order("c-501", "o-9002", 100))
        .await;
    app.client.wait_until_caught_up().await;
    let twins = app.client.read("/api/orders?order_id=o-9001").await;
    let customers: BTreeSet<_> = twins["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["customer_id"].as_str().unwrap())
        .collect();
    assert_eq!(customers, ["c-501", "guest:lena@example.com"].into());
    let one = "/api/orders?order_id=o-9001&customer_id=c-501&order_by=recorded";
    assert_eq!(ids(&app.client.read(one).await), ["o-9001"]);
    let none = app.client.read("/api/orders?order_id=o-1").await;
    assert_eq!(ids(&none), [""; 0]);
    let odd = app.client.get("/api/orders?order_id=a%0Ab").await;
    odd.assert_problem(400, "invalid-parameter");
}
