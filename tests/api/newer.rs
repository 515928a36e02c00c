//! Newer wins: items with `updated_at` that arrive in any order and more than once.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::process::run;

const MORNING: &str = "2024-11-23T08:00:00.000Z";
const NOON: &str = "2024-11-23T12:00:00.000Z";
const EVENING: &str = "2024-11-23T18:00:00.000Z";

/// Returns an item of each kind with this content and time: path, and item.
fn items(word: &str, updated_at: &str) -> [(&'static str, Value); 3] {
    let cents = word.len() as i64;
    let customer = json!({"customer_id": "c-1", "city": word});
    let event = json!({"event_id": "e-1", "customer_id": "c-1", "name": word,
        "occurred_at": MORNING});
    let time = json!({"updated_at": updated_at});
    [
        ("/api/data/customers", with(customer, time.clone())),
        (
            "/api/data/orders",
            with(order("c-1", "o-1", cents), time.clone()),
        ),
        ("/api/data/events", with(event, time)),
    ]
}

async fn state(app: &App) -> Value {
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    json!([
        customer["city"],
        customer["total_spend"],
        customer["events"]
    ])
}

#[tokio::test]
async fn repeating_items_in_any_order_leaves_the_newest() {
    let app = App::start().await;
    let steps = [
        ("rome", NOON, "created"),
        ("bergen", MORNING, "stale"),
        ("rome", NOON, "unchanged"),
        ("oslo_2", EVENING, "updated"),
        ("rome", NOON, "stale"),
        ("bergen", MORNING, "stale"),
        ("oslo_2", EVENING, "unchanged"),
    ];
    for (word, updated_at, expected) in steps {
        for (path, item) in items(word, updated_at) {
            let answer = app.client.post(path, item).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            assert_eq!(
                answer.body["outcome"], expected,
                "{path} {word} {updated_at}"
            );
            assert_eq!(answer.body["position"], answer.position());
        }
    }
    let newest = state(&app).await;
    assert_eq!(newest[0], "oslo_2");
    assert_eq!(newest[1], 6);
    assert_eq!(newest[2]["oslo_2"]["count"], 1);
    assert_ne!(newest[2]["rome"]["count"], 1);
    let orders = app.client.read("/api/orders").await;
    assert_eq!(orders["items"][0]["source_updated_at"], EVENING);
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[tokio::test]
async fn a_batch_counts_stale_items_as_accepted() {
    let app = App::without_workers().await;
    let version = |id: &str, cents, updated_at: &str| {
        with(order("c-1", id, cents), json!({"updated_at": updated_at}))
    };
    let batch = json!([
        version("o-1", 2, NOON),
        version("o-2", 2, EVENING),
        version("o-1", 1, MORNING),
        version("o-1", 2, NOON),
        version("o-1", 3, EVENING),
        order("c-1", "o-2", 9),
        version("o-2", 2, NOON),
    ]);
    let answer = app.client.post("/api/data/orders", batch.clone()).await;
    assert_eq!(
        (&answer.body["accepted"], &answer.body["rejected"]),
        (&json!(7), &json!(0))
    );
    let outcomes = |body: &Value| -> Vec<String> {
        let results = body["results"].as_array().unwrap().iter();
        results
            .map(|one| one["outcome"].as_str().unwrap().to_owned())
            .collect()
    };
    let expected = [
        "created",
        "created",
        "stale",
        "unchanged",
        "updated",
        "updated",
        "stale",
    ];
    assert_eq!(outcomes(&answer.body), expected);
    let lines: Vec<String> = batch
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    let ndjson = "application/x-ndjson";
    let again = app
        .client
        .post_text("/api/data/orders", ndjson, lines.join("\n"))
        .await;
    // The item without a time is applied each time, so only `o-2` changes again.
    let expected = [
        "stale",
        "updated",
        "stale",
        "stale",
        "unchanged",
        "updated",
        "stale",
    ];
    assert_eq!(outcomes(&again.body), expected);
}

#[tokio::test]
async fn a_time_in_the_future_is_refused_with_the_reason() {
    let app = App::without_workers().await;
    let ahead = |minutes| {
        let at = Utc::now() + TimeDelta::minutes(minutes);
        at.to_rfc3339_opts(SecondsFormat::Millis, true)
    };
    for (path, item) in items("rome", &ahead(4)) {
        let accepted = app.client.post(path, item).await;
        assert_eq!(accepted.body["outcome"], "created", "{accepted:?}");
    }
    for (path, item) in items("oslo", &ahead(6)) {
        let answer = app.client.post(path, item).await;
        let problem = answer.assert_problem(422, "refused");
        assert_eq!(problem["errors"][0]["pointer"], "/updated_at");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("more than five minutes ahead"), "{detail}");
    }
    for (path, item) in items("oslo", "2024-11-23T12:00") {
        let answer = app.client.post(path, item).await;
        let problem = answer.assert_problem(422, "invalid-field");
        assert_eq!(problem["errors"][0]["pointer"], "/updated_at");
    }
    for (path, item) in items("bergen", NOON) {
        let null = with(item, json!({"updated_at": null}));
        assert_eq!(app.client.post(path, null).await.body["outcome"], "updated");
    }
}
