//! Graceful shutdown with requests in flight.

use reqwest::Method;
use rustix::process::Signal;

use super::order;
use crate::support::app::App;
use crate::support::client::{Answer, send};

/// Sends a bulk request whose second half follows when `resume` completes.
async fn slow_upload(
    app: &App,
    items: usize,
    resume: impl Future<Output = ()> + Send + 'static,
) -> Answer {
    let line = |n| format!("{}\n", order("c-1", &format!("o-{n}"), 1));
    let first: String = (0..items / 2).map(line).collect();
    let second: String = (items / 2..items).map(line).collect();
    let chunks = futures::stream::once(async { Ok::<_, std::io::Error>(first) });
    let chunks = futures::StreamExt::chain(
        chunks,
        futures::stream::once(async {
            resume.await;
            Ok(second)
        }),
    );
    let request = app.client.request(Method::POST, "/api/data/orders");
    let request = request.header("content-type", "application/x-ndjson");
    send(request.body(reqwest::Body::wrap_stream(chunks))).await
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_new_ones_are_refused() {
    let mut app = App::start().await;
    app.client.get("/healthz").await;
    let (resume, resumed) = tokio::sync::oneshot::channel();
    let (start, started) = tokio::sync::oneshot::channel();
    let stop = async {
        // The first half was sent before this request, so its answer shows an upload in flight.
        started.await.unwrap();
        app.client.get("/healthz").await;
        app.api.signal(Signal::TERM);
        let refused = crate::support::wait::until("new connections are refused", async || {
            let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
            fresh
                .get(format!("{}/healthz", app.client.base()))
                .send()
                .await
                .is_err()
        });
        refused.await;
        resume.send(()).unwrap();
    };
    let upload = slow_upload(&app, 5_000, async {
        start.send(()).unwrap();
        resumed.await.unwrap();
    });
    let (answer, ()) = tokio::join!(upload, stop);
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.body["accepted"], 5_000);
    assert!(app.api.wait().success());

    app.restart_api();
    let customer = app.client.customer("c-1", &answer.position()).await;
    assert_eq!(customer["order_count"], 5_000);
}

#[tokio::test]
async fn idle_processes_stop_with_success() {
    let mut app = App::start().await;
    let at = app
        .client
        .post_accepted("/api/data/orders", order("c-1", "o-1", 1))
        .await;
    app.client.customer("c-1", &at).await;
    assert!(app.api.stop(Signal::INT).success());
    assert!(app.workers[0].stop(Signal::TERM).success());
}
