//! Failovers of a replica set while views are folded: repeated SIGKILL of the primary, and a
//! primary that steps down with writes that no other member has.
//!
//! The first test prints its seed; `PATRON_TEST_SEED` repeats the same traffic with the same kills.

use std::collections::BTreeMap;
use std::time::Duration;

use eventlog::Partition;
use futures::TryStreamExt;
use mongodb::bson::{RawDocumentBuf, doc};
use projections::{Mode, ProjectError, Projector, Store, StoreOptions, VIEWS, rebuild, view_named};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::block_in_place;

use super::seed;
use super::traffic::Traffic;
use crate::support::app::{App, Settings};
use crate::support::deployment::Deployment;
use crate::support::engines::engines;
use crate::support::mongo_server::ReplicaSet;
use crate::support::process::run;
use crate::support::shop::{context, order};
use crate::support::wait::{eventually, until};

/// Number of times that the primary is killed.
const KILLS: usize = 5;

/// Pause of each client after each batch, so that there is something to fold at each kill.
const PAUSE: Duration = Duration::from_secs(1);

/// Share of the remaining traffic that is acknowledged before each kill.
const SHARE: f64 = 0.05;

#[tokio::test(flavor = "multi_thread")]
async fn views_lose_nothing_when_the_primary_is_killed_repeatedly() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut set = ReplicaSet::start("killed_primary").await;
    let settings = Settings::fresh(&engines().redis_url, &set.uri());
    let mut app = block_in_place(|| App::with_settings(settings));
    block_in_place(|| {
        app.add_worker();
        app.add_worker();
    });
    let mut import = Traffic::new(seed).with_pause(PAUSE).start(&app.client);
    for kill in 0..KILLS {
        import.advance_by(SHARE).await;
        let delay = Duration::from_millis(random.random_range(0..400));
        tokio::time::sleep(delay).await;
        let primary = set.primary().await;
        let progress = import.describe_progress();
        eprintln!("kill {kill}, member {primary}: {progress}");
        set.kill_primary().await;
        set.recover().await;
    }
    let (model, acknowledged) = import.finish().await;
    model.assert_matches(&app.client, &acknowledged).await;
    app.client.wait_until_ready().await;
    let verified = block_in_place(|| run(app.patron(["verify"])));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    let store = open(&app.settings().mongodb_uri, &app.settings().name).await;
    for view in VIEWS.map(|view| view.name()) {
        let kept = documents(&store, view, 1).await;
        let rebuilt = block_in_place(|| run(app.patron(["rebuild", view])));
        assert_eq!(rebuilt.code, Some(0), "{}{}", rebuilt.out, rebuilt.err);
        let mut refolded = documents(&store, view, 2).await;
        // The request to rebuild is an event itself, which only one of the two generations of
        // `audit` may have.
        refolded.retain(|id, _| view != "audit" || kept.contains_key(id));
        assert!(kept == refolded, "{view} differs from its rebuild");
    }
}

/// The primary steps down while the projector waits for a majority to acknowledge its documents. No
/// other member has them, so they are rolled back.
#[tokio::test(flavor = "multi_thread")]
async fn documents_rolled_back_with_a_former_primary_are_folded_again() {
    let set = ReplicaSet::start("stepping_primary").await;
    let deployment = Deployment::on_mongodb(&set.uri(), 1).await.prepared().await;
    record(&deployment, "o-1").await;
    fold(&deployment).await.unwrap();
    record(&deployment, "o-2").await;

    let primary = set.primary().await;
    let (old, others) = (
        &set.members[primary],
        [(primary + 1) % 3, (primary + 2) % 3],
    );
    for other in others {
        set.members[other]
            .enable_fail_point("stopReplProducer", doc! {})
            .await;
    }
    let folding = fold(&deployment);
    let failover = async {
        let database = deployment.store.database().name();
        let customers = old.client().await.database(database);
        let customers = customers.collection::<RawDocumentBuf>("customers_g1");
        until(
            "the primary has documents that no other member has",
            async || {
                let has_both_orders = doc! {"order_count": 2};
                customers
                    .count_documents(has_both_orders)
                    .await
                    .is_ok_and(|n| n == CUSTOMERS)
            },
        )
        .await;
        let step_down =
            doc! {"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 0, "force": true};
        old.admin(step_down).await.unwrap();
        until("another member is primary", async || {
            let _not_yet = set.members[others[0]]
                .admin(doc! {"replSetStepUp": 1})
                .await;
            set.primary().await != primary
        })
        .await;
        for other in others {
            set.members[other]
                .disable_fail_point("stopReplProducer")
                .await;
        }
    };
    let (folded, ()) = tokio::join!(folding, failover);
    eprintln!("folding meanwhile: {folded:?}");

    eventually("folding succeeds again", async || {
        fold(&deployment).await.ok()
    })
    .await;
    set.wait_until_healthy().await;
    let store = &deployment.store;
    let kept = documents(store, "customers", 1).await;
    let view = view_named("customers").unwrap();
    rebuild(store, &deployment.log, view, &|_| {})
        .await
        .unwrap();
    assert!(
        kept == documents(store, "customers", 2).await,
        "the view differs from its rebuild"
    );
}

const CUSTOMERS: u64 = 50;

/// Records an order of each customer.
async fn record(deployment: &Deployment, id: &str) {
    let orders = (0..CUSTOMERS).map(|n| order(&format!("c-{n}"), id, 100));
    let context = context();
    let recorded = deployment
        .commands
        .record_orders(&context, orders.collect());
    assert!(recorded.await.unwrap().iter().all(Result::is_ok));
}

/// Folds all events into the view `customers`.
async fn fold(deployment: &Deployment) -> Result<(), ProjectError> {
    let Deployment { log, store, .. } = deployment;
    let (view, partition): (_, Partition) = (view_named("customers").unwrap(), 0);
    let projector = Projector::resume(store, log, view, 1, partition, Mode::Live);
    let mut projector = projector.await?;
    while projector.step(1_000).await? > 0 {}
    Ok(())
}

async fn open(uri: &str, database: &str) -> Store {
    let options = StoreOptions {
        uri: uri.to_owned(),
        database: database.to_owned(),
    };
    Store::open(&options).await.unwrap()
}

/// Returns the documents of a view's generation by id, byte for byte.
async fn documents(store: &Store, view: &str, generation: i32) -> BTreeMap<String, Vec<u8>> {
    let found = store
        .collection(view, generation)
        .find(doc! {})
        .await
        .unwrap();
    let all: Vec<RawDocumentBuf> = found.try_collect().await.unwrap();
    let by_id = |document: RawDocumentBuf| {
        let id = document.get_str("_id").unwrap().to_owned();
        (id, document.into_bytes())
    };
    all.into_iter().map(by_id).collect()
}
