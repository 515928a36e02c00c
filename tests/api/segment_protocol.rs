//! Segment's protocol: credentials, results of each call, and what SDKs rely on.

use std::io::Write;
use std::process::{Command, Stdio};

use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::{Answer, Client, send};

const BATCH: &str = "/v1/batch";

fn identify(user: &str, traits: Value) -> Value {
    json!({"type": "identify", "userId": user, "traits": traits})
}

fn track(user: &str, message: &str, event: &str) -> Value {
    json!({
        "type": "track",
        "userId": user,
        "messageId": message,
        "event": event,
        "timestamp": "2026-01-02T03:04:05Z",
    })
}

async fn post_batch(client: &Client, calls: Value) -> Answer {
    let body = json!({"batch": calls, "sentAt": "2026-01-02T03:04:06Z", "context": {"a": 1}});
    client.post(BATCH, body).await
}

#[tokio::test]
async fn each_call_of_a_batch_has_its_own_result() {
    let app = App::start().await;
    let mut completed = track("c-1", "m-1", "Order Completed");
    completed["properties"] = json!({
        "total": 19.99,
        "coupon": "",
        "products": [{"sku": "a"}],
        "shipping": {"address": {"city": "Rome"}},
    });
    let calls = json!([
        identify("c-1", json!({"email": "ada@example.com", "plan": null})),
        completed,
        {"type": "page", "userId": "c-1"},
        {"type": "track", "anonymousId": "a-1", "event": "Visit"},
        track("c-1", "m-2", "->"),
        {"type": "dance"},
        7,
    ]);
    let answer = post_batch(&app.client, calls).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = &answer.body;
    let counts = [
        &body["success"],
        &body["accepted"],
        &body["rejected"],
        &body["ignored"],
    ];
    assert_eq!(counts, [&json!(true), &json!(2), &json!(3), &json!(2)]);
    let results = body["results"].as_array().unwrap();
    assert_eq!(results[0]["id"], "c-1");
    assert_eq!(results[0]["outcome"], "created");
    assert!(results[0].get("name").is_none());
    assert_eq!(results[1]["type"], "track");
    assert_eq!(results[1]["id"], "m-1");
    assert_eq!(results[1]["name"], "order_completed");
    let warning = json!({
        "code": "left-out",
        "pointer": "/properties/products",
        "detail": "an array cannot be kept",
    });
    assert_eq!(results[1]["warnings"], json!([warning]));
    assert_eq!(results[2]["outcome"], "ignored");
    assert_eq!(
        results[3]["reason"],
        "the call has no userId, so it belongs to no customer"
    );
    for (index, pointer) in [(4, "/event"), (5, "/type"), (6, "")] {
        let problem = &results[index]["problem"];
        assert_eq!(results[index]["index"], index);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let customer = app.client.customer("c-1", &answer.position()).await;
    assert_eq!(customer["email"], "ada@example.com");
    assert_eq!(customer["attributes"], json!({}));
    assert_eq!(customer["events"]["order_completed"]["count"], 1);
    let position = results[1]["position"].as_str().unwrap();
    let entry = app.client.read(&format!("/api/audit/{position}")).await;
    let kept = json!({"total": 19.99, "shipping": {"address": {"city": "Rome"}}});
    assert_eq!(entry["data"]["properties"], kept);
}

#[tokio::test]
async fn repeated_calls_are_recorded_once_and_in_their_order() {
    let app = App::start().await;
    let calls = json!([
        track("c-1", "m-1", "Visit"),
        identify("c-1", json!({"name": "Ada"})),
        track("c-1", "m-2", "Visit"),
        identify("c-1", json!({"name": "Ada Lovelace"})),
        track("c-2", "m-1", "Visit"),
    ]);
    let first = post_batch(&app.client, calls.clone()).await;
    assert_eq!(first.body["accepted"], 5, "{first:?}");
    let again = post_batch(&app.client, calls).await;
    let outcomes = |answer: &Answer| -> Vec<Value> {
        let results = answer.body["results"].as_array().unwrap().iter();
        results.map(|result| result["outcome"].clone()).collect()
    };
    assert_eq!(
        outcomes(&first),
        ["created", "created", "created", "updated", "created"]
    );
    // The names are set one after the other again.
    assert_eq!(
        outcomes(&again),
        ["unchanged", "updated", "unchanged", "updated", "unchanged"]
    );
    let customer = app.client.customer("c-1", &again.position()).await;
    assert_eq!(customer["name"], "Ada Lovelace");
    assert_eq!(customer["events"]["visit"]["count"], 2);
    let timeline = app.client.list("/api/customers/c-1/timeline", 10).await;
    let types: Vec<_> = timeline
        .iter()
        .rev()
        .map(|item| item["type"].clone())
        .collect();
    let expected = [
        "activity_recorded.1",
        "customer_registered.1",
        "activity_recorded.1",
        "customer_updated.1",
    ];
    assert_eq!(types[..4], expected);
}

#[tokio::test]
async fn single_calls_are_answered_like_a_batch_of_one() {
    let app = App::start().await;
    let answer = app.client.post(
        "/v1/identify",
        json!({"userId": 4711, "traits": {"name": "Ada"}}),
    );
    let answer = answer.await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["results"][0]["id"], "4711");
    let answer = app
        .client
        .post("/v1/track", json!({"userId": 4711, "event": "Signed Up"}))
        .await;
    assert_eq!(answer.body["results"][0]["name"], "signed_up");
    let customer = app.client.customer("4711", &answer.position()).await;
    assert_eq!(customer["events"]["signed_up"]["count"], 1);
    let refused = app.client.post("/v1/track", json!({"userId": "c-1"})).await;
    assert_eq!(refused.status, 200, "an SDK must not send it again");
    assert_eq!(refused.body["rejected"], 1);
}

#[tokio::test]
async fn the_key_is_the_user_of_basic_authentication_or_within_the_body() {
    let app = App::without_workers().await;
    let ingest = app.create_key(Role::Ingest, None).await.reveal().to_owned();
    let viewer = app.create_key(Role::Viewer, None).await.reveal().to_owned();
    let client = app.client.with_key(None);
    let body = json!({"batch": [track("c-1", "m-1", "Visit")]});
    let basic = async |key: &str| {
        let request = client.request(Method::POST, BATCH);
        send(request.basic_auth(key, Some("")).json(&body)).await
    };
    assert_eq!(basic(&ingest).await.status, 200);
    basic("nobody").await.assert_problem(401, "unauthenticated");
    basic(&viewer).await.assert_problem(403, "forbidden");
    let within = async |key: &str| {
        let mut body = body.clone();
        body["writeKey"] = key.into();
        client.post(BATCH, body).await
    };
    let answer = within(&ingest).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["results"][0]["outcome"], "unchanged");
    within("nobody")
        .await
        .assert_problem(401, "unauthenticated");
    within("a\nb").await.assert_problem(401, "unauthenticated");
    within(&viewer).await.assert_problem(403, "forbidden");
    client
        .post(BATCH, body.clone())
        .await
        .assert_problem(401, "unauthenticated");
    let bearer = app
        .client
        .with_key(Some(&ingest))
        .post(BATCH, body.clone())
        .await;
    assert_eq!(bearer.status, 200);
    // Elsewhere a key is accepted only as a Bearer token.
    let elsewhere = client.request(Method::POST, "/api/data/events");
    let elsewhere = send(elsewhere.basic_auth(&ingest, Some("")).json(&json!([]))).await;
    elsewhere.assert_problem(401, "unauthenticated");
    let mut large = body.clone();
    large["writeKey"] = ingest.into();
    large["context"] = "x".repeat(600 * 1024).into();
    client
        .post(BATCH, large)
        .await
        .assert_problem(413, "body-too-large");
}

/// Compresses a text with the system's gzip.
fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    gzip.wait_with_output().unwrap().stdout
}

#[tokio::test]
async fn compressed_bodies_and_those_of_browsers_are_accepted() {
    let app = App::without_workers().await;
    let body = |message: &str| json!({"batch": [track("c-1", message, "Visit")], "writeKey": app.settings().key});
    let client = app.client.with_key(None);
    let compressed = |client: &Client, message: &str| {
        let request = client.request(Method::POST, BATCH);
        let request = request.header("content-type", "application/json");
        let request = request.header("content-encoding", "gzip");
        send(request.body(gzip(&body(message).to_string())))
    };
    for (client, message) in [(&client, "m-1"), (&app.client, "m-2")] {
        let answer = compressed(client, message).await;
        assert_eq!(answer.body["accepted"], 1, "{answer:?}");
    }
    let answer = client
        .post_text(BATCH, "text/plain;charset=UTF-8", body("m-3").to_string())
        .await;
    assert_eq!(answer.body["accepted"], 1, "{answer:?}");
}

#[tokio::test]
async fn only_a_request_that_cannot_be_read_is_refused_as_a_whole() {
    let app = App::without_workers().await;
    for (text, status, slug) in [
        ("", 400, "malformed-body"),
        ("{", 400, "malformed-json"),
        (r#"{"batch": [{]}"#, 400, "malformed-json"),
        ("[]", 422, "invalid-field"),
        ("{}", 422, "invalid-field"),
        (r#"{"batch": {}}"#, 422, "invalid-field"),
        (r#"{"batch": 7}"#, 422, "invalid-field"),
    ] {
        let refused = app.client.post_text(BATCH, "application/json", text).await;
        refused.assert_problem(status, slug);
    }
    let refused = app
        .client
        .post_text("/v1/track", "application/json", "{")
        .await;
    refused.assert_problem(400, "malformed-json");
    let refused = app
        .client
        .post_text("/v1/track", "application/json", "[{}]")
        .await;
    refused.assert_problem(422, "invalid-field");
    let refused = app.client.post_text(BATCH, "text/csv", "{}").await;
    refused.assert_problem(415, "unsupported-media-type");
    let empty = app.client.post(BATCH, json!({"batch": []})).await;
    assert_eq!(empty.body["results"], json!([]));
}

#[tokio::test]
async fn a_repeated_call_keeps_the_time_at_which_it_was_first_received() {
    let app = App::start().await;
    let mut call = track("c-1", "m-1", "Visit");
    call.as_object_mut().unwrap().remove("timestamp");
    let first = app.client.post("/v1/track", call.clone()).await;
    assert_eq!(first.body["results"][0]["outcome"], "created", "{first:?}");
    let again = app.client.post("/v1/track", call.clone()).await;
    assert_eq!(
        again.body["results"][0]["outcome"], "unchanged",
        "{again:?}"
    );
    call["properties"] = json!({"page": "home"});
    let other = app.client.post("/v1/track", call).await;
    assert_eq!(other.body["results"][0]["outcome"], "updated", "{other:?}");
}

#[tokio::test]
async fn a_repeated_call_keeps_its_corrected_time() {
    let app = App::start().await;
    let call = track("c-1", "m-1", "Visit");
    // The clock is a year behind, and the correction differs by a minute between requests.
    for (sent_at, outcome) in [
        ("2025-01-02T03:04:00Z", "created"),
        ("2025-01-02T03:05:00Z", "unchanged"),
    ] {
        let body = json!({"batch": [call], "sentAt": sent_at});
        let answer = app.client.post(BATCH, body).await;
        assert_eq!(answer.body["results"][0]["outcome"], outcome, "{answer:?}");
    }
}

#[tokio::test]
async fn a_date_alone_begins_in_the_zone_of_the_deployment() {
    let zone = vec![("PATRON_TIME_ZONE", "America/New_York".to_owned())];
    let mut app = App::with_environment(zone).await;
    app.add_worker();
    let mut call = track("c-1", "m-1", "Visit");
    call["timestamp"] = json!("2026-01-02");
    let answer = app.client.post("/v1/track", call).await;
    let position = answer.body["results"][0]["position"].as_str().unwrap();
    app.client.wait_until_caught_up().await;
    let entry = app.client.read(&format!("/api/audit/{position}")).await;
    assert_eq!(entry["data"]["occurred_at"], "2026-01-02T05:00:00.000Z");
}

#[tokio::test]
async fn a_trait_that_says_unsubscribed_opts_the_customer_out() {
    let app = App::start().await;
    let calls = json!([
        identify("c-1", json!({"unsubscribed": true})),
        identify("c-2", json!({"unsubscribed": false})),
    ]);
    let answer = post_batch(&app.client, calls).await;
    let results = answer.body["results"].as_array().unwrap();
    assert!(results[0].get("warnings").is_none(), "{answer:?}");
    assert!(results[1].get("warnings").is_none(), "{answer:?}");
    let customer = app.client.customer("c-1", &answer.position()).await;
    assert_eq!(customer["unsubscribed"], true);
    let customer = app.client.customer("c-2", &answer.position()).await;
    assert_eq!(customer["unsubscribed"], false);
    assert_eq!(customer["attributes"], json!({}));
}

#[tokio::test]
async fn single_calls_without_an_effect_are_ignored_like_those_of_a_batch() {
    let app = App::without_workers().await;
    for name in ["page", "screen", "group", "alias"] {
        let answer = app
            .client
            .post(&format!("/v1/{name}"), json!({"userId": "c-1"}))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["ignored"], 1);
        assert_eq!(answer.body["results"][0]["type"], name);
        let basic = app
            .client
            .with_key(None)
            .request(Method::POST, &format!("/v1/{name}"));
        let basic = basic.basic_auth(&app.settings().key, Some(""));
        assert_eq!(send(basic.json(&json!({}))).await.status, 200);
    }
    let stranger = app.client.with_key(None).post("/v1/page", json!({})).await;
    stranger.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn many_calls_of_one_customer_are_recorded_in_few_commits() {
    let app = App::without_workers().await;
    let calls: Vec<Value> = (0..2_000)
        .map(|number| match number % 2 {
            0 => identify("c-1", json!({"visits": number})),
            _ => track("c-1", &format!("m-{number}"), "Visit"),
        })
        .collect();
    let answer = post_batch(&app.client, calls.into()).await;
    assert_eq!(answer.body["accepted"], 2_000, "{}", answer.status);
    let results = answer.body["results"].as_array().unwrap();
    let number = |index: usize| -> u64 {
        let position = results[index]["position"].as_str().unwrap();
        position.split_once(':').unwrap().1.parse().unwrap()
    };
    assert!((1..100).all(|index| number(index - 1) < number(index)));
    // Beyond the limit, the calls of each kind keep their order.
    let last = |kind: usize| (200 + kind..2_000).step_by(2).map(number);
    assert!(last(0).is_sorted() && last(1).is_sorted());
    assert!(last(0).max() < last(1).min(), "one commit after the other");
}
