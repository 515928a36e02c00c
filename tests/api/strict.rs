//! Strict input: parameters and bodies that an operation does not take are refused, not ignored.

use futures::StreamExt;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::send;

/// Operations that accept unknown query parameters. Identity providers add parameters to the
/// address that they redirect a browser to (RFC 6749, section 4.1.2).
const ANY_QUERY: [&str; 1] = ["GET /api/auth/google/callback"];

/// Operation of the OpenAPI document, with values in place of its path parameters.
struct Operation {
    name: String,
    method: Method,
    path: String,
    /// Names of the query parameters.
    query: Vec<String>,
    takes_body: bool,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().clone().into_iter().collect();
        let path = path.clone();
        methods
            .into_iter()
            .map(move |(method, described)| Operation::new(&method, &path, &described))
    };
    paths.iter().flat_map(of_path).collect()
}

impl Operation {
    fn new(method: &str, path: &str, described: &Value) -> Self {
        let method = method.to_uppercase();
        let parameters = described["parameters"].as_array().cloned();
        let parameters = parameters.unwrap_or_default().into_iter();
        let query = parameters.filter(|parameter| parameter["in"] == "query");
        Self {
            name: format!("{method} {path}"),
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path: path
                .replace("{position}", "0:1")
                .replace("{name}", "orders")
                .replace("{id}", "x-1")
                .replace("{customer_id}", "x-1")
                .replace("{key_id}", "x-1")
                .replace("{user_id}", "x-1"),
            query: query
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                .collect(),
            takes_body: described["requestBody"].is_object(),
        }
    }

    fn request(&self, app: &App, query: &str) -> RequestBuilder {
        let path = format!("{}{query}", self.path);
        app.client.request(self.method.clone(), &path)
    }
}

fn chunked(text: &'static str) -> reqwest::Body {
    let chunks = [Ok::<_, std::io::Error>(text)];
    reqwest::Body::wrap_stream(futures::stream::iter(chunks))
}

async fn events(app: &App) -> u64 {
    let log = app.client.read("/api/admin/log").await;
    log["events"].as_u64().unwrap()
}

#[tokio::test]
async fn every_operation_refuses_unknown_parameters() {
    let app = App::without_workers().await;
    for operation in operations() {
        let name = &operation.name;
        let refused = send(operation.request(&app, "?surprise=1")).await;
        if ANY_QUERY.contains(&name.as_str()) {
            let kind = refused.body["type"].as_str().unwrap_or_default();
            assert!(!kind.ends_with("invalid-parameter"), "{name}: {refused:?}");
            continue;
        }
        assert_eq!(refused.status, 400, "{name}: {refused:?}");
        let problem = refused.assert_problem(400, "invalid-parameter");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`surprise`"), "{name}: {detail}");
    }
    assert_eq!(events(&app).await, 0, "nothing was recorded");
}

#[tokio::test]
async fn every_operation_refuses_duplicate_parameters() {
    let app = App::without_workers().await;
    for operation in operations() {
        for parameter in &operation.query {
            let query = format!("?{parameter}=1&{parameter}=1");
            let refused = send(operation.request(&app, &query)).await;
            let detail = refused.body["detail"].as_str().unwrap_or_default();
            let expected = format!("query: {parameter}: duplicate parameter `{parameter}`");
            if !ANY_QUERY.contains(&operation.name.as_str()) {
                assert_eq!(detail, expected, "{}: {refused:?}", operation.name);
            }
        }
    }
}

#[tokio::test]
async fn operations_without_a_body_refuse_bodies() {
    let app = App::without_workers().await;
    let long: &str = Box::leak("x".repeat(128 << 10).into_boxed_str());
    for operation in operations() {
        if operation.takes_body {
            continue;
        }
        let name = &operation.name;
        let bodies = [
            r#"{"scheduled_at":"2030-01-01T00:00:00Z"}"#,
            "garbage",
            "[]",
            long,
        ];
        for body in bodies {
            let request = || {
                let request = operation.request(&app, "");
                request.header("content-type", "application/json")
            };
            // Without this header, the client would send no chunks with GET.
            let in_chunks = request().header("transfer-encoding", "chunked");
            for sent in [request().body(body), in_chunks.body(chunked(body))] {
                let refused = send(sent).await;
                let shown = &body[..body.len().min(40)];
                assert_eq!(refused.status, 400, "{name} {shown}: {refused:?}");
                if operation.method != Method::HEAD {
                    refused.assert_problem(400, "unexpected-body");
                }
            }
        }
    }
    assert_eq!(events(&app).await, 0, "nothing was recorded");
}

/// Some clients send an empty body with every request or every POST.
#[tokio::test]
async fn empty_bodies_count_as_no_body() {
    let app = App::without_workers().await;
    let (post, get) = (Method::POST, Method::GET);
    let calls = [
        (post, "/api/campaigns/x-1/launch"),
        (get, "/api/campaigns/x-1"),
    ];
    for (method, path) in calls {
        for nothing in ["", " \r\n", "{}", "{ }", "null"] {
            for sent in [reqwest::Body::from(nothing), chunked(nothing)] {
                let request = app.client.request(method.clone(), path);
                let request = request.header("content-type", "application/json");
                send(request.body(sent))
                    .await
                    .assert_problem(404, "not-found");
            }
        }
        let request = app.client.request(method, path);
        let bare = request.header("content-length", "0");
        send(bare).await.assert_problem(404, "not-found");
    }
}

/// The server waits a second for the end of the body.
#[tokio::test]
async fn an_unfinished_body_times_out() {
    let app = App::without_workers().await;
    for start in ["", "{}"] {
        let first = futures::stream::iter([Ok::<_, std::io::Error>(start)]);
        let endless = first.chain(futures::stream::pending());
        let request = app
            .client
            .request(Method::POST, "/api/campaigns/x-1/launch");
        let refused = send(request.body(reqwest::Body::wrap_stream(endless))).await;
        refused.assert_problem(503, "timeout");
    }
    let first = futures::stream::iter([Ok::<_, std::io::Error>("garbage")]);
    let long = first.chain(futures::stream::repeat_with(|| Ok("x")).take(1_000));
    let endless = long.chain(futures::stream::pending());
    let request = app
        .client
        .request(Method::POST, "/api/campaigns/x-1/launch");
    let refused = send(request.body(reqwest::Body::wrap_stream(endless))).await;
    refused.assert_problem(400, "unexpected-body");
}

/// The client may still be sending when it is refused.
#[tokio::test]
async fn a_large_body_with_an_unknown_parameter_is_answered() {
    let app = App::without_workers().await;
    let large = format!("[{}]", " ".repeat(512 << 10));
    let path = "/api/data/orders?dry_run=true";
    let refused = app.client.post_text(path, "application/json", large).await;
    refused.assert_problem(400, "invalid-parameter");
}

/// Permissions are checked first, so that anonymous clients learn nothing about an operation.
#[tokio::test]
async fn anonymous_requests_are_refused_before_their_input_is_checked() {
    let app = App::without_workers().await;
    let anonymous = app.client.with_key(None);
    for path in [
        "/api/campaigns/x-1/launch",
        "/api/campaigns/x-1/launch?dry_run=true",
        "/api/data/orders?dry_run=true",
    ] {
        let request = anonymous.request(Method::POST, path);
        let refused = send(request.json(&json!({"surprise": 1}))).await;
        refused.assert_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn the_openapi_document_takes_no_parameters_and_its_pages_take_any() {
    let app = App::without_workers().await;
    let refused = app.client.get("/openapi.json?surprise=1").await;
    refused.assert_problem(400, "invalid-parameter");
    let shown = app.client.get("/docs/?filter=segments").await;
    assert_eq!(shown.status, 200);
    let posted = app.client.post("/openapi.json", json!({"a": 1})).await;
    posted.assert_problem(405, "method-not-allowed");
}
