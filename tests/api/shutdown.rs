//! Being told to stop while there is work in hand.

use reqwest::Method;
use rustix::process::Signal;

use super::order;
use crate::support::app::App;
use crate::support::client::{Answer, answer};

/// A bulk request whose second half comes only when `go_on` says so.
async fn slow_upload(
    app: &App,
    items: usize,
    go_on: impl Future<Output = ()> + Send + 'static,
) -> Answer {
    let line = |n| format!("{}\n", order("c-1", &format!("o-{n}"), 1));
    let first: String = (0..items / 2).map(line).collect();
    let second: String = (items / 2..items).map(line).collect();
    let chunks = futures::stream::once(async { Ok::<_, std::io::Error>(first) });
    let chunks = futures::StreamExt::chain(
        chunks,
        futures::stream::once(async {
            go_on.await;
            Ok(second)
        }),
    );
    let request = app.client.request(Method::POST, "/api/data/orders");
    let request = request.header("content-type", "application/x-ndjson");
    answer(request.body(reqwest::Body::wrap_stream(chunks))).await
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_no_other_is_taken() {
    let mut app = App::start().await;
    app.client.get("/healthz").await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let stop = async {
        // The first half is on its way, and the server, asked later, answers.
        begun.await.unwrap();
        app.client.get("/healthz").await;
        app.api.signal(Signal::TERM);
        let refused = crate::support::wait::until("a server that takes nothing new", async || {
            let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
            fresh
                .get(format!("{}/healthz", app.client.base()))
                .send()
                .await
                .is_err()
        });
        refused.await;
        tell.send(()).unwrap();
    };
    let upload = slow_upload(&app, 5_000, async {
        begin.send(()).unwrap();
        told.await.unwrap();
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
async fn an_idle_one_ends_at_once_with_success() {
    let mut app = App::start().await;
    let at = app
        .client
        .accept("/api/data/orders", order("c-1", "o-1", 1))
        .await;
    app.client.customer("c-1", &at).await;
    assert!(app.api.stop(Signal::INT).success());
    assert!(app.workers[0].stop(Signal::TERM).success());
}
