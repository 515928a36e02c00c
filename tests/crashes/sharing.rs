//! Several workers on the same views.

use serde_json::json;

use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_make_the_views_that_one_makes() {
    let mut app = App::start().await;
    app.add_worker();
    let import = Traffic::new(2).start(&app.client);
    let (model, acknowledged) = import.finish().await;
    model.assert_read(&app.client, &acknowledged).await;
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_dies_the_other_takes_its_work() {
    let mut app = App::start().await;
    app.add_worker();
    let mut import = Traffic::new(3).start(&app.client);
    import.reaches(0.4).await;
    app.workers.remove(0).kill();
    let (model, acknowledged) = import.finish().await;
    model.assert_read(&app.client, &acknowledged).await;
}

#[tokio::test]
async fn one_that_stops_in_order_leaves_nothing_to_wait_for() {
    let mut app = App::start().await;
    app.add_worker();
    let order = |id: &str, customer: &str| {
        json!({"order_id": id, "customer_id": customer, "amount": 1, "currency": "USD",
            "placed_at": "2026-01-01T00:00:00Z"})
    };
    let of_all = |id: &str| (0..20).map(|n| order(id, &format!("c-{n}"))).collect();
    app.client.accept("/api/data/orders", of_all("o-1")).await;
    app.client.caught_up().await;
    let stopped = app.workers.remove(0).stop(rustix::process::Signal::TERM);
    assert!(stopped.success());
    let at = app.client.accept("/api/data/orders", of_all("o-2")).await;
    // Within the patience of `after`, which is also that of a lease nobody gave back.
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
