//! With a language model: what it says is checked, and where it fails Patron answers.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{MESSAGES, RULES, ask, last_recorded, segment, shop};
use crate::support::app::App;
use crate::support::openai::{OpenAi, completion};
use crate::support::wait::until;

async fn start() -> (App, OpenAi) {
    let openai = OpenAi::start().await;
    let mut app = App::told(openai.environment()).await;
    app.add_worker();
    (app, openai)
}

/// Rules as the model says them.
fn said(conditions: &Value) -> Value {
    json!({
        "understood": true, "not_understood": [], "combinator": "and",
        "groups": [{"combinator": "and", "not": false, "conditions": conditions}],
    })
}

fn spenders() -> Value {
    said(&json!([{"field": "total_spend", "operator": ">=", "values": ["80000"]}]))
}

/// Beyond what Patron understands by itself.
const POETRY: &str = "the ones whose purses never close";

#[tokio::test]
async fn the_models_rules_are_counted_and_explained_by_us() {
    let (app, openai) = start().await;
    shop(&app).await;
    openai.says(&[spenders()]).await;
    let answered = ask(&app, POETRY).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    let said = &answered.body;
    assert_eq!(said["text"], "total_spend >= 80000");
    assert_eq!(said["count"], 3);
    assert_eq!(
        said["explanation"],
        "customers who spent at least $800.00 in all (the store's top fifth)"
    );
    assert_eq!(
        (&said["engine"], &said["model"]),
        (&json!("openai"), &json!("test-model"))
    );
    assert_eq!(said["fallback"], Value::Null);
    let recorded = last_recorded(&app).await;
    let data = &recorded["data"];
    assert_eq!(data["engine"], "openai");
    assert_eq!(data["model"], "test-model");
    assert_eq!(
        (&data["input_tokens"], &data["output_tokens"]),
        (&json!(800), &json!(60))
    );
    assert_eq!(data["prompt"], POETRY);
    assert_eq!(data["answer"], "total_spend >= 80000");
}

/// What the store says of itself, and nothing of anybody.
#[tokio::test]
async fn no_customer_and_no_key_leaves_for_the_model() {
    let (app, openai) = start().await;
    let person = json!({
        "customer_id": "c-77", "name": "Zebulon Quux", "email": "zq@example.com",
        "phone": "+15550177", "city": "Tinytown", "tags": ["only-zeb"],
        "attributes": {"nick": "zebby"},
    });
    app.client.accept("/api/data/customers", person).await;
    shop(&app).await;
    let rules = "email = \"zq@example.com\" OR attributes.nick = zebby OR name contains Zebulon";
    let personal = segment(&app, rules).await;
    openai.says(&[spenders()]).await;
    assert_eq!(ask(&app, POETRY).await.status, 200);
    let mut asked = openai.asked().await;
    openai.says(&[json!({})]).await;
    let body = json!({"objective": "say hello", "segment_id": personal});
    assert_eq!(app.client.post(MESSAGES, body).await.status, 200);
    asked.extend(openai.asked().await);
    let campaign = json!({
        "name": "Hello", "segment_id": personal, "message": {"template": "Hi {{ name }}!"},
    });
    let campaign = app.client.post("/api/campaigns", campaign).await;
    let id = campaign.body["campaign_id"].as_str().unwrap();
    let path = format!("/api/ai/campaigns/{id}/tags?after={}", campaign.position());
    openai.says(&[json!({})]).await;
    assert_eq!(app.client.post(&path, json!(null)).await.status, 200);
    asked.extend(openai.asked().await);
    let all = Value::from(asked).to_string();
    assert!(
        all.contains("Pune") && all.contains("80000"),
        "aggregates do"
    );
    for of_somebody in [
        "Zebulon",
        "example.com",
        "5550177",
        "Tinytown",
        "only-zeb",
        "zebby",
        "c-77",
    ] {
        assert!(!all.contains(of_somebody), "{of_somebody}: {all}");
    }
    for secret in [&app.settings().key, "sk-test"] {
        assert!(!all.contains(secret));
    }
}

#[tokio::test]
async fn rules_that_are_wrong_are_mended_once() {
    let (app, openai) = start().await;
    let wrong = said(&json!([{"field": "total_spend", "operator": "contains", "values": ["x"]}]));
    openai.says(&[wrong.clone(), spenders()]).await;
    let answered = ask(&app, POETRY).await;
    assert_eq!(
        answered.body["text"], "total_spend >= 80000",
        "{answered:?}"
    );
    assert_eq!(openai.asked().await.len(), 2);
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["input_tokens"], 1_600, "both count");

    openai.says(&[wrong]).await;
    let answered = ask(&app, POETRY).await;
    answered.problem(422, "not-understood");
    assert_eq!(openai.asked().await.len(), 2);
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "not_understood");
}

/// Each is answered by Patron, if it understands, and says why.
#[tokio::test]
async fn where_the_model_fails_patron_answers() {
    let (app, openai) = start().await;
    let status =
        |code| ResponseTemplate::new(code).set_body_json(json!({"error": {"message": "sk-test"}}));
    let whole = spenders().to_string();
    for (what, answer) in [
        ("no key", status(401)),
        ("for long", status(429).insert_header("retry-after", "60")),
        ("fails", status(500)),
        ("truncated", completion(&whole[..whole.len() / 2])),
        (
            "chatty",
            completion("Of course! Here are the rules you asked for."),
        ),
        (
            "a page",
            ResponseTemplate::new(200).set_body_raw("<html>", "text/html"),
        ),
        (
            "slow",
            completion(&whole).set_delay(Duration::from_secs(60)),
        ),
    ] {
        openai.answers(vec![answer]).await;
        let started = Instant::now();
        let answered = ask(&app, "never ordered").await;
        assert_eq!(answered.status, 200, "{what}: {answered:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        let said = &answered.body;
        assert_eq!(said["text"], "order_count = 0", "{what}");
        assert_eq!(
            (&said["engine"], &said["model"]),
            (&json!("builtin"), &json!("test-model"))
        );
        let why = said["fallback"].as_str().unwrap();
        assert!(
            why.starts_with("the model") && !why.contains("sk-test"),
            "{what}: {why}"
        );
        let recorded = last_recorded(&app).await;
        assert_eq!(recorded["data"]["trouble"], why, "{what}");
        assert_eq!(recorded["data"]["outcome"], "answered", "{what}");

        let refused = ask(&app, POETRY).await;
        let problem = refused.problem(503, "model-unavailable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(why) && detail.contains("purses"),
            "{detail}"
        );
        assert!(!refused.header("retry-after").is_empty());
    }
}

/// What a model was talked into is a rule, or nothing.
#[tokio::test]
async fn an_injected_answer_reaches_nothing_but_rules() {
    let (app, openai) = start().await;
    shop(&app).await;
    let condition = |field: &str, operator: &str, value: Value| {
        said(&json!([{"field": field, "operator": operator, "values": [value]}]))
    };
    let mut talkative = spenders();
    talkative["explanation"] = json!("<script>alert(1)</script>");
    for hostile in [
        condition("$where", "=", json!("sleep(1000)")),
        condition("total_spend", "$gt", json!(0)),
        condition("__proto__", "=", json!("x")),
        condition("password", "=", json!("x")),
        condition("city", "=", json!({"$ne": null})),
        talkative,
        json!({"rules": {"$where": "1"}}),
        json!([]),
    ] {
        openai.says(std::slice::from_ref(&hostile)).await;
        let answered = ask(&app, POETRY).await;
        answered.problem(422, "not-understood");
        for foreign in ["$where", "$gt", "__proto__", "password", "script", "$ne"] {
            assert!(!answered.text.contains(foreign), "{hostile}: {answered:?}");
        }
    }
    // A city that says what it likes is compared with as a text.
    openai
        .says(&[condition("city", "=", json!("\" OR order_count >= 0 --"))])
        .await;
    let answered = ask(&app, POETRY).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.body["count"], 0);
}

#[tokio::test]
async fn messages_of_the_model_are_templates_or_ours() {
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
    openai.says(&[bad.clone(), good]).await;
    let answered = app.client.post(MESSAGES, body.clone()).await;
    assert_eq!(answered.body["engine"], "openai", "{answered:?}");
    assert_eq!(
        answered.body["variants"][0]["template"],
        "Hi {{ name | default('there') }}, come back!"
    );
    openai.says(&[bad]).await;
    let answered = app.client.post(MESSAGES, body).await;
    assert_eq!(answered.body["engine"], "builtin", "{answered:?}");
    assert!(answered.body["fallback"].is_string());
    assert!(!answered.text.contains("password"), "{answered:?}");
}

/// The request to the model ends with the request that it is for.
#[tokio::test]
async fn who_goes_away_is_recorded_and_the_places_are_free_again() {
    let openai = OpenAi::start().await;
    let mut environment = openai.environment();
    environment.retain(|(name, _)| *name != "PATRON_AI_TIMEOUT");
    let mut app = App::told(environment).await;
    app.add_worker();
    openai.hangs().await;
    for n in 0..20 {
        let request = app.client.request(Method::POST, RULES);
        let request = request.json(&json!({"prompt": POETRY}));
        let sent = tokio::time::timeout(Duration::from_millis(200), request.send()).await;
        assert!(sent.is_err(), "{n}: nothing answers");
    }
    until("all of them are recorded", async || {
        app.client.caught_up().await;
        let rows = app.client.read("/api/audit?type=assistance_given.1").await;
        rows["items"].as_array().unwrap().len() == 20
    })
    .await;
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "abandoned");
    assert_eq!(recorded["data"]["model"], "test-model");
    openai.says(&[spenders()]).await;
    assert_eq!(ask(&app, POETRY).await.status, 200);
}

/// Eight are asked for at once and hang; everything else goes on.
#[tokio::test]
async fn a_model_that_hangs_is_in_nobodys_way() {
    let openai = OpenAi::start().await;
    let mut app = App::told(openai.environment()).await;
    app.add_worker();
    openai.hangs().await;
    let many = (0..12).map(|_| ask(&app, "never ordered"));
    let hanging = futures::future::join_all(many);
    let others = async {
        for n in 0..50 {
            let customer = json!({"customer_id": format!("c-{n}")});
            app.client.accept("/api/data/customers", customer).await;
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
    assert!(took < started.elapsed(), "it does not wait for the model");
}
