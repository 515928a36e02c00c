//! Pagination: the pages of a list contain every item once and in order, for any page size.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;

/// Number of orders, spread over nine customers and five days.
const ORDERS: i64 = 83;

async fn start_with_orders() -> App {
    let app = App::start().await;
    let orders: Vec<Value> = (0..ORDERS)
        .map(|n| {
            let day = format!("2026-01-0{}T00:00:00.000Z", 1 + n % 5);
            let order = order(&format!("c-{}", n % 9), &format!("o-{n}"), n);
            with(order, json!({"placed_at": day}))
        })
        .collect();
    app.client
        .post_accepted("/api/data/orders", orders.into())
        .await;
    app.client.wait_until_caught_up().await;
    app
}

#[tokio::test]
async fn pages_contain_every_item_once_for_any_limit() {
    let app = start_with_orders().await;
    for (path, key, count) in [
        ("/api/orders", "order_id", 83),
        ("/api/orders?customer_id=c-0", "order_id", 10),
        ("/api/customers", "customer_id", 9),
        ("/api/customers?q=c-", "customer_id", 9),
        ("/api/audit", "position", 83),
        ("/api/audit?customer_id=c-1", "position", 10),
        ("/api/customers/c-1/timeline", "position", 10),
    ] {
        let whole = app.client.list(path, 500).await;
        assert_eq!(whole.len(), count, "{path}");
        let distinct: HashSet<_> = whole
            .iter()
            .map(|item| item[key].as_str().unwrap())
            .collect();
        assert_eq!(distinct.len(), count, "{path}");
        for limit in [1, 3, 10, 83] {
            let paged = app.client.list(path, limit).await;
            assert_eq!(paged, whole, "{path} limit {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_holds_fifty_items_by_default() {
    let app = start_with_orders().await;
    let page = app.client.read("/api/orders").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app
        .client
        .read(&format!("/api/orders?cursor={cursor}"))
        .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 33);
    assert_eq!(rest["next_cursor"], json!(null));
}

#[tokio::test]
async fn items_added_between_pages_do_not_shift_them() {
    let app = start_with_orders().await;
    let first = app.client.read("/api/orders?limit=40").await;
    let newest = with(
        order("c-1", "new", 1),
        json!({"placed_at": "2026-09-09T00:00:00.000Z"}),
    );
    app.client.post_accepted("/api/data/orders", newest).await;
    app.client.wait_until_caught_up().await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app
        .client
        .read(&format!("/api/orders?limit=500&cursor={cursor}"))
        .await;
    let pages = [first, second];
    let items = pages
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap());
    let ids: Vec<_> = items
        .map(|item| item["order_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 83);
    assert!(!ids.contains(&"new"));
}
