//! Minimal HTTP client. It shares the machine's cores with the server, so its cost must be low.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::api_process::KEY;

/// Kept-alive connection.
pub(super) struct HttpConnection {
    send: SendRequest<Full<Bytes>>,
    host: String,
}

impl HttpConnection {
    pub(super) async fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (send, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            send,
            host: host.to_owned(),
        })
    }

    /// Returns true if the server has closed the connection.
    pub(super) fn is_closed(&self) -> bool {
        self.send.is_closed()
    }

    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Bytes> {
        let request = Request::builder()
            .uri(path)
            .header("host", &self.host)
            .body(Full::default())?;
        self.send(request, StatusCode::OK).await
    }

    pub(super) async fn post(
        &mut self,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let key = format!("Bearer {KEY}");
        let headers = [("authorization", &*key), ("content-type", content_type)];
        self.post_with(path, headers, body).await
    }

    pub(super) async fn post_with<'h>(
        &mut self,
        path: &str,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", &self.host);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.send(request.body(Full::new(body))?, StatusCode::ACCEPTED)
            .await
    }

    /// Sends a GET request with this key, and returns the status.
    pub(super) async fn status_with_key(
        &mut self,
        key: &str,
        path: &str,
    ) -> anyhow::Result<StatusCode> {
        Ok(self.exchange(self.request_with_key(key, path)?).await?.0)
    }

    /// Sends a GET request with the benchmark's key, and returns the body; `None` for 404.
    pub(super) async fn read(&mut self, path: &str) -> anyhow::Result<Option<Value>> {
        let (status, body) = self.exchange(self.request_with_key(KEY, path)?).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(
            status == StatusCode::OK,
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(Some(serde_json::from_slice(&body)?))
    }

    /// Sends a POST request with the benchmark's key, and returns what was created.
    pub(super) async fn create(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        let created = self.send(request, StatusCode::CREATED).await?;
        Ok(serde_json::from_slice(&created)?)
    }

    fn request_with_key(&self, key: &str, path: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        let request = Request::builder()
            .uri(path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {key}"));
        Ok(request.body(Full::default())?)
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        expected: StatusCode,
    ) -> anyhow::Result<Bytes> {
        let (status, body) = self.exchange(request).await?;
        ensure!(
            status == expected,
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send.ready().await?;
        let response = self.send.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// Result of a load: requests per second, and latencies.
pub(super) struct Load {
    pub(super) per_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// Opens connections, and calls `one` repeatedly on each for `time`.
pub(super) async fn load<F>(
    host: &str,
    connections: usize,
    time: Duration,
    one: F,
) -> anyhow::Result<Load>
where
    F: AsyncFn(&mut HttpConnection, usize, u64) -> anyhow::Result<()>,
{
    let opened = (0..connections).map(|_| HttpConnection::open(host));
    let opened = try_join_all(opened).await?;
    let start = Instant::now();
    let runs = opened
        .into_iter()
        .enumerate()
        .map(async |(lane, mut connection)| {
            let mut latencies = Vec::new();
            while start.elapsed() < time {
                let sent = Instant::now();
                one(&mut connection, lane, latencies.len() as u64).await?;
                latencies.push(sent.elapsed());
            }
            anyhow::Ok(latencies)
        });
    let mut latencies = try_join_all(runs).await?.concat();
    let took = start.elapsed();
    latencies.sort_unstable();
    Ok(Load {
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        p50: percentile(&latencies, 0.5),
        p99: percentile(&latencies, 0.99),
    })
}

/// Returns the time that this share of the sorted times, 0 to 1, does not exceed.
pub(super) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index).copied().unwrap_or_default()
}
