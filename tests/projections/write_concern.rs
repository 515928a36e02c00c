//! Writes that no majority acknowledged: a failover may undo them, so no checkpoint relies on them.

use mongodb::bson::{Document, RawDocumentBuf, doc};
use projections::{ProjectError, VIEWS};

use super::{documents, project, project_all, rebuild_view, record_day, resume, stopped, view};
use crate::support::deployment::Deployment;
use crate::support::mongo_server::{MongoServer, TEST_COMMANDS};

/// Returns the error that a primary adds to the reply to a write if it steps down before a majority
/// has the write.
fn stepped_down() -> Document {
    doc! {"code": 189, "codeName": "PrimarySteppedDown", "errmsg": "Primary stepped down"}
}

/// Deployment on a MongoDB whose writes can be made to fail.
struct FailingDeployment {
    mongod: MongoServer,
    deployment: Deployment,
}

impl FailingDeployment {
    async fn start(name: &str) -> Self {
        let mongod = MongoServer::start(name, TEST_COMMANDS).await;
        let deployment = Deployment::on_mongodb(&mongod.uri(), 1).await;
        let deployment = deployment.prepared().await;
        Self { mongod, deployment }
    }

    /// Makes writes to a collection end with this outcome until [`Self::heal`].
    async fn fail_writes_to(&self, collection: &str, outcome: Document) {
        let database = self.deployment.store.database().name();
        let mut data = doc! {
            "failCommands": ["insert", "update"],
            "namespace": format!("{database}.{collection}"),
        };
        data.extend(outcome);
        self.mongod.enable_fail_point("failCommand", data).await;
    }

    async fn heal(&self) {
        self.mongod.disable_fail_point("failCommand").await;
    }

    /// Asserts that one step of a view's projector fails, with an error that does not stall the
    /// view.
    async fn assert_step_fails(&self, name: &str) {
        let mut projector = resume(&self.deployment, view(name), 1, 0).await.unwrap();
        let before = projector.position();
        let Err(error) = projector.step(1_000).await else {
            panic!("{name} relies on a write that a failover may undo");
        };
        assert!(matches!(error, ProjectError::Mongo(_)), "{name}: {error}");
        assert!(!error.is_stop(), "{name}: {error}");
        assert_eq!(projector.position(), before, "{name}");
        assert_eq!(stopped(&self.deployment).await, []);
    }

    /// Replaces the documents of a view's first generation.
    async fn replace_documents(&self, name: &str, documents: Vec<RawDocumentBuf>) {
        let collection = self.deployment.store.collection(name, 1);
        collection.delete_many(doc! {}).await.unwrap();
        if !documents.is_empty() {
            collection.insert_many(documents).await.unwrap();
        }
    }

    /// Asserts that the first generation equals one that is rebuilt from the log.
    async fn assert_equals_rebuilt(&self, name: &str) {
        rebuild_view(&self.deployment, name).await;
        let store = &self.deployment.store;
        let (kept, rebuilt) = (
            documents(store, name, 1).await,
            documents(store, name, 2).await,
        );
        assert!(kept == rebuilt, "{name} has lost documents");
    }
}

#[tokio::test]
async fn documents_that_a_failover_undoes_are_folded_again() {
    let failing = FailingDeployment::start("undone_documents").await;
    record_day(&failing.deployment.commands, 0).await;
    project_all(&failing.deployment).await;
    record_day(&failing.deployment.commands, 1).await;
    for view in VIEWS {
        let name = view.name();
        let before = documents(&failing.deployment.store, name, 1).await;
        let outcome = doc! {"writeConcernError": stepped_down()};
        failing.fail_writes_to(&format!("{name}_g1"), outcome).await;
        failing.assert_step_fails(name).await;
        failing.heal().await;
        let before = before.into_values().map(RawDocumentBuf::from_bytes);
        failing
            .replace_documents(name, before.map(Result::unwrap).collect())
            .await;
        project(&failing.deployment, name).await.unwrap();
        failing.assert_equals_rebuilt(name).await;
    }
}

/// Another projector has written the documents, so that inserting them finds duplicates.
#[tokio::test]
async fn duplicates_count_as_written_only_if_a_majority_has_them() {
    let failing = FailingDeployment::start("undone_duplicates").await;
    record_day(&failing.deployment.commands, 0).await;
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
    failing.replace_documents("audit", Vec::new()).await;
    project(&failing.deployment, "audit").await.unwrap();
    failing.assert_equals_rebuilt("audit").await;
}

#[tokio::test]
async fn a_checkpoint_that_a_failover_undoes_is_moved_again() {
    let failing = FailingDeployment::start("undone_checkpoint").await;
    record_day(&failing.deployment.commands, 0).await;
    let outcome = doc! {"writeConcernError": stepped_down()};
    failing.fail_writes_to("checkpoints", outcome.clone()).await;
    failing.assert_step_fails("customers").await;
    failing.heal().await;

    // A second projector finds that the checkpoint was moved already.
    let deployment = &failing.deployment;
    let checkpoints = deployment
        .store
        .database()
        .collection::<Document>("checkpoints");
    checkpoints.delete_many(doc! {}).await.unwrap();
    let mut late = resume(deployment, view("customers"), 1, 0).await.unwrap();
    project(deployment, "customers").await.unwrap();
    failing.fail_writes_to("checkpoints", outcome).await;
    let step = late.step(1_000).await;
    assert!(step.is_err(), "a failover may undo the checkpoint");
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
    failing.assert_equals_rebuilt("customers").await;
}

/// The outcome of such a write is unknown.
#[tokio::test]
async fn a_lost_primary_does_not_stall_a_view() {
    let failing = FailingDeployment::start("leaving").await;
    for (day, outcome) in [
        doc! {"closeConnection": true},
        // NotWritablePrimary
        doc! {"errorCode": 10_107},
        // ShutdownInProgress
        doc! {"errorCode": 91},
        // InterruptedAtShutdown
        doc! {"errorCode": 11_600},
    ]
    .into_iter()
    .enumerate()
    {
        record_day(&failing.deployment.commands, day as i64).await;
        for name in ["customers", "audit"] {
            let collection = format!("{name}_g1");
            failing.fail_writes_to(&collection, outcome.clone()).await;
            failing.assert_step_fails(name).await;
            failing.heal().await;
            project(&failing.deployment, name).await.unwrap();
        }
    }
    failing.assert_equals_rebuilt("customers").await;
    failing.assert_equals_rebuilt("audit").await;
}
