//! Engines and workers that are suspended for a while and then continue.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::support::app::App;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::wait::{eventually, until};

/// Time for which the engine is suspended: longer than a worker counts as alive without a
/// heartbeat.
const SUSPENDED: Duration = Duration::from_secs(30);

fn orders(name: &str) -> Value {
    let of_customer = |n: i64| {
        json!({"order_id": format!("{name}-{n}"), "customer_id": format!("c-{n}"), "amount": n,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"})
    };
    (0..40).map(of_customer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_survive_a_suspended_mongod() {
    let engines = block_in_place(|| OwnEngines::start(&test_dir("hanging")));
    let app = block_in_place(|| App::on(&engines));
    app.client
        .accept("/api/data/orders", orders("before"))
        .await;
    app.client.caught_up().await;
    engines.signal_mongod(Signal::STOP);
    app.client
        .accept("/api/data/orders", orders("meanwhile"))
        .await;
    // The test needs a suspension of this length, so there is no condition to wait for.
    tokio::time::sleep(SUSPENDED).await;
    engines.signal_mongod(Signal::CONT);
    app.client.caught_up().await;
    app.client.accept("/api/data/orders", orders("after")).await;
    app.client.caught_up().await;
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 120);
    let log = app.client.read("/api/admin/log").await;
    let partitions = log["partitions"].as_array().unwrap().iter();
    let partitions: Vec<Value> = partitions.map(|one| one["partition"].clone()).collect();
    let workers = eventually("one worker owns all partitions", async || {
        let workers = app.client.read("/api/admin/workers").await;
        let all = workers["items"].as_array()?;
        (all.len() == 1 && all[0]["folds"].as_array()? == &partitions).then_some(workers)
    })
    .await;
    assert_eq!(workers["items"][0]["sends"], Value::Null);
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
        app.client.accept("/api/data/orders", orders(&name)).await;
        app.client.caught_up().await;
        app.workers[suspended].signal(Signal::CONT);
        until(
            "each worker owns half of the partitions again",
            async || shares(&app).await == [2, 2],
        )
        .await;
        let name = format!("after-{suspended}");
        app.client.accept("/api/data/orders", orders(&name)).await;
        app.client.caught_up().await;
    }
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 160);
}
