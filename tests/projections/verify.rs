//! Verification of views against the log.

use eventlog::{Entry, Position};
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use projections::verify_documents;

use super::{EVENTS_PER_DAY, project_all, record_day, view};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn healthy_views_have_no_differences() {
    let deployment = folded().await;
    let start = Position {
        partition: 0,
        number: 0,
    };
    let entries = deployment.log.read(start, 1_000).await.unwrap();
    let begins_commit = |entry: &&Entry| entry.position.number == entry.commit;
    let commits = entries.iter().filter(begins_commit).count() as u64;
    for (name, documents) in [
        ("customers", 20),
        ("orders", 40),
        ("audit", commits),
        ("segments", 2),
        ("campaigns", 2),
        ("messages", 6),
        ("campaign_stats", 2),
        ("users", 2),
        ("api_keys", 2),
        ("daily_figures", 2),
    ] {
        let Deployment { store, log, .. } = &deployment;
        let report = verify_documents(store, log, view(name), 1).await.unwrap();
        assert_eq!(report.differences, [""; 0], "{name}");
        assert_eq!(
            (report.events, report.documents),
            (2 * EVENTS_PER_DAY, documents)
        );
        assert_eq!(report.compared, documents);
    }
}

#[tokio::test]
async fn a_changed_document_is_found() {
    let deployment = folded().await;
    let more = doc! {"$inc": {"total_spend": 1}};
    customers(&deployment)
        .update_one(doc! {"_id": "c-3"}, more)
        .await
        .unwrap();
    assert_eq!(
        differences(&deployment).await,
        ["c-3 differs from the fold of its 6 events"]
    );
}

#[tokio::test]
async fn a_missing_document_is_found() {
    let deployment = folded().await;
    customers(&deployment)
        .delete_one(doc! {"_id": "c-3"})
        .await
        .unwrap();
    let found = differences(&deployment).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "c-3 is missing");
    assert!(
        found[1].contains("documents, but the log yields"),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_extra_document_is_found() {
    let deployment = folded().await;
    let customers = customers(&deployment);
    let mut copy = customers
        .find_one(doc! {"_id": "c-3"})
        .await
        .unwrap()
        .unwrap();
    let own = copy.get_i32("_partition").unwrap();
    // In its own partition, and in one that does not exist.
    for (index, partition) in [own, 99].into_iter().enumerate() {
        copy.extend(doc! {"_id": format!("ghost-{index}"), "_partition": partition});
        customers.insert_one(&copy).await.unwrap();
    }
    let mut found = differences(&deployment).await;
    found.sort();
    assert_eq!(
        found,
        [
            "partition 0 has 21 documents, but the log yields 20",
            "partition 99 has a document folded up to 74, but the log ends at 0",
        ]
    );
}

#[tokio::test]
async fn a_document_ahead_of_the_log_is_found() {
    let deployment = folded().await;
    let mut ghost = customers(&deployment)
        .find_one(doc! {})
        .await
        .unwrap()
        .unwrap();
    ghost.extend(doc! {"_id": "ghost", "_number": 1_000i64});
    customers(&deployment).insert_one(ghost).await.unwrap();
    let found = differences(&deployment).await;
    assert_eq!(
        found,
        ["partition 0 has a document folded up to 1000, but the log ends at 88"]
    );
}

/// Simulates projectors that crash after writing documents, before they move their checkpoints.
#[tokio::test]
async fn documents_ahead_of_their_checkpoint_are_no_difference() {
    let deployment = folded().await;
    let checkpoints = deployment
        .store
        .database()
        .collection::<Document>("checkpoints");
    for (name, number) in [("customers", 3), ("orders", 3), ("audit", 3)] {
        let at = Position {
            partition: 0,
            number,
        };
        let entry = deployment
            .log
            .entries(&[at])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        let back = doc! {"$set": {"number": number as i64, "fingerprint": entry.fingerprint()}};
        let id = doc! {"_id": format!("{name}_g1/0")};
        checkpoints.update_one(id, back).await.unwrap();
        let Deployment { store, log, .. } = &deployment;
        let report = verify_documents(store, log, view(name), 1).await.unwrap();
        assert_eq!(report.differences, [""; 0], "{name}");
    }
}

/// Returns a deployment of one partition with two recorded and folded days.
async fn folded() -> Deployment {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    record_day(&deployment.commands, 1).await;
    project_all(&deployment).await;
    deployment
}

fn customers(deployment: &Deployment) -> Collection<Document> {
    deployment
        .store
        .collection("customers", 1)
        .clone_with_type()
}

async fn differences(deployment: &Deployment) -> Vec<String> {
    let Deployment { store, log, .. } = deployment;
    let report = verify_documents(store, log, view("customers"), 1).await;
    report.unwrap().differences
}
