//! Assistance with a language model: Patron checks its answers, and answers itself when the model
//! fails.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{MESSAGES, RULES, create_segment, last_recorded, record_shop, request_rules};
use crate::support::app::App;
use crate::support::openai::{OpenAiServer, completion};
use crate::support::wait::until;

async fn start() -> (App, OpenAiServer) {
    let openai = OpenAiServer::start().await;
    let mut app = App::with_environment(openai.environment()).await;
    app.add_worker();
    (app, openai)
}

/// Returns an answer of the model: one group with these conditions.
fn model_answer(conditions: &Value) -> Value {
    json!({
        "understood": true, "not_understood": [], "combinator": "and",
        "groups": [{"combinator": "and", "not": false, "conditions": conditions}],
    })
}

fn spenders() -> Value {
    model_answer(&json!([{"field": "total_spend", "operator": ">=", "values": ["80000"]}]))
}

/// Prompt that Patron does not understand without a model.
const POETIC_PROMPT: &str = "the ones whose purses never close";

#[tokio::test]
async fn patron_counts_and_explains_the_models_rules() {
    let (app, openai) = start().await;
    record_shop(&app).await;
    openai.complete_with(&[spenders()]).await;
    let answered = request_rules(&app, POETIC_PROMPT).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    let body = &answered.body;
    assert_eq!(body["text"], "total_spend >= 80000");
    assert_eq!(body["count"], 3);
    assert_eq!(
        body["explanation"],
        "customers who spent at least $800.00 in all (the store's top fifth)"
    );
    assert_eq!(
        (&body["engine"], &body["model"]),
        (&json!("openai"), &json!("test-model"))
    );
    assert_eq!(body["fallback"], Value::Null);
    let recorded = last_recorded(&app).await;
    let data = &recorded["data"];
    assert_eq!(data["engine"], "openai");
    assert_eq!(data["model"], "test-model");
    assert_eq!(
        (&data["input_tokens"], &data["output_tokens"]),
        (&json!(800), &json!(60))
    );
    assert_eq!(data["prompt"], POETIC_PROMPT);
    assert_eq!(data["answer"], "total_spend >= 80000");
}

/// The model receives aggregates of the store but no data of an individual customer.
#[tokio::test]
async fn the_model_receives_no_customer_data_and_no_keys() {
    let (app, openai) = start().await;
    let person = json!({
        "customer_id": "c-77", "name": "Zebulon Quux", "email": "zq@example.com",
        "phone": "+12025550177", "city": "Tinytown", "tags": ["only-zeb"],
        "attributes": {"nick": "zebby"},
    });
    app.client
        .post_accepted("/api/data/customers", person)
        .await;
    record_shop(&app).await;
    let rules = "email = \"zq@example.com\" OR attributes.nick = zebby OR name contains Zebulon";
    let personal = create_segment(&app, rules).await;
    openai.complete_with(&[spenders()]).await;
    assert_eq!(request_rules(&app, POETIC_PROMPT).await.status, 200);
    let mut requests = openai.request_bodies().await;
    openai.complete_with(&[json!({})]).await;
    let body = json!({"objective": "say hello", "segment_id": personal});
    assert_eq!(app.client.post(MESSAGES, body).await.status, 200);
    requests.extend(openai.request_bodies().await);
    let campaign = json!({
        "name": "Hello", "segment_id": personal, "message": {"template": "Hi {{ name }}!"},
    });
    let campaign = app.client.post("/api/campaigns", campaign).await;
    let id = campaign.body["campaign_id"].as_str().unwrap();
    let path = format!("/api/ai/campaigns/{id}/tags?after={}", campaign.position());
    openai.complete_with(&[json!({})]).await;
    assert_eq!(app.client.post(&path, json!(null)).await.status, 200);
    requests.extend(openai.request_bodies().await);
    let all = Value::from(requests).to_string();
    assert!(
        all.contains("Pune") && all.contains("80000"),
        "aggregates are sent"
    );
    for personal_data in [
        "Zebulon",
        "example.com",
        "5550177",
        "Tinytown",
        "only-zeb",
        "zebby",
        "c-77",
    ] {
        assert!(!all.contains(personal_data), "{personal_data}: {all}");
    }
    for secret in [&app.settings().key, "sk-test"] {
        assert!(!all.contains(secret));
    }
}

#[tokio::test]
async fn the_model_may_correct_invalid_rules_once() {
    let (app, openai) = start().await;
    let wrong =
        model_answer(&json!([{"field": "total_spend", "operator": "contains", "values": ["x"]}]));
    openai.complete_with(&[wrong.clone(), spenders()]).await;
    let answered = request_rules(&app, POETIC_PROMPT).await;
    assert_eq!(
        answered.body["text"], "total_spend >= 80000",
        "{answered:?}"
    );
    assert_eq!(openai.request_bodies().await.len(), 2);
    let recorded = last_recorded(&app).await;
    assert_eq!(
        recorded["data"]["input_tokens"], 1_600,
        "tokens of both attempts are counted"
    );

    openai.complete_with(&[wrong]).await;
    let answered = request_rules(&app, POETIC_PROMPT).await;
    answered.assert_problem(422, "not-understood");
    assert_eq!(openai.request_bodies().await.len(), 2);
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "not_understood");
}

/// After each kind of failure, Patron answers the prompts that it understands without a model, and
/// `fallback` says why the model did not answer.
#[tokio::test]
async fn patron_answers_when_the_model_fails() {
    let (app, openai) = start().await;
    let status =
        |code| ResponseTemplate::new(code).set_body_json(json!({"error": {"message": "sk-test"}}));
    let whole = spenders().to_string();
    for (failure, answer) in [
        ("key refused", status(401)),
        (
            "rate limited",
            status(429).insert_header("retry-after", "60"),
        ),
        ("server error", status(500)),
        ("truncated", completion(&whole[..whole.len() / 2])),
        (
            "prose",
            completion("Of course! Here are the rules you asked for."),
        ),
        (
            "HTML page",
            ResponseTemplate::new(200).set_body_raw("<html>", "text/html"),
        ),
        (
            "slow",
            completion(&whole).set_delay(Duration::from_secs(60)),
        ),
    ] {
        openai.respond_with(vec![answer]).await;
        let started = Instant::now();
        let answered = request_rules(&app, "never ordered").await;
        assert_eq!(answered.status, 200, "{failure}: {answered:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{failure}");
        let body = &answered.body;
        assert_eq!(body["text"], "order_count = 0", "{failure}");
        assert_eq!(
            (&body["engine"], &body["model"]),
            (&json!("builtin"), &json!("test-model"))
        );
        let reason = body["fallback"].as_str().unwrap();
        assert!(
            reason.starts_with("the model") && !reason.contains("sk-test"),
            "{failure}: {reason}"
        );
        let recorded = last_recorded(&app).await;
        assert_eq!(recorded["data"]["trouble"], reason, "{failure}");
        assert_eq!(recorded["data"]["outcome"], "answered", "{failure}");

        let refused = request_rules(&app, POETIC_PROMPT).await;
        let problem = refused.assert_problem(503, "model-unavailable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(reason) && detail.contains("purses"),
            "{detail}"
        );
        assert!(!refused.header("retry-after").is_empty());
    }
}

/// The answer of a manipulated model is either valid rules or refused.
#[tokio::test]
async fn injected_model_answers_are_refused_or_treated_as_values() {
    let (app, openai) = start().await;
    record_shop(&app).await;
    let condition = |field: &str, operator: &str, value: Value| {
        model_answer(&json!([{"field": field, "operator": operator, "values": [value]}]))
    };
    let mut with_markup = spenders();
    with_markup["explanation"] = json!("<script>alert(1)</script>");
    for hostile in [
        condition("$where", "=", json!("sleep(1000)")),
        condition("total_spend", "$gt", json!(0)),
        condition("__proto__", "=", json!("x")),
        condition("password", "=", json!("x")),
        condition("city", "=", json!({"$ne": null})),
        with_markup,
        json!({"rules": {"$where": "1"}}),
        json!([]),
    ] {
        openai.complete_with(std::slice::from_ref(&hostile)).await;
        let answered = request_rules(&app, POETIC_PROMPT).await;
        answered.assert_problem(422, "not-understood");
        for injected in ["$where", "$gt", "__proto__", "password", "script", "$ne"] {
            assert!(!answered.text.contains(injected), "{hostile}: {answered:?}");
        }
    }
    // Rules inside a value are compared as plain text.
    openai
        .complete_with(&[condition("city", "=", json!("\" OR order_count >= 0 --"))])
        .await;
    let answered = request_rules(&app, POETIC_PROMPT).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.body["count"], 0);
}

#[tokio::test]
async fn invalid_templates_of_the_model_are_replaced_by_builtin_ones() {
    let (app, openai) = start().await;
    let variants = |texts: [&str; 3]| {
        let tones = ["friendly", "formal", "playful"];
        let each = tones.iter().zip(texts);
        let variants: Vec<Value> = each
            .map(|(tone, text)| json!({"tone": tone, "template": text}))
            .collect();
        json!({"variants": variants})
    };
    let good = variants([
        "Hi {{ name | default('there') }}, come back!",
        "We would be glad to see you again.",
        "Psst, we miss you.",
    ]);
    let bad = variants(["Hi {{ password }}", "{% include 'x' %}", "ok"]);
    let body = json!({"objective": "bring them back"});
    openai.complete_with(&[bad.clone(), good]).await;
    let answered = app.client.post(MESSAGES, body.clone()).await;
    assert_eq!(answered.body["engine"], "openai", "{answered:?}");
    assert_eq!(
        answered.body["variants"][0]["template"],
        "Hi {{ name | default('there') }}, come back!"
    );
    openai.complete_with(&[bad]).await;
    let answered = app.client.post(MESSAGES, body).await;
    assert_eq!(answered.body["engine"], "builtin", "{answered:?}");
    assert!(answered.body["fallback"].is_string());
    assert!(!answered.text.contains("password"), "{answered:?}");
}

/// When a client disconnects, its request to the model is canceled.
#[tokio::test]
async fn abandoned_requests_are_recorded_and_free_their_slots() {
    let openai = OpenAiServer::start().await;
    let mut environment = openai.environment();
    environment.retain(|(name, _)| *name != "PATRON_AI_TIMEOUT");
    let mut app = App::with_environment(environment).await;
    app.add_worker();
    openai.delay_responses().await;
    for n in 0..20 {
        let request = app.client.request(Method::POST, RULES);
        let request = request.json(&json!({"prompt": POETIC_PROMPT}));
        let sending = tokio::spawn(request.send());
        until("the model has received the request", async || {
            openai.request_bodies().await.len() > n
        })
        .await;
        sending.abort();
        until("the request is recorded", async || {
            app.client.wait_until_caught_up().await;
            let rows = app.client.read("/api/audit?type=assistance_given.1").await;
            rows["items"].as_array().unwrap().len() > n
        })
        .await;
    }
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "abandoned");
    assert_eq!(recorded["data"]["model"], "test-model");
    openai.complete_with(&[spenders()]).await;
    assert_eq!(request_rules(&app, POETIC_PROMPT).await.status, 200);
}

/// At most eight requests to the model run at once. All of them hang; the rest of the API serves.
#[tokio::test]
async fn a_hanging_model_does_not_block_other_requests() {
    let openai = OpenAiServer::start().await;
    let mut app = App::with_environment(openai.environment()).await;
    app.add_worker();
    openai.delay_responses().await;
    let many = (0..12).map(|_| request_rules(&app, "never ordered"));
    let hanging = futures::future::join_all(many);
    let others = async {
        for n in 0..50 {
            let customer = json!({"customer_id": format!("c-{n}")});
            app.client
                .post_accepted("/api/data/customers", customer)
                .await;
            assert_eq!(app.client.get("/api/segments").await.status, 200);
        }
    };
    let started = Instant::now();
    let (answers, took) = tokio::join!(hanging, async {
        others.await;
        started.elapsed()
    });
    for answered in answers {
        assert_eq!(answered.body["text"], "order_count = 0", "{answered:?}");
    }
    assert!(
        took < started.elapsed(),
        "other requests do not wait for the model"
    );
}
