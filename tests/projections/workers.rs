//! Worker processes that share the work.

use bson::doc;
use commands::Commands;
use domain::{ViewCommand, ViewName};
use eventlog::{Role, assign};
use projections::VIEWS;
use redis::AsyncCommands;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workers::{BusyError, Delivery, exclusively};

use super::{documents, rebuild_view, record_day, spend_after, status, stopped, total_spend};
use crate::support::deployment::Deployment;
use crate::support::shop::{address_key, context};
use crate::support::wait::{eventually, until};

pub(super) struct Worker {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts a worker with its own handle of the log, as a separate process has it.
    pub(super) async fn start(deployment: &Deployment, name: &str) -> Self {
        let (log, store) = (deployment.reopen().await, deployment.store.clone());
        let commands = Commands::open(log, None, Some(address_key()))
            .await
            .unwrap();
        let (delivery, name, stop) = (
            Delivery::default(),
            name.to_owned(),
            CancellationToken::new(),
        );
        let work = workers::run(commands, store, delivery, name, stop.clone());
        let task = tokio::spawn(work);
        Self { stop, task }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn two_workers_share_the_views_and_one_takes_over_from_the_other() {
    let deployment = Deployment::fresh().await;
    let first = Worker::start(&deployment, "w-1").await;
    record_day(&deployment.commands, 0).await;
    wait_until_caught_up(&deployment).await;
    let second = Worker::start(&deployment, "w-2").await;
    until("both have a share", async || {
        partition_owners(&deployment).await.len() == 2
    })
    .await;
    for day in 1..10 {
        record_day(&deployment.commands, day).await;
    }
    wait_until_caught_up(&deployment).await;
    first.stop().await;
    record_day(&deployment.commands, 10).await;
    wait_until_caught_up(&deployment).await;
    assert_eq!(total_spend(&deployment).await, spend_after(11));
    second.stop().await;
    assert!(
        partition_owners(&deployment).await.is_empty(),
        "all partitions are released"
    );
    for view in VIEWS {
        let incremental = documents(&deployment.store, view.name(), 1).await;
        let report = rebuild_view(&deployment, view.name()).await;
        let from_zero = documents(&deployment.store, view.name(), report.generation).await;
        assert!(incremental == from_zero, "{}", view.name());
    }
}

#[tokio::test]
async fn a_requested_rebuild_runs_once() {
    let deployment = Deployment::fresh().await;
    let workers = [
        Worker::start(&deployment, "w-1").await,
        Worker::start(&deployment, "w-2").await,
    ];
    record_day(&deployment.commands, 0).await;
    wait_until_caught_up(&deployment).await;
    let first = rebuild_by_workers(&deployment, "orders").await;
    assert!(first >= 2);
    let second = rebuild_by_workers(&deployment, "orders").await;
    assert!(second > first);
    record_day(&deployment.commands, 1).await;
    wait_until_caught_up(&deployment).await;
    // A worker that starts later must not repeat them, once both are recorded as done.
    until("both requests are done", async || {
        let reactors = deployment
            .store
            .database()
            .collection::<bson::Document>("reactors");
        let done = reactors.find_one(doc! {"_id": "rebuild view/orders"}).await;
        let done = done.unwrap();
        done.is_some_and(|done| done.get_i64("done").unwrap() == 2)
    })
    .await;
    for worker in workers {
        worker.stop().await;
    }
    let worker = Worker::start(&deployment, "w-3").await;
    rebuild_by_workers(&deployment, "audit").await;
    let orders = status(&deployment, "orders").await;
    assert_eq!(orders.generation, second);
    assert!(orders.building.is_none(), "{orders:?}");
    assert_eq!(status(&deployment, "customers").await.generation, 1);
    worker.stop().await;
}

/// Simulates a worker that could not tell Redis that it released a partition.
#[tokio::test]
async fn a_partition_that_was_not_released_returns_to_its_owner() {
    let deployment = Deployment::with_partitions(4).await;
    let workers = [
        Worker::start(&deployment, "w-1").await,
        Worker::start(&deployment, "w-2").await,
    ];
    record_day(&deployment.commands, 0).await;
    wait_until_caught_up(&deployment).await;
    let alive = ["w-1", "w-2"].map(str::to_owned);
    let assigned = assign(4, &alive);
    let partition = *assigned
        .iter()
        .find(|(_, owner)| **owner == "w-2")
        .unwrap()
        .0;
    let has_its_owner = async || {
        let members = deployment.log.members(Role::Fold).await.unwrap();
        members.owner(partition) == Some("w-2")
    };
    until("both own their shares", has_its_owner).await;
    let mut redis = deployment.redis().await;
    let found: Vec<String> = redis.keys("*}:owners:fold").await.unwrap();
    let of_deployment = deployment
        .counter_key(0)
        .replace(":00}:counter", "}:owners:fold");
    let owners = found.iter().find(|key| **key == of_deployment).unwrap();
    let _: i64 = redis.hset(owners, partition, "w-1").await.unwrap();
    record_day(&deployment.commands, 1).await;
    wait_until_caught_up(&deployment).await;
    assert_eq!(total_spend(&deployment).await, spend_after(2));
    until("its owner has it again", has_its_owner).await;
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_rollback_request_does_not_start_a_rebuild() {
    let deployment = Deployment::with_partitions(1).await;
    let worker = Worker::start(&deployment, "w-1").await;
    record_day(&deployment.commands, 0).await;
    wait_until_caught_up(&deployment).await;
    let orders = ViewName::try_from("orders").unwrap();
    let context = context();
    let requested = deployment
        .commands
        .execute(&context, orders, ViewCommand::RequestRollback);
    requested.await.unwrap().unwrap();
    rebuild_by_workers(&deployment, "customers").await;
    let orders = status(&deployment, "orders").await;
    assert_eq!((orders.generation, orders.building), (1, None));
    worker.stop().await;
}

/// Requests a rebuild and returns the generation that serves after it. The workers may begin more
/// than one generation if the rebuild moves from one worker to another.
async fn rebuild_by_workers(deployment: &Deployment, view: &str) -> i32 {
    let before = status(deployment, view).await.generation;
    request_rebuild(&deployment.commands, view).await;
    let switched = async || {
        let now = status(deployment, view).await;
        (now.generation > before && now.building.is_none()).then_some(now.generation)
    };
    eventually("a new generation serves", switched).await
}

#[tokio::test]
async fn workers_report_a_missing_collection_until_it_is_rebuilt() {
    let deployment = Deployment::with_partitions(1).await;
    let worker = Worker::start(&deployment, "w-1").await;
    record_day(&deployment.commands, 0).await;
    wait_until_caught_up(&deployment).await;
    worker.stop().await;
    deployment
        .store
        .collection("customers", 1)
        .drop()
        .await
        .unwrap();
    let worker = Worker::start(&deployment, "w-2").await;
    let gone = eventually("the view is reported", async || {
        stopped(&deployment).await.pop()
    })
    .await;
    let text = "the collection customers_g1 is gone; rebuild the view";
    assert_eq!(gone, ("customers", text.to_owned()));
    request_rebuild(&deployment.commands, "customers").await;
    until("the view is no longer stalled", async || {
        stopped(&deployment).await.is_empty()
    })
    .await;
    record_day(&deployment.commands, 1).await;
    wait_until_caught_up(&deployment).await;
    assert_eq!(total_spend(&deployment).await, spend_after(2));
    worker.stop().await;
}

#[tokio::test]
async fn exclusive_work_runs_in_one_worker_at_a_time() {
    let log = Deployment::fresh().await.log;
    let inner = exclusively(&log, "w-2", "work", async { panic!("started twice") });
    let outer = exclusively(&log, "w-1", "work", inner).await.unwrap();
    assert!(matches!(outer, Err(BusyError::Busy(name)) if name == "work"));
    let after = exclusively(&log, "w-2", "work", async { 7 }).await;
    assert_eq!(after.unwrap(), 7);
}

async fn request_rebuild(commands: &Commands, view: &str) {
    let view = domain::ViewName::try_from(view).unwrap();
    commands
        .execute(&context(), view, ViewCommand::RequestRebuild)
        .await
        .unwrap()
        .unwrap();
}

async fn wait_until_caught_up(deployment: &Deployment) {
    let all = async || {
        let views = deployment.store.status(&deployment.log).await.unwrap();
        views.iter().all(|view| view.lag() == 0)
    };
    until("all views catch up", all).await;
}

/// Returns the names of the workers that own partitions, sorted.
async fn partition_owners(deployment: &Deployment) -> Vec<String> {
    let members = deployment.log.members(Role::Fold).await.unwrap();
    let partitions = deployment.log.partitions();
    let owners = partitions.filter_map(|partition| members.owner(partition));
    let mut owners: Vec<String> = owners.map(str::to_owned).collect();
    owners.sort();
    owners.dedup();
    owners
}
