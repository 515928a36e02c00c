//! Outdated views: views that an older version of their fold has made.

use mongodb::bson::{Document, doc};
use projections::{VIEWS, roll_back};

use super::{project_all, rebuild_view, record_day, status, view};
use crate::support::deployment::Deployment;

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
    assert!(unchanged.contains(&"orders"), "{unchanged:?}");
    for view in unchanged {
        forget_folds(&deployment, view).await;
    }
    assert_eq!(outdated(&deployment).await, [""; 0]);
}
