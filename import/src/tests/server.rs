//! Server that keeps orders in memory, with scripted failures.

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

/// Behavior for one request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Normal,
    /// 503 for the whole request; `retry_after` is in seconds.
    Busy {
        retry_after: Option<u64>,
    },
    /// 503 for every second item.
    ItemsBusy,
    /// The connection ends within the response.
    BreakOff,
    /// All items are stored, then the connection ends within the response.
    ApplyThenBreakOff,
    /// 401 once this number of requests has arrived, so that none of them arrives later.
    UnauthorizedAfter(usize),
    /// The request is never answered.
    Hang,
}

pub(super) struct Server {
    pub(super) url: String,
    state: Arc<ServerState>,
}

struct ServerState {
    turns: Mutex<VecDeque<Turn>>,
    /// Behavior for every request whose first item is `o-N` or a later one.
    from: Mutex<Option<(u64, Turn)>>,
    items: Mutex<BTreeMap<String, Value>>,
    requests: watch::Sender<usize>,
}

impl Server {
    /// Starts a server that applies these turns in order, one per request, then behaves normally.
    pub(super) async fn start(turns: impl IntoIterator<Item = Turn>) -> Self {
        let state = Arc::new(ServerState {
            turns: Mutex::new(turns.into_iter().collect()),
            from: Mutex::default(),
            items: Mutex::default(),
            requests: watch::Sender::new(0),
        });
        let app = Router::new()
            .route("/api/data/orders", post(handle_orders))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state }
    }

    pub(super) fn items(&self) -> BTreeMap<String, Value> {
        self.state.items.lock().unwrap().clone()
    }

    pub(super) fn requests(&self) -> usize {
        *self.state.requests.borrow()
    }

    /// Starts a server that answers normally before the item `o-N`, and applies this turn from that
    /// item on. Batches are identified by their items, since requests can overtake each other.
    pub(super) async fn start_with_turn_at(item: u64, turn: Turn) -> Self {
        let server = Self::start([]).await;
        *server.state.from.lock().unwrap() = Some((item, turn));
        server
    }

    /// Makes the server answer normally again, and resets the count of requests.
    pub(super) fn recover(&self) {
        *self.state.from.lock().unwrap() = None;
        self.state.requests.send_replace(0);
    }

    pub(super) fn wait_for_requests(&self, count: usize) -> impl Future<Output = ()> + use<> {
        let mut requests = self.state.requests.subscribe();
        async move { drop(requests.wait_for(|seen| *seen >= count).await.unwrap()) }
    }
}

impl ServerState {
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

async fn handle_orders(
    State(state): State<Arc<ServerState>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-ndjson");
    assert_eq!(headers[header::AUTHORIZATION], "Bearer k");
    let turn = state.turn(&body);
    state.requests.send_modify(|count| *count += 1);
    match turn {
        Turn::Normal => apply(&state, &body, |_| false).into_response(),
        Turn::ItemsBusy => apply(&state, &body, |index| index % 2 == 1).into_response(),
        Turn::BreakOff => break_off(),
        Turn::ApplyThenBreakOff => {
            drop(apply(&state, &body, |_| false));
            break_off()
        }
        Turn::UnauthorizedAfter(count) => {
            let mut requests = state.requests.subscribe();
            drop(requests.wait_for(|seen| *seen >= count).await.unwrap());
            problem(StatusCode::UNAUTHORIZED, "wrong key", None)
        }
        Turn::Busy { retry_after } => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Redis is unreachable",
            retry_after,
        ),
        Turn::Hang => std::future::pending().await,
    }
}

fn apply(state: &ServerState, body: &str, busy: impl Fn(usize) -> bool) -> Response {
    let mut items = state.items.lock().unwrap();
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
