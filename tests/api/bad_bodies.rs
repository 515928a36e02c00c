//! Requests that are refused as a whole, before any item is parsed.

use insta::assert_json_snapshot;
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::client::send;

const PATHS: [&str; 3] = [
    "/api/data/customers",
    "/api/data/orders",
    "/api/data/events",
];
const ORDERS: &str = "/api/data/orders";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// Asserts that nothing was written.
async fn assert_empty_log(app: &App) {
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0);
}

#[tokio::test]
async fn the_problem_of_malformed_json_names_the_position() {
    let app = App::without_workers().await;
    let text = "[\n  {\"order_id\": \"o-1\",\n   \"amount\": }\n]";
    let answer = app.client.post_text(ORDERS, JSON, text).await;
    answer.assert_problem(400, "malformed-json");
    assert_json_snapshot!(answer.body, {".instance" => "[request id]"});
    for path in PATHS {
        for text in [
            "{",
            "[{}",
            "{\"customer_id\": \"c\",",
            "nonsense",
            "[1] 2",
            "\u{feff}{}",
        ] {
            let answer = app.client.post_text(path, JSON, text).await;
            let problem = answer.assert_problem(400, "malformed-json");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with("line 1, column "), "{text}: {detail}");
        }
    }
    assert_empty_log(&app).await;
}

#[tokio::test]
async fn json_other_than_objects_and_arrays_is_refused() {
    let app = App::without_workers().await;
    for path in PATHS {
        for text in ["7", "null", "true", "\"text\""] {
            let answer = app.client.post_text(path, JSON, text).await;
            answer.assert_problem(422, "invalid-field");
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_refused() {
    let app = App::without_workers().await;
    for path in PATHS {
        for media_type in [JSON, NDJSON] {
            for text in ["", " ", "\r\n\r\n"] {
                let answer = app.client.post_text(path, media_type, text).await;
                let problem = answer.assert_problem(400, "malformed-body");
                assert_eq!(problem["detail"], "the body is empty");
            }
        }
    }
}

#[tokio::test]
async fn unsupported_media_types_are_refused() {
    let app = App::without_workers().await;
    let text = order("c-1", "o-1", 1).to_string();
    for media_type in [
        "text/csv",
        "text/plain",
        "application/xml",
        "application/jsonx",
    ] {
        let answer = app.client.post_text(ORDERS, media_type, text.clone()).await;
        let problem = answer.assert_problem(415, "unsupported-media-type");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("application/x-ndjson"), "{detail}");
    }
    let untyped = app.client.request(Method::POST, ORDERS).body(text.clone());
    send(untyped)
        .await
        .assert_problem(415, "unsupported-media-type");
    let compressed = app.client.request(Method::POST, ORDERS);
    let compressed = compressed.header(header::CONTENT_TYPE, JSON);
    let compressed = compressed.header(header::CONTENT_ENCODING, "gzip");
    send(compressed.body(text))
        .await
        .assert_problem(415, "unsupported-media-type");
    assert_empty_log(&app).await;
}

/// A header that says how to read the body may not be repeated: another server might read
/// the body by the other value.
#[tokio::test]
async fn repeated_headers_of_a_body_are_refused() {
    let app = App::without_workers().await;
    let text = order("c-1", "o-1", 1).to_string();
    let codings: [&[&str]; 5] = [
        &["identity", "gzip"],
        &["gzip", "identity"],
        &["identity, gzip"],
        &["gzip, gzip"],
        &["gzip", "gzip"],
    ];
    for path in [ORDERS, "/api/segments"] {
        for values in codings {
            let request = app.client.request(Method::POST, path);
            let mut request = request.header(header::CONTENT_TYPE, JSON);
            for value in values {
                request = request.header(header::CONTENT_ENCODING, *value);
            }
            let refused = send(request.body(text.clone())).await;
            let problem = refused.assert_problem(415, "unsupported-media-type");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("compressed"), "{path} {values:?}: {detail}");
        }
        let request = app.client.request(Method::POST, path);
        let request = request.header(header::CONTENT_TYPE, JSON);
        let request = request.header(header::CONTENT_TYPE, "text/csv");
        let refused = send(request.body(text.clone())).await;
        refused.assert_problem(415, "unsupported-media-type");
    }
    for values in [&["gzip, gzip"][..], &["gzip", "gzip"], &["gzip", "br"]] {
        let mut request = app.client.request(Method::POST, "/v1/track");
        for value in values {
            request = request.header(header::CONTENT_ENCODING, *value);
        }
        let refused = send(request.header(header::CONTENT_TYPE, JSON).body("{}")).await;
        refused.assert_problem(415, "unsupported-media-type");
    }
    assert_empty_log(&app).await;
    let mut request = app.client.request(Method::POST, ORDERS);
    for value in ["identity", "Identity, identity"] {
        request = request.header(header::CONTENT_ENCODING, value);
    }
    let request = request.header(header::CONTENT_TYPE, JSON);
    assert_eq!(send(request.body(text)).await.status, 202);
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_refused() {
    let app = App::without_workers().await;
    let body = b"{\"customer_id\": \"c-1\", \"name\": \"J\xf6rg\"}".to_vec();
    let answer = app.client.post_text(PATHS[0], JSON, body).await;
    let problem = answer.assert_problem(400, "malformed-body");
    assert!(problem["detail"].as_str().unwrap().contains("UTF-8"));
}

#[tokio::test]
async fn a_batch_with_one_item_too_many_is_refused_as_a_whole() {
    let app = App::without_workers().await;
    let items: Vec<Value> = (0..10_001)
        .map(|n| order("c-1", &format!("o-{n}"), 1))
        .collect();
    let lines: Vec<_> = items.iter().map(Value::to_string).collect();
    let array = app.client.post(ORDERS, items.into()).await;
    array.assert_problem(413, "too-many-items");
    assert_json_snapshot!(array.body, {".instance" => "[request id]"});
    let lines = app.client.post_text(ORDERS, NDJSON, lines.join("\n")).await;
    lines.assert_problem(413, "too-many-items");
    assert_empty_log(&app).await;
}

#[tokio::test]
async fn bodies_over_16_mib_are_refused() {
    let app = App::without_workers().await;
    let mebibyte = 1 << 20;
    let filled = |bytes: usize| {
        let item = order("c-1", "o-1", 1).to_string();
        format!("{item}{}", " ".repeat(bytes - item.len()))
    };
    for (bytes, status) in [
        (16 * mebibyte, 202),
        (16 * mebibyte + 1, 413),
        (17 * mebibyte, 413),
    ] {
        for media_type in [JSON, NDJSON] {
            let answer = app
                .client
                .post_text(ORDERS, media_type, filled(bytes))
                .await;
            assert_eq!(answer.status, status, "{bytes} {media_type}");
            if status == 413 {
                answer.assert_problem(413, "body-too-large");
            }
        }
    }
    let chunks = (0..17).map(move |_| Ok::<_, std::io::Error>(vec![b' '; mebibyte]));
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let answer = app.client.post_text(ORDERS, JSON, chunked).await;
    answer.assert_problem(413, "body-too-large");
}

#[tokio::test]
async fn deep_nesting_is_refused_without_a_crash() {
    let app = App::without_workers().await;
    for text in ["[".repeat(100_000), "{\"items\":".repeat(50_000)] {
        let answer = app.client.post_text(ORDERS, JSON, text).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let item = with(order("c-1", "o-1", 1), json!({"items": 0}));
    let text = item
        .to_string()
        .replace("\"items\":0", &format!("\"items\":{deep}"));
    let answer = app.client.post_text(ORDERS, JSON, text).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text);
    assert_eq!(app.client.get("/healthz").await.status, 200);
}
