//! API keys: the paths that require one, and how it is sent.

use reqwest::{Method, header};

use crate::support::app::App;
use crate::support::client::send;

/// Operations that require a key. Paths that do not exist require one too.
const PROTECTED: [(Method, &str); 43] = [
    (Method::POST, "/api/data/customers"),
    (Method::POST, "/api/data/orders"),
    (Method::POST, "/api/data/events"),
    (Method::POST, "/v1/batch"),
    (Method::POST, "/v1/identify"),
    (Method::POST, "/v1/track"),
    (Method::GET, "/api/imports"),
    (Method::POST, "/api/imports"),
    (Method::GET, "/api/imports/imp_1"),
    (Method::DELETE, "/api/imports/imp_1"),
    (Method::GET, "/api/imports/presets"),
    (Method::POST, "/api/imports/imp_1/columns"),
    (Method::GET, "/api/imports/imp_1/events"),
    (Method::POST, "/api/imports/imp_1/preview"),
    (Method::GET, "/api/imports/imp_1/refused"),
    (Method::POST, "/api/imports/imp_1/run"),
    (Method::POST, "/api/imports/imp_1/stop"),
    (Method::GET, "/api/suppressions"),
    (Method::POST, "/api/suppressions"),
    (Method::DELETE, "/api/suppressions/ada@example.com"),
    (Method::GET, "/api/customers"),
    (Method::GET, "/api/customers/c-1"),
    (Method::GET, "/api/customers/c-1/timeline"),
    (Method::POST, "/api/customers/c-1/merge"),
    (Method::GET, "/api/customers/c-1/consents"),
    (Method::POST, "/api/customers/c-1/consents"),
    (Method::GET, "/api/orders"),
    (Method::GET, "/api/segments"),
    (Method::POST, "/api/segments"),
    (Method::GET, "/api/segments/seg_1"),
    (Method::PUT, "/api/segments/seg_1"),
    (Method::DELETE, "/api/segments/seg_1"),
    (Method::GET, "/api/audit"),
    (Method::GET, "/api/audit/0:1"),
    (Method::GET, "/api/admin/projections"),
    (Method::GET, "/api/admin/workers"),
    (Method::GET, "/api/admin/demo"),
    (Method::POST, "/api/admin/demo"),
    (Method::POST, "/api/admin/projections/customers/rebuild"),
    (Method::GET, "/api/admin/log"),
    (Method::GET, "/metrics"),
    (Method::GET, "/api/nothing/here"),
    (Method::DELETE, "/api/customers"),
];

#[tokio::test]
async fn protected_paths_refuse_missing_and_unknown_keys() {
    let app = App::without_workers().await;
    for key in [None, Some("wrong-key-of-a-good-length"), Some("x")] {
        let client = app.client.with_key(key);
        for (method, path) in PROTECTED {
            let refused = send(client.request(method, path)).await;
            refused.assert_problem(401, "unauthenticated");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
    }
    assert!(app.client.list("/api/audit", 10).await.is_empty());
}

#[tokio::test]
async fn a_key_is_accepted_only_as_a_bearer_token() {
    let app = App::without_workers().await;
    let client = app.client.with_key(None);
    let key = &app.settings().key;
    for (value, status) in [
        (format!("Bearer {key}"), 200),
        (format!("bearer {key}"), 200),
        (format!("Bearer {key}x"), 401),
        (format!("Basic {key}"), 401),
        (key.clone(), 401),
        ("Bearer ".to_owned(), 401),
    ] {
        let request = client.request(Method::GET, "/api/admin/log");
        let answered = send(request.header(header::AUTHORIZATION, &value)).await;
        assert_eq!(answered.status, status, "{value}");
    }
    let path = format!("/api/admin/log?key={key}");
    assert_eq!(client.get(&path).await.status, 401);
}

#[tokio::test]
async fn public_paths_need_no_key() {
    let app = App::start().await;
    app.client.wait_for_readiness(200).await;
    for key in [None, Some("wrong-key-of-a-good-length")] {
        let client = app.client.with_key(key);
        for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
            assert_eq!(client.get(path).await.status, 200, "{path}");
        }
        // An unsupported method on a public path is reported without a key too.
        for path in ["/healthz", "/api/delivery/receipt"] {
            let refused = send(client.request(Method::TRACE, path)).await;
            refused.assert_problem(405, "method-not-allowed");
        }
    }
}
