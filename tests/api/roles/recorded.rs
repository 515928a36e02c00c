//! Recorded refusals and uses of keys.

use domain::{Role, UserRole};
use reqwest::Method;
use serde_json::json;

use super::start;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::client::send;
use crate::support::tokens;
use crate::support::wait::eventually;

#[tokio::test]
async fn refusals_and_key_uses_are_in_the_audit_trail() {
    let mut app = start().await;
    app.add_worker();
    let key = app.create_key(Role::Viewer, None).await;
    let client = app.client.with_key(Some(key.reveal()));
    let refused = client.post("/api/segments", json!({})).await;
    refused.assert_problem(403, "forbidden");
    for _ in 0..3 {
        client.read("/api/customers").await;
    }
    let (user, session) = app.sign_in_user(UserRole::Admin).await;
    let forged = tokens::unsigned_token(&tokens::claims(&user, &session, 0));
    let mut browser = Browser::new(app.client.base()).with_session(&forged);
    let tampered = browser.get("/api/audit").await;
    tampered.assert_problem(401, "unauthenticated");
    let anonymous = app.client.with_key(None);
    let unsigned = anonymous.post("/api/delivery/receipt", json!({})).await;
    unsigned.assert_problem(401, "bad-signature");

    app.client.wait_until_caught_up().await;
    let rows = eventually("three refusals", async || {
        let rows = app.client.list("/api/audit?type=request_refused", 10).await;
        (rows.len() == 3).then_some(rows)
    })
    .await;
    for (answered, actor, reason, path) in [
        (
            &refused,
            format!("key:{}", key.id()),
            "role",
            "/api/segments",
        ),
        (&tampered, "nobody".to_owned(), "token", "/api/audit"),
        (
            &unsigned,
            "nobody".to_owned(),
            "signature",
            "/api/delivery/receipt",
        ),
    ] {
        let id = answered.header("x-request-id");
        let row = rows.iter().find(|row| row["request_id"] == id).unwrap();
        assert_eq!(row["actor"], actor);
        assert_eq!(row["ip"], "127.0.0.1");
        let position = row["position"].as_str().unwrap();
        let entry = app.client.read(&format!("/api/audit/{position}")).await;
        assert_eq!(entry["data"]["why"], reason);
        assert_eq!(entry["data"]["path"], path);
    }
    let uses = eventually("the key's use", async || {
        let rows = app.client.list("/api/audit?type=api_key_used", 10).await;
        (!rows.is_empty()).then_some(rows)
    });
    assert_eq!(uses.await.len(), 1, "not every use is recorded");
}

#[tokio::test]
async fn the_number_of_recorded_refusals_is_limited() {
    let mut app = start().await;
    app.add_worker();
    let key = app.create_key(Role::Ingest, None).await;
    let client = app.client.with_key(Some(key.reveal()));
    for _ in 0..300 {
        client
            .get("/api/customers")
            .await
            .assert_problem(403, "forbidden");
    }
    app.client.wait_until_caught_up().await;
    let recorded = app
        .client
        .list("/api/audit?type=request_refused", 500)
        .await;
    assert!((50..300).contains(&recorded.len()), "{}", recorded.len());
}

#[tokio::test]
async fn a_trusted_proxy_determines_the_clients_address() {
    let trusted = vec![("PATRON_TRUSTED_PROXIES", "127.0.0.0/8".to_owned())];
    for (environment, address) in [(trusted, "198.51.100.7"), (Vec::new(), "127.0.0.1")] {
        let mut app = App::with_environment(environment).await;
        app.add_worker();
        let rules = json!({"combinator": "and", "rules": [{"field": "order_count", "operator": ">", "value": 1}]});
        let request = app.client.request(Method::POST, "/api/segments");
        let request = request.header("x-forwarded-for", "203.0.113.9, 198.51.100.7");
        let created = send(request.json(&json!({"name": "A", "rules": rules}))).await;
        assert_eq!(created.status, 201, "{created:?}");
        app.client.wait_until_caught_up().await;
        let rows = app.client.list("/api/audit?type=segment_created", 10).await;
        assert_eq!(rows[0]["ip"], address);
    }
}
