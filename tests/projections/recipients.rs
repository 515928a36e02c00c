//! Recipients of a launch.

use domain::Launch;
use projections::ProjectError;
use projections::recipients::{PastCustomer, Recipient, Recipients, customer_at};

use super::recipients_law::launch;
use super::{project, project_all, record_day};
use crate::support::deployment::Deployment;
use crate::support::shop::{context, customer, order};

/// Reads all recipients of a launch and returns their ids.
async fn read_all(deployment: &Deployment, launch: &Launch) -> Vec<String> {
    let Deployment { store, log, .. } = deployment;
    let mut recipients = Recipients::of(store, log, launch).await.unwrap();
    let mut found = Vec::new();
    while let Some(batch) = recipients.next().await.unwrap() {
        let id = |recipient: Recipient| recipient.customer.to_string();
        found.extend(batch.into_iter().map(id));
    }
    assert_eq!(recipients.next().await.unwrap(), None);
    found
}

#[tokio::test]
async fn recipients_are_read_in_batches_in_the_order_of_their_ids() {
    let deployment = Deployment::fresh().await.prepared().await;
    let orders = (0..2_500).map(|n| order(&format!("c-{n:04}"), "o-1", n % 2));
    let orders = orders.collect();
    deployment
        .commands
        .record_orders(&context(), orders)
        .await
        .unwrap();
    let launch = launch(&deployment, "total_spend = 1").await;
    // Half of the recipients no longer match the rules, and half of the others match by now.
    let orders = (0..2_500).filter(|n| n % 4 < 2);
    let orders = orders
        .map(|n| order(&format!("c-{n:04}"), "o-2", 1))
        .collect();
    deployment
        .commands
        .record_orders(&context(), orders)
        .await
        .unwrap();
    project_all(&deployment).await;
    let expected: Vec<String> = (0..1_250).map(|n| format!("c-{:04}", 2 * n + 1)).collect();
    assert_eq!(read_all(&deployment, &launch).await, expected);
}

#[tokio::test]
async fn a_launch_can_have_no_recipients() {
    let deployment = Deployment::fresh().await.prepared().await;
    let launch = launch(&deployment, "order_count >= 0").await;
    assert_eq!(read_all(&deployment, &launch).await, [""; 0]);
    record_day(&deployment.commands, 0).await;
    project_all(&deployment).await;
    assert_eq!(read_all(&deployment, &launch).await, [""; 0]);
}

#[tokio::test]
async fn a_view_that_is_behind_the_launch_is_reported() {
    let deployment = Deployment::fresh().await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let launch = launch(&deployment, "total_spend >= 0").await;
    let Deployment { store, log, .. } = &deployment;
    for behind in ["customers", "audit"] {
        let refused = Recipients::of(store, log, &launch).await;
        let error = refused.err().unwrap();
        assert!(
            matches!(error, ProjectError::Behind { view, .. } if view == behind),
            "{error}"
        );
        assert!(!error.is_stop());
        project(&deployment, behind).await.unwrap();
    }
    assert_eq!(read_all(&deployment, &launch).await.len(), 20);
}

#[tokio::test]
async fn a_view_that_is_dropped_during_a_read_is_detected() {
    for name in ["customers", "audit"] {
        let deployment = Deployment::with_partitions(1).await.prepared().await;
        record_day(&deployment.commands, 0).await;
        let launch = launch(&deployment, "total_spend >= 0").await;
        // All customers have changed, so each is folded again from the log.
        record_day(&deployment.commands, 1).await;
        project_all(&deployment).await;
        let Deployment { store, log, .. } = &deployment;
        let recipients = Recipients::of(store, log, &launch).await.unwrap();
        let mut recipients = recipients.in_batches_of(3);
        assert_eq!(recipients.next().await.unwrap().unwrap().len(), 3);
        store.collection(name, 1).drop().await.unwrap();
        let error = recipients.next().await.unwrap_err();
        assert!(matches!(error, ProjectError::CollectionGone(_)), "{error}");
    }
}

#[tokio::test]
async fn a_customer_with_many_events_is_folded_up_to_the_launch() {
    let deployment = Deployment::fresh().await.prepared().await;
    let orders = (0..2_100)
        .map(|n| order("c-1", &format!("o-{n}"), 1))
        .collect();
    deployment
        .commands
        .record_orders(&context(), orders)
        .await
        .unwrap();
    let launch = launch(&deployment, "total_spend >= 0").await;
    let named = vec![customer("c-1", "Ada")];
    deployment
        .commands
        .record_customers(&context(), named)
        .await
        .unwrap();
    project_all(&deployment).await;
    let Deployment { store, log, .. } = &deployment;
    let positions = launch.positions.as_str().parse().unwrap();
    let id = "c-1".try_into().unwrap();
    let PastCustomer::Known(was) = customer_at(store, log, &id, &positions).await.unwrap() else {
        panic!("c-1 is unknown");
    };
    assert_eq!(
        (was.total_spend, was.order_count, was.name),
        (2_100, 2_100, None)
    );
    let nobody = "c-2".try_into().unwrap();
    assert_eq!(
        customer_at(store, log, &nobody, &positions).await.unwrap(),
        PastCustomer::Unknown
    );
}

/// Workers read in a spawned task.
#[tokio::test]
async fn recipients_can_be_read_in_a_spawned_task() {
    let deployment = Deployment::fresh().await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let launch = launch(&deployment, "total_spend >= 0").await;
    project_all(&deployment).await;
    let Deployment { store, log, .. } = deployment;
    let task = tokio::spawn(async move {
        let mut recipients = Recipients::of(&store, &log, &launch).await.unwrap();
        recipients.next().await.unwrap().unwrap().len()
    });
    assert_eq!(task.await.unwrap(), 20);
}
