//! Rebuilds: a new generation of a view is folded while the old one serves.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mongodb::bson::doc;
use projections::{RebuildProgress, VIEWS, rebuild};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    EVENTS_PER_DAY, documents, project, project_all, rebuild_view, record_day, spend_after, status,
    total_spend, view,
};
use crate::support::deployment::Deployment;
use crate::support::wait::until;

#[tokio::test]
async fn a_rebuilt_generation_equals_the_old_one_byte_for_byte() {
    let deployment = Deployment::fresh().await.prepared().await;
    for day in 0..3 {
        record_day(&deployment.commands, day).await;
        project_all(&deployment).await;
    }
    for view in VIEWS {
        let name = view.name();
        let report = rebuild_view(&deployment, name).await;
        assert_eq!((report.generation, report.events), (2, 3 * EVENTS_PER_DAY));
        assert_eq!(report.verified.differences, [""; 0]);
        let [old, new] = [1, 2].map(|g| documents(&deployment.store, name, g));
        let (old, new) = (old.await, new.await);
        assert!(!new.is_empty() && old == new, "{name}");
        assert_eq!(report.verified.documents, new.len() as u64);
        let status = status(&deployment, name).await;
        assert_eq!((status.generation, status.previous), (2, Some(1)));
        assert!(status.building.is_none() && status.lag() == 0);
    }
}

#[tokio::test]
async fn only_one_previous_generation_is_kept() {
    let deployment = Deployment::fresh().await.prepared().await;
    record_day(&deployment.commands, 0).await;
    project(&deployment, "orders").await.unwrap();
    for generation in [2, 3, 4] {
        assert_eq!(
            rebuild_view(&deployment, "orders").await.generation,
            generation
        );
    }
    let database = deployment.store.database();
    let filter = doc! {"name": {"$regex": "^orders_g"}};
    let mut left = database
        .list_collection_names()
        .filter(filter)
        .await
        .unwrap();
    left.sort();
    assert_eq!(left, ["orders_g3", "orders_g4"]);
    let checkpoints = database.collection::<mongodb::bson::Document>("checkpoints");
    let old = doc! {"view": "orders", "generation": {"$lt": 3}};
    assert_eq!(checkpoints.count_documents(old).await.unwrap(), 0);
}

#[tokio::test]
async fn a_rebuild_reports_its_progress() {
    let deployment = Deployment::fresh().await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let reported = Mutex::new(Vec::new());
    let on_progress = |progress| reported.lock().unwrap().push(progress);
    let Deployment { store, log, .. } = &deployment;
    rebuild(store, log, view("customers"), &on_progress)
        .await
        .unwrap();
    let reported = reported.into_inner().unwrap();
    let (folding, rest) = reported.split_at(reported.len() - 3);
    let all = RebuildProgress::Folding {
        done: EVENTS_PER_DAY,
        of: EVENTS_PER_DAY,
    };
    assert_eq!(folding.last(), Some(&all));
    assert_eq!(
        rest,
        [
            RebuildProgress::Indexing,
            RebuildProgress::Verifying,
            RebuildProgress::Switching
        ]
    );
}

#[tokio::test]
async fn events_recorded_during_a_rebuild_are_not_lost() {
    let deployment = Deployment::fresh().await.prepared().await;
    let Deployment { store, .. } = &deployment;
    let stop = CancellationToken::new();
    let (commands, done) = (deployment.commands.clone(), AtomicBool::new(false));
    let (delivery, name) = (workers::Delivery::default(), "w-1".to_owned());
    let worker = workers::run(
        commands.clone(),
        store.clone(),
        delivery,
        name,
        stop.clone(),
    );
    let worker = tokio::spawn(worker);
    let trading = async {
        let mut day = 0;
        while day < 10 || !done.load(Ordering::Relaxed) {
            record_day(&commands, day).await;
            day += 1;
        }
        day
    };
    let rebuilding = async {
        for generation in [2, 3] {
            assert_eq!(
                rebuild_view(&deployment, "customers").await.generation,
                generation
            );
        }
        done.store(true, Ordering::Relaxed);
    };
    let (days, ()) = tokio::join!(trading, rebuilding);
    let caught_up = async || status(&deployment, "customers").await.lag() == 0;
    until("the new generation catches up", caught_up).await;
    assert_eq!(total_spend(&deployment).await, spend_after(days));
    stop.cancel();
    worker.await.unwrap();
    let incremental = documents(store, "customers", 3).await;
    let report = rebuild_view(&deployment, "customers").await;
    assert!(incremental == documents(store, "customers", report.generation).await);
}

#[tokio::test]
async fn an_abandoned_rebuild_leaves_nothing_behind() {
    let deployment = Deployment::fresh().await.prepared().await;
    record_day(&deployment.commands, 0).await;
    project(&deployment, "audit").await.unwrap();
    let Deployment { store, log, .. } = &deployment;
    let indexing = Notify::new();
    let on_progress = |progress| {
        if progress == RebuildProgress::Indexing {
            indexing.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = indexing.notified() => {}
        _ = rebuild(store, log, view("audit"), &on_progress) => panic!("the rebuild ended"),
    }
    let abandoned = status(&deployment, "audit").await;
    assert_eq!(abandoned.generation, 1);
    let building = abandoned.building.unwrap();
    assert_eq!(
        (building.generation, building.done, building.of),
        (2, EVENTS_PER_DAY, EVENTS_PER_DAY)
    );
    assert_eq!(rebuild_view(&deployment, "audit").await.generation, 3);
    assert!(documents(store, "audit", 2).await.is_empty());
    assert_eq!(
        documents(store, "audit", 3).await,
        documents(store, "audit", 1).await
    );
}
