//! Invalid bodies of campaigns.

use serde_json::{Value, json};

use super::{PATH, create, named};
use crate::api::with;
use crate::support::app::App;

/// Posts an invalid body. Returns the status, the type of the problem, and its first pointer.
async fn refusal(app: &App, body: Value) -> (u16, String, String) {
    let answer = app.client.post(PATH, body.clone()).await;
    let problem = &answer.body;
    let slug = problem["type"].as_str().unwrap_or_default();
    let slug = slug.trim_start_matches("urn:patron:problem:").to_owned();
    answer.assert_problem(answer.status, &slug);
    let pointer = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
    (answer.status, slug, pointer.to_owned())
}

fn without(field: &str) -> Value {
    let mut body = named("x");
    body.as_object_mut().unwrap().remove(field);
    body
}

/// Template with ten billion iterations, which must be stopped.
const ENDLESS: &str = "Hi {% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}\
                       {% endfor %}";

fn template(text: &str) -> Value {
    json!({"message": {"template": text}})
}

#[tokio::test]
async fn an_invalid_field_is_refused_with_its_pointer() {
    let app = App::without_workers().await;
    let past = "2020-01-01T00:00:00Z";
    let future = "2099-01-01T00:00:00Z";
    let tags: Vec<String> = (0..21).map(|n| format!("t{n}")).collect();
    let segment = |id: &str| with(without("rules"), json!({"segment_id": id}));
    let also = |fields: Value| with(named("x"), fields);
    for (body, slug, pointer) in [
        (without("name"), "invalid-field", "/name"),
        (also(json!({"name": ""})), "invalid-field", "/name"),
        (without("message"), "invalid-field", "/message"),
        (without("rules"), "invalid-field", "/segment_id"),
        (also(json!({"segment_id": "seg_0"})), "refused", "/rules"),
        (segment("seg_0"), "refused", "/segment_id"),
        (segment("a b"), "invalid-field", "/segment_id"),
        (
            also(json!({"rules": "shoe > 3"})),
            "invalid-field",
            "/rules",
        ),
        (
            also(json!({"message": {}})),
            "invalid-field",
            "/message/template",
        ),
        (
            also(json!({"message": {"text": "x"}})),
            "unknown-field",
            "/message/text",
        ),
        (also(template("")), "invalid-field", "/message/template"),
        (
            also(template("Hi {{ name ")),
            "invalid-field",
            "/message/template",
        ),
        (
            also(template("Hi {{ shoe_size }}")),
            "unknown-field",
            "/message/template",
        ),
        (
            also(template(ENDLESS)),
            "invalid-field",
            "/message/template",
        ),
        (
            also(template(&"x".repeat(16 * 1024 + 1))),
            "invalid-field",
            "/message/template",
        ),
        (
            also(json!({"scheduled_at": past})),
            "invalid-field",
            "/scheduled_at",
        ),
        (
            also(json!({"scheduled_at": "soon"})),
            "invalid-field",
            "/scheduled_at",
        ),
        (
            also(json!({"scheduled_at": future, "launch": true})),
            "refused",
            "/scheduled_at",
        ),
        (also(json!({"launch": "yes"})), "invalid-field", "/launch"),
        (also(json!({"tags": tags})), "invalid-field", "/tags"),
        (also(json!({"tags": [""]})), "invalid-field", "/tags/0"),
        (
            also(json!({"messages_per_second": 0})),
            "invalid-field",
            "/messages_per_second",
        ),
        (
            also(json!({"messages_per_second": 100_001})),
            "invalid-field",
            "/messages_per_second",
        ),
        (also(json!({"colour": "red"})), "unknown-field", "/colour"),
    ] {
        let expected = (422, slug.to_owned(), pointer.to_owned());
        assert_eq!(refusal(&app, body.clone()).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_schedule_without_an_offset_is_refused_with_that_reason() {
    let app = App::without_workers().await;
    for (time, reason) in [
        ("2099-12-24T09:00", "has no offset from UTC"),
        ("2099-12-24 09:00:00", "has no offset from UTC"),
        ("2099-12-24", "is a date without a time"),
    ] {
        let body = with(named("Late"), json!({"scheduled_at": time}));
        let answer = app.client.post(PATH, body).await;
        let problem = answer.assert_problem(422, "invalid-field");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
}

#[tokio::test]
async fn an_invalid_template_is_refused_with_a_reason() {
    let app = App::without_workers().await;
    for (text, slug, reason) in [
        ("Hi\n{{ name ", "invalid-field", "line 2: "),
        (
            "{{ tags[0] - 1 }}",
            "invalid-field",
            "the template cannot be rendered for any customer: ",
        ),
        (
            ENDLESS,
            "invalid-field",
            "the template cannot be rendered for any customer: rendering takes too much work",
        ),
        (
            "Hi {{ shoe_size }}",
            "unknown-field",
            "unknown field \"shoe_size\", expected one of customer_id, name",
        ),
    ] {
        let answer = app
            .client
            .post(PATH, with(named("x"), template(text)))
            .await;
        let problem = answer.assert_problem(422, slug);
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with(reason), "{detail}");
    }
}

#[tokio::test]
async fn an_archived_segment_cannot_be_used() {
    let app = App::without_workers().await;
    let segment = json!({"name": "All", "rules": "order_count > 0"});
    let segment = app.client.post("/api/segments", segment).await.body["segment_id"].clone();
    let body = with(without("rules"), json!({"segment_id": segment}));
    let draft = create(&app, body.clone()).await;
    let path = format!("/api/segments/{}", segment.as_str().unwrap());
    assert_eq!(app.client.delete(&path).await.status, 204);
    let answer = app.client.post(PATH, body).await;
    let problem = answer.assert_problem(422, "refused");
    assert_eq!(problem["errors"][0]["pointer"], "/segment_id");
    let launched = super::post_command(&app, &draft, "launch").await;
    launched.assert_problem(409, "archived");
}
