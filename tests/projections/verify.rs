//! Views held against the log.

use eventlog::Position;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use projections::verify_documents;

use super::{project_all, trade, view};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn healthy_views_have_no_differences() {
    let deployment = folded().await;
    for (name, documents) in [("customers", 20), ("orders", 40), ("audit", 62)] {
        let Deployment { store, log, .. } = &deployment;
        let report = verify_documents(store, log, view(name), 1).await.unwrap();
        assert_eq!(report.differences, [""; 0], "{name}");
        assert_eq!((report.events, report.documents), (62, documents));
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
        ["c-3 is not what its 6 events make it"]
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
    assert!(found[1].contains("documents, the log makes"), "{found:?}");
}

/// Two days' trade, in one partition.
async fn folded() -> Deployment {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    trade(&deployment.commands, 1).await;
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
