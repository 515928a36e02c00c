//! Property: a view with quarantined events equals the view folded from zero, for any broken events
//! and decisions, in batches of any size, with processes that crash in between.

use std::collections::HashMap;

use domain::{LogPosition, QuarantineCommand, QuarantineDecision, ViewName};
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use projections::{ProjectError, Projector, verify_documents};
use proptest::collection::vec;
use proptest::prelude::*;

use super::fold_law::orders;
use super::{documents, project, rebuild_view, resume, view};
use crate::support::deployment::Deployment;
use crate::support::property;
use crate::support::raw_events::append_raw_event;
use crate::support::shop::{context, text};

const PARTITIONS: u16 = 2;
const VIEWS: [&str; 4] = ["customers", "orders", "campaign_stats", "daily_figures"];
const CUSTOMERS: u8 = 3;

#[derive(Debug, Clone)]
enum Step {
    Orders(Vec<commands::OrderRecord>),
    /// Appends an order of one of few customers that no view can read.
    BrokenOrder(u8),
    /// Appends an event of a message that no view can read.
    BrokenMessage(u8),
    /// Decides about one of the broken events, whether or not a view has reached it.
    Decide {
        event: prop::sample::Index,
        view: usize,
        is_skip: bool,
    },
    /// Folds some events of a partition into a view, with a new process.
    Fold(usize, Partition, usize),
    /// As `Fold`, with a process that keeps its state from its last step.
    FoldWithOldProcess(usize, Partition, usize),
    /// As `Fold`, but the process crashes before it moves the checkpoint.
    Crash(usize, Partition, usize),
}

fn steps() -> impl Strategy<Value = Step> {
    let decide = (
        any::<prop::sample::Index>(),
        0..VIEWS.len(),
        prop::bool::weighted(0.7),
    );
    let fold = (0..VIEWS.len(), 0..PARTITIONS, 1..20usize);
    prop_oneof![
        4 => vec(orders(CUSTOMERS), 1..6).prop_map(Step::Orders),
        2 => (0..CUSTOMERS).prop_map(Step::BrokenOrder),
        1 => (0..CUSTOMERS).prop_map(Step::BrokenMessage),
        4 => decide.prop_map(|(event, view, is_skip)| Step::Decide { event, view, is_skip }),
        6 => fold.clone().prop_map(|(view, partition, count)| Step::Fold(view, partition, count)),
        3 => fold.clone().prop_map(|(view, partition, count)| Step::Crash(view, partition, count)),
        3 => fold
            .prop_map(|(view, partition, count)| Step::FoldWithOldProcess(view, partition, count)),
    ]
}

#[test]
fn a_view_with_quarantined_events_equals_the_view_folded_from_zero() {
    property::check(12, vec(steps(), 1..60), |steps| async move {
        let deployment = Deployment::with_partitions(PARTITIONS)
            .await
            .prepared()
            .await;
        let (mut broken, mut old_processes) = (Vec::new(), HashMap::new());
        for step in steps {
            apply(&deployment, &mut broken, &mut old_processes, step).await;
        }
        for name in VIEWS {
            project(&deployment, name).await.unwrap();
            let before = (
                documents(&deployment.store, name, 1).await,
                quarantine_notes(&deployment, name, 1).await,
            );
            let generation = rebuild_view(&deployment, name).await.generation;
            let after = (
                documents(&deployment.store, name, generation).await,
                quarantine_notes(&deployment, name, generation).await,
            );
            assert_eq!(before, after, "{name}");
            let Deployment { store, log, .. } = &deployment;
            let report = verify_documents(store, log, view(name), 1).await.unwrap();
            assert_eq!(report.differences, [""; 0], "{name}");
        }
        deployment.store.database().drop().await.unwrap();
    });
}

async fn apply(
    deployment: &Deployment,
    broken: &mut Vec<Position>,
    old_processes: &mut HashMap<(usize, Partition), Projector>,
    step: Step,
) {
    match step {
        Step::Orders(orders) => {
            deployment
                .commands
                .record_orders(&context(), orders)
                .await
                .unwrap();
        }
        Step::BrokenOrder(n) => {
            let key = format!("order/c-{n}/o-x");
            broken.push(append_raw_event(&deployment.log, &key, "order_placed.1", "{}").await);
        }
        Step::BrokenMessage(n) => {
            let key = format!("message/c-{n}/cmp_1");
            broken.push(append_raw_event(&deployment.log, &key, "message_delivered.1", "{}").await);
        }
        Step::Decide {
            event,
            view,
            is_skip,
        } if !broken.is_empty() => {
            let at = *event.get(broken);
            let decision = QuarantineDecision {
                views: vec![ViewName::try_from(VIEWS[view]).unwrap()],
                reason: text("it is broken"),
            };
            let record = match is_skip {
                true => QuarantineCommand::Skip(decision),
                false => QuarantineCommand::Retry(decision),
            };
            let at = LogPosition::new(at.partition, at.number);
            let (commands, context) = (&deployment.commands, context());
            let recorded = commands.execute(&context, at, record);
            recorded.await.unwrap().unwrap();
        }
        Step::Decide { .. } => {}
        Step::Fold(index, partition, count) => {
            fold(deployment, VIEWS[index], partition, count).await;
        }
        Step::FoldWithOldProcess(index, partition, count) => {
            let mut projector = match old_processes.remove(&(index, partition)) {
                Some(projector) => projector,
                None => resume(deployment, view(VIEWS[index]), 1, partition)
                    .await
                    .unwrap(),
            };
            // A projector that is far behind another gives up; a new one takes its place.
            match projector.step(count).await {
                Ok(_) => drop(old_processes.insert((index, partition), projector)),
                Err(ProjectError::Contended { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::Crash(index, partition, count) => {
            let name = VIEWS[index];
            let checkpoints = deployment
                .store
                .database()
                .collection::<Document>("checkpoints");
            let id = doc! {"_id": format!("{name}_g1/{partition}")};
            let before = checkpoints.find_one(id.clone()).await.unwrap();
            fold(deployment, name, partition, count).await;
            checkpoints.delete_one(id).await.unwrap();
            if let Some(before) = before {
                checkpoints.insert_one(before).await.unwrap();
            }
        }
    }
}

async fn fold(deployment: &Deployment, name: &str, partition: Partition, count: usize) {
    let projector = resume(deployment, view(name), 1, partition).await;
    projector.unwrap().step(count).await.unwrap();
}

/// Returns a generation's quarantine notes, without their times.
async fn quarantine_notes(deployment: &Deployment, name: &str, generation: i32) -> Vec<String> {
    let notes = deployment
        .store
        .database()
        .collection::<Document>("quarantine");
    let found = notes
        .find(doc! {"view": name, "generation": generation})
        .await
        .unwrap();
    let found: Vec<Document> = found.try_collect().await.unwrap();
    let mut notes: Vec<String> = found
        .iter()
        .map(|note| {
            let field = |name| note.get(name).unwrap().to_string();
            ["partition", "number", "document", "is_left_out", "reason"]
                .map(field)
                .join(" ")
        })
        .collect();
    notes.sort();
    notes
}
