//! Limits on request rates, slow clients, request heads, and bodies.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::App;
use crate::support::client::send;
use crate::support::wait::until;

async fn connect(app: &App) -> TcpStream {
    let address = app.client.base().trim_start_matches("http://");
    TcpStream::connect(address).await.unwrap()
}

/// Reads until the server closes the connection. Returns what it sent and how long that took.
async fn read_to_close(stream: &mut TcpStream) -> (String, Duration) {
    let (mut response, started) = (Vec::new(), Instant::now());
    // An error means that the connection was reset; what was read before it counts.
    let _reset = stream.read_to_end(&mut response).await;
    (
        String::from_utf8_lossy(&response).into_owned(),
        started.elapsed(),
    )
}

#[tokio::test]
async fn requests_are_rate_limited_per_credential() {
    let app = App::with_environment(vec![("PATRON_RATE_PER_CREDENTIAL", "5".to_owned())]).await;
    let requests = (0..30).map(|_| app.client.get("/api/segments"));
    let answers = join_all(requests).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert!(
        (15..=20).contains(&refused.len()),
        "{} of 30",
        refused.len()
    );
    for answer in refused {
        answer.assert_problem(429, "too-many-requests");
        assert_eq!(answer.header("retry-after"), "1");
    }
    // Health checks are not limited.
    for _ in 0..30 {
        assert_eq!(app.client.get("/healthz").await.status, 200);
    }
    until("requests are accepted again", async || {
        app.client.get("/api/segments").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn wrong_keys_are_rate_limited_per_address_and_valid_keys_are_not() {
    let app = App::with_environment(vec![("PATRON_RATE_PER_ADDRESS", "5".to_owned())]).await;
    let client = app.client.with_key(Some("wrong-key-of-a-good-length"));
    let answers = join_all((0..60).map(|_| client.get("/api/segments"))).await;
    let limited = answers.iter().filter(|answer| answer.status == 429).count();
    assert!((30..=40).contains(&limited), "{limited} of 60");
    for answer in &answers {
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
    assert_eq!(app.client.get("/api/segments").await.status, 200);
}

#[tokio::test]
async fn a_request_beyond_the_concurrency_limit_is_refused_at_once() {
    let app = App::with_environment(vec![("PATRON_MAX_REQUESTS", "1".to_owned())]).await;
    let head = format!(
        "POST /api/data/orders HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: 10\r\n\r\n{{",
        app.settings().key
    );
    let mut uploads = Vec::new();
    until("a second request is refused", async || {
        // An upload that began while another request was in progress was itself refused.
        let mut upload = connect(&app).await;
        upload.write_all(head.as_bytes()).await.unwrap();
        uploads.push(upload);
        let refused = app.client.get("/api/segments").await;
        refused.status == 503 && refused.body["type"] == "urn:patron:problem:busy"
    })
    .await;
    assert_eq!(app.client.get("/healthz").await.status, 200);
    drop(uploads);
    until("requests are accepted again", async || {
        app.client.get("/api/segments").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_slow_request_head_is_cut_off() {
    let app = App::with_environment(vec![("PATRON_SLOW_CLIENT_TIMEOUT", "1s".to_owned())]).await;
    for begun in [
        "",
        "GET /healthz HT",
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ",
    ] {
        let mut stream = connect(&app).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let (response, took) = read_to_close(&mut stream).await;
        assert!(
            !response.contains("200 OK") && took < Duration::from_secs(20),
            "{response} {took:?}"
        );
    }
}

/// The client sends requests without a pause and reads no response.
#[tokio::test]
async fn a_client_that_does_not_read_responses_is_cut_off() {
    let app = App::with_environment(vec![("PATRON_SLOW_CLIENT_TIMEOUT", "1s".to_owned())]).await;
    let mut stream = connect(&app).await;
    let request = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let sending = async {
        loop {
            if stream.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let cut_off = tokio::time::timeout(Duration::from_secs(60), sending).await;
    assert!(cut_off.is_ok(), "the connection stays open");
    assert_eq!(app.client.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn an_oversized_head_is_refused() {
    let app = App::without_workers().await;
    let lines: Vec<String> = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = lines.concat();
    let long = format!("x-long: {}\r\n", "1".repeat(100_000));
    for headers in [many, long] {
        let mut stream = connect(&app).await;
        let head = format!("GET /healthz HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        // The server may close the connection before it has read the whole head.
        let _closed = stream.write_all(head.as_bytes()).await;
        let (response, _) = read_to_close(&mut stream).await;
        assert!(!response.contains("200 OK"), "{response}");
    }
    assert_eq!(app.client.get("/healthz").await.status, 200);
}

/// The limit is exact, however the head is split into reads.
#[tokio::test]
async fn a_head_over_64_kib_is_refused_with_a_problem() {
    let app = App::without_workers().await;
    let request = app.client.request(Method::GET, "/healthz");
    let refused = send(request.header("x-long", "1".repeat(64 * 1024))).await;
    refused.assert_problem(431, "head-too-large");
    let request = app.client.request(Method::GET, "/healthz");
    let accepted = send(request.header("x-long", "1".repeat(63 * 1024))).await;
    assert_eq!(accepted.status, 200);
}

/// Returns the resident memory of the API process, in bytes.
fn resident(app: &App) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.api.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1_024
}

/// An endless body is refused at its limit and does not stay in memory.
#[tokio::test]
async fn an_endless_body_uses_bounded_memory() {
    let app = App::without_workers().await;
    let before = resident(&app);
    let chunk = "x".repeat(64 * 1024);
    for path in ["/api/data/orders", "/api/segments", "/api/delivery/receipt"] {
        let chunk = chunk.clone();
        let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        let request = app.client.request(Method::POST, path);
        let request = request.header("content-type", "application/json");
        // Bodies of receipts are read only with plausible signature headers.
        let now = chrono::Utc::now().timestamp();
        let request = request.header("webhook-id", "1");
        let request = request.header("webhook-timestamp", now);
        let request = request.header("webhook-signature", "v1,a");
        let sent = request
            .body(reqwest::Body::wrap_stream(endless))
            .send()
            .await;
        // A client that keeps sending may find the connection closed.
        if let Ok(answered) = sent {
            assert_eq!(answered.status(), 413, "{path}");
        }
    }
    // The allocator returns memory with a delay, and only while it is used.
    until("no more than 64 MiB are kept", async || {
        assert_eq!(app.client.get("/healthz").await.status, 200);
        resident(&app).saturating_sub(before) < 64 * 1024 * 1024
    })
    .await;
}

#[tokio::test]
async fn responses_have_security_headers() {
    let app = App::without_workers().await;
    for path in ["/api/segments", "/healthz", "/docs/", "/api/nothing"] {
        let answered = app.client.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answered.header(name), value, "{path}");
        }
        let policy = answered.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(
            policy.contains("default-src 'none'"),
            path != "/docs/",
            "{policy}"
        );
    }
    let unknown = app
        .client
        .with_key(None)
        .request(Method::GET, "/api/segments");
    assert_eq!(send(unknown).await.header("x-frame-options"), "DENY");
}

/// A body without plausible signature headers is not read, so that slow bodies delay nobody.
#[tokio::test]
async fn receipts_without_plausible_headers_are_refused_unread() {
    let app = App::without_workers().await;
    let now = chrono::Utc::now().timestamp();
    for headers in [
        String::new(),
        format!("webhook-id: 1\r\nwebhook-timestamp: {now}\r\n"),
        "webhook-id: 1\r\nwebhook-signature: v1,a\r\nwebhook-timestamp: 1\r\n".to_owned(),
        format!(
            "webhook-id: 1\r\nwebhook-signature: v1,a\r\nwebhook-timestamp: {}\r\n",
            i64::MIN
        ),
    ] {
        let mut stream = connect(&app).await;
        let head = format!(
            "POST /api/delivery/receipt HTTP/1.1\r\nhost: localhost\r\n{headers}\
             content-type: application/json\r\ncontent-length: 100\r\n\r\n["
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = vec![0; 4_096];
        let length = stream.read(&mut response).await.unwrap();
        let response = String::from_utf8_lossy(&response[..length]);
        assert!(
            response.starts_with("HTTP/1.1 401"),
            "{headers}: {response}"
        );
    }
}
