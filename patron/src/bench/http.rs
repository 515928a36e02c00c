//! A lean HTTP client: what it costs is taken from the server's two cores.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::api_process::KEY;

/// One kept-alive connection.
pub(super) struct Connection {
    send: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
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

    /// What a request with this key is answered.
    pub(super) async fn ask_as(&mut self, key: &str, path: &str) -> anyhow::Result<StatusCode> {
        let request = Request::builder()
            .uri(path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {key}"))
            .body(Full::default())?;
        Ok(self.answer(request).await?.0)
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        wanted: StatusCode,
    ) -> anyhow::Result<Bytes> {
        let (status, body) = self.answer(request).await?;
        ensure!(
            status == wanted,
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }

    async fn answer(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send.ready().await?;
        let response = self.send.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// What a load came to.
pub(super) struct Load {
    pub(super) per_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// Opens connections and lets each do `one` again and again for `time`.
pub(super) async fn load<F>(
    host: &str,
    connections: usize,
    time: Duration,
    one: F,
) -> anyhow::Result<Load>
where
    F: AsyncFn(&mut Connection, usize, u64) -> anyhow::Result<()>,
{
    let opened = (0..connections).map(|_| Connection::open(host));
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
    let at = |part: f64| {
        let index = (latencies.len() as f64 * part) as usize;
        latencies.get(index).copied().unwrap_or_default()
    };
    Ok(Load {
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
    })
}
