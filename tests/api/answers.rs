//! Memory of answers: an answer that is larger than its request, and one that is not read.

use std::fs;
use std::time::Duration;

use domain::Role;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::order;
use crate::support::app::App;
use crate::support::wait::until;

const MIB: u64 = 1024 * 1024;

/// Returns a figure of the API process's memory, in bytes.
fn memory(app: &App, figure: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", app.api.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1_024
}

/// Posts lines and reads the status of the answer, but not its body.
async fn post_unread(app: &App, key: &str, lines: &str) -> (TcpStream, u16) {
    let address = app.client.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/data/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
        lines.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(lines.as_bytes()).await.unwrap();
    let mut begin = [0; "HTTP/1.1 202".len()];
    let read = timeout(Duration::from_secs(100), stream.read_exact(&mut begin));
    read.await.expect("an answer in time").unwrap();
    let status = String::from_utf8_lossy(&begin[9..]).parse().unwrap();
    (stream, status)
}

/// Posts the same lines often at once, with a key that may only send data, and reads none of
/// the answers. Others are served meanwhile.
async fn flood(app: &App, lines: &str, count: usize) -> Vec<(TcpStream, u16)> {
    let key = app.create_key(Role::Ingest, None).await;
    let posts = (0..count).map(|_| post_unread(app, key.reveal(), lines));
    let answers = join_all(posts).await;
    let accepted = app.client.post("/api/data/orders", order("c-1", "o-1", 1));
    assert_eq!(accepted.await.status, 202);
    assert_eq!(app.client.get("/healthz").await.status, 200);
    let statuses: Vec<u16> = answers.iter().map(|(_, status)| *status).collect();
    assert!(
        statuses.iter().all(|status| [202, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&202), "{statuses:?}");
    answers
}

/// The answer to an item names a field that the item made as long as it liked.
#[tokio::test]
async fn an_answer_is_not_many_times_as_large_as_its_request() {
    let app = App::without_workers().await;
    let name = "x".repeat(2_500);
    let items: Vec<Value> = (0..1_000).map(|n| json!({name.clone(): n})).collect();
    let sent = Value::from(items).to_string();
    let (path, bytes) = ("/api/data/orders", sent.len());
    let answer = app.client.post_text(path, "application/json", sent).await;
    assert_eq!(answer.body["rejected"], 1_000);
    let answered = answer.text.len();
    assert!(answered < bytes, "{answered} bytes for {bytes}");
    let problem = &answer.body["results"][0]["problem"];
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("xxx\u{2026}"), "{detail}");
}

#[tokio::test]
async fn large_bodies_with_large_answers_use_bounded_memory() {
    let app = App::without_workers().await;
    let before = memory(&app, "VmRSS:");
    let line = json!({"x".repeat(1_600): 1}).to_string();
    let lines = vec![line; 9_900].join("\n");
    let answers = flood(&app, &lines, 16).await;
    let peak = memory(&app, "VmHWM:") - before;
    assert!(peak < 700 * MIB, "{} MiB", peak / MIB);
    drop(answers);
}

#[tokio::test]
async fn answers_that_are_not_read_use_bounded_memory() {
    let app = App::without_workers().await;
    let before = memory(&app, "VmRSS:");
    let fields = (0..20).map(|n| (format!("a{n}"), json!(n)));
    let line = Value::Object(fields.collect()).to_string();
    let lines = vec![line; 10_000].join("\n");
    let answers = flood(&app, &lines, 30).await;
    // The allocator returns memory with a delay, and only while it is used.
    until("the answers hold no more than 256 MiB", async || {
        assert_eq!(app.client.get("/healthz").await.status, 200);
        memory(&app, "VmRSS:").saturating_sub(before) < 256 * MIB
    })
    .await;
    drop(answers);
}
