//! What strangers, and those in a hurry, can take of the server.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::App;
use crate::support::client::answer;
use crate::support::wait::until;

async fn connect(app: &App) -> TcpStream {
    let address = app.client.base().trim_start_matches("http://");
    TcpStream::connect(address).await.unwrap()
}

/// What the server says until it closes the connection, and how long that took.
async fn rest(stream: &mut TcpStream) -> (String, Duration) {
    let (mut said, started) = (Vec::new(), Instant::now());
    // A connection that is cut off has said what it has.
    let _cut_off = stream.read_to_end(&mut said).await;
    (
        String::from_utf8_lossy(&said).into_owned(),
        started.elapsed(),
    )
}

#[tokio::test]
async fn a_credential_that_asks_too_often_is_told_to_wait_and_no_other_is() {
    let app = App::told(vec![("PATRON_RATE_PER_CREDENTIAL", "5".to_owned())]).await;
    let asked = (0..30).map(|_| app.client.get("/api/segments"));
    let answers = join_all(asked).await;
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
        answer.problem(429, "too-many-requests");
        assert_eq!(answer.header("retry-after"), "1");
    }
    // Whether the server is well may always be asked.
    for _ in 0..30 {
        assert_eq!(app.client.get("/healthz").await.status, 200);
    }
    until("there is room again", async || {
        app.client.get("/api/segments").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn an_address_with_wrong_keys_is_told_to_wait_and_right_ones_from_there_are_not() {
    let app = App::told(vec![("PATRON_RATE_PER_ADDRESS", "5".to_owned())]).await;
    let stranger = app.client.with_key(Some("wrong-key-of-a-good-length"));
    let answers = join_all((0..60).map(|_| stranger.get("/api/segments"))).await;
    let limited = answers.iter().filter(|answer| answer.status == 429).count();
    assert!((30..=40).contains(&limited), "{limited} of 60");
    for answer in &answers {
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
    assert_eq!(app.client.get("/api/segments").await.status, 200);
}

#[tokio::test]
async fn one_request_too_many_at_once_is_answered_at_once() {
    let app = App::told(vec![("PATRON_MAX_REQUESTS", "1".to_owned())]).await;
    let head = format!(
        "POST /api/data/orders HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: 10\r\n\r\n{{",
        app.settings().key
    );
    let mut uploads = Vec::new();
    until("the other is refused", async || {
        // One that came while the other was there was itself refused.
        let mut upload = connect(&app).await;
        upload.write_all(head.as_bytes()).await.unwrap();
        uploads.push(upload);
        let refused = app.client.get("/api/segments").await;
        refused.status == 503 && refused.body["type"] == "urn:patron:problem:busy"
    })
    .await;
    assert_eq!(app.client.get("/healthz").await.status, 200);
    drop(uploads);
    until("there is room again", async || {
        app.client.get("/api/segments").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn who_dawdles_over_a_requests_head_is_cut_off() {
    let app = App::told(vec![("PATRON_SLOW_CLIENT_TIMEOUT", "1s".to_owned())]).await;
    for begun in [
        "",
        "GET /healthz HT",
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ",
    ] {
        let mut stream = connect(&app).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let (said, took) = rest(&mut stream).await;
        assert!(
            !said.contains("200 OK") && took < Duration::from_secs(20),
            "{said} {took:?}"
        );
    }
}

/// The requests come all at once, and nothing of their answers is taken.
#[tokio::test]
async fn who_does_not_take_an_answer_is_cut_off() {
    let app = App::told(vec![("PATRON_SLOW_CLIENT_TIMEOUT", "1s".to_owned())]).await;
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
    assert!(cut_off.is_ok(), "it goes on for ever");
    assert_eq!(app.client.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_head_that_never_ends_is_refused() {
    let app = App::without_workers().await;
    let lines: Vec<String> = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = lines.concat();
    let long = format!("x-long: {}\r\n", "1".repeat(100_000));
    for headers in [many, long] {
        let mut stream = connect(&app).await;
        let head = format!("GET /healthz HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        // The server may hang up before it has all of it.
        let _hung_up = stream.write_all(head.as_bytes()).await;
        let (said, _) = rest(&mut stream).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
    assert_eq!(app.client.get("/healthz").await.status, 200);
}

/// At the limit itself, whatever the reads from the connection brought.
#[tokio::test]
async fn a_head_over_64_kib_is_refused_with_a_problem() {
    let app = App::without_workers().await;
    let request = app.client.request(Method::GET, "/healthz");
    let asked = answer(request.header("x-long", "1".repeat(64 * 1024))).await;
    asked.problem(431, "head-too-large");
    let request = app.client.request(Method::GET, "/healthz");
    let asked = answer(request.header("x-long", "1".repeat(63 * 1024))).await;
    assert_eq!(asked.status, 200);
}

/// What the API's process holds in memory, in bytes.
fn resident(app: &App) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.api.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1_024
}

/// A body without an end is refused at its limit; the rest of it is forgotten.
#[tokio::test]
async fn an_endless_body_takes_no_more_than_a_whole_one_may() {
    let app = App::without_workers().await;
    let before = resident(&app);
    let chunk = "x".repeat(64 * 1024);
    for path in ["/api/data/orders", "/api/segments", "/api/delivery/receipt"] {
        let chunk = chunk.clone();
        let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        let request = app.client.request(Method::POST, path);
        let request = request.header("content-type", "application/json");
        // Who could be the vendor is read.
        let now = chrono::Utc::now().timestamp();
        let request = request.header("webhook-id", "1");
        let request = request.header("webhook-timestamp", now);
        let request = request.header("webhook-signature", "v1,a");
        let sent = request
            .body(reqwest::Body::wrap_stream(endless))
            .send()
            .await;
        // Whoever goes on sending may find the connection closed.
        if let Ok(answered) = sent {
            assert_eq!(answered.status(), 413, "{path}");
        }
    }
    // The allocator gives memory back some time after, while it is used.
    until("no more than 64 MiB are kept", async || {
        assert_eq!(app.client.get("/healthz").await.status, 200);
        resident(&app).saturating_sub(before) < 64 * 1024 * 1024
    })
    .await;
}

#[tokio::test]
async fn answers_say_what_browsers_must_not_do_with_them() {
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
    assert_eq!(answer(unknown).await.header("x-frame-options"), "DENY");
}

/// Whoever has no signature is not read, so that its body can keep nobody waiting.
#[tokio::test]
async fn receipts_that_cannot_be_the_vendors_are_refused_before_they_are_read() {
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
        let mut said = vec![0; 4_096];
        let length = stream.read(&mut said).await.unwrap();
        let said = String::from_utf8_lossy(&said[..length]);
        assert!(said.starts_with("HTTP/1.1 401"), "{headers}: {said}");
    }
}
