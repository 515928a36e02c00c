//! `POST /api/data/…`: single objects, arrays, and NDJSON, with an outcome per item.

use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;

const NDJSON: &str = "application/x-ndjson";

fn outcomes(body: &Value) -> Vec<&str> {
    let results = body["results"].as_array().unwrap().iter();
    results
        .map(|result| result["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_single_object_is_answered_with_its_outcome_and_position() {
    let app = App::without_workers().await;
    for (path, id, item) in [
        ("/api/data/orders", "o-1", order("c-1", "o-1", 1999)),
        (
            "/api/data/customers",
            "c-1",
            json!({"customer_id": "c-1", "name": "Ada"}),
        ),
        (
            "/api/data/events",
            "e-1",
            json!({"event_id": "e-1", "customer_id": "c-1", "name": "visit",
                   "occurred_at": "2026-03-01T12:00:00Z"}),
        ),
    ] {
        let first = app.client.post(path, item.clone()).await;
        assert_eq!(first.status, 202, "{first:?}");
        assert_eq!(first.body["id"], id);
        assert_eq!(first.body["outcome"], "created");
        assert_eq!(first.body["position"], first.position());
        let second = app.client.post(path, item).await;
        assert_eq!(second.status, 202);
        assert_eq!(second.body["outcome"], "unchanged");
        assert_eq!(second.body["position"], first.body["position"]);
    }
}

#[tokio::test]
async fn a_date_alone_is_the_beginning_of_that_day_in_the_deployments_zone() {
    let zone = ("PATRON_TIME_ZONE", "Europe/Berlin".to_owned());
    let mut app = App::with_environment(vec![zone]).await;
    app.add_worker();
    let api = &app.client;
    let dated = with(order("c-1", "o-1", 100), json!({"placed_at": "2026-01-31"}));
    api.post_accepted("/api/data/orders", dated).await;
    let at = "2026-01-31T00:00:00+01:00";
    let same = with(order("c-1", "o-1", 100), json!({"placed_at": at}));
    let again = api.post("/api/data/orders", same).await;
    assert_eq!(again.body["outcome"], "unchanged", "{again:?}");
    let visit = json!({"event_id": "e-1", "customer_id": "c-1", "name": "visit",
        "occurred_at": "2026-07-01"});
    api.post_accepted("/api/data/events", visit).await;
    let customer = json!({"customer_id": "c-1", "registered_at": "2026-03-29"});
    let after = api.post_accepted("/api/data/customers", customer).await;
    let customer = api.customer("c-1", &after).await;
    assert_eq!(customer["registered_at"], "2026-03-28T23:00:00.000Z");
    assert_eq!(customer["first_order_at"], "2026-01-30T23:00:00.000Z");
    assert_eq!(
        customer["events"]["visit"]["last_at"],
        "2026-06-30T22:00:00.000Z"
    );

    let local = with(
        order("c-1", "o-2", 100),
        json!({"placed_at": "2026-01-31T09:00"}),
    );
    let answer = api.post("/api/data/orders", local).await;
    let problem = answer.assert_problem(422, "invalid-field");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("has no offset from UTC"), "{detail}");
}

#[tokio::test]
async fn changed_content_is_an_update_and_a_repeat_is_unchanged() {
    let app = App::without_workers().await;
    let send = async |cents| {
        let item = order("c-1", "o-1", cents);
        app.client.post("/api/data/orders", item).await
    };
    assert_eq!(send(100).await.body["outcome"], "created");
    let updated = send(200).await;
    assert_eq!(updated.body["outcome"], "updated");
    assert_eq!(send(200).await.body["outcome"], "unchanged");
    assert_eq!(send(200).await.position(), updated.position());
    assert_eq!(send(100).await.body["outcome"], "updated");
}

#[tokio::test]
async fn an_array_is_answered_item_by_item_in_order() {
    let app = App::without_workers().await;
    let items: Vec<_> = (0..40)
        .map(|n| order(&format!("c-{n}"), &format!("o-{n}"), n))
        .collect();
    let answer = app.client.post("/api/data/orders", items.into()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["accepted"], 40);
    assert_eq!(answer.body["rejected"], 0);
    let results = answer.body["results"].as_array().unwrap();
    let header = answer.position();
    let partitions: Vec<_> = header.split(',').collect();
    assert!(
        partitions.len() > 1,
        "forty customers are in several partitions"
    );
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], index);
        assert_eq!(result["id"], format!("o-{index}"));
        assert_eq!(result["outcome"], "created");
        assert!(result["position"].is_string());
    }
    for last in partitions {
        assert!(results.iter().any(|result| result["position"] == last));
    }
}

#[tokio::test]
async fn ndjson_is_answered_like_an_array() {
    let app = App::without_workers().await;
    let line = |n| order("c-1", &format!("o-{n}"), n).to_string();
    let text = format!("{}\r\n\n  {}  \n{}", line(1), line(2), line(1));
    let path = "/api/data/orders";
    let answer = app.client.post_text(path, NDJSON, text).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(outcomes(&answer.body), ["created", "created", "unchanged"]);
    assert_eq!(answer.body["results"][2]["index"], 2);

    let one = app.client.post_text(path, NDJSON, line(9)).await;
    assert_eq!(one.body["accepted"], 1, "a single line is a batch of one");
    let charset = "application/x-ndjson; charset=utf-8";
    let again = app.client.post_text(path, charset, line(9)).await;
    assert_eq!(outcomes(&again.body), ["unchanged"]);
}

#[tokio::test]
async fn within_a_batch_later_items_build_on_earlier_ones() {
    let app = App::start().await;
    let items = json!([
        order("c-1", "o-1", 100),
        order("c-1", "o-1", 100),
        order("c-1", "o-1", 250),
        order("c-2", "o-1", 7),
    ]);
    let answer = app.client.post("/api/data/orders", items).await;
    assert_eq!(
        outcomes(&answer.body),
        ["created", "unchanged", "updated", "created"],
        "order ids are scoped to their customer"
    );
    let customer = app.client.customer("c-1", &answer.position()).await;
    assert_eq!(customer["total_spend"], 250);
    assert_eq!(customer["order_count"], 1);
}

#[tokio::test]
async fn an_empty_array_is_accepted() {
    let app = App::without_workers().await;
    let answer = app.client.post("/api/data/orders", json!([])).await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        answer.body,
        json!({"accepted": 0, "rejected": 0, "results": []})
    );
    assert_eq!(answer.header("patron-position"), "");
}

#[tokio::test]
async fn a_request_may_have_ten_thousand_items() {
    let app = App::start().await;
    let customer = |n: i64| format!("c-{}", n % 100);
    let lines: Vec<String> = (0..10_000)
        .map(|n| order(&customer(n), &format!("o-{n}"), n).to_string())
        .collect();
    let path = "/api/data/orders";
    let answer = app.client.post_text(path, NDJSON, lines.join("\n")).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["accepted"], 10_000);
    let again = app.client.post_text(path, NDJSON, lines.join("\n")).await;
    assert!(
        outcomes(&again.body)
            .iter()
            .all(|outcome| *outcome == "unchanged")
    );
    assert_eq!(again.position(), answer.position());

    app.client.wait_until_caught_up().await;
    let customers = app.client.list("/api/customers", 500).await;
    let spend: i64 = customers
        .iter()
        .map(|c| c["total_spend"].as_i64().unwrap())
        .sum();
    assert_eq!((customers.len(), spend), (100, 9_999 * 10_000 / 2));
}
