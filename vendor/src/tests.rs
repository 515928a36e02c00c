//! Tests of the vendor over real HTTP on loopback, with a receiver of its receipts.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{MillisRange, VendorConfig, VendorError, VendorSettings, serve};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=";
const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_message_is_sent_once_even_if_it_is_requested_repeatedly() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0).await;
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let (status, first) = vendor.send("msg_1", "hi", &receiver.url).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    let (_, again) = vendor.send("msg_1", "hi", &receiver.url).await;
    assert_eq!(first, again);
    let (status, problem) = vendor.send("msg_1", "ho", &receiver.url).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["type"], "urn:patron:vendor:message-id-reused");
    let listed = vendor.get("/vendor/messages").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["requested"], 2);
    assert_eq!(listed["next_cursor"], Value::Null);
    vendor.all_acknowledged().await;
    assert_eq!(receiver.receipts().len(), 1);
}

#[tokio::test]
async fn an_array_is_answered_with_a_result_per_message() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0).await;
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let message = |id: &str, to: &str| {
        json!({"message_id": id, "to": to, "content": {"text": "hi"},
            "callback_url": receiver.url})
    };
    let (_, first) = vendor.send("msg_1", "hi", &receiver.url).await;
    let batch = json!([
        message("msg_2", "c@d.example"),
        message("msg_1", "a@b.example"),
        message("msg_2", "c@d.example"),
        message("msg_1", "other@b.example"),
        message("msg_3", ""),
    ]);
    for _ in 0..2 {
        let (status, answer) = vendor.post(&batch).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(
            answer["results"],
            json!([
                {"message_id": "msg_2", "outcome": "accepted", "vendor_message_id": "vm_2"},
                {"message_id": "msg_1", "outcome": "accepted",
                    "vendor_message_id": first["vendor_message_id"]},
                {"message_id": "msg_2", "outcome": "accepted", "vendor_message_id": "vm_2"},
                {"message_id": "msg_1", "outcome": "refused", "reason": "message-id-reused"},
                {"message_id": "msg_3", "outcome": "refused", "reason": "invalid-request"},
            ])
        );
    }
    vendor.all_acknowledged().await;
    assert_eq!(receiver.receipts().len(), 2);
}

#[tokio::test]
async fn a_deferred_message_is_not_sent_and_has_a_retry_after() {
    let dir = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let batch = Value::from((0..100).map(message).collect::<Vec<_>>());
    vendor
        .put_settings(json!({"deferred_rate": 0.5, "deferred_retry_after_s": 7}))
        .await;
    let deferred = |answer: &Value| {
        let results = answer["results"].as_array().unwrap().iter();
        results.filter(|one| one["outcome"] == "deferred").count()
    };
    let (status, first) = vendor.post(&batch).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert!((30..70).contains(&deferred(&first)), "{first}");
    let results = first["results"].as_array().unwrap().iter();
    for result in results.filter(|one| one["outcome"] == "deferred") {
        assert_eq!(result["retry_after"], 7, "{result}");
        assert_eq!(result["vendor_message_id"], Value::Null, "{result}");
    }
    let stats = vendor.get("/vendor/stats").await;
    assert_eq!(stats["ledger"]["accepted"], 100 - deferred(&first));
    assert_eq!(stats["since_start"]["deferred"], deferred(&first));
    let (_, second) = vendor.post(&batch).await;
    assert!(
        deferred(&second) < deferred(&first),
        "each retry is drawn again"
    );
    vendor.put_settings(json!({"deferred_rate": 0.0})).await;
    let (_, last) = vendor.post(&batch).await;
    assert_eq!(deferred(&last), 0);
    assert_eq!(vendor.get("/vendor/stats").await["ledger"]["accepted"], 100);
}

#[tokio::test]
async fn messages_to_some_addresses_are_refused_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let to = |n: usize| {
        let mut message = message(n);
        message["to"] = json!(format!("c{n}@example.com"));
        message
    };
    let batch = Value::from((0..100).map(to).collect::<Vec<_>>());
    vendor.put_settings(json!({"refused_rate": 0.3})).await;
    let (status, first) = vendor.post(&batch).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let results = first["results"].as_array().unwrap().iter();
    let refused = results.filter(|one| one["outcome"] == "refused");
    let refused: Vec<_> = refused.collect();
    assert!((15..45).contains(&refused.len()), "{first}");
    assert!(
        refused
            .iter()
            .all(|one| one["reason"] == "unknown-recipient")
    );
    let (_, again) = vendor.post(&batch).await;
    assert_eq!(again["results"], first["results"]);
    let stats = vendor.get("/vendor/stats").await;
    assert_eq!(stats["ledger"]["accepted"], 100 - refused.len());
}

#[tokio::test]
async fn a_callback_that_is_not_allowed_refuses_the_whole_array() {
    let dir = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let mut second = message(2);
    second["callback_url"] = json!("http://example.org/");
    let (status, problem) = vendor.post(&json!([message(1), second])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/1/callback_url");
    assert_eq!(vendor.get("/vendor/stats").await["ledger"]["accepted"], 0);
}

#[tokio::test]
async fn a_failure_may_be_reported_as_a_bounce_with_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0).await;
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let failing = json!({"delivered_rate": 0.0, "bounced_rate": 1.0});
    vendor.put_settings(failing).await;
    for n in 0..20 {
        vendor.send(&format!("msg_{n}"), "hi", &receiver.url).await;
    }
    vendor.all_acknowledged().await;
    let receipts = receiver.receipts();
    for receipt in &receipts {
        assert_eq!(receipt["status"], "bounced", "{receipt}");
        let is_hard = receipt["reason"] == "unknown_recipient";
        let kind = if is_hard { "hard" } else { "soft" };
        assert_eq!(receipt["bounce"], kind, "{receipt}");
    }
    assert_eq!(receipts.len(), 20);
}

#[tokio::test]
async fn a_message_in_doubt_was_sent_or_not_and_a_retry_resolves_it() {
    let dir = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let batch = Value::from((0..100).map(message).collect::<Vec<_>>());
    vendor.put_settings(json!({"in_doubt_rate": 1.0})).await;
    let (_, first) = vendor.post(&batch).await;
    let results = first["results"].as_array().unwrap();
    let is_in_doubt =
        |one: &Value| one["outcome"] == "in_doubt" && one["vendor_message_id"] == Value::Null;
    assert!(results.iter().all(is_in_doubt), "{first}");
    let stats = vendor.get("/vendor/stats").await;
    assert_eq!(stats["since_start"]["in_doubt"], 100);
    let sent = stats["ledger"]["accepted"].as_u64().unwrap();
    assert!((30..70).contains(&sent), "{stats}");
    vendor.put_settings(json!({"in_doubt_rate": 0.0})).await;
    let (_, last) = vendor.post(&batch).await;
    let results = last["results"].as_array().unwrap();
    assert!(
        results.iter().all(|one| one["outcome"] == "accepted"),
        "{last}"
    );
    let stats = vendor.get("/vendor/stats").await;
    assert_eq!(stats["ledger"]["accepted"], 100);
    assert_eq!(stats["ledger"]["repeated"], sent);
}

#[tokio::test]
async fn an_array_has_1_to_100_messages() {
    let dir = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let batch = |count: usize| Value::from((0..count).map(message).collect::<Vec<_>>());
    for count in [0, 101] {
        let (status, problem) = vendor.post(&batch(count)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    }
    let (status, answer) = vendor.post(&batch(100)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["results"].as_array().unwrap().len(), 100);
    let (status, problem) = vendor.post(&json!([{"message_id": "m"}])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
}

#[tokio::test]
async fn receipts_are_signed_and_retried_until_they_are_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(2).await;
    let vendor = TestVendor::start(dir.path(), quick()).await;
    vendor.send("msg_1", "hi", &receiver.url).await;
    vendor.all_acknowledged().await;
    let posts = receiver.posts.lock().unwrap().clone();
    assert_eq!(posts.len(), 3, "two refused, one acknowledged");
    for (headers, body) in &posts {
        Webhook::new(SECRET).unwrap().verify(body, headers).unwrap();
        assert_eq!(headers["webhook-id"], posts[0].0["webhook-id"]);
    }
    let receipt = &receiver.receipts()[2];
    assert_eq!(receipt["message_id"], "msg_1");
    assert_eq!(receipt["vendor_message_id"], "vm_1");
    assert!(["delivered", "failed"].contains(&receipt["status"].as_str().unwrap()));
}

#[tokio::test]
async fn a_restart_keeps_the_ledger_and_removes_an_incomplete_line() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0).await;
    let vendor = TestVendor::start(dir.path(), slow()).await;
    let (_, first) = vendor.send("msg_1", "hi", &receiver.url).await;
    assert!(matches!(
        TestVendor::run(dir.path(), quick()).await.1.await.unwrap(),
        Err(VendorError::LedgerInUse(_))
    ));
    vendor.stop().await;
    let file = dir.path().join("ledger.ndjson");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{whole}{{\"accepted\":{{\"mess")).unwrap();

    let vendor = TestVendor::start(dir.path(), slow()).await;
    let (_, again) = vendor.send("msg_1", "hi", &receiver.url).await;
    assert_eq!(first, again);
    let (_, second) = vendor.send("msg_2", "hi", &receiver.url).await;
    assert_eq!(second["vendor_message_id"], "vm_2");
    let stats = vendor.get("/vendor/stats").await;
    assert_eq!(stats["ledger"]["accepted"], 2);
    assert_eq!(stats["ledger"]["repeated"], 1);
    assert_eq!(stats["ledger"]["receipts_pending"], 2);
}

#[tokio::test]
async fn an_outage_refuses_sends_and_delays_receipts_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0).await;
    let settings = VendorSettings {
        receipt_delay_ms: MillisRange::new(300, 300).unwrap(),
        ..quick()
    };
    let vendor = TestVendor::start(dir.path(), settings).await;
    vendor.send("msg_1", "hi", &receiver.url).await;
    vendor.put_settings(json!({"outage_ms": 600})).await;
    let (status, problem) = vendor.send("msg_2", "hi", &receiver.url).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    wait_for(async || vendor.get("/vendor/settings").await["outage_ms"] == 0).await;
    let (status, _) = vendor.send("msg_2", "hi", &receiver.url).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    vendor.all_acknowledged().await;
}

#[tokio::test]
async fn faults_can_be_changed_while_the_vendor_runs() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0).await;
    let vendor = TestVendor::start(dir.path(), quick()).await;
    vendor.put_settings(json!({"error_rate": 1.0})).await;
    let (status, _) = vendor.send("msg_1", "hi", &receiver.url).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(vendor.get("/vendor/stats").await["ledger"]["accepted"], 0);

    vendor
        .put_settings(json!({"error_rate": 0.0, "lost_answer_rate": 1.0}))
        .await;
    let (status, _) = vendor.send("msg_1", "hi", &receiver.url).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(vendor.get("/vendor/stats").await["ledger"]["accepted"], 1);

    let early = json!({"lost_answer_rate": 0.0, "receipt_batch": 1, "duplicate_rate": 1.0,
        "out_of_order_rate": 1.0});
    vendor.put_settings(early).await;
    vendor.send("msg_2", "hi", &receiver.url).await;
    let of_second = || {
        let receipts = receiver.receipts();
        receipts
            .iter()
            .filter(|receipt| receipt["message_id"] == "msg_2")
            .count()
    };
    assert!(of_second() >= 1, "posted before the send was answered");
    wait_for(async || of_second() == 2).await;

    vendor
        .put_settings(json!({"lost_rate": 1.0, "out_of_order_rate": 0.0}))
        .await;
    vendor.send("msg_3", "hi", &receiver.url).await;
    vendor.all_acknowledged().await;
    assert_eq!(
        vendor.get("/vendor/stats").await["ledger"]["receipts_lost"],
        1
    );
}

#[tokio::test]
async fn invalid_input_is_a_problem_that_names_the_field() {
    let dir = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(dir.path(), quick()).await;
    let callback = "http://127.0.0.1:1/";
    let good = json!({"message_id": "m", "to": "a@b", "text": "t", "callback_url": callback});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (with("extra", json!(1)), "/extra"),
        (with("to", json!(1)), "/to"),
        (with("message_id", json!("")), "/message_id"),
        (
            with("callback_url", json!("http://example.org/")),
            "/callback_url",
        ),
    ] {
        let (status, problem) = vendor.post(&body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let request = vendor.client.put(format!("{}/vendor/settings", vendor.url));
    let answer = request.json(&json!({"lost_rate": 2})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

/// Returns a message of an array, whose receipt is never acknowledged.
fn message(n: usize) -> Value {
    json!({"message_id": format!("msg_{n}"), "to": "a@b", "content": {"text": "hi"},
        "callback_url": "http://127.0.0.1:1/"})
}

/// Returns settings with receipts within a few milliseconds.
fn quick() -> VendorSettings {
    VendorSettings {
        receipt_delay_ms: MillisRange::new(0, 5).unwrap(),
        ..VendorSettings::default()
    }
}

/// Returns settings with receipts after the end of the test.
fn slow() -> VendorSettings {
    VendorSettings {
        receipt_delay_ms: MillisRange::new(60_000, 60_000).unwrap(),
        ..VendorSettings::default()
    }
}

struct TestVendor {
    url: String,
    client: reqwest::Client,
    running: JoinHandle<Result<(), VendorError>>,
    shutdown: DropGuard,
}

impl TestVendor {
    async fn start(dir: &Path, settings: VendorSettings) -> Self {
        let (url, running, shutdown) = Self::run(dir, settings).await;
        let client = crate::callback::client().unwrap();
        Self {
            url,
            client,
            running,
            shutdown,
        }
    }

    async fn run(
        dir: &Path,
        settings: VendorSettings,
    ) -> (String, JoinHandle<Result<(), VendorError>>, DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = VendorConfig {
            settings,
            ..VendorConfig::new(dir, SECRET.parse().unwrap())
        };
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(serve(listener, config, shutdown.clone()));
        (url, running, shutdown.drop_guard())
    }

    async fn stop(self) {
        drop((self.shutdown, self.client));
        self.running.await.unwrap().unwrap();
    }

    async fn send(&self, id: &str, text: &str, callback: &str) -> (StatusCode, Value) {
        let body = json!({"message_id": id, "to": "a@b.example", "text": text,
            "callback_url": callback});
        self.post(&body).await
    }

    async fn post(&self, body: &Value) -> (StatusCode, Value) {
        let request = self
            .client
            .post(format!("{}/vendor/send", self.url))
            .json(body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.url));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn put_settings(&self, changes: Value) {
        let request = self.client.put(format!("{}/vendor/settings", self.url));
        let answer = request.json(&changes).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    async fn all_acknowledged(&self) {
        wait_for(async || self.get("/vendor/stats").await["ledger"]["receipts_pending"] == 0).await;
    }
}

type Post = (HeaderMap, Bytes);

struct Receiver {
    url: String,
    posts: Arc<Mutex<Vec<Post>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver that answers 503 to the first `refusals` posts and 202 to the others.
    async fn start(refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/receipts", listener.local_addr().unwrap());
        let posts = Arc::new(Mutex::new(Vec::<Post>::new()));
        let kept = posts.clone();
        let receive = async move |headers: HeaderMap, body: Bytes| {
            let mut posts = kept.lock().unwrap();
            posts.push((headers, body));
            let refuse = posts.len() <= refusals;
            if refuse {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::ACCEPTED
            }
        };
        let app = axum::Router::new().route("/receipts", post(receive));
        let serving = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            posts,
            serving,
        }
    }

    /// Returns the receipts of all posts, including refused ones.
    fn receipts(&self) -> Vec<Value> {
        let posts = self.posts.lock().unwrap();
        let bodies = posts
            .iter()
            .map(|(_, body)| serde_json::from_slice(body).unwrap());
        let each = bodies.flat_map(|body| match body {
            Value::Array(receipts) => receipts,
            single => vec![single],
        });
        each.collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn wait_for(condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(
            started.elapsed() < DEADLINE,
            "the condition was not met in time"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
