//! Requests whose head cannot be read: they are answered like any other.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::app::App;

/// Sends a text and returns what the server sent until it closed the connection.
async fn exchange(app: &App, text: &str) -> String {
    let address = app.client.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = stream.read_to_end(&mut response);
    let read = timeout(Duration::from_secs(20), read).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(response).unwrap()
}

/// Asserts that a response is a problem document with the headers of every response.
fn assert_problem(response: &str, status: u16, slug: &str) {
    let (head, body) = response.split_once("\r\n\r\n").expect(response);
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    let header = |name: &str| {
        let mut values = head.lines().filter_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = values.next();
        assert!(values.next().is_none(), "{name} is repeated: {head}");
        value.unwrap_or_else(|| panic!("no {name}: {head}"))
    };
    assert_eq!(header("content-type"), "application/problem+json");
    assert_eq!(header("content-length"), body.len().to_string());
    assert_eq!(header("connection"), "close");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("content-security-policy").contains("default-src 'none'"));
    assert!(header("date").ends_with(" GMT"));
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["type"], format!("urn:patron:problem:{slug}"));
    assert_eq!(problem["status"], status);
    assert_eq!(problem["instance"], header("x-request-id"));
}

#[tokio::test]
async fn a_malformed_head_is_answered_with_a_problem() {
    let app = App::without_workers().await;
    for text in [
        "nonsense\r\n\r\n",
        "GET /healthz HTTP/3.0\r\n\r\n",
        "GET  /healthz HTTP/1.1\r\n\r\n",
        "G@T /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nx y: z\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let response = exchange(&app, text).await;
        assert_problem(&response, 400, "malformed-request");
    }
}

/// The answer arrives although the server does not read all that the client sends.
#[tokio::test]
async fn a_head_that_is_too_large_is_answered_with_a_problem() {
    let app = App::without_workers().await;
    let lines: Vec<String> = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", lines.concat());
    let long = "1".repeat(300_000);
    let header = format!("GET /healthz HTTP/1.1\r\nx-long: {long}\r\n\r\n");
    let target = format!("GET /{long} HTTP/1.1\r\n\r\n");
    for text in [many, header, target] {
        let response = exchange(&app, &text).await;
        assert_problem(&response, 431, "head-too-large");
    }
}

/// Requests before a malformed one on the same connection get their own answers.
#[tokio::test]
async fn a_malformed_head_follows_good_requests() {
    let app = App::without_workers().await;
    let address = app.client.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        let good = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(good.as_bytes()).await.unwrap();
        let mut response = vec![0; 4_096];
        let length = stream.read(&mut response).await.unwrap();
        let response = String::from_utf8_lossy(&response[..length]);
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    }
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert_problem(&response, 400, "malformed-request");
}
