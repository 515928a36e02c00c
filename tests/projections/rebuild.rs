//! Folding a view anew while the old one serves.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mongodb::bson::doc;
use projections::{Progress, VIEWS, rebuild};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    DAY, documents, project, project_all, rebuilt, spend_after, status, total_spend, trade, view,
};
use crate::support::deployment::Deployment;
use crate::support::wait::until;

#[tokio::test]
async fn the_new_generation_is_the_old_one_byte_for_byte() {
    let deployment = Deployment::fresh().await.prepared().await;
    for day in 0..3 {
        trade(&deployment.commands, day).await;
        project_all(&deployment).await;
    }
    for view in VIEWS {
        let name = view.name();
        let report = rebuilt(&deployment, name).await;
        assert_eq!((report.generation, report.events), (2, 3 * DAY));
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
async fn only_one_generation_is_kept_to_go_back_to() {
    let deployment = Deployment::fresh().await.prepared().await;
    trade(&deployment.commands, 0).await;
    project(&deployment, "orders").await.unwrap();
    for generation in [2, 3, 4] {
        assert_eq!(rebuilt(&deployment, "orders").await.generation, generation);
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
async fn a_rebuild_tells_how_far_it_is() {
    let deployment = Deployment::fresh().await.prepared().await;
    trade(&deployment.commands, 0).await;
    let told = Mutex::new(Vec::new());
    let tell = |progress| told.lock().unwrap().push(progress);
    let Deployment { store, log, .. } = &deployment;
    rebuild(store, log, view("customers"), &tell).await.unwrap();
    let told = told.into_inner().unwrap();
    let (folding, rest) = told.split_at(told.len() - 3);
    let all = Progress::Folding { done: DAY, of: DAY };
    assert_eq!(folding.last(), Some(&all));
    assert_eq!(
        rest,
        [Progress::Indexing, Progress::Verifying, Progress::Switching]
    );
}

#[tokio::test]
async fn events_that_come_during_a_rebuild_are_not_lost() {
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
            trade(&commands, day).await;
            day += 1;
        }
        day
    };
    let rebuilding = async {
        for generation in [2, 3] {
            assert_eq!(
                rebuilt(&deployment, "customers").await.generation,
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
    let report = rebuilt(&deployment, "customers").await;
    assert!(incremental == documents(store, "customers", report.generation).await);
}

#[tokio::test]
async fn an_abandoned_rebuild_leaves_nothing_behind() {
    let deployment = Deployment::fresh().await.prepared().await;
    trade(&deployment.commands, 0).await;
    project(&deployment, "audit").await.unwrap();
    let Deployment { store, log, .. } = &deployment;
    let indexing = Notify::new();
    let tell = |progress| {
        if progress == Progress::Indexing {
            indexing.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = indexing.notified() => {}
        _ = rebuild(store, log, view("audit"), &tell) => panic!("not abandoned"),
    }
    let abandoned = status(&deployment, "audit").await;
    assert_eq!(abandoned.generation, 1);
    let building = abandoned.building.unwrap();
    assert_eq!(
        (building.generation, building.done, building.of),
        (2, DAY, DAY)
    );
    assert_eq!(rebuilt(&deployment, "audit").await.generation, 3);
    assert!(documents(store, "audit", 2).await.is_empty());
    assert_eq!(
        documents(store, "audit", 3).await,
        documents(store, "audit", 1).await
    );
}
