//! An engine that is stopped for a while and then goes on.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::support::app::App;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::wait::{eventually, until};

/// Longer than a worker lives without a heartbeat.
const STOPPED: Duration = Duration::from_secs(30);

fn orders(name: &str) -> Value {
    let of_customer = |n: i64| {
        json!({"order_id": format!("{name}-{n}"), "customer_id": format!("c-{n}"), "amount": n,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"})
    };
    (0..40).map(of_customer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongod_that_hangs_ends_nobodys_work() {
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
    // What hangs must hang for so long: nothing else is waited for.
    tokio::time::sleep(STOPPED).await;
    engines.signal_mongod(Signal::CONT);
    app.client.caught_up().await;
    app.client.accept("/api/data/orders", orders("after")).await;
    app.client.caught_up().await;
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 120);
    let log = app.client.read("/api/admin/log").await;
    let partitions = log["partitions"].as_array().unwrap().iter();
    let partitions: Vec<Value> = partitions.map(|one| one["partition"].clone()).collect();
    let workers = eventually("one worker has everything", async || {
        let workers = app.client.read("/api/admin/workers").await;
        let all = workers["items"].as_array()?;
        (all.len() == 1 && all[0]["folds"].as_array()? == &partitions).then_some(workers)
    })
    .await;
    assert_eq!(workers["items"][0]["sends"], Value::Null);
}

/// Whichever of them it is, the other one takes its partitions, and gives them back.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hangs_is_replaced_and_goes_on_with_its_share() {
    let mut app = App::start().await;
    app.add_worker();
    let shares = async |app: &App| {
        let workers = app.client.read("/api/admin/workers").await;
        let all = workers["items"].as_array().unwrap().iter();
        let of = |worker: &Value| worker["folds"].as_array().unwrap().len();
        all.map(of).collect::<Vec<usize>>()
    };
    for hanging in 0..2 {
        until("each has a half", async || shares(&app).await == [2, 2]).await;
        app.workers[hanging].signal(Signal::STOP);
        until("the other one has everything", async || {
            shares(&app).await == [4]
        })
        .await;
        let name = format!("meanwhile-{hanging}");
        app.client.accept("/api/data/orders", orders(&name)).await;
        app.client.caught_up().await;
        app.workers[hanging].signal(Signal::CONT);
        until("it has its half again", async || {
            shares(&app).await == [2, 2]
        })
        .await;
        let name = format!("after-{hanging}");
        app.client.accept("/api/data/orders", orders(&name)).await;
        app.client.caught_up().await;
    }
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 160);
}
