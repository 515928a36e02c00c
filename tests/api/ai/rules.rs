//! `/api/ai/segment-rules` without a model.

use domain::Role;
use serde_json::json;

use super::{RULES, create_segment, last_recorded, record_shop, request_rules};
use crate::support::app::App;
use crate::support::client::answer;

#[tokio::test]
async fn a_prompt_becomes_rules_with_an_explanation_and_a_count() {
    let app = App::start().await;
    record_shop(&app).await;
    let prompt = "high spenders who visited twice but haven't bought in 3 months";
    let answered = request_rules(&app, prompt).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    // 800.00 is the 80th percentile of ten customers who spent 100.00, 200.00, …, 1,000.00.
    let text = "total_spend >= 80000 AND visits = 2 AND \
                (days_since_last_order > 90 OR last_order_at null)";
    let body = &answered.body;
    assert_eq!(body["text"], text);
    assert_eq!(
        (&body["engine"], &body["model"], &body["fallback"]),
        (&json!("builtin"), &json!(null), &json!(null))
    );
    assert_eq!(
        body["explanation"],
        "customers who spent at least $800.00 in all (the store's top fifth), and visited \
         exactly 2 times, and last ordered more than 90 days ago or never"
    );
    assert_eq!(body["count"], 1, "only c-10 matches");
    // A segment accepts the same rules.
    let preview = json!({"rules": body["rules"]});
    let preview = app.client.post("/api/segments/preview", preview).await;
    assert_eq!(preview.body["count"], 1);
    assert_eq!(preview.body["text"], text);
}

#[tokio::test]
async fn percentiles_and_city_names_come_from_the_stores_data() {
    let app = App::start().await;
    let positions = record_shop(&app).await;
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
    let paris = request_rules(&app, "customers from Paris").await;
    let problem = paris.problem(422, "not-understood");
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/prompt", "detail": "\"from Paris\": these words are not understood"}])
    );
}

#[tokio::test]
async fn words_that_are_not_understood_are_quoted_and_recorded() {
    let app = App::start().await;
    let answered = request_rules(&app, "customers who smell of roses and never ordered").await;
    let problem = answered.problem(422, "not-understood");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("smell of roses"), "{problem}");
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "not_understood");
    assert_eq!(
        recorded["data"]["prompt"],
        "customers who smell of roses and never ordered"
    );
    let euros = request_rules(&app, "spent more than €100").await;
    let problem = euros.problem(422, "not-understood");
    assert!(problem["detail"].as_str().unwrap().contains("USD"));
}

#[tokio::test]
async fn an_invalid_body_is_refused_with_a_pointer() {
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
async fn assistance_is_rate_limited_per_credential() {
    let app = App::told(vec![("PATRON_AI_PER_MINUTE", "6".to_owned())]).await;
    for _ in 0..2 {
        assert_eq!(request_rules(&app, "never ordered").await.status, 200);
    }
    let refused = request_rules(&app, "never ordered").await;
    refused.problem(429, "too-many-requests");
    assert!(!refused.header("retry-after").is_empty());
    let path = "/api/ai/send-time?segment_id=seg_1";
    app.client.get(path).await.problem(429, "too-many-requests");
    assert_eq!(app.client.get("/api/segments").await.status, 200);
    let other = app.new_key(Role::Marketer, None).await;
    let other = app.client.with_key(Some(other.reveal()));
    let answered = other.post(RULES, json!({"prompt": "never ordered"})).await;
    assert_eq!(answered.status, 200, "{answered:?}");
}

#[tokio::test]
async fn viewers_may_read_suggestions_but_not_request_rules() {
    let app = App::start().await;
    let segment = create_segment(&app, "order_count > 0").await;
    let viewer = app.new_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(viewer.reveal()));
    let refused = viewer.post(RULES, json!({"prompt": "never ordered"})).await;
    refused.problem(403, "forbidden");
    for path in ["send-time", "lookalikes"] {
        let path = format!("/api/ai/{path}?segment_id={segment}");
        assert_eq!(viewer.get(&path).await.status, 200, "{path}");
    }
    let anonymous = app.client.with_key(None);
    let request = anonymous.request(reqwest::Method::POST, RULES);
    let refused = answer(request.json(&json!({"prompt": "never ordered"}))).await;
    refused.problem(401, "unauthenticated");
}
