//! A vendor whose every response is scripted by the test, for behavior that the simulated vendor
//! does not have.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A vendor that keeps the requests that it receives.
pub(crate) struct ScriptedVendor {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    serving: JoinHandle<()>,
}

/// A request with an array of messages.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) at: Instant,
    pub(crate) messages: Vec<Value>,
}

impl ScriptedVendor {
    /// Starts a vendor whose responses are made by `answer`, from the number of the request,
    /// starting at 0, and its messages.
    pub(crate) async fn start(
        answer: impl Fn(usize, &[Value]) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (requests.clone(), Arc::new(answer));
        let take = async move |Json(messages): Json<Vec<Value>>| {
            let number = {
                let mut requests = kept.lock().unwrap();
                let messages = messages.clone();
                let at = Instant::now();
                requests.push(Request { at, messages });
                requests.len() - 1
            };
            answer(number, &messages)
        };
        let app = Router::new().route("/vendor/send", axum::routing::post(take));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            requests,
            serving,
        }
    }

    /// All requests, oldest first.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The number of messages of each request.
    pub(crate) fn batch_sizes(&self) -> Vec<usize> {
        let requests = self.requests();
        requests
            .iter()
            .map(|request| request.messages.len())
            .collect()
    }
}

impl Drop for ScriptedVendor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The result of a message that is accepted.
pub(crate) fn accepted(message: &Value) -> Value {
    let id = message["message_id"].as_str().unwrap();
    json!({"message_id": id, "outcome": "accepted", "vendor_message_id": format!("vm_{id}")})
}

/// A response with these results.
pub(crate) fn results(results: Vec<Value>) -> Response {
    Json(json!({ "results": results })).into_response()
}

/// A response that accepts all messages.
pub(crate) fn all_accepted(messages: &[Value]) -> Response {
    results(messages.iter().map(accepted).collect())
}

/// A response with this status and no body.
pub(crate) fn status(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap().into_response()
}
