//! The simulated vendor within the test process; a test can make it slow, faulty or unavailable.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vendor::VendorConfig;

use super::app::VENDOR_SECRET;
use super::engines::test_dir;

/// A simulated vendor with its own ledger.
pub(crate) struct Vendor {
    pub(crate) url: String,
    address: SocketAddr,
    dir: PathBuf,
    http: reqwest::Client,
    /// Keeps the port while one server replaces another.
    listener: Option<std::net::TcpListener>,
    running: Option<Running>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A message in the vendor's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentMessage {
    pub(crate) to: String,
    pub(crate) vendor_message_id: String,
    /// Number of times that the message was requested.
    pub(crate) requested: u64,
    /// Time at which the vendor accepted the message, by the clock that all processes of a test
    /// share.
    pub(crate) accepted_at: DateTime<Utc>,
}

impl Vendor {
    /// Starts a vendor that accepts everything at once and posts no receipts.
    pub(crate) async fn start() -> Self {
        let listener = listen(([127, 0, 0, 1], 0).into()).await;
        let address = listener.local_addr().unwrap();
        let mut vendor = Self {
            url: format!("http://{address}"),
            address,
            dir: test_dir(&format!("vendor-{:016x}", rand::random::<u64>())),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            listener: Some(listener),
            running: None,
        };
        vendor.serve();
        vendor.configure(json!({"lost_rate": 1.0})).await;
        vendor
    }

    fn serve(&mut self) {
        let listener = self.listener();
        let config = VendorConfig::new(&self.dir, VENDOR_SECRET.parse().unwrap());
        let stop = CancellationToken::new();
        let serving = vendor::serve(listener, config, stop.clone());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        self.running = Some(Running { stop, task });
    }

    /// Returns a copy of the socket for another server.
    fn listener(&self) -> TcpListener {
        let listener = self.listener.as_ref().unwrap().try_clone();
        TcpListener::from_std(listener.unwrap()).unwrap()
    }

    /// Stops the vendor and closes its port, so that connections are refused.
    pub(crate) async fn stop(&mut self) {
        self.stop_server().await;
        self.listener = None;
    }

    async fn stop_server(&mut self) {
        let running = self.running.take().unwrap();
        running.stop.cancel();
        running.task.await.unwrap();
    }

    /// Replaces the vendor with a server that answers every request with this status, as for a
    /// wrong URL or credential.
    pub(crate) async fn respond_with_status(&mut self, status: u16) {
        self.stop_server().await;
        let listener = self.listener();
        let status = StatusCode::from_u16(status).unwrap();
        let app = Router::new().fallback(async move |_: Bytes| status);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = axum::serve(listener, app).with_graceful_shutdown(stopped);
        let task = tokio::spawn(async move { serving.await.unwrap() });
        self.running = Some(Running { stop, task });
    }

    /// Restores the vendor after [`respond_with_status`](Self::respond_with_status).
    pub(crate) async fn serve_again(&mut self) {
        self.stop_server().await;
        self.serve();
        self.configure(json!({"lost_rate": 1.0})).await;
    }

    /// Starts the vendor again at the same address, with its ledger.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(json!({"lost_rate": 1.0})).await;
    }

    /// Like [`restart`](Self::restart), with these settings.
    pub(crate) async fn restart_with(&mut self, settings: Value) {
        self.listener = Some(listen(self.address).await);
        self.serve();
        self.configure(settings).await;
    }

    /// Changes settings of the vendor.
    pub(crate) async fn configure(&self, settings: Value) {
        let put = self.http.put(format!("{}/vendor/settings", self.url));
        let answer = put.json(&settings).send().await.unwrap();
        assert!(answer.status().is_success(), "{settings}");
    }

    /// Returns all messages that the vendor accepted, by message id.
    pub(crate) async fn sent(&self) -> BTreeMap<String, SentMessage> {
        sent(&self.http, &self.url).await
    }

    /// Returns the number of requests with messages since the vendor's start.
    pub(crate) async fn request_count(&self) -> u64 {
        let stats = self.stats().await;
        stats["since_start"]["requests"].as_u64().unwrap()
    }

    /// Returns the number of messages for which the vendor posts no receipt.
    pub(crate) async fn lost_receipts(&self) -> u64 {
        let stats = self.stats().await;
        stats["ledger"]["receipts_lost"].as_u64().unwrap()
    }

    async fn stats(&self) -> Value {
        let stats = self.http.get(format!("{}/vendor/stats", self.url));
        stats.send().await.unwrap().json().await.unwrap()
    }
}

/// A vendor that accepts no connection until it is opened, because its backlog is full.
pub(crate) struct ClosedVendor {
    pub(crate) url: String,
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl ClosedVendor {
    pub(crate) async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        // Fill the backlog: the kernel does not answer connections beyond it.
        let patience = Duration::from_millis(500);
        while let Ok(connected) = timeout(patience, TcpStream::connect(address)).await {
            queued.push(connected.unwrap());
        }
        Self {
            url: format!("http://{address}"),
            listener,
            _queued: queued,
        }
    }

    /// Returns the number of connection attempts that are not answered.
    pub(crate) fn pending_connections(&self) -> usize {
        let port = format!(":{:04X}", self.listener.local_addr().unwrap().port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let is_connecting = |socket: &&str| {
            let fields: Vec<&str> = socket.split_whitespace().collect();
            // The state `SYN_SENT`.
            fields[2].ends_with(&port) && fields[3] == "02"
        };
        sockets.lines().filter(is_connecting).count()
    }

    /// Accepts all connections. Returns a task that ends when `stop` is cancelled and every
    /// connection is closed; its result is everything received.
    pub(crate) fn accept_connections(self, stop: CancellationToken) -> JoinHandle<String> {
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
                let (mut connection, _) = accepted.unwrap();
                connections.spawn(async move {
                    let mut received = Vec::new();
                    let _reset = connection.read_to_end(&mut received).await;
                    String::from_utf8_lossy(&received).into_owned()
                });
            }
            drop(self);
            connections.join_all().await.concat()
        })
    }
}

async fn listen(address: SocketAddr) -> std::net::TcpListener {
    let listener = TcpListener::bind(address).await.unwrap();
    listener.into_std().unwrap()
}

/// Returns all messages that the vendor at this URL accepted, by message id.
pub(crate) async fn sent(http: &reqwest::Client, vendor: &str) -> BTreeMap<String, SentMessage> {
    let (mut all, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let url = format!("{vendor}/vendor/messages?limit=500{cursor}");
        let page: Value = http.get(url).send().await.unwrap().json().await.unwrap();
        for item in page["items"].as_array().unwrap() {
            let sent = SentMessage {
                to: item["to"].as_str().unwrap().to_owned(),
                vendor_message_id: item["vendor_message_id"].as_str().unwrap().to_owned(),
                requested: item["requested"].as_u64().unwrap(),
                accepted_at: item["accepted_at"].as_str().unwrap().parse().unwrap(),
            };
            let id = item["message_id"].as_str().unwrap().to_owned();
            let before = all.insert(id, sent);
            assert!(before.is_none(), "the vendor lists a message twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}
