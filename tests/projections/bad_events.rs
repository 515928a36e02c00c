//! Events that cannot be folded.

use projections::{ProjectError, RebuildError, VIEWS, rebuild};

use super::{
    append_by_hand, documents, project, project_all, resume, status, stopped, total_spend, trade,
    view,
};
use crate::support::deployment::Deployment;
use crate::support::shop::{context, order};

#[tokio::test]
async fn unknown_events_are_passed_over_and_counted() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let before = append_by_hand(&deployment.log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    append_by_hand(&deployment.log, "ghost/g-1", "ghost_seen.1", "{}").await;
    trade(&deployment.commands, 1).await;
    for name in VIEWS.map(|view| view.name()) {
        project(&deployment, name).await.unwrap();
        let status = status(&deployment, name).await;
        // The audit trail shows what it cannot read.
        let skipped = if name == "audit" { 0 } else { 2 };
        assert_eq!(
            (status.lag(), status.partitions[0].skipped),
            (0, skipped),
            "{name}"
        );
    }
    assert_eq!(stopped(&deployment).await, []);
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
    let audit = documents(&deployment.store, "audit", 1).await;
    assert!(audit.contains_key(&before.to_string()));
}

#[tokio::test]
async fn unknown_events_fail_a_rebuild_and_the_old_generation_serves_on() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let at = append_by_hand(&deployment.log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    project_all(&deployment).await;
    let Deployment { store, log, .. } = &deployment;
    let failed = rebuild(store, log, view("customers"), &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(
        failed,
        RebuildError::Project(ProjectError::Event { .. })
    ));
    assert_eq!(
        failed.to_string(),
        format!(
            "customers cannot take the event at {at}: unknown event type \"order_teleported.1\""
        )
    );
    assert_eq!(status(&deployment, "customers").await.generation, 1);
    assert_eq!(stopped(&deployment).await, []);
    trade(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
}

#[tokio::test]
async fn a_malformed_event_stops_the_view_before_it() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let bad = r#"{"amount":-5,"currency":"USD","placed_at":"2026-01-01T00:00:00Z"}"#;
    let at = append_by_hand(&deployment.log, "order/c-1/o-x", "order_placed.1", bad).await;
    trade(&deployment.commands, 1).await;

    let failed = project(&deployment, "customers").await.unwrap_err();
    let ProjectError::Event { position, .. } = failed else {
        panic!("{failed}");
    };
    assert_eq!(position, at);
    assert_eq!(total_spend(&deployment).await, super::spend_after(1));
    let status = status(&deployment, "customers").await;
    assert_eq!(status.partitions[0].position.number, at.number - 1);
    assert_eq!(
        status.partitions[0].stopped.as_deref(),
        Some(&*failed.to_string())
    );
    assert_eq!(
        stopped(&deployment).await,
        [("customers", failed.to_string())]
    );
    assert!(
        failed.to_string().contains("malformed order_placed.1"),
        "{failed}"
    );
    // Nor does it move on when tried again.
    project(&deployment, "customers").await.unwrap_err();
    assert_eq!(total_spend(&deployment).await, super::spend_after(1));
}

#[tokio::test]
async fn a_malformed_event_in_one_partition_leaves_the_others_alone() {
    let deployment = Deployment::with_partitions(2).await.prepared().await;
    let at = append_by_hand(&deployment.log, "order/c-1/o-x", "order_placed.1", "{}").await;
    trade(&deployment.commands, 0).await;
    let other = 1 - at.partition;
    let mut projector = resume(&deployment, view("customers"), 1, other)
        .await
        .unwrap();
    projector.step(1_000).await.unwrap();
    let mut projector = resume(&deployment, view("customers"), 1, at.partition)
        .await
        .unwrap();
    projector.step(1_000).await.unwrap_err();
    let status = status(&deployment, "customers").await;
    let [stuck, free] = [at.partition, other].map(|p| &status.partitions[usize::from(p)]);
    assert!(stuck.stopped.is_some() && stuck.position.number == 0);
    assert!(free.stopped.is_none() && free.lag() == 0 && free.end > 0);
}

/// An update of an order that was never placed: only the figures of its customer contradict.
#[tokio::test]
async fn an_event_that_contradicts_a_document_stops_that_view_alone() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    deployment
        .commands
        .record_orders(&context(), vec![order("c-1", "o-1", 7)])
        .await
        .unwrap();
    let figures =
        r#"{"amount":5,"currency":"USD","placed_at":"2020-01-01T00:00:00Z","status":"placed"}"#;
    let update = format!(r#"{{"content":{figures},"previous":{figures}}}"#);
    append_by_hand(&deployment.log, "order/c-1/o-x", "order_updated.1", &update).await;
    append_by_hand(&deployment.log, "order/c-1/o-y", "order_teleported.1", "{}").await;
    project(&deployment, "orders").await.unwrap();
    project(&deployment, "audit").await.unwrap();
    let failed = project(&deployment, "customers").await.unwrap_err();
    let text = "customers cannot take the event at 0:2: the instant 2020-01-01T00:00:00.000Z \
                is not among those recorded";
    assert_eq!(failed.to_string(), text);
    assert_eq!(stopped(&deployment).await, [("customers", text.to_owned())]);
    assert_eq!(total_spend(&deployment).await, 7);
    // What stands behind the event was not passed over yet.
    let customers = status(&deployment, "customers").await;
    assert_eq!(
        (
            customers.partitions[0].position.number,
            customers.partitions[0].skipped
        ),
        (1, 0)
    );
    assert_eq!(status(&deployment, "orders").await.partitions[0].skipped, 1);
}
