//! Two workers that share the partitions.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::process::run;
use crate::support::wait::until;

fn orders(name: &str) -> Value {
    let of_customer = |n: i64| {
        json!({"order_id": format!("{name}-{n}"), "customer_id": format!("c-{n}"), "amount": n,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"})
    };
    (0..40).map(of_customer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_fold_every_event_once() {
    let mut app = App::start().await;
    app.add_worker();
    let import = Traffic::new(2).start(&app.client);
    let (model, acknowledged) = import.finish().await;
    model.assert_matches(&app.client, &acknowledged).await;
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_takes_over_from_one_that_was_killed() {
    let mut app = App::start().await;
    app.add_worker();
    let mut import = Traffic::new(3).start(&app.client);
    import.until_acknowledged(0.4).await;
    app.workers.remove(0).kill();
    let (model, acknowledged) = import.finish().await;
    model.assert_matches(&app.client, &acknowledged).await;
}

#[tokio::test]
async fn a_worker_that_stops_gracefully_hands_over_at_once() {
    let mut app = App::start().await;
    app.add_worker();
    app.client
        .post_accepted("/api/data/orders", orders("before"))
        .await;
    app.client.wait_until_caught_up().await;
    let stopped = app.workers.remove(0).stop(Signal::TERM);
    assert!(stopped.success());
    let at = app
        .client
        .post_accepted("/api/data/orders", orders("after"))
        .await;
    // The read waits at most 5 s for `after`. A worker that did not give up its partitions would
    // keep them for longer, until it counts as dead.
    let customers = app
        .client
        .list(&format!("/api/customers?after={at}"), 500)
        .await;
    assert!(
        customers
            .iter()
            .all(|customer| customer["order_count"] == 2)
    );
}

/// The other worker takes over its partitions, and gives them back when it continues. Each of the
/// two workers is suspended once.
#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_worker_is_replaced_and_gets_its_share_back() {
    let mut app = App::start().await;
    app.add_worker();
    let shares = async |app: &App| {
        let workers = app.client.read("/api/admin/workers").await;
        let all = workers["items"].as_array().unwrap().iter();
        let of = |worker: &Value| worker["folds"].as_array().unwrap().len();
        all.map(of).collect::<Vec<usize>>()
    };
    for suspended in 0..2 {
        until("each worker owns half of the partitions", async || {
            shares(&app).await == [2, 2]
        })
        .await;
        app.workers[suspended].signal(Signal::STOP);
        until("the other worker owns all partitions", async || {
            shares(&app).await == [4]
        })
        .await;
        let name = format!("meanwhile-{suspended}");
        app.client
            .post_accepted("/api/data/orders", orders(&name))
            .await;
        app.client.wait_until_caught_up().await;
        app.workers[suspended].signal(Signal::CONT);
        until(
            "each worker owns half of the partitions again",
            async || shares(&app).await == [2, 2],
        )
        .await;
        let name = format!("after-{suspended}");
        app.client
            .post_accepted("/api/data/orders", orders(&name))
            .await;
        app.client.wait_until_caught_up().await;
    }
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 160);
}
