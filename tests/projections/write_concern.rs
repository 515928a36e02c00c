//! Writes that a majority never acknowledged: a failover may undo them, and nothing is built on
//! them.

use mongodb::bson::{Document, RawDocumentBuf, doc};
use projections::{ProjectError, VIEWS};

use super::{documents, project, project_all, rebuilt, resume, stopped, trade, view};
use crate::support::deployment::Deployment;
use crate::support::mongo_server::{MongoServer, TEST_COMMANDS};

/// What a primary adds to the reply to a write when it steps down before a majority has it.
fn stepped_down() -> Document {
    doc! {"code": 189, "codeName": "PrimarySteppedDown", "errmsg": "Primary stepped down"}
}

/// A deployment on a MongoDB that can be told to fail.
struct Failing {
    mongod: MongoServer,
    deployment: Deployment,
}

impl Failing {
    async fn start(name: &str) -> Self {
        let mongod = MongoServer::start(name, TEST_COMMANDS).await;
        let deployment = Deployment::on_mongodb(&mongod.uri(), 1).await;
        let deployment = deployment.prepared().await;
        Self { mongod, deployment }
    }

    /// Has writes to a collection end like this until [`Self::heal`].
    async fn fail_writes_to(&self, collection: &str, outcome: Document) {
        let database = self.deployment.store.database().name();
        let mut data = doc! {
            "failCommands": ["insert", "update"],
            "namespace": format!("{database}.{collection}"),
        };
        data.extend(outcome);
        self.mongod.fail("failCommand", data).await;
    }

    async fn heal(&self) {
        self.mongod.heal("failCommand").await;
    }

    /// One step of the projector of a view must fail, for a reason that passes.
    async fn assert_step_fails(&self, name: &str) {
        let mut projector = resume(&self.deployment, view(name), 1, 0).await.unwrap();
        let before = projector.position();
        let Err(error) = projector.step(1_000).await else {
            panic!("{name} took a write for done that a failover may undo");
        };
        assert!(matches!(error, ProjectError::Mongo(_)), "{name}: {error}");
        assert!(!error.is_stop(), "{name}: {error}");
        assert_eq!(projector.position(), before, "{name}");
        assert_eq!(stopped(&self.deployment).await, []);
    }

    /// Gives a view's first generation these documents and no others.
    async fn put_back(&self, name: &str, documents: Vec<RawDocumentBuf>) {
        let collection = self.deployment.store.collection(name, 1);
        collection.delete_many(doc! {}).await.unwrap();
        if !documents.is_empty() {
            collection.insert_many(documents).await.unwrap();
        }
    }

    /// The first generation is what a rebuild makes of the log.
    async fn assert_whole(&self, name: &str) {
        rebuilt(&self.deployment, name).await;
        let store = &self.deployment.store;
        let (kept, anew) = (
            documents(store, name, 1).await,
            documents(store, name, 2).await,
        );
        assert!(kept == anew, "{name} has lost something");
    }
}

#[tokio::test]
async fn documents_that_a_failover_undoes_are_folded_again() {
    let failing = Failing::start("undone_documents").await;
    trade(&failing.deployment.commands, 0).await;
    project_all(&failing.deployment).await;
    trade(&failing.deployment.commands, 1).await;
    for view in VIEWS {
        let name = view.name();
        let before = documents(&failing.deployment.store, name, 1).await;
        let outcome = doc! {"writeConcernError": stepped_down()};
        failing.fail_writes_to(&format!("{name}_g1"), outcome).await;
        failing.assert_step_fails(name).await;
        failing.heal().await;
        let before = before.into_values().map(RawDocumentBuf::from_bytes);
        failing
            .put_back(name, before.map(Result::unwrap).collect())
            .await;
        project(&failing.deployment, name).await.unwrap();
        failing.assert_whole(name).await;
    }
}

/// The documents are there, from another projector, and inserting them again finds that out.
#[tokio::test]
async fn documents_found_there_count_only_if_a_majority_has_them() {
    let failing = Failing::start("undone_duplicates").await;
    trade(&failing.deployment.commands, 0).await;
    project(&failing.deployment, "audit").await.unwrap();
    let checkpoints = failing
        .deployment
        .store
        .database()
        .collection::<Document>("checkpoints");
    checkpoints.delete_many(doc! {}).await.unwrap();
    let outcome = doc! {"writeConcernError": stepped_down()};
    failing.fail_writes_to("audit_g1", outcome).await;
    failing.assert_step_fails("audit").await;
    failing.heal().await;
    failing.put_back("audit", Vec::new()).await;
    project(&failing.deployment, "audit").await.unwrap();
    failing.assert_whole("audit").await;
}

#[tokio::test]
async fn a_checkpoint_that_a_failover_undoes_is_moved_again() {
    let failing = Failing::start("undone_checkpoint").await;
    trade(&failing.deployment.commands, 0).await;
    let outcome = doc! {"writeConcernError": stepped_down()};
    failing.fail_writes_to("checkpoints", outcome.clone()).await;
    failing.assert_step_fails("customers").await;
    failing.heal().await;

    // Another projector, which finds the checkpoint already moved.
    let deployment = &failing.deployment;
    let checkpoints = deployment
        .store
        .database()
        .collection::<Document>("checkpoints");
    checkpoints.delete_many(doc! {}).await.unwrap();
    let mut late = resume(deployment, view("customers"), 1, 0).await.unwrap();
    project(deployment, "customers").await.unwrap();
    failing.fail_writes_to("checkpoints", outcome).await;
    let taken = late.step(1_000).await;
    assert!(taken.is_err(), "the checkpoint may still go");
    failing.heal().await;
    checkpoints.delete_many(doc! {}).await.unwrap();
    while late.step(1_000).await.unwrap() > 0 {}
    let status = super::status(deployment, "customers").await;
    assert!(
        status
            .partitions
            .iter()
            .all(|p| p.position == late.position()),
        "{status:?}"
    );
    failing.assert_whole("customers").await;
}

/// Whether the write was carried out is not known.
#[tokio::test]
async fn a_primary_that_goes_away_is_no_reason_to_stop() {
    let failing = Failing::start("leaving").await;
    for (day, outcome) in [
        doc! {"closeConnection": true},
        doc! {"errorCode": 10_107},
        doc! {"errorCode": 91},
        doc! {"errorCode": 11_600},
    ]
    .into_iter()
    .enumerate()
    {
        trade(&failing.deployment.commands, day as i64).await;
        for name in ["customers", "audit"] {
            let collection = format!("{name}_g1");
            failing.fail_writes_to(&collection, outcome.clone()).await;
            failing.assert_step_fails(name).await;
            failing.heal().await;
            project(&failing.deployment, name).await.unwrap();
        }
    }
    failing.assert_whole("customers").await;
    failing.assert_whole("audit").await;
}
