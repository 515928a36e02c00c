//! Counts after MongoDB was killed. Its own count of documents is then as old as its last
//! checkpoint, up to a minute.

use mongodb::bson::{Document, doc};
use mongodb::options::WriteConcern;
use projections::{Store, StoreOptions};
use tokio::task::block_in_place;

use crate::support::deployment::Deployment;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::wait::eventually;

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

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_counted_exactly_after_mongodb_was_killed() {
    let mut engines = block_in_place(|| OwnEngines::start(&test_dir("counting")));
    let deployment = Deployment::on(&engines).await.prepared().await;
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
