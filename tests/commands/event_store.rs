//! The log as an event store of `cqrs-es`.

use std::collections::HashMap;

use commands::{LogStore, verify_heads};
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateContext, AggregateError, CqrsFramework, EventStore};
use domain::{
    Currency, Order, OrderCommand, OrderEvent, OrderServices, OrderStatus, ViewCommand,
    ViewRequests,
};

use crate::support::deployment::Deployment;
use crate::support::shop::{minute, order_content};

const ID: &str = "order/c-1/o-1";

#[tokio::test]
async fn committed_events_are_loaded() {
    let store = LogStore::new(Deployment::fresh().await.log);
    let placed = OrderEvent::Placed(order_content(100, minute(0), OrderStatus::Placed));
    let context = EventStore::<Order>::load_aggregate(&store, ID)
        .await
        .unwrap();
    let committed = store
        .commit(vec![placed.clone()], context, metadata())
        .await;
    assert_eq!(committed.unwrap()[0].sequence, 1);

    let events = EventStore::<Order>::load_events(&store, ID).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].sequence, &events[0].payload), (1, &placed));
    assert_eq!(events[0].aggregate_id, ID);
    assert_eq!(events[0].metadata, metadata());
    let mut context = EventStore::<Order>::load_aggregate(&store, ID)
        .await
        .unwrap();
    let mut expected = Order::default();
    expected.apply(placed);
    assert_eq!(*context.aggregate(), expected);
}

#[tokio::test]
async fn a_commit_based_on_a_stale_state_conflicts() {
    let store = LogStore::new(Deployment::fresh().await.log);
    let event = |cents| OrderEvent::Placed(order_content(cents, minute(0), OrderStatus::Placed));
    let first = EventStore::<Order>::load_aggregate(&store, ID)
        .await
        .unwrap();
    let second = EventStore::<Order>::load_aggregate(&store, ID)
        .await
        .unwrap();
    store
        .commit(vec![event(1)], first, metadata())
        .await
        .unwrap();
    let refused = store.commit(vec![event(2)], second, metadata()).await;
    assert!(matches!(refused, Err(AggregateError::AggregateConflict)));
    assert_eq!(
        EventStore::<Order>::load_events(&store, ID)
            .await
            .unwrap()
            .len(),
        1
    );
}

/// The framework decides on the context's aggregate, which has applied the events by the time they
/// are committed.
#[tokio::test]
async fn the_framework_applies_each_event_once() {
    let log = Deployment::fresh().await.log;
    let views = CqrsFramework::<ViewRequests, _>::new(LogStore::new(log.clone()), vec![], ());
    for _ in 0..3 {
        let done =
            views.execute_with_metadata("view/customers", ViewCommand::RequestRebuild, metadata());
        done.await.unwrap();
    }
    for partition in log.partitions() {
        let report = verify_heads(&log, partition).await.unwrap();
        assert!(report.differences.is_empty(), "{:?}", report.differences);
    }
}

#[tokio::test]
async fn the_framework_accepts_and_rejects_commands() {
    let log = Deployment::fresh().await.log;
    let usd = Currency::try_from("USD").unwrap();
    let services = OrderServices { currency: usd };
    let orders = CqrsFramework::<Order, _>::new(LogStore::new(log.clone()), vec![], services);
    for cents in [100, 100, 250] {
        let command = OrderCommand::Record(order_content(cents, minute(0), OrderStatus::Placed));
        orders
            .execute_with_metadata(ID, command, metadata())
            .await
            .unwrap();
    }
    let mut in_eur = order_content(1, minute(0), OrderStatus::Placed);
    in_eur.currency = Currency::try_from("EUR").unwrap();
    let refused = orders
        .execute_with_metadata(ID, OrderCommand::Record(in_eur), metadata())
        .await;
    assert!(matches!(refused, Err(AggregateError::UserError(_))));
    let events = EventStore::<Order>::load_events(&LogStore::new(log), ID)
        .await
        .unwrap();
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn metadata_without_a_time_is_rejected() {
    let store = LogStore::new(Deployment::fresh().await.log);
    let mut context = EventStore::<ViewRequests>::load_aggregate(&store, "view/orders")
        .await
        .unwrap();
    let sink = EventSink::default();
    context
        .aggregate()
        .handle(ViewCommand::RequestRebuild, &(), &sink)
        .await
        .unwrap();
    let refused = store
        .commit(sink.collect().await, context, HashMap::new())
        .await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("missing field `at`"), "{text}");
    assert!(
        EventStore::<ViewRequests>::load_events(&store, "view/orders")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_id_that_is_not_a_key_is_rejected() {
    let store = LogStore::new(Deployment::fresh().await.log);
    let refused = EventStore::<Order>::load_events(&store, "order/o-1").await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("not the key of an aggregate"), "{text}");
}

fn metadata() -> HashMap<String, String> {
    let entries = [("at", "2026-01-01T00:00:00.000Z"), ("actor", "key:test")];
    entries
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
