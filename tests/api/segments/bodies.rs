//! Invalid bodies of segments.

use reqwest::{Method, header};
use serde_json::json;

use super::{PATH, create, named, replace};
use crate::api::with;
use crate::support::app::App;
use crate::support::client::send;

#[tokio::test]
async fn an_invalid_field_is_refused_with_its_pointer() {
    let app = App::without_workers().await;
    let (id, _) = create(&app, named("There")).await;
    let long = "x".repeat(201);
    for (fields, pointer, slug) in [
        (json!({"colour": "red"}), "/colour", "unknown-field"),
        (json!({"name": ""}), "/name", "invalid-field"),
        (json!({"name": long}), "/name", "invalid-field"),
        (json!({"name": null}), "/name", "invalid-field"),
        (json!({"description": 7}), "/description", "invalid-field"),
        (json!({"rules": 7}), "/rules", "invalid-field"),
        (json!({"rules": null}), "/rules", "invalid-field"),
        (json!({"rules": ""}), "/rules", "invalid-field"),
        (
            json!({"rules": {"combinator": "and"}}),
            "/rules",
            "invalid-field",
        ),
    ] {
        let body = with(named("x"), fields);
        for refused in [
            app.client.post(PATH, body.clone()).await,
            replace(&app, &id, &body).await,
        ] {
            let problem = refused.assert_problem(422, slug);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
        }
    }
    for missing in ["name", "rules"] {
        let mut body = named("x");
        body.as_object_mut().unwrap().remove(missing);
        let refused = app.client.post(PATH, body).await;
        let problem = refused.assert_problem(422, "invalid-field");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{missing}"));
    }
}

#[tokio::test]
async fn every_invalid_node_of_the_rules_is_reported() {
    let app = App::without_workers().await;
    let rules = json!({"combinator": "and", "rules": [
        {"field": "shoe", "operator": "=", "value": 1},
        {"field": "visits", "operator": ">", "value": 3},
        {"combinator": "or", "rules": [{"field": "visits", "operator": "<", "value": "few"}]},
    ]});
    let body = json!({"name": "x", "rules": rules});
    let refused = app.client.post(PATH, body).await;
    let problem = refused.assert_problem(422, "invalid-field");
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/rules/rules/0", "/rules/rules/2/rules/0"]);

    let body = json!({"name": "x", "rules": "visits > 3 AND shoe = 1"});
    let refused = app.client.post(PATH, body).await;
    let problem = refused.assert_problem(422, "invalid-field");
    assert_eq!(problem["errors"][0]["pointer"], "/rules");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("column 16: "), "{detail}");
}

#[tokio::test]
async fn rules_that_are_too_large_for_a_segment_are_refused() {
    let app = App::without_workers().await;
    let cities: Vec<_> = (0..1_000).map(|n| format!("{n:0>100}")).collect();
    let rules = json!({"combinator": "and", "rules": [
        {"field": "city", "operator": "in", "value": cities},
    ]});
    let body = json!({"name": "x", "rules": rules});
    let refused = app.client.post(PATH, body).await;
    let problem = refused.assert_problem(422, "refused");
    assert_eq!(problem["errors"][0]["pointer"], "/rules");
}

#[tokio::test]
async fn a_body_that_is_not_one_json_object_is_refused() {
    let app = App::without_workers().await;
    let text = named("x").to_string();
    for (media_type, text, status, slug) in [
        ("text/plain", &*text, 415, "unsupported-media-type"),
        (
            "application/x-ndjson",
            &*text,
            415,
            "unsupported-media-type",
        ),
        ("application/json", "", 400, "malformed-body"),
        ("application/json", "{\"name\":", 400, "malformed-json"),
        (
            "application/json",
            "[\"x\",null,\"visits > 1\"]",
            422,
            "invalid-field",
        ),
        ("application/json", "7", 422, "invalid-field"),
    ] {
        let refused = app
            .client
            .post_text(PATH, media_type, text.to_owned())
            .await;
        refused.assert_problem(status, slug);
    }
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(17 << 20));
    let refused = app.client.post_text(PATH, "application/json", large).await;
    refused.assert_problem(413, "body-too-large");
    let compressed = app
        .client
        .request(Method::POST, PATH)
        .header(header::CONTENT_ENCODING, "gzip")
        .json(&named("x"));
    send(compressed)
        .await
        .assert_problem(415, "unsupported-media-type");
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0);
}
