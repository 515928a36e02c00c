//! One step back.

use projections::{RebuildError, roll_back};

use super::{documents, project, rebuilt, spend_after, status, total_spend, trade, view};
use crate::support::by_hand::append_by_hand;
use crate::support::deployment::Deployment;

#[tokio::test]
async fn the_previous_generation_serves_again_caught_up() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    trade(&deployment.commands, 0).await;
    project(&deployment, "customers").await.unwrap();
    rebuilt(&deployment, "customers").await;
    trade(&deployment.commands, 1).await;
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
    // One step: the next one goes forth again.
    assert_eq!(roll_back(store, log, view("customers")).await.unwrap(), 2);
    assert_eq!(total_spend(&deployment).await, spend_after(2));
    assert_eq!(rebuilt(&deployment, "customers").await.generation, 3);
}

#[tokio::test]
async fn without_a_previous_generation_there_is_no_way_back() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    let refused = roll_back(store, log, view("orders")).await.unwrap_err();
    assert!(matches!(refused, RebuildError::NoPrevious("orders")));
    assert_eq!(refused.to_string(), "orders has no previous generation");
}

#[tokio::test]
async fn events_unknown_here_do_not_bar_the_way_back() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    trade(&deployment.commands, 0).await;
    rebuilt(&deployment, "customers").await;
    append_by_hand(log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    trade(&deployment.commands, 1).await;
    project(&deployment, "customers").await.unwrap();
    assert_eq!(roll_back(store, log, view("customers")).await.unwrap(), 1);
    let back = status(&deployment, "customers").await;
    assert_eq!((back.lag(), back.partitions[0].skipped), (0, 1));
    assert_eq!(total_spend(&deployment).await, spend_after(2));
}
