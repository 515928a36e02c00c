//! Rollback to the previous generation.

use projections::{RebuildError, roll_back};

use super::{documents, project, rebuild_view, record_day, spend_after, status, total_spend, view};
use crate::support::by_hand::append_by_hand;
use crate::support::deployment::Deployment;

#[tokio::test]
async fn the_previous_generation_catches_up_and_serves_again() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    record_day(&deployment.commands, 0).await;
    project(&deployment, "customers").await.unwrap();
    rebuild_view(&deployment, "customers").await;
    record_day(&deployment.commands, 1).await;
    project(&deployment, "customers").await.unwrap();
    let newer = documents(store, "customers", 2).await;

    assert_eq!(roll_back(store, log, view("customers")).await.unwrap(), 1);
    let back = status(&deployment, "customers").await;
    assert_eq!(
        (back.generation, back.previous, back.lag()),
        (1, Some(2), 0)
    );
    assert_eq!(total_spend(&deployment).await, spend_after(2));
    assert!(newer == documents(store, "customers", 1).await);
    // A second rollback returns to the newer generation.
    assert_eq!(roll_back(store, log, view("customers")).await.unwrap(), 2);
    assert_eq!(total_spend(&deployment).await, spend_after(2));
    assert_eq!(rebuild_view(&deployment, "customers").await.generation, 3);
}

#[tokio::test]
async fn a_view_without_a_previous_generation_cannot_be_rolled_back() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    let refused = roll_back(store, log, view("orders")).await.unwrap_err();
    assert!(matches!(refused, RebuildError::NoPrevious("orders")));
    assert_eq!(refused.to_string(), "orders has no previous generation");
}

#[tokio::test]
async fn unknown_events_do_not_prevent_a_rollback() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    record_day(&deployment.commands, 0).await;
    rebuild_view(&deployment, "customers").await;
    append_by_hand(log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    record_day(&deployment.commands, 1).await;
    project(&deployment, "customers").await.unwrap();
    assert_eq!(roll_back(store, log, view("customers")).await.unwrap(), 1);
    let back = status(&deployment, "customers").await;
    assert_eq!((back.lag(), back.partitions[0].skipped), (0, 1));
    assert_eq!(total_spend(&deployment).await, spend_after(2));
}
