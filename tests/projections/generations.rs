//! Generations of a view: rollback to the previous one, and generations that an older version of
//! the view's fold has made.

use mongodb::bson::{Document, doc};
use projections::{RebuildError, VIEWS, roll_back};

use super::{
    documents, project, project_all, rebuild_view, record_day, spend_after, status, total_spend,
    view,
};
use crate::support::deployment::Deployment;
use crate::support::raw_events::append_raw_event;

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
async fn a_status_read_during_rollbacks_names_no_generation_twice() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    record_day(&deployment.commands, 0).await;
    rebuild_view(&deployment, "customers").await;
    let switching = async {
        for _ in 0..50 {
            roll_back(store, log, view("customers")).await.unwrap();
        }
    };
    // Several readers, since a switch has to fall between two steps of one of them.
    let reading = futures::future::join_all((0..8).map(async |_| {
        loop {
            let read = status(&deployment, "customers").await;
            assert_ne!(read.previous, Some(read.generation), "{read:?}");
        }
    }));
    tokio::select! {
        () = switching => {}
        _ = reading => unreachable!("the readers do not end"),
    }
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
    append_raw_event(log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    record_day(&deployment.commands, 1).await;
    project(&deployment, "customers").await.unwrap();
    assert_eq!(roll_back(store, log, view("customers")).await.unwrap(), 1);
    let back = status(&deployment, "customers").await;
    assert_eq!((back.lag(), back.partitions[0].skipped), (0, 1));
    assert_eq!(total_spend(&deployment).await, spend_after(2));
}

/// Simulates a program that recorded no versions of a view's folds.
async fn forget_folds(deployment: &Deployment, view: &str) {
    let pointers = deployment
        .store
        .database()
        .collection::<Document>("generations");
    let unset = doc! {"$unset": {"folds": 1}};
    let updated = pointers.update_one(doc! {"_id": view}, unset).await;
    assert_eq!(updated.unwrap().modified_count, 1);
}

async fn outdated(deployment: &Deployment) -> Vec<&'static str> {
    deployment.store.outdated().await.unwrap()
}

#[tokio::test]
async fn an_outdated_view_is_reported_until_it_is_rebuilt_and_after_a_rollback() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    record_day(&deployment.commands, 0).await;
    project_all(&deployment).await;
    let customers = async || {
        let status = status(&deployment, "customers").await;
        (status.generation, status.fold, status.outdated)
    };
    let fold = view("customers").fold_version();
    assert!(fold > 1);
    assert_eq!(customers().await, (1, fold, false));

    forget_folds(&deployment, "customers").await;
    assert_eq!(outdated(&deployment).await, ["customers"]);
    assert_eq!(customers().await, (1, 1, true));
    // Preparing the views, as workers do at their start, must not record the current version.
    store.generations().prepare().await.unwrap();
    assert_eq!(customers().await, (1, 1, true));

    rebuild_view(&deployment, "customers").await;
    assert_eq!(outdated(&deployment).await, [""; 0]);
    assert_eq!(customers().await, (2, fold, false));
    for expected in [(1, 1, true), (2, fold, false), (1, 1, true)] {
        roll_back(store, log, view("customers")).await.unwrap();
        assert_eq!(customers().await, expected);
        assert_eq!(outdated(&deployment).await.len(), usize::from(expected.2));
    }
    rebuild_view(&deployment, "customers").await;
    assert_eq!(customers().await, (3, fold, false));
}

#[tokio::test]
async fn a_view_whose_fold_never_changed_needs_no_recorded_version() {
    let deployment = Deployment::fresh().await;
    assert_eq!(outdated(&deployment).await, [""; 0]);
    assert!(!status(&deployment, "customers").await.outdated);
    let deployment = deployment.prepared().await;
    let unchanged = VIEWS.iter().filter(|view| view.fold_version() == 1);
    let unchanged: Vec<&str> = unchanged.map(|view| view.name()).collect();
    assert!(unchanged.contains(&"segments"), "{unchanged:?}");
    for view in unchanged {
        forget_folds(&deployment, view).await;
    }
    assert_eq!(outdated(&deployment).await, [""; 0]);
}
