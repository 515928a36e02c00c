//! Whatever cannot be folded, and whatever is decided about it when: a view that was folded in
//! batches of any size, with processes that die in between, is the view folded from zero.

use std::collections::HashMap;

use domain::{LogPosition, QuarantineCommand, QuarantineDecision, ViewName};
use eventlog::{Partition, Position};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use projections::{ProjectError, Projector, verify_documents};
use proptest::collection::vec;
use proptest::prelude::*;

use super::fold_law::orders;
use super::{documents, project, rebuilt, resume, view};
use crate::support::by_hand::append_by_hand;
use crate::support::deployment::Deployment;
use crate::support::property;
use crate::support::shop::{context, text};

const PARTITIONS: u16 = 2;
const VIEWS: [&str; 3] = ["customers", "orders", "campaign_stats"];
const CUSTOMERS: u8 = 3;

#[derive(Debug, Clone)]
enum Step {
    Orders(Vec<commands::OrderItem>),
    /// An order that no view can read, of one of few customers.
    BrokenOrder(u8),
    /// A message that no view can read.
    BrokenMessage(u8),
    /// A decision about one of the broken events, whether it was folded by then or not.
    Decide {
        event: prop::sample::Index,
        view: usize,
        is_skip: bool,
    },
    /// A view folds some events of a partition.
    Fold(usize, Partition, usize),
    /// The same by a process that remembers what it knew when it last folded.
    FoldAsBefore(usize, Partition, usize),
    /// As [`Self::Fold`], but the process dies before it has moved the checkpoint.
    Die(usize, Partition, usize),
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
        3 => fold.clone().prop_map(|(view, partition, count)| Step::Die(view, partition, count)),
        3 => fold
            .prop_map(|(view, partition, count)| Step::FoldAsBefore(view, partition, count)),
    ]
}

#[test]
fn a_view_with_a_quarantine_is_the_view_folded_from_zero() {
    property::check(12, vec(steps(), 1..60), |steps| async move {
        let deployment = Deployment::with_partitions(PARTITIONS)
            .await
            .prepared()
            .await;
        let (mut broken, mut others) = (Vec::new(), HashMap::new());
        for step in steps {
            take(&deployment, &mut broken, &mut others, step).await;
        }
        for name in VIEWS {
            project(&deployment, name).await.unwrap();
            let before = (
                documents(&deployment.store, name, 1).await,
                notes(&deployment, name, 1).await,
            );
            let generation = rebuilt(&deployment, name).await.generation;
            let after = (
                documents(&deployment.store, name, generation).await,
                notes(&deployment, name, generation).await,
            );
            assert_eq!(before, after, "{name}");
            let Deployment { store, log, .. } = &deployment;
            let report = verify_documents(store, log, view(name), 1).await.unwrap();
            assert_eq!(report.differences, [""; 0], "{name}");
        }
        deployment.store.database().drop().await.unwrap();
    });
}

async fn take(
    deployment: &Deployment,
    broken: &mut Vec<Position>,
    others: &mut HashMap<(usize, Partition), Projector>,
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
            broken.push(append_by_hand(&deployment.log, &key, "order_placed.1", "{}").await);
        }
        Step::BrokenMessage(n) => {
            let key = format!("message/c-{n}/cmp_1");
            broken.push(append_by_hand(&deployment.log, &key, "message_delivered.1", "{}").await);
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
        Step::FoldAsBefore(index, partition, count) => {
            let mut other = match others.remove(&(index, partition)) {
                Some(other) => other,
                None => resume(deployment, view(VIEWS[index]), 1, partition)
                    .await
                    .unwrap(),
            };
            // One that is far behind another gives up, and begins anew.
            match other.step(count).await {
                Ok(_) => drop(others.insert((index, partition), other)),
                Err(ProjectError::Contended { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::Die(index, partition, count) => {
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

/// What a generation could not fold, but for since when.
async fn notes(deployment: &Deployment, name: &str, generation: i32) -> Vec<String> {
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
