//! The segments of a customer: `GET /api/customers/{id}/segments`.

use serde_json::{Value, json};

use super::{archive, create, named, replace};
use crate::api::{order, with};
use crate::support::app::App;

async fn segments_of(app: &App, customer: &str) -> Vec<Value> {
    let path = format!("/api/customers/{customer}/segments");
    let listed = app.client.read(&path).await;
    assert_eq!(listed["next_cursor"], Value::Null);
    listed["items"].as_array().unwrap().clone()
}

async fn names_of(app: &App, customer: &str) -> Vec<String> {
    let segments = segments_of(app, customer).await;
    let name = |segment: &Value| segment["name"].as_str().unwrap().to_owned();
    segments.iter().map(name).collect()
}

#[tokio::test]
async fn a_customer_is_in_the_live_segments_whose_rules_match_now() {
    let app = App::start().await;
    let ordered = |name, rules| with(named(name), json!({"rules": rules}));
    let (buyers, _) = create(&app, ordered("Buyers", "order_count > 0")).await;
    create(
        &app,
        ordered("Big", "total_spend >= 1000 AND order_count > 0"),
    )
    .await;
    create(&app, ordered("Recent", "days_since_last_order < 3")).await;
    let (old, _) = create(&app, ordered("Everybody, once", "order_count >= 0")).await;
    archive(&app, &old).await;
    create(&app, ordered("Everybody", "order_count >= 0")).await;
    let customer = json!({"customer_id": "c-2", "name": "Bob"});
    app.client
        .post_accepted("/api/data/customers", customer)
        .await;
    app.client
        .post_accepted("/api/data/orders", order("c-1", "o-1", 999))
        .await;
    app.client.wait_until_caught_up().await;
    assert_eq!(names_of(&app, "c-2").await, ["Everybody"]);
    assert_eq!(names_of(&app, "c-1").await, ["Everybody", "Buyers"]);
    // The list follows customers and segments.
    app.client
        .post_accepted("/api/data/orders", order("c-1", "o-2", 1))
        .await;
    assert_eq!(names_of(&app, "c-1").await, ["Everybody", "Big", "Buyers"]);
    let narrower = ordered("Nobody", "order_count > 9");
    assert_eq!(replace(&app, &buyers, &narrower).await.status, 200);
    assert_eq!(names_of(&app, "c-1").await, ["Everybody", "Big"]);

    let segment = segments_of(&app, "c-2").await.swap_remove(0);
    let path = format!("/api/segments/{}", segment["segment_id"].as_str().unwrap());
    let shown = app.client.read(&path).await;
    for (field, value) in segment.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
    assert_eq!(segment["text"], "order_count >= 0");
}

#[tokio::test]
async fn the_segments_of_an_unknown_customer_are_not_found() {
    let app = App::start().await;
    create(&app, named("Everybody")).await;
    let path = "/api/customers/c-0/segments";
    app.client.get(path).await.assert_problem(404, "not-found");
    for query in ["limit=1", "cursor=00", "after=x"] {
        let refused = app.client.get(&format!("{path}?{query}")).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}
