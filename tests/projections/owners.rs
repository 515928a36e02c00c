//! Ownership of partitions.

use mongodb::bson::{Document, doc};
use projections::orders::OrderFilter;
use projections::{
    Generation, OwnedPartition, PageRequest, ProjectError, QueryError, VIEWS, switch_joined,
};

use super::{documents, rebuild_view, record_day, resume, spend_after, status, total_spend, view};
use crate::support::deployment::Deployment;

/// Takes ownership of partition 0, and lets all generations join that are as far as its checkpoint.
async fn acquire_partition(deployment: &Deployment, owner: &str) -> OwnedPartition {
    let Deployment { log, store, .. } = deployment;
    let (mut owned, left) = OwnedPartition::acquire(store, log, 0, owner).await.unwrap();
    assert!(left.is_empty());
    let mut joining = Vec::new();
    for view in VIEWS {
        let generation = Generation { view, number: 1 };
        if !owned.contains(generation) {
            let projector = resume(deployment, view, 1, 0);
            joining.push(projector.await.unwrap());
        }
    }
    assert!(owned.add(joining).await.unwrap().is_empty());
    owned
}

async fn fold(owned: &mut OwnedPartition) -> Result<(), ProjectError> {
    while owned.step(7).await?.events > 0 {}
    Ok(())
}

#[tokio::test]
async fn an_owner_folds_all_views_as_a_rebuild_does() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let mut owned = acquire_partition(&deployment, "w-1").await;
    record_day(&deployment.commands, 0).await;
    let step = owned.step(1_000).await.unwrap();
    assert!(step.events > 0 && step.removed.is_empty());
    for day in 1..4 {
        record_day(&deployment.commands, day).await;
        fold(&mut owned).await.unwrap();
    }
    assert_eq!(total_spend(&deployment).await, spend_after(4));
    for view in VIEWS {
        assert_eq!(status(&deployment, view.name()).await.lag(), 0);
        let incremental = documents(&deployment.store, view.name(), 1).await;
        let report = rebuild_view(&deployment, view.name()).await;
        let from_zero = documents(&deployment.store, view.name(), report.generation).await;
        assert!(incremental == from_zero, "{}", view.name());
    }
}

#[tokio::test]
async fn a_former_owner_cannot_move_the_checkpoint() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let mut first = acquire_partition(&deployment, "w-1").await;
    record_day(&deployment.commands, 0).await;
    fold(&mut first).await.unwrap();
    let mut second = acquire_partition(&deployment, "w-2").await;
    assert_eq!(second.position(), first.position());
    record_day(&deployment.commands, 1).await;
    let failed = fold(&mut first).await.unwrap_err();
    assert!(matches!(failed, ProjectError::Fenced(0)), "{failed}");
    assert!(status(&deployment, "customers").await.lag() > 0);
    fold(&mut second).await.unwrap();
    assert_eq!(total_spend(&deployment).await, spend_after(2));
    assert_eq!(status(&deployment, "customers").await.lag(), 0);
}

#[tokio::test]
async fn a_view_that_leaves_resumes_where_it_was_and_joins_again() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let mut owned = acquire_partition(&deployment, "w-1").await;
    record_day(&deployment.commands, 0).await;
    fold(&mut owned).await.unwrap();
    let orders = Generation {
        view: view("orders"),
        number: 1,
    };
    owned.remove(orders, None).await.unwrap();
    record_day(&deployment.commands, 1).await;
    fold(&mut owned).await.unwrap();
    assert_eq!(status(&deployment, "customers").await.lag(), 0);
    assert!(status(&deployment, "orders").await.lag() > 0);
    let mut projector = resume(&deployment, view("orders"), 1, 0).await.unwrap();
    let refused = owned.add(vec![projector]).await.unwrap();
    projector = refused.into_iter().next().expect("the view is behind");
    while projector.step(1_000).await.unwrap() > 0 {}
    assert!(owned.add(vec![projector]).await.unwrap().is_empty());
    assert!(owned.contains(orders));
    assert_eq!(status(&deployment, "orders").await.lag(), 0);
}

#[tokio::test]
async fn a_view_whose_collection_is_gone_leaves_and_the_others_continue() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let first = acquire_partition(&deployment, "w-1").await;
    drop(first);
    record_day(&deployment.commands, 0).await;
    deployment
        .store
        .collection("orders", 1)
        .drop()
        .await
        .unwrap();
    let Deployment { log, store, .. } = &deployment;
    let (mut owned, left) = OwnedPartition::acquire(store, log, 0, "w-2").await.unwrap();
    let left: Vec<&str> = left.iter().map(|(lost, _)| lost.view.name()).collect();
    assert_eq!(left, ["orders"]);
    fold(&mut owned).await.unwrap();
    assert_eq!(total_spend(&deployment).await, spend_after(1));
    let stopped = super::stopped(&deployment).await;
    assert_eq!(stopped[0].0, "orders");
}

/// Simulates an upgrade to a program with one more view.
#[tokio::test]
async fn a_new_view_serves_once_it_is_folded() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let Deployment { log, store, .. } = &deployment;
    record_day(&deployment.commands, 0).await;
    super::project(&deployment, "customers").await.unwrap();
    let pointers = store.database().collection::<Document>("generations");
    pointers.delete_one(doc! {"_id": "orders"}).await.unwrap();
    store.collection("orders", 1).drop().await.unwrap();
    store.generations().prepare().await.unwrap();
    let page = PageRequest {
        limit: 10,
        cursor: None,
    };
    let not_built = store
        .orders(&OrderFilter::default(), &page)
        .await
        .unwrap_err();
    assert!(matches!(not_built, QueryError::NotBuilt(_)), "{not_built}");
    let (mut owned, _) = OwnedPartition::acquire(store, log, 0, "w-1").await.unwrap();
    let mut projector = resume(&deployment, view("orders"), 1, 0).await.unwrap();
    while projector.step(1_000).await.unwrap() > 0 {}
    owned.add(vec![projector]).await.unwrap();
    switch_joined(store, log).await.unwrap();
    assert!(
        !store
            .orders(&OrderFilter::default(), &page)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
