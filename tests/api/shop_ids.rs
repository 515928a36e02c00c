//! Ids as shops have them: with signs, spaces, slashes and accents.

use std::collections::BTreeSet;

use domain::key_part;
use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;

/// Returns ids as a shop sends them, and as they are read.
pub(super) fn ids() -> [(String, String); 4] {
    [
        ("#1001".to_owned(), "#1001".to_owned()),
        ("a/b c".to_owned(), "a/b c".to_owned()),
        ("A\u{308}%2F".to_owned(), "Ä%2F".to_owned()),
        // Composed, it has the longest allowed length of 128 bytes.
        ("u\u{308}".repeat(64), "ü".repeat(64)),
    ]
}

fn texts(items: &[Value], field: &str) -> BTreeSet<String> {
    let texts = items.iter().map(|item| item[field].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

#[tokio::test]
async fn any_printable_id_is_recorded_read_and_paged() {
    let app = App::start().await;
    let api = &app.client;
    for (sent, id) in ids() {
        let customer = json!({"customer_id": sent, "name": "Ada", "tags": ["vip"]});
        let registered = api.post("/api/data/customers", customer).await;
        assert_eq!(registered.body["id"], id, "{registered:?}");
        let first = api.post("/api/data/orders", order(&sent, &sent, 100)).await;
        assert_eq!(
            (&first.body["outcome"], &first.body["id"]),
            (&json!("created"), &json!(id))
        );
        let again = api.post("/api/data/orders", order(&id, &id, 100)).await;
        assert_eq!(again.body["outcome"], "unchanged", "{again:?}");
        let visit = json!({"event_id": sent, "customer_id": sent, "name": "visit",
            "occurred_at": "2026-01-03T00:00:00Z"});
        api.post_accepted("/api/data/events", visit).await;
    }
    api.wait_until_caught_up().await;
    let all: BTreeSet<String> = ids().map(|(_, id)| id).into();
    for (sent, id) in ids() {
        for spelling in [&sent, &id] {
            let customer = api
                .read(&format!("/api/customers/{}", key_part(spelling)))
                .await;
            assert_eq!(customer["customer_id"], id);
            assert_eq!(customer["total_spend"], 100);
            assert_eq!(customer["events"]["visit"]["count"], 1);
            let path = format!("/api/orders?customer_id={}", key_part(spelling));
            let orders = api.list(&path, 1).await;
            assert_eq!(orders.len(), 1);
            assert_eq!(
                (&orders[0]["customer_id"], &orders[0]["order_id"]),
                (&json!(id), &json!(id))
            );
            let found = api
                .list(&format!("/api/customers?q={}", key_part(spelling)), 1)
                .await;
            assert_eq!(texts(&found, "customer_id"), BTreeSet::from([id.clone()]));
        }
        let key = key_part(&id);
        let timeline = api.list(&format!("/api/customers/{key}/timeline"), 1).await;
        let keys = [
            format!("customer/{key}"),
            format!("order/{key}/{key}"),
            format!("activity/{key}/{key}"),
        ];
        assert_eq!(texts(&timeline, "aggregate"), BTreeSet::from(keys.clone()));
        for aggregate in &keys {
            let path = format!("/api/audit?aggregate={}", key_part(aggregate));
            let events = api.list(&path, 1).await;
            assert_eq!(
                texts(&events, "aggregate"),
                BTreeSet::from([aggregate.clone()])
            );
        }
        let of_customer = api
            .list(&format!("/api/audit?customer_id={}", key_part(&sent)), 1)
            .await;
        assert_eq!(texts(&of_customer, "aggregate"), BTreeSet::from(keys));
    }
    assert_eq!(
        texts(&api.list("/api/customers", 1).await, "customer_id"),
        all
    );
    assert_eq!(texts(&api.list("/api/orders", 1).await, "order_id"), all);
    // As a person writes a key.
    let typed = api
        .list(
            &format!("/api/audit?aggregate={}", key_part("order/#1001/#1001")),
            1,
        )
        .await;
    assert_eq!(typed.len(), 1);

    let vips = json!({"name": "Vips", "rules": "tags contains vip"});
    let segment = api.post("/api/segments", vips).await;
    let segment = segment.body["segment_id"].as_str().unwrap().to_owned();
    let members = api
        .list(&format!("/api/segments/{segment}/customers"), 1)
        .await;
    assert_eq!(texts(&members, "customer_id"), all);
    for (_, id) in ids() {
        let path = format!(
            "/api/segments/{segment}/explain?customer_id={}",
            key_part(&id)
        );
        assert_eq!(api.read(&path).await["matches"], true);
        let key = key_part(&id);
        let of_customer = api.read(&format!("/api/customers/{key}/segments")).await;
        assert_eq!(of_customer["items"].as_array().unwrap().len(), 1);
    }
    let verified = crate::support::process::run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[tokio::test]
async fn a_slash_in_an_id_does_not_join_it_with_another() {
    let app = App::start().await;
    let api = &app.client;
    let orders = json!([
        order("a/b", "c", 1),
        order("a", "b/c", 20),
        order("a/b", "c%", 300)
    ]);
    api.post_accepted("/api/data/orders", orders).await;
    for (customer, spend, orders) in [("a/b", 301, 2), ("a", 20, 1)] {
        let read = api
            .read(&format!("/api/customers/{}", key_part(customer)))
            .await;
        assert_eq!(read["total_spend"], spend);
        let path = format!("/api/orders?customer_id={}", key_part(customer));
        assert_eq!(api.list(&path, 1).await.len(), orders);
    }
    assert_eq!(api.list("/api/orders", 1).await.len(), 3);
}

#[tokio::test]
async fn an_integer_is_taken_as_an_id() {
    let app = App::start().await;
    let api = &app.client;
    let most = 9_007_199_254_740_992_u64;
    let numbered = with(
        order("17", "", 5),
        json!({"order_id": most, "customer_id": 17}),
    );
    let taken = api.post("/api/data/orders", numbered).await;
    assert_eq!(taken.body["id"], most.to_string(), "{taken:?}");
    let visit = json!({"event_id": 0, "customer_id": 17, "name": "visit",
        "occurred_at": "2026-01-03T00:00:00Z"});
    api.post_accepted("/api/data/events", visit).await;
    let customer = json!({"customer_id": 17, "name": "Ada"});
    let after = api.post_accepted("/api/data/customers", customer).await;
    let customer = api.customer("17", &after).await;
    assert_eq!(customer["customer_id"], "17");
    assert_eq!(customer["total_spend"], 5);

    let large = with(order("c-1", "", 5), json!({"order_id": most + 1}));
    let batch = api.post("/api/data/orders", json!([large])).await;
    let refused = &batch.body["results"][0];
    assert_eq!(refused["id"], (most + 1).to_string());
    let detail = refused["problem"]["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("send the id as a text"), "{detail}");
}
