//! `/api/campaigns/preview`: messages rendered for a sample of customers.

use serde_json::{Value, json};

use super::PATH;
use crate::api::with;
use crate::support::app::App;

async fn record_customers(app: &App) {
    let customers = json!([
        {"customer_id": "c-1", "name": "Ada", "email": "ada@example.com", "phone": "+12025550100", "tags": ["vip"]},
        {"customer_id": "c-2", "name": "Bob", "phone": "+493012345", "tags": ["vip"]},
        {"customer_id": "c-3", "name": "Cy", "tags": ["vip"]},
        {"customer_id": "c-4", "email": "di@example.com", "tags": ["vip"]},
        {"customer_id": "c-5", "name": "Eve", "email": "eve@example.com", "unsubscribed": true, "tags": ["vip"]},
        {"customer_id": "c-6", "name": "Flo", "email": "flo@example.com"},
    ]);
    app.client
        .post_accepted("/api/data/customers", customers)
        .await;
    app.client.wait_until_caught_up().await;
}

fn body(template: &str) -> Value {
    json!({"message": {"template": template}, "rules": "tags contains \"vip\""})
}

async fn preview(app: &App, body: Value) -> Vec<Value> {
    let answer = app.client.post(&format!("{PATH}/preview"), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_preview_shows_messages_as_customers_would_receive_them() {
    let app = App::start().await;
    record_customers(&app).await;
    let messages = preview(&app, body("Hi {{ name }}, {{ total_spend | money }}!")).await;
    assert_eq!(messages.len(), 5);
    assert_eq!(
        messages[0],
        json!({
            "customer_id": "c-1", "name": "Ada", "channel": "email", "to": "ada@example.com",
            "text": "Hi Ada, 0.00 USD!", "problem": null,
            "suppression": null, "suppression_detail": null,
        })
    );
    assert_eq!(
        (&messages[1]["channel"], &messages[1]["to"]),
        (&json!("phone"), &json!("+493012345"))
    );
    let suppressions: Vec<_> = messages.iter().map(|m| m["suppression"].clone()).collect();
    let expected = [
        Value::Null,
        Value::Null,
        json!("no_address"),
        json!("template"),
        json!("unsubscribed"),
    ];
    assert_eq!(suppressions, expected);
    assert_eq!(messages[3]["text"], Value::Null);
    assert_eq!(messages[3]["problem"], "name has no value");
}

#[tokio::test]
async fn a_preview_shows_who_gets_nothing_because_of_their_address() {
    let app = App::start().await;
    let customers = json!([
        {"customer_id": "a-1", "name": "Ada", "email": "ada@example.com", "tags": ["vip"]},
        {"customer_id": "a-2", "name": "Ada", "email": "ADA@example.com", "tags": ["vip"]},
        {"customer_id": "b-1", "name": "Bob", "email": "bob@example.com", "tags": ["vip"]},
        {"customer_id": "b-2", "email": "bob@example.com", "unsubscribed": true},
        {"customer_id": "c-1", "email": "cy@example.com", "tags": ["vip"]},
        {"customer_id": "d-1", "name": "Di", "email": "di@example.com", "tags": ["vip"]},
    ]);
    app.client
        .post_accepted("/api/data/customers", customers)
        .await;
    for address in ["cy@example.com", "di@example.com"] {
        let listed = app
            .client
            .post("/api/suppressions", json!({"address": address}));
        assert_eq!(listed.await.status, 202);
    }
    app.client.wait_until_caught_up().await;
    let messages = preview(&app, body("Hi {{ name }}")).await;
    let reasons = messages.iter().map(|message| {
        let member = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let (reason, detail) = (member("suppression"), member("suppression_detail"));
        (member("customer_id"), reason, detail)
    });
    let expected = [
        ("a-1", "", ""),
        (
            "a-2",
            "duplicate_address",
            "customer a-1 has the same address",
        ),
        (
            "b-1",
            "unsubscribed",
            "customer b-2 unsubscribed with the same address",
        ),
        // Before the template, which needs a name.
        ("c-1", "suppression_list", "manual"),
        ("d-1", "suppression_list", "manual"),
    ];
    let expected =
        expected.map(|(id, reason, detail)| (id.to_owned(), reason.to_owned(), detail.to_owned()));
    assert_eq!(reasons.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_preview_may_use_a_segment_and_limit_its_sample() {
    let app = App::start().await;
    record_customers(&app).await;
    let segment = json!({"name": "Flo", "rules": "name = \"Flo\""});
    let segment = app.client.post("/api/segments", segment).await.body["segment_id"].clone();
    let message = json!({"template": "Hi {{ name }}"});
    let messages = preview(&app, json!({"message": message, "segment_id": segment})).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["text"], "Hi Flo");
    for sample in [0, 2] {
        let messages = preview(&app, with(body("Hi"), json!({"sample": sample}))).await;
        assert_eq!(messages.len(), sample);
    }
}

#[tokio::test]
async fn invalid_previews_are_refused_with_a_pointer() {
    let app = App::without_workers().await;
    for (fields, pointer) in [
        (
            json!({"message": {"template": "{{ shoe }}"}}),
            "/message/template",
        ),
        (
            json!({"message": {"template": "Hi {{ name"}}),
            "/message/template",
        ),
        (
            json!({"message": {"template": "{% for i in range(9**9) %}{% endfor %}"}}),
            "/message/template",
        ),
        (json!({"segment_id": "seg_0"}), "/rules"),
        (json!({"rules": null}), "/segment_id"),
        (json!({"rules": null, "segment_id": "seg_0"}), "/segment_id"),
        (json!({"rules": "shoe = 1"}), "/rules"),
        (json!({"sample": 51}), "/sample"),
        (json!({"name": "x"}), "/name"),
    ] {
        let path = format!("{PATH}/preview");
        let answer = app
            .client
            .post(&path, with(body("Hi"), fields.clone()))
            .await;
        assert_eq!(answer.status, 422, "{fields}: {answer:?}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{fields}");
    }
}
