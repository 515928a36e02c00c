//! Views that a program with an older fold has made.

use mongodb::bson::{Document, doc};
use projections::{VIEWS, roll_back};

use super::{project_all, rebuilt, status, trade, view};
use crate::support::deployment::Deployment;

/// As a program left it that kept no versions of folds.
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
async fn a_view_of_an_older_fold_is_told_until_it_is_rebuilt_and_after_a_rollback() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, log, .. } = &deployment;
    trade(&deployment.commands, 0).await;
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
    // A start of the workers does not make it newer than it is.
    store.generations().prepare().await.unwrap();
    assert_eq!(customers().await, (1, 1, true));

    rebuilt(&deployment, "customers").await;
    assert_eq!(outdated(&deployment).await, [""; 0]);
    assert_eq!(customers().await, (2, fold, false));
    for expected in [(1, 1, true), (2, fold, false), (1, 1, true)] {
        roll_back(store, log, view("customers")).await.unwrap();
        assert_eq!(customers().await, expected);
        assert_eq!(outdated(&deployment).await.len(), usize::from(expected.2));
    }
    rebuilt(&deployment, "customers").await;
    assert_eq!(customers().await, (3, fold, false));
}

#[tokio::test]
async fn what_no_fold_has_changed_is_well_without_a_version() {
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
