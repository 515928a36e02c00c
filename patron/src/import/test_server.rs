//! A server that takes orders in memory, and misbehaves in turn as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

/// How one request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Normal,
    /// 503 for the whole request, in seconds.
    Busy {
        retry_after: Option<u64>,
    },
    /// 503 for every second item.
    ItemsBusy,
    /// The connection ends inside the answer.
    BreakOff,
    /// The same, after everything is kept.
    ApplyThenBreakOff,
    /// 401 once so many requests have come, so that none is still on its way after it.
    UnauthorizedAfter(usize),
    /// No answer ever.
    Hang,
}

pub(super) struct Server {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    turns: Mutex<VecDeque<Turn>>,
    /// From the item `o-N` on, every request is answered like this.
    from: Mutex<Option<(u64, Turn)>>,
    items: Mutex<BTreeMap<String, Value>>,
    requests: watch::Sender<usize>,
}

impl Server {
    /// Answers with these turns in order, then normally.
    pub(super) async fn start(turns: impl IntoIterator<Item = Turn>) -> Self {
        let shared = Arc::new(Shared {
            turns: Mutex::new(turns.into_iter().collect()),
            from: Mutex::default(),
            items: Mutex::default(),
            requests: watch::Sender::new(0),
        });
        let app = Router::new()
            .route("/api/data/orders", post(take))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared }
    }

    pub(super) fn items(&self) -> BTreeMap<String, Value> {
        self.shared.items.lock().unwrap().clone()
    }

    pub(super) fn requests(&self) -> usize {
        *self.shared.requests.borrow()
    }

    /// Answers normally up to the item `o-N`, and from there on like this. Requests overtake
    /// each other, so that their number does not tell which batch they are.
    pub(super) async fn start_with_turn_at(item: u64, turn: Turn) -> Self {
        let server = Self::start([]).await;
        *server.shared.from.lock().unwrap() = Some((item, turn));
        server
    }

    /// Answers normally again, and counts requests from 0.
    pub(super) fn recover(&self) {
        *self.shared.from.lock().unwrap() = None;
        self.shared.requests.send_replace(0);
    }

    pub(super) fn wait_for_requests(&self, count: usize) -> impl Future<Output = ()> + use<> {
        let mut requests = self.shared.requests.subscribe();
        async move { drop(requests.wait_for(|seen| *seen >= count).await.unwrap()) }
    }
}

impl Shared {
    fn turn(&self, body: &str) -> Turn {
        if let Some((item, turn)) = *self.from.lock().unwrap() {
            let first: Value = serde_json::from_str(body.lines().next().unwrap()).unwrap();
            let number = first["order_id"].as_str().unwrap().trim_start_matches("o-");
            return if number.parse::<u64>().unwrap() < item {
                Turn::Normal
            } else {
                turn
            };
        }
        self.turns
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Turn::Normal)
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-ndjson");
    assert_eq!(headers[header::AUTHORIZATION], "Bearer k");
    let turn = shared.turn(&body);
    shared.requests.send_modify(|count| *count += 1);
    match turn {
        Turn::Normal => apply(&shared, &body, |_| false).into_response(),
        Turn::ItemsBusy => apply(&shared, &body, |index| index % 2 == 1).into_response(),
        Turn::BreakOff => break_off(),
        Turn::ApplyThenBreakOff => {
            drop(apply(&shared, &body, |_| false));
            break_off()
        }
        Turn::UnauthorizedAfter(count) => {
            let mut requests = shared.requests.subscribe();
            drop(requests.wait_for(|seen| *seen >= count).await.unwrap());
            problem(StatusCode::UNAUTHORIZED, "wrong key", None)
        }
        Turn::Busy { retry_after } => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Redis is away",
            retry_after,
        ),
        Turn::Hang => std::future::pending().await,
    }
}

fn apply(shared: &Shared, body: &str, busy: impl Fn(usize) -> bool) -> Response {
    let mut items = shared.items.lock().unwrap();
    let mut results = Vec::new();
    for (index, line) in body.lines().enumerate() {
        let item: Value = serde_json::from_str(line).unwrap();
        let id = item["order_id"].as_str().unwrap().to_owned();
        let outcome = match items.get(&id) {
            _ if busy(index) => {
                let problem = json!({"title": "Busy", "status": 503});
                results.push(json!({"index": index, "id": id, "problem": problem}));
                continue;
            }
            _ if item["amount"].as_i64().unwrap() < 0 => {
                let errors = json!([{"pointer": "/amount", "detail": "must not be negative"}]);
                let problem = json!({"title": "Invalid", "status": 422, "errors": errors});
                results.push(json!({"index": index, "id": id, "problem": problem}));
                continue;
            }
            Some(known) if *known == item => "unchanged",
            Some(_) => "updated",
            None => "created",
        };
        results.push(json!({"index": index, "id": id, "outcome": outcome, "position": "0:1"}));
        items.insert(id, item);
    }
    let answer = json!({"accepted": 0, "rejected": 0, "results": results});
    (StatusCode::ACCEPTED, axum::Json(answer)).into_response()
}

fn problem(status: StatusCode, detail: &str, retry_after: Option<u64>) -> Response {
    let body = json!({"title": "No", "status": status.as_u16(), "detail": detail}).to_string();
    let kind = (header::CONTENT_TYPE, "application/problem+json");
    let mut response = (status, [kind], body).into_response();
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn break_off() -> Response {
    let broken = stream::iter([Ok("{"), Err(std::io::Error::other("broken off"))]);
    (StatusCode::ACCEPTED, Body::from_stream(broken)).into_response()
}
