//! Slow uploads of forged receipts do not keep the vendor out.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Utc;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::app::App;
use crate::support::client::Client;
use crate::support::receipts::{PATH, post};
use crate::support::wait::until;

/// Shape of the incomplete bodies that attackers upload.
#[derive(Clone, Copy)]
struct Bodies {
    /// Declared content length, in bytes.
    length: usize,
    /// Number of bytes sent before the upload stalls.
    sent: usize,
    /// Pause between a response and the next upload.
    pause: Duration,
}

const SMALL: Bodies = Bodies {
    length: 100,
    sent: 1,
    pause: Duration::ZERO,
};

/// Bodies close to the size limit. 17 of them fill the 32 MiB that unknown addresses share; the
/// first 32 KiB of each body do not count.
const LARGE: Bodies = Bodies {
    length: 2 * 1024 * 1024,
    sent: 32 * 1024 + 1_970_000,
    // Leaves CPU time for the vendor's requests.
    pause: Duration::from_millis(100),
};

/// Clients that keep uploading receipts with a forged signature, each as slowly as the server
/// permits.
struct Attackers {
    /// Number of uploads begun.
    begun: Arc<AtomicUsize>,
    /// Number of uploads answered with 429.
    limited: Arc<AtomicUsize>,
    /// Number of uploads answered with 503.
    refused: Arc<AtomicUsize>,
    _posting: JoinSet<()>,
}

impl Attackers {
    /// Starts one attacker per address and waits until all have begun an upload.
    async fn start(app: &App, addresses: Vec<Ipv4Addr>, bodies: Bodies) -> Self {
        let [begun, limited, refused] = [(); 3].map(|()| Arc::<AtomicUsize>::default());
        let count = addresses.len();
        let mut posting = JoinSet::new();
        for address in addresses {
            let (begun, limited, refused) = (begun.clone(), limited.clone(), refused.clone());
            let server = app.client.base().trim_start_matches("http://").to_owned();
            posting.spawn(async move {
                loop {
                    let response = upload_slowly(address, &server, bodies, &begun).await;
                    if response.starts_with("HTTP/1.1 429") {
                        limited.fetch_add(1, Ordering::Relaxed);
                    }
                    if response.starts_with("HTTP/1.1 503") {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(bodies.pause).await;
                }
            });
        }
        let attackers = Self {
            begun,
            limited,
            refused,
            _posting: posting,
        };
        until("all attackers have begun an upload", async || {
            attackers.begun.load(Ordering::Relaxed) >= count
        })
        .await;
        attackers
    }
}

/// Uploads the beginning of a body. Returns what the server sends until it closes the connection.
async fn upload_slowly(
    from: Ipv4Addr,
    server: &str,
    bodies: Bodies,
    begun: &AtomicUsize,
) -> String {
    let Bodies { length, sent, .. } = bodies;
    let mut stream = connect(from, server).await;
    let now = Utc::now().timestamp();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         webhook-id: 1\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,a\r\n\
         content-length: {length}\r\n\r\n{}",
        "[".repeat(sent)
    );
    let mut response = Vec::new();
    if stream.write_all(head.as_bytes()).await.is_ok() {
        begun.fetch_add(1, Ordering::Relaxed);
        let _closed = stream.read_to_end(&mut response).await;
    }
    String::from_utf8_lossy(&response).into_owned()
}

async fn connect(from: Ipv4Addr, server: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(server.parse().unwrap()).await.unwrap()
}

fn receipt() -> Value {
    json!({
        "message_id": "msg_01936f2e7d1c7a309a511f0b6a0f9c11_c-1",
        "vendor_message_id": "vm_1",
        "status": "delivered",
        "occurred_at": "2026-01-01T00:00:00Z",
    })
}

/// Asserts that small and large posts of receipts are accepted.
async fn assert_receipts_accepted(vendor: &Client) {
    for number in 0..64 {
        let answer = post(vendor, &receipt()).await;
        assert_eq!(answer.status, 202, "receipt {number}: {answer:?}");
    }
    assert_batch_accepted(vendor).await;
}

async fn assert_batch_accepted(vendor: &Client) {
    let many = Value::Array(vec![receipt(); 1_000]);
    let answer = post(vendor, &many).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn slow_uploads_from_one_address_are_rate_limited_and_block_no_other() {
    let app = App::without_workers().await;
    let attackers = Attackers::start(&app, vec![Ipv4Addr::new(127, 0, 0, 2); 128], SMALL).await;
    assert_receipts_accepted(&app.client).await;
    until("attackers are rate limited", async || {
        attackers.limited.load(Ordering::Relaxed) >= 64
    })
    .await;
    assert_receipts_accepted(&app.client).await;
}

/// All clients share one address behind a proxy that `PATRON_TRUSTED_PROXIES` does not list.
#[tokio::test]
async fn receipts_are_accepted_from_an_address_that_attackers_share() {
    let app = App::without_workers().await;
    let attackers = Attackers::start(&app, vec![Ipv4Addr::LOCALHOST; 128], SMALL).await;
    assert_receipts_accepted(&app.client).await;
    until("attackers are rate limited", async || {
        attackers.limited.load(Ordering::Relaxed) >= 64
    })
    .await;
    assert_receipts_accepted(&app.client).await;
}

#[tokio::test]
async fn slow_uploads_from_many_addresses_do_not_block_the_vendor() {
    let app = App::without_workers().await;
    let addresses = (0..128).map(|n| Ipv4Addr::new(127, 0, 1, 1 + n / 2));
    let _attackers = Attackers::start(&app, addresses.collect(), SMALL).await;
    assert_receipts_accepted(&app.client).await;
}

/// After a restart, the server does not know the vendor's address yet.
#[tokio::test]
async fn large_forged_bodies_leave_room_for_the_vendors_first_batch() {
    let app = App::without_workers().await;
    let addresses = (0..32).map(|n| Ipv4Addr::new(127, 0, 2, 1 + n / 4));
    let attackers = Attackers::start(&app, addresses.collect(), LARGE).await;
    until("their bodies fill the shared memory", async || {
        attackers.refused.load(Ordering::Relaxed) >= 32
    })
    .await;
    for _ in 0..20 {
        assert_batch_accepted(&app.client).await;
    }
}
