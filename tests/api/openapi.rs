//! The OpenAPI document: it equals `docs/openapi.json`, is served, and matches the routes.

use std::env;
use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::send;
use crate::support::engines::workspace;

/// All operations of the contract.
const OPERATIONS: [&str; 94] = [
    "DELETE /api/campaigns/{id}",
    "DELETE /api/imports/{id}",
    "DELETE /api/keys/{key_id}",
    "DELETE /api/segments/{id}",
    "DELETE /api/suppressions/{id}",
    "GET /api/admin/demo",
    "GET /api/admin/log",
    "GET /api/admin/projections",
    "GET /api/admin/quarantine",
    "GET /api/admin/settings",
    "GET /api/admin/workers",
    "GET /api/ai/lookalikes",
    "GET /api/ai/send-time",
    "GET /api/audit",
    "GET /api/audit/{position}",
    "GET /api/auth/google",
    "GET /api/auth/google/callback",
    "GET /api/auth/local",
    "GET /api/auth/me",
    "GET /api/campaigns",
    "GET /api/campaigns/{id}",
    "GET /api/campaigns/{id}/logs",
    "GET /api/campaigns/{id}/progress",
    "GET /api/campaigns/{id}/recipients/{customer_id}",
    "GET /api/campaigns/{id}/reconcile",
    "GET /api/customers",
    "GET /api/customers/{id}",
    "GET /api/customers/{id}/consents",
    "GET /api/customers/{id}/segments",
    "GET /api/customers/{id}/timeline",
    "GET /api/imports",
    "GET /api/imports/presets",
    "GET /api/imports/{id}",
    "GET /api/imports/{id}/events",
    "GET /api/imports/{id}/refused",
    "GET /api/jobs/{id}",
    "GET /api/jobs/{id}/events",
    "GET /api/keys",
    "GET /api/keys/{key_id}",
    "GET /api/orders",
    "GET /api/reports/daily",
    "GET /api/segments",
    "GET /api/segments/{id}",
    "GET /api/segments/{id}/customers",
    "GET /api/segments/{id}/explain",
    "GET /api/segments/{id}/history",
    "GET /api/suppressions",
    "GET /api/users",
    "GET /api/users/{user_id}",
    "GET /healthz",
    "GET /metrics",
    "GET /readyz",
    "PATCH /api/campaigns/{id}",
    "POST /api/admin/demo",
    "POST /api/admin/projections/{name}/rebuild",
    "POST /api/admin/projections/{name}/rollback",
    "POST /api/admin/quarantine/{position}/retry",
    "POST /api/admin/quarantine/{position}/skip",
    "POST /api/admin/verify",
    "POST /api/ai/campaigns/{id}/summary",
    "POST /api/ai/campaigns/{id}/tags",
    "POST /api/ai/messages",
    "POST /api/ai/segment-rules",
    "POST /api/auth/logout",
    "POST /api/campaigns",
    "POST /api/campaigns/preview",
    "POST /api/campaigns/{id}/cancel",
    "POST /api/campaigns/{id}/clone",
    "POST /api/campaigns/{id}/launch",
    "POST /api/campaigns/{id}/pause",
    "POST /api/campaigns/{id}/resume",
    "POST /api/campaigns/{id}/retry",
    "POST /api/customers/{id}/consents",
    "POST /api/customers/{id}/merge",
    "POST /api/data/customers",
    "POST /api/data/events",
    "POST /api/data/orders",
    "POST /api/delivery/receipt",
    "POST /api/imports",
    "POST /api/imports/{id}/columns",
    "POST /api/imports/{id}/preview",
    "POST /api/imports/{id}/run",
    "POST /api/imports/{id}/stop",
    "POST /api/keys",
    "POST /api/segments",
    "POST /api/segments/preview",
    "POST /api/suppressions",
    "POST /api/users/{user_id}/sign-out",
    "POST /v1/batch",
    "POST /v1/identify",
    "POST /v1/track",
    "POST /v1/{type}",
    "PUT /api/segments/{id}",
    "PUT /api/users/{user_id}/role",
];

/// Operations that need neither a credential nor a signature.
const OPEN: [&str; 5] = [
    "GET /api/auth/google",
    "GET /api/auth/google/callback",
    "GET /api/auth/local",
    "GET /healthz",
    "GET /readyz",
];

/// `INSTA_UPDATE=always` rewrites the file, like any other snapshot.
#[test]
fn the_document_equals_docs_openapi_json() {
    let path = workspace().join("docs/openapi.json");
    let document = serde_json::to_string_pretty(&api::openapi()).unwrap() + "\n";
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &document).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/openapi.json differs from the document of the API; if that is intended, run the tests \
         with INSTA_UPDATE=always and review the diff"
    );
}

#[tokio::test]
async fn the_document_is_served_and_can_be_browsed() {
    let app = App::without_workers().await;
    let served = app.client.with_key(None).read("/openapi.json").await;
    let mut document = serde_json::to_value(api::openapi()).unwrap();
    let currency = json!({"type": "string", "enum": ["USD"]});
    document["components"]["schemas"]["Currency"] = currency;
    assert_eq!(served, document, "with the currency of this deployment");
    let page = app.client.with_key(None).get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let script = app
        .client
        .with_key(None)
        .get("/docs/swagger-ui-bundle.js")
        .await;
    assert_eq!(script.status, 200, "assets come from the same server");
    assert_eq!(script.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn every_operation_is_documented_and_routed() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut operations = operations(&document);
    operations.sort();
    assert_eq!(operations, OPERATIONS);

    let app = App::without_workers().await;
    for operation in operations {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path
            .replace("{position}", "0:1")
            .replace("{id}", "c-1")
            .replace("{customer_id}", "c-1")
            .replace("{key_id}", "key_1")
            .replace("{user_id}", "usr_1")
            .replace("{name}", "orders");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let open = OPEN.contains(&operation.as_str());
        let anonymous = app.client.with_key(None);
        let refused = send(anonymous.request(method.clone(), &path)).await;
        assert_eq!(refused.status == 401, !open, "{operation}");
        let answered = send(app.client.request(method, &path)).await;
        assert_ne!(answered.status, 405, "{operation}");
        let detail = answered.body["detail"].as_str().unwrap_or_default();
        assert!(!detail.contains("no resource at this path"), "{operation}");
    }
}

fn operations(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
        let path = path.clone();
        methods
            .into_iter()
            .map(move |method| format!("{} {path}", method.to_uppercase()))
    };
    paths.iter().flat_map(of_path).collect()
}

/// Every link leads to an existing operation and sets parameters that the operation has.
#[test]
fn links_lead_to_existing_operations() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let all: Vec<&Value> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .collect();
    let responses = all
        .iter()
        .flat_map(|operation| operation["responses"].as_object().unwrap().values());
    let links: Vec<&Value> = responses
        .filter_map(|response| response["links"].as_object())
        .flat_map(|links| links.values())
        .collect();
    assert!(links.len() > 20, "{}", links.len());
    for link in links {
        let to = all.iter().find(|o| o["operationId"] == link["operationId"]);
        let parameters = to.expect("the linked operation exists")["parameters"]
            .as_array()
            .unwrap();
        for name in link["parameters"].as_object().unwrap().keys() {
            assert!(parameters.iter().any(|p| p["name"] == **name), "{link}");
        }
    }
}

/// Every operation documents its responses, including problems, and the credentials that it needs.
#[test]
fn every_operation_is_fully_described() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    for scheme in ["key", "session"] {
        assert!(document["components"]["securitySchemes"][scheme].is_object());
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let named = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{named}");
            assert!(operation["operationId"].is_string(), "{named}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{named} {status}");
                assert!(
                    response["headers"]["X-Request-Id"].is_object(),
                    "{named} {status}"
                );
            }
            let open = OPEN.contains(&format!("{} {path}", method.to_uppercase()).as_str());
            let unauthenticated = &operation["responses"]["401"]["content"];
            let documented = unauthenticated["application/problem+json"].is_object();
            assert_eq!(documented, !open, "{named}");
            let receipts = path == "/api/delivery/receipt";
            let needs = match open || receipts {
                true => json!([{}]),
                false => json!([{"key": []}, {"session": []}]),
            };
            assert_eq!(operation["security"], needs, "{named}");
            let about_oneself = named == "get /api/auth/me";
            let roles = !open && !receipts && !about_oneself;
            let forbidden = operation["responses"]["403"].is_object();
            assert!(forbidden || !roles, "{named}");
        }
    }
}
