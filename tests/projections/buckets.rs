//! Customers with very many orders: the times are kept in buckets beside the customer's document.

use commands::OrderRecord;
use domain::{OrderStatus, Timestamp};
use mongodb::bson::{Document, doc};
use projections::{Projector, Store, sweep, verify_documents};

use super::{documents, project, project_all, rebuild_view, resume, view};
use crate::support::deployment::Deployment;
use crate::support::shop::{activity, context, minute, order, order_content};

const MANY: i64 = 30_000;

/// Returns order `n` of the customer `guest`.
fn guest_order(n: i64, at: Timestamp, status: OrderStatus) -> OrderRecord {
    let mut item = order("guest", &format!("o-{n}"), 0);
    item.content = order_content(100 + n % 7, at, status);
    item
}

async fn record_orders(deployment: &Deployment, orders: Vec<OrderRecord>) {
    let commands = &deployment.commands;
    let done = commands.record_orders(&context(), orders).await.unwrap();
    assert!(done.iter().all(Result::is_ok));
}

/// Records orders of the guest, one for each minute, among orders of others and not in the order
/// of their times.
async fn record_shuffled_orders(deployment: &Deployment, orders: i64) {
    // 7,919 is a prime that divides no count used here, so that each number comes up once.
    let numbers: Vec<i64> = (0..orders).map(|n| n * 7_919 % orders).collect();
    for some in numbers.chunks(2_000) {
        let orders = some.iter().flat_map(|n| {
            let mut other = order(&format!("c-{}", n % 50), &format!("o-{n}"), 5);
            other.content.placed_at = minute(*n);
            [guest_order(*n, minute(*n), OrderStatus::Placed), other]
        });
        record_orders(deployment, orders.collect()).await;
    }
}

/// Returns the guest's number of orders, their sum in cents, and the minutes of the first and the
/// last one.
async fn guest(store: &Store) -> (i64, i64, i64, i64) {
    let guest = store.customer("guest").await.unwrap().unwrap();
    let minutes = |at: Option<mongodb::bson::DateTime>| {
        (at.unwrap().timestamp_millis() - minute(0).millis()) / 60_000
    };
    (
        guest.order_count,
        guest.total_spend,
        minutes(guest.first_order_at),
        minutes(guest.last_order_at),
    )
}

/// Returns all buckets of a generation.
async fn parts(store: &Store, generation: i32) -> super::Documents {
    let parts = store.parts_collection("customers", generation);
    let mut found = parts.find(doc! {}).await.unwrap();
    let mut parts = super::Documents::new();
    while found.advance().await.unwrap() {
        let id = found.current().get_str("_id").unwrap().to_owned();
        parts.insert(id, found.current().as_bytes().to_vec());
    }
    parts
}

async fn differences(deployment: &Deployment, generation: i32) -> Vec<String> {
    let Deployment { store, log, .. } = deployment;
    let report = verify_documents(store, log, view("customers"), generation).await;
    report.unwrap().differences
}

/// Asserts that a rebuild gives the same customers and buckets.
async fn assert_as_rebuilt(deployment: &Deployment) {
    let store = &deployment.store;
    let all = async |generation| {
        let customers = documents(store, "customers", generation).await;
        (customers, parts(store, generation).await)
    };
    let before = all(1).await;
    let report = rebuild_view(deployment, "customers").await;
    assert!(before == all(report.generation).await);
}

#[tokio::test]
async fn a_customer_with_very_many_orders_has_small_documents_and_exact_figures() {
    let deployment = Deployment::with_partitions(2).await.prepared().await;
    record_shuffled_orders(&deployment, MANY).await;
    project_all(&deployment).await;
    let store = &deployment.store;
    let spend = |numbers: std::ops::Range<i64>| numbers.map(|n| 100 + n % 7).sum::<i64>();
    let expected = (MANY, spend(0..MANY), 0, MANY - 1);
    assert_eq!(guest(store).await, expected);
    let hours = |deployment: &Deployment| {
        let rules = "order_count > 1000".parse().unwrap();
        let store = deployment.store.clone();
        async move {
            store
                .busy_hours(&rules, minute(0), chrono_tz::Tz::UTC)
                .await
        }
    };
    let busy = hours(&deployment).await.unwrap();
    assert_eq!((busy.customers, busy.orders), (1, MANY as u64));
    let by_hour: u64 = busy.hours.iter().map(|hour| hour.orders).sum();
    // One order a day is at midnight UTC, which is a date without an hour.
    assert_eq!(
        by_hour,
        (0..MANY)
            .filter(|n| minute(*n).millis() % 86_400_000 != 0)
            .count() as u64
    );

    let customers = documents(store, "customers", 1).await;
    assert!(
        customers["guest"].len() < 64 << 10,
        "{}",
        customers["guest"].len()
    );
    let buckets = parts(store, 1).await;
    assert!(buckets.len() > 1);
    assert!(buckets.values().all(|bucket| bucket.len() < 256 << 10));
    assert_eq!(differences(&deployment, 1).await, [""; 0]);

    // The first 300 and the last 300 orders are cancelled, and one from the middle is moved before
    // all others.
    let ends = (0..300).chain(MANY - 300..MANY);
    let cancelled = ends.map(|n| guest_order(n, minute(n), OrderStatus::Cancelled));
    record_orders(&deployment, cancelled.collect()).await;
    project(&deployment, "customers").await.unwrap();
    let left = spend(300..MANY - 300);
    assert_eq!(guest(store).await, (MANY - 600, left, 300, MANY - 301));
    let moved = guest_order(MANY / 2, minute(-5), OrderStatus::Placed);
    record_orders(&deployment, vec![moved]).await;
    project(&deployment, "customers").await.unwrap();
    assert_eq!(guest(store).await, (MANY - 600, left, -5, MANY - 301));
    let busy = hours(&deployment).await.unwrap();
    assert_eq!(busy.orders, (MANY - 600) as u64);

    assert_as_rebuilt(&deployment).await;
    assert_eq!(differences(&deployment, 2).await, [""; 0]);
}

/// Process that folds a partition; its projector resumes when it is needed.
struct FoldingProcess<'a> {
    deployment: &'a Deployment,
    partition: u16,
    projector: Option<Projector>,
}

impl FoldingProcess<'_> {
    async fn step(&mut self, count: usize) -> usize {
        if self.projector.is_none() {
            let resumed = resume(self.deployment, view("customers"), 1, self.partition).await;
            self.projector = Some(resumed.unwrap());
        }
        self.projector.as_mut().unwrap().step(count).await.unwrap()
    }
}

#[tokio::test]
async fn a_crash_between_a_bucket_and_its_document_changes_nothing() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_shuffled_orders(&deployment, 6_000).await;
    let store = &deployment.store;
    let customers = store
        .collection("customers", 1)
        .clone_with_type::<Document>();
    let checkpoints = store.database().collection::<Document>("checkpoints");
    let checkpoint = doc! {"_id": "customers_g1/0"};
    let mut process = FoldingProcess {
        deployment: &deployment,
        partition: 0,
        projector: None,
    };
    let mut crashes = 0;
    loop {
        let guest = customers.find_one(doc! {"_id": "guest"}).await.unwrap();
        let at = checkpoints.find_one(checkpoint.clone()).await.unwrap();
        let buckets = parts(store, 1).await;
        // The step is small enough for one change of buckets at most.
        if process.step(170 + crashes * 3).await == 0 {
            break;
        }
        if let (Some(guest), Some(at)) = (guest, at)
            && parts(store, 1).await != buckets
            && crashes % 3 != 2
        {
            // Simulates a crash after the bucket was written, before the document and the
            // checkpoint were.
            customers
                .replace_one(doc! {"_id": "guest"}, guest)
                .await
                .unwrap();
            checkpoints
                .replace_one(checkpoint.clone(), at)
                .await
                .unwrap();
            process.projector = None;
            assert_eq!(process.step(7).await, 7, "the batch has another size");
        }
        if parts(store, 1).await != buckets {
            crashes += 1;
        }
    }
    assert!(crashes > 5, "{crashes} changes of buckets");
    assert_as_rebuilt(&deployment).await;
}

#[tokio::test]
async fn two_concurrent_processes_write_the_same_documents() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_shuffled_orders(&deployment, 5_000).await;
    let visits = (0..5_000).map(|n| activity("guest", &format!("e-{n}"), "visit", minute(n % 900)));
    let commands = &deployment.commands;
    commands
        .record_activities(&context(), visits.collect())
        .await
        .unwrap();
    let process = || FoldingProcess {
        deployment: &deployment,
        partition: 0,
        projector: None,
    };
    let (mut one, mut other) = (process(), process());
    loop {
        let (a, b) = tokio::join!(one.step(1_700), other.step(900));
        if a == 0 && b == 0 {
            break;
        }
    }
    let store = &deployment.store;
    assert!(!parts(store, 1).await.is_empty());
    assert_as_rebuilt(&deployment).await;
}

#[tokio::test]
async fn verification_finds_changed_missing_and_extra_buckets() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_shuffled_orders(&deployment, 5_000).await;
    project(&deployment, "customers").await.unwrap();
    let buckets = deployment.store.parts_collection("customers", 1);
    let buckets = buckets.clone_with_type::<Document>();
    assert_eq!(differences(&deployment, 1).await, [""; 0]);
    let filter = doc! {"_id": "guest/orders/0"};
    let bucket = buckets.find_one(filter.clone()).await.unwrap().unwrap();
    let more = doc! {"$inc": {"count": 1i64}};
    buckets.update_one(filter.clone(), more).await.unwrap();
    let changed = "the part guest/orders/0 differs from the fold of its events";
    assert_eq!(differences(&deployment, 1).await, [changed]);
    buckets.delete_one(filter).await.unwrap();
    let found = differences(&deployment, 1).await;
    assert_eq!(found[0], "the part guest/orders/0 is missing");
    assert_eq!(
        found[1],
        "partition 0 has 0 parts, but its documents list 1"
    );
    let mut other = bucket.clone();
    buckets.insert_one(bucket).await.unwrap();
    other.insert("_id", "ghost/orders/0");
    buckets.insert_one(other).await.unwrap();
    let too_many = "partition 0 has 2 parts, but its documents list 1";
    assert_eq!(differences(&deployment, 1).await, [too_many]);
}

#[tokio::test]
async fn a_customer_with_a_lost_bucket_is_set_aside_until_a_rebuild() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_shuffled_orders(&deployment, 5_000).await;
    project(&deployment, "customers").await.unwrap();
    let store = &deployment.store;
    store.parts_collection("customers", 1).drop().await.unwrap();
    let more = (0..2_000).map(|n| guest_order(9_000 + n, minute(n), OrderStatus::Placed));
    record_orders(&deployment, more.collect()).await;
    project(&deployment, "customers").await.unwrap();
    let withheld = store.withheld(10).await.unwrap();
    let [only] = &*withheld else {
        panic!("{withheld:?}");
    };
    assert_eq!(only.document, "guest");
    let reason = &only.reason;
    assert!(
        reason.contains("the bucket guest/orders/0 is gone"),
        "{reason}"
    );
    rebuild_view(&deployment, "customers").await;
    assert_eq!(guest(store).await.0, 7_000);
    assert_eq!(store.withheld(10).await.unwrap(), []);
}

#[tokio::test]
async fn buckets_of_dropped_generations_are_removed() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_shuffled_orders(&deployment, 3_000).await;
    project(&deployment, "customers").await.unwrap();
    for _ in 0..3 {
        rebuild_view(&deployment, "customers").await;
    }
    let store = &deployment.store;
    let left = async || {
        let database = store.database();
        let filter = doc! {"name": {"$regex": "^customers_g"}};
        let names = database.list_collection_names().filter(filter).await;
        let mut names = names.unwrap();
        names.sort();
        names
    };
    let kept = [
        "customers_g3",
        "customers_g3.parts",
        "customers_g4",
        "customers_g4.parts",
    ];
    assert_eq!(left().await, kept);
    // A rebuild that is interrupted can leave buckets of a generation that was dropped.
    let late = store.parts_collection("customers", 2);
    let late = late.clone_with_type::<Document>();
    late.insert_one(doc! {"_id": "guest/orders/0"})
        .await
        .unwrap();
    sweep(store).await.unwrap();
    assert_eq!(left().await, kept);
    assert!(!parts(store, 4).await.is_empty());
}
