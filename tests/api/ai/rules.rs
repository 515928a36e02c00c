//! Rules for a request in plain words, without a model.

use domain::Role;
use serde_json::json;

use super::{RULES, ask, last_recorded, segment, shop};
use crate::support::app::App;
use crate::support::client::answer;

#[tokio::test]
async fn a_request_becomes_rules_that_say_what_they_mean_and_how_many_they_are() {
    let app = App::start().await;
    shop(&app).await;
    let prompt = "high spenders who visited twice but haven't bought in 3 months";
    let answered = ask(&app, prompt).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    // The 80th percentile of ten who spent 100, 200, … 1,000.
    let text = "total_spend >= 80000 AND visits = 2 AND \
                (days_since_last_order > 90 OR last_order_at null)";
    let said = &answered.body;
    assert_eq!(said["text"], text);
    assert_eq!(
        (&said["engine"], &said["model"], &said["fallback"]),
        (&json!("builtin"), &json!(null), &json!(null))
    );
    assert_eq!(
        said["explanation"],
        "customers who spent at least $800.00 in all (the store's top fifth), and visited \
         exactly 2 times, and last ordered more than 90 days ago or never"
    );
    assert_eq!(said["count"], 1, "c-10 alone");
    // They are what a segment takes.
    let preview = json!({"rules": said["rules"]});
    let preview = app.client.post("/api/segments/preview", preview).await;
    assert_eq!(preview.body["count"], 1);
    assert_eq!(preview.body["text"], text);
}

#[tokio::test]
async fn figures_and_names_are_the_stores_own() {
    let app = App::start().await;
    let positions = shop(&app).await;
    for (prompt, text, count) in [
        ("customers from Pune", "city = \"Pune\"", 5),
        ("top 10% by orders", "order_count >= 9", 2),
        (
            "customers in Goa who ordered at least 5 times",
            "city = \"Goa\" AND order_count >= 5",
            3,
        ),
        ("never ordered", "order_count = 0", 0),
    ] {
        let path = format!("{RULES}?after={positions}");
        let answered = app.client.post(&path, json!({"prompt": prompt})).await;
        assert_eq!(answered.status, 200, "{prompt}: {answered:?}");
        assert_eq!(answered.body["text"], text, "{prompt}");
        assert_eq!(answered.body["count"], count, "{prompt}");
    }
    let paris = ask(&app, "customers from Paris").await;
    let problem = paris.problem(422, "not-understood");
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/prompt", "detail": "\"from Paris\": these words are not understood"}])
    );
}

#[tokio::test]
async fn what_is_not_understood_is_quoted_and_recorded() {
    let app = App::start().await;
    let answered = ask(&app, "customers who smell of roses and never ordered").await;
    let problem = answered.problem(422, "not-understood");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("smell of roses"), "{problem}");
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "not_understood");
    assert_eq!(
        recorded["data"]["prompt"],
        "customers who smell of roses and never ordered"
    );
    let euros = ask(&app, "spent more than €100").await;
    let problem = euros.problem(422, "not-understood");
    assert!(problem["detail"].as_str().unwrap().contains("USD"));
}

#[tokio::test]
async fn a_bad_body_is_named() {
    let app = App::without_workers().await;
    for (body, slug, pointer) in [
        (json!({}), "invalid-field", "/prompt"),
        (json!({"prompt": 7}), "invalid-field", "/prompt"),
        (json!({"prompt": ""}), "invalid-field", "/prompt"),
        (json!({"prompt": " \n"}), "invalid-field", "/prompt"),
        (
            json!({"prompt": "x".repeat(2_001)}),
            "invalid-field",
            "/prompt",
        ),
        (
            json!({"prompt": "x", "rules": 1}),
            "unknown-field",
            "/rules",
        ),
    ] {
        let answered = app.client.post(RULES, body.clone()).await;
        let problem = answered.problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let text = app.client.post_text(RULES, "text/plain", "hello").await;
    text.problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn each_credential_may_ask_so_often_and_everything_else_goes_on() {
    let app = App::told(vec![("PATRON_AI_PER_MINUTE", "6".to_owned())]).await;
    for _ in 0..2 {
        assert_eq!(ask(&app, "never ordered").await.status, 200);
    }
    let refused = ask(&app, "never ordered").await;
    refused.problem(429, "too-many-requests");
    assert!(!refused.header("retry-after").is_empty());
    let path = "/api/ai/send-time?segment_id=seg_1";
    app.client.get(path).await.problem(429, "too-many-requests");
    assert_eq!(app.client.get("/api/segments").await.status, 200);
    let other = app.new_key(Role::Marketer, None).await;
    let other = app.client.with_key(Some(other.reveal()));
    let asked = other.post(RULES, json!({"prompt": "never ordered"})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
}

#[tokio::test]
async fn who_may_not_ask_is_told() {
    let app = App::start().await;
    let segment = segment(&app, "order_count > 0").await;
    let viewer = app.new_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(viewer.reveal()));
    let asked = viewer.post(RULES, json!({"prompt": "never ordered"})).await;
    asked.problem(403, "forbidden");
    for path in ["send-time", "lookalikes"] {
        let path = format!("/api/ai/{path}?segment_id={segment}");
        assert_eq!(viewer.get(&path).await.status, 200, "{path}");
    }
    let nobody = app.client.with_key(None);
    let request = nobody.request(reqwest::Method::POST, RULES);
    let asked = answer(request.json(&json!({"prompt": "never ordered"}))).await;
    asked.problem(401, "unauthenticated");
}
