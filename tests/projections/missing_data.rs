//! Views whose log was rolled back, or whose collection was dropped.

use projections::{ProjectError, VIEWS};

use super::{
    documents, project, project_all, rebuild_view, record_day, resume, spend_after, stopped,
    total_spend, view,
};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn a_rolled_back_log_stalls_the_view_until_it_is_rebuilt() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    for day in [0, 1, 2] {
        record_day(&deployment.commands, day).await;
    }
    project(&deployment, "customers").await.unwrap();
    // Simulates the restore of an older backup: there are fewer events, then different ones.
    let deployment = deployment.wipe_partition(0).await;
    record_day(&deployment.commands, 0).await;
    for day in [3, 4, 5] {
        let failed = project(&deployment, "customers").await.unwrap_err();
        assert!(
            matches!(failed, ProjectError::RolledBack { .. }),
            "{failed}"
        );
        assert_eq!(
            stopped(&deployment).await,
            [("customers", failed.to_string())]
        );
        assert_eq!(total_spend(&deployment).await, spend_after(3));
        record_day(&deployment.commands, day).await;
    }
    rebuild_view(&deployment, "customers").await;
    assert_eq!(stopped(&deployment).await, []);
    let after = [0, 3, 4, 5].map(|day| spend_after(day + 1) - spend_after(day));
    assert_eq!(total_spend(&deployment).await, after.iter().sum::<i64>());
}

#[tokio::test]
async fn a_running_projector_detects_a_rolled_back_log() {
    for days_after in [1, 2, 3] {
        let deployment = Deployment::with_partitions(1).await.prepared().await;
        record_day(&deployment.commands, 0).await;
        record_day(&deployment.commands, 1).await;
        let mut projector = resume(&deployment, view("customers"), 1, 0).await.unwrap();
        while projector.step(1_000).await.unwrap() > 0 {}
        let deployment = deployment.wipe_partition(0).await;
        for day in 2..2 + days_after {
            record_day(&deployment.commands, day).await;
        }
        let failed = projector.step(1_000).await.unwrap_err();
        assert!(
            matches!(failed, ProjectError::RolledBack { .. }),
            "{failed}"
        );
        assert_eq!(total_spend(&deployment).await, spend_after(2));
        assert_eq!(
            stopped(&deployment).await,
            [("customers", failed.to_string())]
        );
    }
}

#[tokio::test]
async fn a_view_continues_when_its_log_comes_back_unchanged() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    project(&deployment, "orders").await.unwrap();
    let mut redis = deployment.redis().await;
    let (log, moved) = (
        deployment.stream_key(0),
        format!("{}-away", deployment.stream_key(0)),
    );
    let rename = async |redis: &mut _, from: &str, to: &str| {
        let mut rename = redis::cmd("RENAME");
        rename.arg(from).arg(to);
        rename.exec_async(redis).await.unwrap();
    };
    rename(&mut redis, &log, &moved).await;
    project(&deployment, "orders").await.unwrap_err();
    assert_eq!(stopped(&deployment).await.len(), 1);
    rename(&mut redis, &moved, &log).await;
    project(&deployment, "orders").await.unwrap();
    assert_eq!(stopped(&deployment).await, []);
}

#[tokio::test]
async fn a_dropped_collection_stalls_its_view_until_it_is_rebuilt() {
    let deployment = Deployment::with_partitions(2).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    project_all(&deployment).await;
    for name in VIEWS.map(|view| view.name()) {
        let before = documents(&deployment.store, name, 1).await;
        deployment.store.collection(name, 1).drop().await.unwrap();
        // Preparing the views, as workers do at their start, must not create an empty collection.
        deployment.store.generations().prepare().await.unwrap();
        let failed = project(&deployment, name).await.unwrap_err();
        assert!(
            matches!(failed, ProjectError::CollectionGone(_)),
            "{failed}"
        );
        let text = format!("the collection {name}_g1 is gone; rebuild the view");
        assert_eq!(stopped(&deployment).await, [(view(name).name(), text)]);

        let report = rebuild_view(&deployment, name).await;
        assert_eq!(stopped(&deployment).await, []);
        assert!(before == documents(&deployment.store, name, report.generation).await);
    }
}

#[tokio::test]
async fn a_running_projector_detects_a_dropped_collection() {
    for name in VIEWS.map(|view| view.name()) {
        let deployment = Deployment::with_partitions(1).await.prepared().await;
        record_day(&deployment.commands, 0).await;
        let mut projector = resume(&deployment, view(name), 1, 0).await.unwrap();
        while projector.step(1_000).await.unwrap() > 0 {}
        deployment.store.collection(name, 1).drop().await.unwrap();
        record_day(&deployment.commands, 1).await;
        let failed = projector.step(1_000).await.unwrap_err();
        assert!(
            matches!(failed, ProjectError::CollectionGone(_)),
            "{failed}"
        );
        assert_eq!(
            stopped(&deployment).await,
            [(view(name).name(), failed.to_string())]
        );
        // The projector must not fill a new collection with the remaining events alone.
        assert!(documents(&deployment.store, name, 1).await.is_empty());
    }
}
