//! Strangers that post receipts slowly keep no vendor out.

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

/// The bodies that strangers begin to send.
#[derive(Clone, Copy)]
struct Bodies {
    /// Declared, in bytes.
    length: usize,
    /// Sent before the rest is kept back.
    sent: usize,
    /// Between an answer and the next body.
    pause: Duration,
}

const SMALL: Bodies = Bodies {
    length: 100,
    sent: 1,
    pause: Duration::ZERO,
};

/// Nearly as large as they may be; 17 of them fill the 32 MiB of those whose
/// address is not known, apart from the 32 KiB of each that do not count.
const LARGE: Bodies = Bodies {
    length: 2 * 1024 * 1024,
    sent: 32 * 1024 + 1_970_000,
    // Leaves the machine time for the vendor.
    pause: Duration::from_millis(100),
};

/// Strangers that post again and again, each as slowly as it is let, with a
/// signature that is made up.
struct Strangers {
    begun: Arc<AtomicUsize>,
    /// How many posts were answered 429.
    limited: Arc<AtomicUsize>,
    /// How many posts were answered 503.
    refused: Arc<AtomicUsize>,
    _posting: JoinSet<()>,
}

impl Strangers {
    /// One for each address, and all have begun to post.
    async fn from(app: &App, addresses: Vec<Ipv4Addr>, bodies: Bodies) -> Self {
        let [begun, limited, refused] = [(); 3].map(|()| Arc::<AtomicUsize>::default());
        let count = addresses.len();
        let mut posting = JoinSet::new();
        for address in addresses {
            let (begun, limited, refused) = (begun.clone(), limited.clone(), refused.clone());
            let server = app.client.base().trim_start_matches("http://").to_owned();
            posting.spawn(async move {
                loop {
                    let said = dawdle(address, &server, bodies, &begun).await;
                    if said.starts_with("HTTP/1.1 429") {
                        limited.fetch_add(1, Ordering::Relaxed);
                    }
                    if said.starts_with("HTTP/1.1 503") {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(bodies.pause).await;
                }
            });
        }
        let strangers = Self {
            begun,
            limited,
            refused,
            _posting: posting,
        };
        until("all strangers post", async || {
            strangers.begun.load(Ordering::Relaxed) >= count
        })
        .await;
        strangers
    }
}

/// Posts the beginning of a body; what the server says until it hangs up.
async fn dawdle(from: Ipv4Addr, server: &str, bodies: Bodies, begun: &AtomicUsize) -> String {
    let Bodies { length, sent, .. } = bodies;
    let mut stream = connect(from, server).await;
    let now = Utc::now().timestamp();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         webhook-id: 1\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,a\r\n\
         content-length: {length}\r\n\r\n{}",
        "[".repeat(sent)
    );
    let mut said = Vec::new();
    if stream.write_all(head.as_bytes()).await.is_ok() {
        begun.fetch_add(1, Ordering::Relaxed);
        let _hung_up = stream.read_to_end(&mut said).await;
    }
    String::from_utf8_lossy(&said).into_owned()
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

/// Every receipt is taken, small ones and large ones.
async fn assert_taken(vendor: &Client) {
    for number in 0..64 {
        let answer = post(vendor, &receipt()).await;
        assert_eq!(answer.status, 202, "receipt {number}: {answer:?}");
    }
    assert_batch_taken(vendor).await;
}

async fn assert_batch_taken(vendor: &Client) {
    let many = Value::Array(vec![receipt(); 1_000]);
    let answer = post(vendor, &many).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn one_address_keeps_no_other_out_and_is_told_to_wait() {
    let app = App::without_workers().await;
    let strangers = Strangers::from(&app, vec![Ipv4Addr::new(127, 0, 0, 2); 128], SMALL).await;
    assert_taken(&app.client).await;
    until("strangers are told to wait", async || {
        strangers.limited.load(Ordering::Relaxed) >= 64
    })
    .await;
    assert_taken(&app.client).await;
}

/// As behind the same proxy, if it is not told to be one.
#[tokio::test]
async fn the_vendor_gets_in_from_the_strangers_own_address() {
    let app = App::without_workers().await;
    let strangers = Strangers::from(&app, vec![Ipv4Addr::LOCALHOST; 128], SMALL).await;
    assert_taken(&app.client).await;
    until("strangers are told to wait", async || {
        strangers.limited.load(Ordering::Relaxed) >= 64
    })
    .await;
    assert_taken(&app.client).await;
}

#[tokio::test]
async fn many_addresses_keep_the_vendor_out_no_more_than_one() {
    let app = App::without_workers().await;
    let addresses = (0..128).map(|n| Ipv4Addr::new(127, 0, 1, 1 + n / 2));
    let _strangers = Strangers::from(&app, addresses.collect(), SMALL).await;
    assert_taken(&app.client).await;
}

/// As after a restart of the server, when the vendor's address is not known.
#[tokio::test]
async fn large_bodies_of_strangers_leave_room_for_the_first_batch_of_the_vendor() {
    let app = App::without_workers().await;
    let addresses = (0..32).map(|n| Ipv4Addr::new(127, 0, 2, 1 + n / 4));
    let strangers = Strangers::from(&app, addresses.collect(), LARGE).await;
    until("their bodies fill the room", async || {
        strangers.refused.load(Ordering::Relaxed) >= 32
    })
    .await;
    for _ in 0..20 {
        assert_batch_taken(&app.client).await;
    }
}
