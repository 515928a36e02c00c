//! A client of the HTTP API.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, header};
use serde_json::Value;

use super::wait::{eventually, until};

/// Names of all views, in the order of the API.
pub(crate) const VIEWS: [&str; 12] = [
    "customers",
    "orders",
    "audit",
    "segments",
    "campaigns",
    "messages",
    "campaign_stats",
    "users",
    "api_keys",
    "daily_figures",
    "imports",
    "suppressions",
];

/// Client of one server, with an optional key.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

/// A complete answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
    /// Body as JSON; null if it is not JSON.
    pub(crate) body: Value,
}

impl Client {
    /// Returns a client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub(crate) fn new(base: &str, key: &str) -> Self {
        // Shorter than the server's idle timeout: a test that blocks its thread would not notice
        // that the server has closed an idle connection.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(10));
        Self {
            http: http.build().unwrap(),
            base: base.to_owned(),
            key: Some(key.to_owned()),
        }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Returns a client of the same server with another key, or without one.
    pub(crate) fn with_key(&self, key: Option<&str>) -> Self {
        Self {
            key: key.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Returns a request with the client's key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    /// Puts JSON.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// Posts a text of this media type.
    pub(crate) async fn post_text(
        &self,
        path: &str,
        media_type: &str,
        text: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.request(Method::POST, path);
        send(request.header(header::CONTENT_TYPE, media_type).body(text)).await
    }

    /// Posts JSON and asserts that all of it is accepted; returns its positions, for `after`.
    pub(crate) async fn post_accepted(&self, path: &str, body: Value) -> String {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(
            answer.body["rejected"].as_u64().unwrap_or(0),
            0,
            "{answer:?}"
        );
        answer.position()
    }

    /// Returns the body of a read that must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Returns a customer, once the view has reached `after`. Repeats a read that the server
    /// ended with 503 because the view did not reach it in time, as clients have to.
    pub(crate) async fn customer(&self, id: &str, after: &str) -> Value {
        let path = format!("/api/customers/{id}?after={after}");
        eventually("the view reaches the position", async || {
            let answer = self.get(&path).await;
            let is_behind = answer.body["type"] == "urn:patron:problem:view-behind";
            assert!(answer.status == 200 || is_behind, "{path}: {answer:?}");
            (!is_behind).then_some(answer.body)
        })
        .await
    }

    /// Returns all items of a list, read page by page.
    pub(crate) async fn list(&self, path: &str, limit: usize) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{joint}limit={limit}");
        let mut items = Vec::new();
        let mut page = self.read(&first).await;
        loop {
            let found = page["items"].as_array().expect("a list");
            assert!(found.len() <= limit, "{path}");
            items.extend(found.iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else {
                return items;
            };
            page = self.read(&format!("{first}&cursor={cursor}")).await;
        }
    }

    /// Waits until no view lags behind the log.
    pub(crate) async fn wait_until_caught_up(&self) {
        until("no view lags", async || {
            let answer = self.get("/api/admin/projections").await;
            let views = answer.body["items"].as_array();
            views.is_some_and(|views| views.iter().all(|view| view["lag"] == 0))
        })
        .await;
    }

    /// Waits until `/readyz` is `ready`; returns its body.
    pub(crate) async fn wait_until_ready(&self) -> Value {
        super::wait::eventually("/readyz is ready", async || {
            let answer = self.get("/readyz").await;
            (answer.body["status"] == "ready").then_some(answer.body)
        })
        .await
    }

    /// Waits until `/readyz` answers with this status; returns its body.
    pub(crate) async fn wait_for_readiness(&self, status: u16) -> Value {
        super::wait::eventually(&format!("/readyz answers {status}"), async || {
            let answer = self.get("/readyz").await;
            (answer.status == status).then_some(answer.body)
        })
        .await
    }
}

impl Answer {
    /// Returns a header's value, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the header `Patron-Position`, which must be present.
    pub(crate) fn position(&self) -> String {
        let position = self.header("patron-position");
        assert!(!position.is_empty(), "{self:?}");
        position.to_owned()
    }

    /// Asserts that the answer is a well-formed problem of this type and status; returns its body.
    pub(crate) fn assert_problem(&self, status: u16, slug: &str) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(self.body["type"], format!("urn:patron:problem:{slug}"));
        assert!(self.body["title"].is_string() && self.body["detail"].is_string());
        assert_eq!(self.body["instance"], self.header("x-request-id"));
        &self.body
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.expect("an answer")
}

/// Like [`answer`], for servers that may be unavailable.
pub(crate) async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Ok(Answer {
        status,
        headers,
        text,
        body,
    })
}
