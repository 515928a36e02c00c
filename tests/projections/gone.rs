//! Views whose log or whose documents are not what they were.

use projections::{ProjectError, VIEWS};

use super::{
    documents, project, project_all, rebuilt, resume, spend_after, stopped, total_spend, trade,
    view,
};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn a_log_that_was_rolled_back_stops_the_view_until_it_is_rebuilt() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    for day in [0, 1, 2] {
        trade(&deployment.commands, day).await;
    }
    project(&deployment, "customers").await.unwrap();
    // As after a restore of an older backup: there are fewer events, then others.
    let deployment = deployment.wiped(0).await;
    trade(&deployment.commands, 0).await;
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
        trade(&deployment.commands, day).await;
    }
    rebuilt(&deployment, "customers").await;
    assert_eq!(stopped(&deployment).await, []);
    let after = [0, 3, 4, 5].map(|day| spend_after(day + 1) - spend_after(day));
    assert_eq!(total_spend(&deployment).await, after.iter().sum::<i64>());
}

#[tokio::test]
async fn a_log_rolled_back_under_a_running_projector_is_noticed() {
    for days_after in [1, 2, 3] {
        let deployment = Deployment::with_partitions(1).await.prepared().await;
        trade(&deployment.commands, 0).await;
        trade(&deployment.commands, 1).await;
        let mut projector = resume(&deployment, view("customers"), 1, 0).await.unwrap();
        while projector.step(1_000).await.unwrap() > 0 {}
        let deployment = deployment.wiped(0).await;
        for day in 2..2 + days_after {
            trade(&deployment.commands, day).await;
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
async fn a_log_that_comes_back_as_it_was_lets_the_view_go_on() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    project(&deployment, "orders").await.unwrap();
    let mut redis = deployment.redis().await;
    let (log, away) = (
        deployment.stream(0),
        format!("{}-away", deployment.stream(0)),
    );
    let rename = async |redis: &mut _, from: &str, to: &str| {
        let mut rename = redis::cmd("RENAME");
        rename.arg(from).arg(to);
        rename.exec_async(redis).await.unwrap();
    };
    rename(&mut redis, &log, &away).await;
    project(&deployment, "orders").await.unwrap_err();
    assert_eq!(stopped(&deployment).await.len(), 1);
    rename(&mut redis, &away, &log).await;
    project(&deployment, "orders").await.unwrap();
    assert_eq!(stopped(&deployment).await, []);
}

#[tokio::test]
async fn a_dropped_collection_is_noticed_and_comes_back_with_a_rebuild() {
    let deployment = Deployment::with_partitions(2).await.prepared().await;
    trade(&deployment.commands, 0).await;
    project_all(&deployment).await;
    for name in VIEWS.map(|view| view.name()) {
        let before = documents(&deployment.store, name, 1).await;
        deployment.store.collection(name, 1).drop().await.unwrap();
        // A start of the workers does not bring an empty one back.
        deployment.store.generations().prepare().await.unwrap();
        let failed = project(&deployment, name).await.unwrap_err();
        assert!(
            matches!(failed, ProjectError::CollectionGone(_)),
            "{failed}"
        );
        let text = format!("the collection {name}_g1 is gone; rebuild the view");
        assert_eq!(stopped(&deployment).await, [(view(name).name(), text)]);

        let report = rebuilt(&deployment, name).await;
        assert_eq!(stopped(&deployment).await, []);
        assert!(before == documents(&deployment.store, name, report.generation).await);
    }
}

#[tokio::test]
async fn a_collection_dropped_under_a_running_projector_is_noticed() {
    for name in VIEWS.map(|view| view.name()) {
        let deployment = Deployment::with_partitions(1).await.prepared().await;
        trade(&deployment.commands, 0).await;
        let mut projector = resume(&deployment, view(name), 1, 0).await.unwrap();
        while projector.step(1_000).await.unwrap() > 0 {}
        deployment.store.collection(name, 1).drop().await.unwrap();
        trade(&deployment.commands, 1).await;
        let failed = projector.step(1_000).await.unwrap_err();
        assert!(
            matches!(failed, ProjectError::CollectionGone(_)),
            "{failed}"
        );
        assert_eq!(
            stopped(&deployment).await,
            [(view(name).name(), failed.to_string())]
        );
        // It does not begin anew with what is left of the events.
        assert!(documents(&deployment.store, name, 1).await.is_empty());
    }
}
