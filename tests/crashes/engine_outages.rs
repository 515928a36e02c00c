//! Engines that are down, suspended or full, and recover. No process of Patron has to be restarted.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::WriteConcern;
use projections::{Store, StoreOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::support::app::App;
use crate::support::client::Client;
use crate::support::deployment::Deployment;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::wait::eventually;

const ORDERS: &str = "/api/data/orders";

/// Time for which the engine is suspended: longer than a worker counts as alive without a
/// heartbeat.
const SUSPENDED: Duration = Duration::from_secs(30);

fn order(id: &str) -> Value {
    json!({"order_id": id, "customer_id": "c-1", "amount": 1, "currency": "USD",
        "placed_at": "2026-01-01T00:00:00Z"})
}

fn orders(name: &str) -> Value {
    let of_customer = |n: i64| {
        json!({"order_id": format!("{name}-{n}"), "customer_id": format!("c-{n}"), "amount": n,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"})
    };
    (0..40).map(of_customer).collect()
}

/// Returns the reason of a failed check of `/readyz`.
fn failure_reason<'a>(readiness: &'a Value, check: &str) -> &'a str {
    let checks = readiness["checks"].as_array().unwrap();
    let check = checks.iter().find(|found| found["name"] == check).unwrap();
    assert_eq!(check["ok"], false, "{readiness}");
    check["reason"].as_str().unwrap()
}

/// Posts an order until it is accepted. Returns its position.
async fn post_until_accepted(api: &Client, id: &str) -> String {
    eventually("an order is accepted again", async || {
        let answer = api.post(ORDERS, order(id)).await;
        (answer.status == 202).then(|| answer.position())
    })
    .await
}

/// Returns the customer's number of orders once the view can be read and has reached `after`.
async fn order_count(api: &Client, after: &str) -> Value {
    let path = format!("/api/customers/c-1?after={after}");
    let customer = eventually("the customer can be read", async || {
        let answer = api.get(&path).await;
        (answer.status == 200).then_some(answer.body)
    });
    customer.await["order_count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_writes_are_rejected_and_reads_continue() {
    let mut engines = block_in_place(|| OwnEngines::start(&test_dir("away_redis")));
    let app = block_in_place(|| App::start_on(&engines));
    let api = &app.client;
    let at = api.post_accepted(ORDERS, order("o-1")).await;
    assert_eq!(order_count(api, &at).await, 1);

    block_in_place(|| engines.kill_redis());
    for body in [order("o-2"), json!([order("o-2"), order("o-3")])] {
        let refused = api.post(ORDERS, body).await;
        refused.assert_problem(503, "unavailable");
        assert_ne!(refused.header("retry-after"), "");
    }
    let readiness = api.wait_for_readiness(503).await;
    assert_eq!(readiness["status"], "unready");
    assert!(!failure_reason(&readiness, "redis").is_empty());
    assert_eq!(api.get("/healthz").await.status, 200);
    assert_eq!(api.read("/api/customers/c-1").await["order_count"], 1);

    block_in_place(|| engines.restart());
    let at = post_until_accepted(api, "o-4").await;
    assert_eq!(order_count(api, &at).await, 2);
    api.wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mongodb_writes_are_accepted_and_read_later() {
    let mut engines = block_in_place(|| OwnEngines::start(&test_dir("away_mongodb")));
    let mut app = block_in_place(|| App::start_on(&engines));
    let api = &app.client.clone();
    let at = api.post_accepted(ORDERS, order("o-1")).await;
    assert_eq!(order_count(api, &at).await, 1);

    block_in_place(|| engines.kill_mongod());
    app.workers.remove(0).kill();
    app.add_worker();
    let at = api.post_accepted(ORDERS, order("o-2")).await;
    for path in [
        "/api/customers",
        "/api/customers/c-1",
        "/api/orders",
        "/api/audit",
    ] {
        let refused = api.get(path).await;
        refused.assert_problem(503, "unavailable");
        assert_ne!(refused.header("retry-after"), "");
    }
    let readiness = api.wait_for_readiness(503).await;
    assert!(!failure_reason(&readiness, "mongodb").is_empty());
    let entry = api.read(&format!("/api/audit/{at}")).await;
    assert_eq!(
        entry["aggregate"], "order/c-1/o-2",
        "an event is read from the log"
    );

    block_in_place(|| engines.restart());
    assert_eq!(order_count(api, &at).await, 2);
    api.wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_rejects_writes_until_it_has_room() {
    let engines = block_in_place(|| OwnEngines::start(&test_dir("away_full")));
    let app = block_in_place(|| App::start_on(&engines));
    let api = &app.client;
    api.post_accepted(ORDERS, order("o-1")).await;

    set_max_memory(&engines, "100000").await;
    let refused = api.post(ORDERS, order("o-2")).await;
    refused.assert_problem(503, "out-of-memory");
    assert_ne!(refused.header("retry-after"), "");
    let readiness = eventually("/readyz says why", async || {
        let readiness = api.wait_for_readiness(200).await;
        let is_reported = readiness["reasons"].to_string().contains("memory: ");
        is_reported.then_some(readiness)
    })
    .await;
    assert_eq!(readiness["status"], "degraded");
    let refused = api.post(ORDERS, json!([order("o-2")])).await;
    refused.assert_problem(503, "out-of-memory");
    let log = api.read("/api/admin/log").await;
    assert_eq!(log["events"], 1);
    assert_eq!(log["memory"]["max"], 100_000);

    set_max_memory(&engines, "0").await;
    let at = post_until_accepted(api, "o-3").await;
    assert_eq!(order_count(api, &at).await, 2);
    api.wait_until_ready().await;
}

/// Folding needs no memory in Redis.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_started_while_redis_is_full_folds_the_log() {
    let engines = block_in_place(|| OwnEngines::start(&test_dir("away_full_worker")));
    let mut app = block_in_place(|| App::start_on(&engines));
    block_in_place(|| app.workers.remove(0).kill());
    app.client.post_accepted(ORDERS, order("o-1")).await;
    set_max_memory(&engines, "100000").await;
    block_in_place(|| app.add_worker());
    app.client.wait_until_caught_up().await;
    assert_eq!(app.client.list("/api/orders", 10).await.len(), 1);
}

async fn set_max_memory(engines: &OwnEngines, bytes: &str) {
    let client = redis::Client::open(engines.redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("maxmemory").arg(bytes);
    set.exec_async(&mut redis).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_survive_a_suspended_mongod() {
    let engines = block_in_place(|| OwnEngines::start(&test_dir("hanging")));
    let app = block_in_place(|| App::start_on(&engines));
    app.client.post_accepted(ORDERS, orders("before")).await;
    app.client.wait_until_caught_up().await;
    engines.signal_mongod(Signal::STOP);
    app.client.post_accepted(ORDERS, orders("meanwhile")).await;
    // The test needs a suspension of this length, so there is no condition to wait for.
    tokio::time::sleep(SUSPENDED).await;
    engines.signal_mongod(Signal::CONT);
    app.client.wait_until_caught_up().await;
    app.client.post_accepted(ORDERS, orders("after")).await;
    app.client.wait_until_caught_up().await;
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

/// MongoDB's own count of documents is then as old as its last checkpoint, up to a minute.
#[tokio::test(flavor = "multi_thread")]
async fn customers_are_counted_exactly_after_mongodb_was_killed() {
    let mut engines = block_in_place(|| OwnEngines::start(&test_dir("counting")));
    let deployment = Deployment::on_engines(&engines).await.prepared().await;
    let store = &deployment.store;
    let options = StoreOptions {
        uri: engines.mongodb_uri(),
        database: store.database().name().to_owned(),
    };
    insert_customers(&deployment, 0..100).await;
    assert_eq!(count_customers(store).await, 100);
    let mut expected = 100;
    for killed in 1..=2 {
        insert_customers(&deployment, expected..expected + 50).await;
        expected += 50;
        block_in_place(|| {
            engines.kill_mongod();
            engines.restart();
        });
        // One store has counted before the kill, the other has not.
        let new_store = Store::open(&options).await.unwrap();
        for store in [store, &new_store] {
            assert_eq!(
                count_customers(store).await,
                expected as u64,
                "after kill {killed}"
            );
        }
        insert_customers(&deployment, expected..expected + 1).await;
        expected += 1;
        assert_eq!(
            count_customers(store).await,
            expected as u64,
            "after kill {killed}"
        );
    }
}

/// Inserts these customers, and returns once they are on disk.
async fn insert_customers(deployment: &Deployment, numbers: std::ops::Range<i64>) {
    let customers = numbers.map(|n| doc! {"_id": format!("c-{n}"), "_partition": 0, "_number": n});
    let collection = deployment.store.database().collection("customers_g1");
    let journaled = WriteConcern::builder().journal(true).build();
    let insert = collection.insert_many(customers.collect::<Vec<Document>>());
    insert.write_concern(journaled).await.unwrap();
}

/// Counts the customers as soon as MongoDB answers.
async fn count_customers(store: &Store) -> u64 {
    let counted = async || store.count_customers().await.ok();
    eventually("customers are counted", counted).await
}
