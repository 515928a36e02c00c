//! Rebuilds that fail their verification.

use mongodb::bson::{Document, doc};
use projections::{RebuildError, RebuildProgress, Store, StoreOptions, rebuild};

use super::{project, rebuild_view, record_day, spend_after, status, stopped, total_spend, view};
use crate::support::deployment::Deployment;
use crate::support::engines::engines;

#[tokio::test]
async fn a_generation_that_fails_verification_never_serves() {
    let deployment = Deployment::fresh().await.prepared().await;
    record_day(&deployment.commands, 0).await;
    project(&deployment, "customers").await.unwrap();
    let Deployment { store, log, .. } = &deployment;
    let tamper = |progress| {
        if progress == RebuildProgress::Indexing {
            corrupt(store.database().name());
        }
    };
    let failed = rebuild(store, log, view("customers"), &tamper)
        .await
        .unwrap_err();
    let RebuildError::Verification {
        generation,
        differences,
    } = &failed
    else {
        panic!("{failed}");
    };
    assert_eq!(*generation, 2);
    assert_eq!(differences.len(), 2, "{differences:?}");
    let text = failed.to_string();
    assert!(
        text.contains("c-3 differs from the fold of its 3 events"),
        "{text}"
    );
    assert!(text.contains("documents, but the log yields"), "{text}");

    let old = status(&deployment, "customers").await;
    assert_eq!((old.generation, old.previous), (1, None));
    assert_eq!(stopped(&deployment).await, []);
    assert_eq!(total_spend(&deployment).await, spend_after(1));
    assert_eq!(rebuild_view(&deployment, "customers").await.generation, 3);
}

/// Changes one document of generation 2 and adds another. Blocks on a thread of its own, since the
/// progress callback is not async.
fn corrupt(database: &str) {
    let options = StoreOptions {
        uri: engines().mongodb_uri.clone(),
        database: database.to_owned(),
    };
    let work = async {
        let store = Store::open(&options).await.unwrap();
        let customers = store
            .collection("customers", 2)
            .clone_with_type::<Document>();
        let more = doc! {"$inc": {"total_spend": 1}};
        let changed = customers
            .update_one(doc! {"_id": "c-3"}, more)
            .await
            .unwrap();
        assert_eq!(changed.modified_count, 1);
        let mut copy = customers
            .find_one(doc! {"_id": "c-4"})
            .await
            .unwrap()
            .unwrap();
        copy.insert("_id", "c-99");
        customers.insert_one(copy).await.unwrap();
    };
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work)).join().unwrap());
}
