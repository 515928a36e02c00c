//! `/api/ai/segment-rules` without a model, and the records of its calls.

use std::fs;

use domain::Role;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{RULES, create_segment, last_recorded, record_shop, request_rules};
use crate::support::app::App;
use crate::support::client::send;
use crate::support::engines::workspace;
use crate::support::process::run;

/// Prompts that ask for something other than rules.
#[derive(Deserialize)]
struct Hostile {
    prompts: Vec<String>,
}

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
    let problem = paris.assert_problem(422, "not-understood");
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/prompt", "detail": "\"from Paris\": these words are not understood"}])
    );
}

#[tokio::test]
async fn words_that_are_not_understood_are_quoted_and_recorded() {
    let app = App::start().await;
    let answered = request_rules(&app, "customers who smell of roses and never ordered").await;
    let problem = answered.assert_problem(422, "not-understood");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("smell of roses"), "{problem}");
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "not_understood");
    assert_eq!(
        recorded["data"]["prompt"],
        "customers who smell of roses and never ordered"
    );
    let euros = request_rules(&app, "spent more than €100").await;
    let problem = euros.assert_problem(422, "not-understood");
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
        let problem = answered.assert_problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let text = app.client.post_text(RULES, "text/plain", "hello").await;
    text.assert_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn assistance_is_rate_limited_per_credential() {
    let app = App::with_environment(vec![("PATRON_AI_PER_MINUTE", "6".to_owned())]).await;
    for _ in 0..2 {
        assert_eq!(request_rules(&app, "never ordered").await.status, 200);
    }
    let refused = request_rules(&app, "never ordered").await;
    refused.assert_problem(429, "too-many-requests");
    assert!(!refused.header("retry-after").is_empty());
    let path = "/api/ai/send-time?segment_id=seg_1";
    app.client
        .get(path)
        .await
        .assert_problem(429, "too-many-requests");
    assert_eq!(app.client.get("/api/segments").await.status, 200);
    let other = app.create_key(Role::Marketer, None).await;
    let other = app.client.with_key(Some(other.reveal()));
    let answered = other.post(RULES, json!({"prompt": "never ordered"})).await;
    assert_eq!(answered.status, 200, "{answered:?}");
}

#[tokio::test]
async fn viewers_may_read_suggestions_but_not_request_rules() {
    let app = App::start().await;
    let segment = create_segment(&app, "order_count > 0").await;
    let viewer = app.create_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(viewer.reveal()));
    let refused = viewer.post(RULES, json!({"prompt": "never ordered"})).await;
    refused.assert_problem(403, "forbidden");
    for path in ["send-time", "lookalikes"] {
        let path = format!("/api/ai/{path}?segment_id={segment}");
        assert_eq!(viewer.get(&path).await.status, 200, "{path}");
    }
    let anonymous = app.client.with_key(None);
    let request = anonymous.request(Method::POST, RULES);
    let refused = send(request.json(&json!({"prompt": "never ordered"}))).await;
    refused.assert_problem(401, "unauthenticated");
}

/// Every prompt is refused. The problem may quote the prompt but contains no data of the store.
#[tokio::test]
async fn hostile_prompts_are_refused_without_revealing_store_data() {
    let no_limit = vec![("PATRON_AI_PER_MINUTE", "0".to_owned())];
    let mut app = App::with_environment(no_limit).await;
    app.add_worker();
    record_shop(&app).await;
    let file = workspace().join("tests/ai/hostile.toml");
    let hostile: Hostile = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(hostile.prompts.len() >= 40);
    for prompt in hostile.prompts {
        let answered = request_rules(&app, &prompt).await;
        assert_eq!(answered.status, 422, "{prompt:?}: {answered:?}");
        // The request id is left out: it is random and may contain any of these texts.
        let revealed = format!("{} {}", answered.body["detail"], answered.body["errors"]);
        for store_data in ["c-1", "N1", "total_spend", "80000", &app.settings().key] {
            let is_quoted = prompt.contains(store_data);
            assert!(
                is_quoted || !revealed.contains(store_data),
                "{prompt:?}: {revealed}"
            );
        }
    }
    assert_eq!(app.client.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn an_assistance_call_is_recorded_before_it_is_answered() {
    let app = App::start().await;
    let prompt = "never ordered\n(\"really\")";
    let request = app.client.request(Method::POST, RULES);
    let request = request.header("X-Request-Id", "ask-1");
    let refused = send(request.json(&json!({"prompt": prompt}))).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    app.client.wait_until_caught_up().await;
    let rows = app.client.read("/api/audit?request_id=ask-1").await;
    let row = &rows["items"][0];
    assert_eq!(row["type"], "assistance_given.1");
    assert_eq!(row["actor"], "key:bootstrap");
    let aggregate = row["aggregate"].as_str().unwrap();
    assert!(aggregate.starts_with("assistance/20"), "{aggregate}");
    let recorded = last_recorded(&app).await;
    let data = &recorded["data"];
    assert_eq!(data["task"], "segment_rules");
    assert_eq!(data["prompt"], prompt, "the prompt is recorded verbatim");
    assert_eq!(data["engine"], "builtin");
    assert_eq!(data["outcome"], "not_understood");
    assert!(data["took_ms"].is_u64(), "{data}");
    assert!(data.get("model").is_none() && data.get("trouble").is_none());

    assert_eq!(request_rules(&app, "never ordered").await.status, 200);
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "answered");
    assert_eq!(recorded["data"]["answer"], "order_count = 0");
    let metrics = app.client.get("/metrics").await.text;
    let counted = "patron_assists_total{task=\"segment_rules\",engine=\"builtin\",\
                   outcome=\"answered\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    // The heads match the fold of the events.
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
