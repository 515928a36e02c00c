//! Two workers that share the partitions.

use serde_json::json;

use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::process::run;

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
    let order = |id: &str, customer: &str| {
        json!({"order_id": id, "customer_id": customer, "amount": 1, "currency": "USD",
            "placed_at": "2026-01-01T00:00:00Z"})
    };
    let orders = |id: &str| (0..20).map(|n| order(id, &format!("c-{n}"))).collect();
    app.client.accept("/api/data/orders", orders("o-1")).await;
    app.client.caught_up().await;
    let stopped = app.workers.remove(0).stop(rustix::process::Signal::TERM);
    assert!(stopped.success());
    let at = app.client.accept("/api/data/orders", orders("o-2")).await;
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
