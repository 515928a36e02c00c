//! Audiences of segments: previews, members, explanations, and counts that follow the log.

use chrono::{DateTime, TimeDelta, Utc};
use mongodb::bson::doc;
use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::{App, Settings};
use crate::support::client::Client;
use crate::support::engines::engines;
use crate::support::mongo_server::{MongoServer, TEST_COMMANDS};
use crate::support::wait::{eventually, until};

/// Records three customers and their orders: Ada, in Rome, spent the most; Bob ordered once; Cy
/// never ordered.
///
/// Returns the positions of these writes.
async fn record_shop(api: &Client) -> String {
    let customers = json!([
        {"customer_id": "ada", "name": "Ada", "city": "Rome", "tags": ["vip"],
            "attributes": {"size": 39}},
        {"customer_id": "bob", "name": "Bob", "city": "rome"},
        {"customer_id": "cy", "name": "Cy"},
    ]);
    let customers = api.post_accepted("/api/data/customers", customers).await;
    let orders = json!([
        order("ada", "o-1", 60_000),
        order("ada", "o-2", 60_000),
        order("bob", "o-3", 20_000),
    ]);
    let orders = api.post_accepted("/api/data/orders", orders).await;
    format!("{customers},{orders}")
}

async fn preview(api: &Client, body: Value, after: &str) -> Value {
    let after = if after.is_empty() {
        String::new()
    } else {
        format!("?after={after}")
    };
    let answer = api
        .post(&format!("/api/segments/preview{after}"), body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Creates a segment with these rules and waits until the view has it. Returns its id and position.
async fn create_segment(api: &Client, rules: &str) -> (String, String) {
    let body = json!({"name": "A segment", "rules": rules});
    let answer = api.post("/api/segments", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.body["segment_id"].as_str().unwrap().to_owned();
    let position = answer.position();
    api.read(&format!("/api/segments/{id}?after={position}"))
        .await;
    (id, position)
}

fn ids(customers: &Value) -> Vec<&str> {
    let customers = customers.as_array().unwrap();
    customers
        .iter()
        .map(|c| c["customer_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_preview_counts_every_node() {
    let app = App::start().await;
    let api = &app.client;
    let after = record_shop(api).await;
    let rules = json!({"id": "root", "combinator": "and", "not": false, "rules": [
        {"id": "r1", "field": "total_spend", "operator": ">", "valueSource": "value", "value": "10000"},
        {"combinator": "or", "rules": [
            {"field": "city", "operator": "=", "value": "Rome"},
            {"field": "last_order_at", "operator": "null"},
        ]},
    ]});
    let result = preview(api, json!({"rules": rules}), &after).await;
    assert_eq!(result["count"], 1);
    assert_eq!(result["total_customers"], 3);
    assert_eq!(ids(&result["sample"]), ["ada"]);
    assert_eq!(result["sample"][0]["total_spend"], 120_000);
    assert!(result["took_ms"].is_u64() && result["as_of"].is_string());
    let text = r#"total_spend > 10000 AND (city = "Rome" OR last_order_at null)"#;
    assert_eq!(result["text"], text);
    assert_eq!(
        result["rules"],
        json!([
            {"pointer": "/rules", "id": "root", "text": text, "count": 1},
            {"pointer": "/rules/rules/0", "id": "r1", "text": "total_spend > 10000", "count": 2},
            {"pointer": "/rules/rules/1", "text": r#"city = "Rome" OR last_order_at null"#, "count": 2},
            {"pointer": "/rules/rules/1/rules/0", "text": r#"city = "Rome""#, "count": 1},
            {"pointer": "/rules/rules/1/rules/1", "text": "last_order_at null", "count": 1},
        ])
    );
    // A repeated preview has the same counts. After new events, they are computed again.
    assert_eq!(
        preview(api, json!({"rules": rules}), &after).await["rules"],
        result["rules"]
    );
    let after = api
        .post_accepted("/api/data/orders", order("cy", "o-4", 20_000))
        .await;
    let result = preview(api, json!({"rules": rules}), &after).await;
    let counts: Vec<_> = result["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["count"])
        .collect();
    assert_eq!(counts, [1, 3, 1, 1, 0]);
}

#[tokio::test]
async fn rules_may_be_text_and_compare_case_insensitively() {
    let app = App::start().await;
    let api = &app.client;
    let after = record_shop(api).await;
    for (rules, found) in [
        ("city beginsWith RO", 2),
        ("city = rome", 1),
        ("NOT (tags contains vip)", 2),
        ("tags doesNotContain vip", 2),
        ("attributes.size >= 39", 1),
        (r#"attributes.size = "39""#, 1),
        ("visits < 3", 3),
        ("days_since_last_order > 0", 2),
        ("order_count between 1 and 2 or name in (Cy)", 3),
        ("total_spend notBetween 1 and 50000 AND order_count > 0", 1),
        (r#"name contains ".""#, 0),
    ] {
        let result = preview(api, json!({"rules": rules, "sample": 0}), &after).await;
        assert_eq!(result["count"], found, "{rules}");
        assert_eq!(result["sample"], json!([]));
    }
}

#[tokio::test]
async fn members_are_paginated() {
    let app = App::start().await;
    let api = &app.client;
    let customers: Vec<Value> = (0..25)
        .map(|n| json!({"customer_id": format!("c-{n:02}"), "tags": [if n % 2 == 0 { "even" } else { "odd" }]}))
        .collect();
    let after = api
        .post_accepted("/api/data/customers", json!(customers))
        .await;
    let (id, position) = create_segment(api, "tags contains even").await;
    let members = format!("/api/segments/{id}/customers?after={after},{position}");
    let found = api.list(&members, 5).await;
    let expected: Vec<String> = (0..25).step_by(2).map(|n| format!("c-{n:02}")).collect();
    assert_eq!(ids(&json!(found)), expected);
    assert_eq!(found[0]["tags"], json!(["even"]));

    api.get("/api/segments/seg_0/customers")
        .await
        .assert_problem(404, "not-found");
    api.get(&format!("/api/segments/{id}/customers?cursor=zz"))
        .await
        .assert_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn an_explanation_shows_the_values_that_decided() {
    let app = App::start().await;
    let api = &app.client;
    let after = record_shop(api).await;
    let (id, position) = create_segment(
        api,
        "total_spend > 100000 AND (city = Rome OR days_since_last_order > 90)",
    )
    .await;
    let explain = |customer: &str| {
        format!("/api/segments/{id}/explain?customer_id={customer}&after={after},{position}")
    };
    let ada = api.read(&explain("ada")).await;
    assert_eq!(ada["matches"], true);
    assert_eq!(ada["segment_id"], id);
    assert_eq!(ada["version"], 1);
    let days = (Utc::now()
        - DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z")
            .unwrap()
            .to_utc())
    .num_days();
    let nodes: Vec<_> = ada["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            (
                node["pointer"].as_str().unwrap(),
                &node["matches"],
                &node["value"],
            )
        })
        .collect();
    assert_eq!(
        nodes,
        [
            ("/rules", &json!(true), &Value::Null),
            ("/rules/rules/0", &json!(true), &json!(120_000)),
            ("/rules/rules/1", &json!(true), &Value::Null),
            ("/rules/rules/1/rules/0", &json!(true), &json!("Rome")),
            ("/rules/rules/1/rules/1", &json!(days > 90), &json!(days)),
        ]
    );
    let cy = api.read(&explain("cy")).await;
    assert_eq!(cy["matches"], false);
    assert_eq!(
        cy["rules"][1],
        json!({"pointer": "/rules/rules/0",
        "text": "total_spend > 100000", "matches": false, "value": 0})
    );
    assert_eq!(cy["rules"][4]["value"], Value::Null);
    assert!(
        cy["rules"][0].get("value").is_none(),
        "a group has no value"
    );

    api.get(&explain("nobody"))
        .await
        .assert_problem(404, "not-found");
    api.get("/api/segments/seg_0/explain?customer_id=ada")
        .await
        .assert_problem(404, "not-found");
    api.get(&format!("/api/segments/{id}/explain"))
        .await
        .assert_problem(400, "invalid-parameter");
}

/// Waits until a segment's audience has this count, and returns the audience.
async fn wait_for_count(api: &Client, id: &str, count: u64) -> Value {
    eventually(&format!("{id} has {count} customers"), async || {
        let audience = api.read(&format!("/api/segments/{id}")).await["audience"].clone();
        (audience["count"] == count).then_some(audience)
    })
    .await
}

#[tokio::test]
async fn an_audience_count_follows_events_and_rule_changes() {
    let app = App::start().await;
    let api = &app.client;
    record_shop(api).await;
    let (id, _) = create_segment(api, "order_count >= 2").await;
    let audience = wait_for_count(api, &id, 1).await;
    assert_eq!(audience["version"], 1);
    assert!(audience["positions"].as_str().unwrap().contains(':'));
    api.post_accepted("/api/data/orders", order("bob", "o-5", 1))
        .await;
    assert_eq!(wait_for_count(api, &id, 2).await["total_customers"], 3);
    api.post_accepted("/api/data/orders", order("new", "o-6", 1))
        .await;
    let total = async || wait_for_count(api, &id, 2).await["total_customers"] == 4;
    until("the total includes the new customer", total).await;

    let body = json!({"name": "A segment", "rules": "order_count = 0"});
    let answer = api.put(&format!("/api/segments/{id}"), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(wait_for_count(api, &id, 1).await["version"], 2);
    let listed = api.list("/api/segments", 10).await;
    assert_eq!(listed[0]["audience"]["count"], 1);

    assert_eq!(api.delete(&format!("/api/segments/{id}")).await.status, 204);
    until("the archived segment has no audience", async || {
        api.read(&format!("/api/segments/{id}")).await["audience"].is_null()
    })
    .await;
}

#[tokio::test]
async fn an_audience_count_follows_the_clock() {
    let app = App::start().await;
    let api = &app.client;
    let (id, _) = create_segment(api, "days_since_last_order > 90").await;
    // The order turns 91 days old in 15 seconds.
    let placed_at = Utc::now() - TimeDelta::days(91) + TimeDelta::seconds(15);
    let placed = with(order("c-1", "o-1", 1), json!({"placed_at": placed_at}));
    api.post_accepted("/api/data/orders", placed).await;
    until(
        "the customer is counted but does not match yet",
        async || {
            let audience = &api.read(&format!("/api/segments/{id}")).await["audience"];
            audience["total_customers"] == 1 && audience["count"] == 0
        },
    )
    .await;
    wait_for_count(api, &id, 1).await;
}

/// Returns an instant after all events recorded so far and before all later ones.
async fn instant_between_events() -> DateTime<Utc> {
    let instant = Utc::now();
    until("the clock has moved on", async || {
        Utc::now() > instant + TimeDelta::milliseconds(2)
    })
    .await;
    instant
}

#[tokio::test]
async fn a_preview_as_of_the_past_shows_the_state_of_that_time() {
    let app = App::start().await;
    let api = &app.client;
    let before = instant_between_events().await;
    let after = record_shop(api).await;
    let rules = json!({"rules": "total_spend > 10000 AND city contains rome"});
    let then = preview(api, rules.clone(), &after).await;
    assert_eq!(then["count"], 2);
    let before_changes = instant_between_events().await;
    let cancelled = with(order("bob", "o-3", 20_000), json!({"status": "cancelled"}));
    api.post_accepted("/api/data/orders", cancelled).await;
    let moved = json!({"customer_id": "ada", "city": "Paris"});
    let after = api.post_accepted("/api/data/customers", moved).await;
    let now = preview(api, rules.clone(), &after).await;
    assert_eq!(now["count"], 0);

    let past = with(rules.clone(), json!({"as_of": before_changes}));
    let past = preview(api, past, "").await;
    for same in ["count", "total_customers", "rules", "text"] {
        assert_eq!(past[same], then[same]);
    }
    assert_eq!(ids(&past["sample"]), ["ada", "bob"]);
    assert_eq!(past["sample"][0]["city"], "Rome");
    let long_ago = preview(api, with(rules, json!({"as_of": before})), "").await;
    assert_eq!(
        (&long_ago["count"], &long_ago["total_customers"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn values_within_objects_are_matched_now_and_in_the_past() {
    let app = App::start().await;
    let api = &app.client;
    let address = |city: &str| json!({"city": city, "geo": {"lat": 41.9}});
    let customer =
        |id: &str, address| json!({"customer_id": id, "attributes": {"address": address}});
    let customers = json!([
        customer("ada", address("Rome")),
        customer("bob", address("Milan")),
        customer("cleo", json!("Rome")),
    ]);
    let after = api.post_accepted("/api/data/customers", customers).await;
    let rules = json!({"rules": "attributes.address.city contains rome"});
    let then = preview(api, rules.clone(), &after).await;
    assert_eq!(ids(&then["sample"]), ["ada"]);
    assert_eq!(then["sample"][0]["attributes"]["address"], address("Rome"));
    for (text, count) in [
        ("attributes.address.geo.lat > 41", 2),
        ("attributes.address.city null", 1),
        ("attributes.address notNull", 3),
        ("attributes.address = Rome", 1),
    ] {
        let found = preview(api, json!({"rules": text}), &after).await;
        assert_eq!(found["count"], count, "{text}");
    }
    let before_changes = instant_between_events().await;
    let moved = customer("ada", json!({"city": "Paris"}));
    let after = api.post_accepted("/api/data/customers", moved).await;
    assert_eq!(preview(api, rules.clone(), &after).await["count"], 0);
    let past = with(rules, json!({"as_of": before_changes}));
    let past = preview(api, past, "").await;
    assert_eq!(ids(&past["sample"]), ["ada"]);
    assert_eq!(past["sample"][0]["attributes"]["address"], address("Rome"));
}

/// A segment that takes MongoDB long delays neither the first count of another slow segment nor the
/// counts of fast ones.
#[tokio::test]
async fn slow_segments_do_not_delay_the_count_of_a_fast_one() {
    const CUSTOMERS: usize = 1_500;
    let mongo = MongoServer::start("slow-audiences", TEST_COMMANDS).await;
    let settings = Settings::fresh(&engines().redis_url, &mongo.uri());
    let customers_g1 = format!("{}.customers_g1", settings.name);
    let mut app = App::with_settings(settings);
    app.add_worker();
    let api = &app.client;
    let customer = |n: usize| json!({"customer_id": format!("c-{n}"), "name": format!("N {n}")});
    let customers = (0..CUSTOMERS).map(customer).collect();
    let registered = api.post_accepted("/api/data/customers", customers).await;
    let ordered = api
        .post_accepted("/api/data/orders", order("c-0", "o-1", 5))
        .await;
    let is_counted = async |id: &str| {
        let segment = api.read(&format!("/api/segments/{id}")).await;
        segment["audience"].is_object()
    };
    api.read(&format!("/api/customers?after={registered},{ordered}"))
        .await;
    // Once this segment is counted, the worker also knows the total number of customers. It keeps
    // that number only if no customer was added during the count, so all must be there before.
    let (first, _) = create_segment(api, "total_spend = 4").await;
    until("all customers are counted", async || {
        let segment = api.read(&format!("/api/segments/{first}")).await;
        segment["audience"]["total_customers"] == CUSTOMERS
    })
    .await;

    // MongoDB makes every query wait a second after each ten documents or index keys.
    let yield_often = doc! {"setParameter": 1, "internalQueryExecYieldIterations": 10};
    mongo.admin(yield_often).await.unwrap();
    let wait = doc! {"namespace": customers_g1, "waitForMillis": 1_000};
    mongo.enable_fail_point("setYieldAllLocksWait", wait).await;
    let (slow, _) = create_segment(api, "name contains \"9\"").await;
    let (slower, _) = create_segment(api, "name contains \"9\" or name contains \"8\"").await;
    let (fast, _) = create_segment(api, "total_spend = 5").await;
    until("the fast segment is counted", async || {
        is_counted(&fast).await
    })
    .await;
    assert!(!is_counted(&slow).await && !is_counted(&slower).await);

    mongo.disable_fail_point("setYieldAllLocksWait").await;
    for id in [&slow, &slower] {
        until("a slow segment is counted", async || is_counted(id).await).await;
    }
}
