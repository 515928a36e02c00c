//! `POST /api/admin/verify`: the comparison of everything with the log, as a job.

use domain::Role;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use super::jobs::{job_path, wait_for_end};
use super::order;
use crate::support::app::App;
use crate::support::client::{VIEWS, send};
use crate::support::process::run;

const PATH: &str = "/api/admin/verify";

/// Starts a deployment with 30 orders of 10 customers, which the views have folded.
async fn start() -> App {
    let app = App::start().await;
    let orders: Vec<Value> = (0..30)
        .map(|n| order(&format!("c-{}", n % 10), &format!("o-{n}"), n))
        .collect();
    app.client
        .post_accepted("/api/data/orders", orders.into())
        .await;
    app.client.wait_until_caught_up().await;
    app
}

/// Verifies, and returns the job after its end.
async fn verify(app: &App, body: Value) -> Value {
    let accepted = app.client.post(PATH, body).await;
    let path = job_path(&accepted);
    assert_eq!(accepted.body["kind"], "verification");
    let job = wait_for_end(&app.client, &path).await;
    assert_eq!(job["status"], "done", "{job}");
    job
}

#[tokio::test]
async fn a_healthy_deployment_is_clean() {
    let app = start().await;
    let job = verify(&app, json!({})).await;
    let result = &job["result"];
    assert_eq!(result["clean"], true, "{result}");
    assert_eq!(result["findings"], json!([]));
    assert_eq!(result["findings_found"], 0);
    assert_eq!(
        result["heads"],
        json!({"events": 30, "heads": 30, "differences": 0, "unreadable": 0, "trimmed": []})
    );
    let views = result["views"].as_array().unwrap();
    let names: Vec<_> = views.iter().map(|view| &view["name"]).collect();
    assert_eq!(names, VIEWS);
    let customers = views.iter().find(|view| view["name"] == "customers");
    assert_eq!(
        customers,
        Some(&json!({
            "name": "customers", "generation": 1, "verified": true, "events": 30,
            "documents": 10, "compared": 10, "differences": 0, "quarantined": 0,
        }))
    );
    let progress = &job["progress"];
    assert_eq!(progress["read"], progress["of"], "everything was read");
    assert_eq!(progress["of"], 30 * (1 + VIEWS.len()));
}

#[tokio::test]
async fn the_report_finds_what_the_command_finds() {
    let app = start().await;
    let store = super::campaigns::store(&app).await;
    let customers = store.database().collection::<Document>("customers_g1");
    let more = doc! {"$inc": {"total_spend": 1}};
    customers
        .update_one(doc! {"_id": "c-3"}, more)
        .await
        .unwrap();
    let result = verify(&app, json!({"sample": 10_000})).await["result"].clone();
    assert_eq!(result["clean"], false);
    assert_eq!(result["findings_found"], 1);
    let detail = "c-3 differs from the fold of its 3 events";
    let expected = json!([{"check": "customers", "kind": "difference", "detail": detail}]);
    assert_eq!(result["findings"], expected);
    let command = run(app.patron(["verify"]));
    assert_eq!(command.code, Some(1), "{command:?}");
    assert!(command.out.contains(detail), "{command:?}");
}

#[tokio::test]
async fn a_body_is_optional_but_must_be_valid() {
    let app = start().await;
    for text in ["", " \n"] {
        let accepted = app.client.post_text(PATH, "application/json", text).await;
        assert_eq!(accepted.status, 202, "{text:?}: {accepted:?}");
    }
    let request = app.client.request(reqwest::Method::POST, PATH);
    assert_eq!(send(request).await.status, 202, "no body and no media type");
    for (body, slug, pointer) in [
        (json!({"sample": 0}), "invalid-field", "/sample"),
        (json!({"sample": 10_001}), "invalid-field", "/sample"),
        (json!({"sample": "many"}), "invalid-field", "/sample"),
        (json!({"samples": 5}), "unknown-field", "/samples"),
    ] {
        let refused = app.client.post(PATH, body.clone()).await;
        let problem = refused.assert_problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    for body in [json!(null), json!([]), json!("all")] {
        let refused = app.client.post(PATH, body).await;
        refused.assert_problem(422, "invalid-field");
    }
    let refused = app.client.post_text(PATH, "text/plain", "{}").await;
    refused.assert_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn only_an_admin_sees_the_job() {
    let app = start().await;
    let path = job_path(&app.client.post(PATH, json!({})).await);
    let key = app.create_key(Role::Marketer, None).await;
    let marketer = app.client.with_key(Some(key.reveal()));
    marketer.get(&path).await.assert_problem(403, "forbidden");
    marketer
        .post(PATH, json!({}))
        .await
        .assert_problem(403, "forbidden");
}
