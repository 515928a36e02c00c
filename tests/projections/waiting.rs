//! Waiting until a view has a reader's own writes.

use std::time::Duration;

use commands::Outcome;
use eventlog::{Position, Positions};
use projections::WaitError;

use super::{project, rebuild_view};
use crate::support::deployment::Deployment;
use crate::support::shop::{context, order};
use crate::support::wait::PATIENCE;

#[tokio::test]
async fn a_reader_waits_until_the_view_has_its_writes() {
    let deployment = Deployment::fresh().await.prepared().await;
    let written = write(&deployment).await;
    let store = &deployment.store;
    let waiting = store.wait_for("orders", &written, PATIENCE);
    let (waited, ()) = tokio::join!(waiting, async {
        project(&deployment, "orders").await.unwrap();
    });
    waited.unwrap();
    let none = Positions::default();
    store
        .wait_for("orders", &none, Duration::ZERO)
        .await
        .unwrap();
    let before_first = Position {
        partition: 3,
        number: 0,
    };
    let before_first = Positions::from_iter([before_first]);
    store
        .wait_for("audit", &before_first, Duration::ZERO)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wait_fails_if_the_view_stays_behind() {
    let deployment = Deployment::fresh().await.prepared().await;
    let written = write(&deployment).await;
    project(&deployment, "orders").await.unwrap();
    let patience = Duration::from_millis(30);
    let behind = deployment
        .store
        .wait_for("customers", &written, patience)
        .await;
    let Err(WaitError::Behind {
        view,
        position,
        waited,
    }) = behind
    else {
        panic!("{behind:?}");
    };
    assert_eq!((view, Some(position)), ("customers", written.iter().next()));
    assert!(waited >= patience);
    let nowhere = Positions::from_iter([Position {
        partition: 77,
        number: 1,
    }]);
    let behind = deployment
        .store
        .wait_for("orders", &nowhere, patience)
        .await;
    assert!(matches!(behind, Err(WaitError::Behind { .. })));
}

#[tokio::test]
async fn after_a_switch_a_wait_is_for_the_new_generation() {
    let deployment = Deployment::fresh().await.prepared().await;
    let written = write(&deployment).await;
    rebuild_view(&deployment, "orders").await;
    deployment
        .store
        .wait_for("orders", &written, Duration::ZERO)
        .await
        .unwrap();
}

async fn write(deployment: &Deployment) -> Positions {
    let orders = (0..10)
        .map(|n| order(&format!("c-{n}"), "o-1", n))
        .collect();
    let outcomes = deployment
        .commands
        .record_orders(&context(), orders)
        .await
        .unwrap();
    let position = |outcome: Result<Outcome, _>| outcome.unwrap().position;
    outcomes.into_iter().map(position).collect()
}
