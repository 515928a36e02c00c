//! Newer wins: versions of customers, orders and activity that arrive in any order.

use commands::CommandEffect::{Created, Stale, Unchanged, Updated};
use commands::{Commands, OrderRecord, verify_heads};
use domain::{LoggedEvent, OrderEvent};
use futures::future::join_all;

use super::{changes, order_key};
use crate::support::deployment::Deployment;
use crate::support::shop::{activity, address_key, context, customer, minute, order};

/// Returns an order of which the source last changed `cents` in this minute.
fn version(id: &str, cents: i64, changed_in: i64) -> OrderRecord {
    let mut item = order("c-1", id, cents);
    item.content.updated_at = Some(minute(changed_in));
    item
}

async fn amounts(deployment: &Deployment, id: &str) -> Vec<i64> {
    let key = order_key(&deployment.log, "c-1", id);
    let history = deployment.log.history(&key).await.unwrap();
    let events = history
        .iter()
        .map(|entry| OrderEvent::decode(&entry.tag, &entry.data).unwrap());
    events.map(|event| event.content().amount.minor()).collect()
}

async fn assert_heads(deployment: &Deployment) {
    for partition in 0..deployment.log.layout().partitions() {
        let report = verify_heads(&deployment.log, partition).await.unwrap();
        assert!(report.differences.is_empty(), "{:?}", report.differences);
    }
}

#[tokio::test]
async fn an_older_version_is_stale_and_changes_nothing() {
    let deployment = Deployment::fresh().await;
    let mut positions = Vec::new();
    for (cents, changed_in, expected) in [
        (100, Some(5), Created),
        (90, Some(4), Stale),
        (100, Some(4), Stale),
        (100, Some(5), Unchanged),
        (110, Some(5), Updated),
        (120, None, Updated),
        (130, Some(4), Stale),
        (120, None, Unchanged),
        (120, Some(6), Updated),
        (130, Some(5), Stale),
    ] {
        let mut item = order("c-1", "o-1", cents);
        item.content.updated_at = changed_in.map(minute);
        let context = context();
        let outcomes = deployment.commands.record_orders(&context, vec![item]);
        let outcome = outcomes.await.unwrap().pop().unwrap().unwrap();
        assert_eq!(outcome.effect, expected, "{cents} {changed_in:?}");
        positions.push(outcome.position);
    }
    // A stale item is answered with the position of the event that made the recorded state.
    assert_eq!(positions[0], positions[1]);
    assert_eq!(positions[8], positions[9]);
    assert_eq!(amounts(&deployment, "o-1").await, [100, 110, 120, 120]);
    assert_heads(&deployment).await;
}

#[tokio::test]
async fn customers_and_activity_have_versions_too() {
    let deployment = Deployment::fresh().await;
    let commands = &deployment.commands;
    for (name, changed_in, expected) in [
        ("Ann", 5, Created),
        ("Anna", 4, Stale),
        ("Ann", 6, Updated),
        ("Anna", 5, Stale),
    ] {
        let mut item = customer("c-1", name);
        item.changes.updated_at = Some(minute(changed_in));
        let outcomes = commands.record_customers(&context(), vec![item]).await;
        assert_eq!(
            changes(&outcomes.unwrap()),
            [expected],
            "{name} {changed_in}"
        );
    }
    for (at, changed_in, expected) in [
        (1, 5, Created),
        (2, 4, Stale),
        (1, 6, Updated),
        (2, 5, Stale),
        (2, 6, Updated),
    ] {
        let mut item = activity("c-1", "e-1", "visit", minute(at));
        item.content.updated_at = Some(minute(changed_in));
        let outcomes = commands.record_activities(&context(), vec![item]).await;
        assert_eq!(changes(&outcomes.unwrap()), [expected], "{at} {changed_in}");
    }
    assert_heads(&deployment).await;
}

#[tokio::test]
async fn versions_within_a_batch_are_compared_in_its_order() {
    let deployment = Deployment::fresh().await;
    let batch = || {
        vec![
            version("o-1", 200, 2),
            version("o-2", 300, 3),
            version("o-1", 100, 1),
            version("o-1", 200, 2),
            version("o-2", 400, 4),
            version("o-1", 250, 2),
        ]
    };
    let first = deployment.commands.record_orders(&context(), batch()).await;
    let expected = [Created, Created, Stale, Unchanged, Updated, Updated];
    assert_eq!(changes(&first.unwrap()), expected);
    assert_eq!(amounts(&deployment, "o-1").await, [200, 250]);
    assert_eq!(amounts(&deployment, "o-2").await, [300, 400]);
    // Repeated, it changes nothing about the order whose versions have different times. Two
    // versions of one time are applied as they arrive.
    let again = deployment.commands.record_orders(&context(), batch()).await;
    let expected = [Updated, Stale, Stale, Unchanged, Unchanged, Updated];
    assert_eq!(changes(&again.unwrap()), expected);
    assert_eq!(amounts(&deployment, "o-2").await, [300, 400]);
    assert_heads(&deployment).await;
}

/// Two processes send the versions of the same orders at once, each in another order and twice.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_version_remains_whatever_arrives_last() {
    const ORDERS: i64 = 40;
    const VERSIONS: i64 = 25;
    let deployment = Deployment::fresh().await;
    let other = Commands::open(deployment.reopen().await, None, Some(address_key()))
        .await
        .unwrap();
    let writers = (0..8i64).map(|writer| {
        let commands = [&deployment.commands, &other][(writer % 2) as usize].clone();
        // 7 and 25 have no common divisor, so each writer sends every version, from another
        // one on.
        let versions = (0..VERSIONS).map(move |n| (n * 7 + writer * 3) % VERSIONS);
        let batches = versions.map(|changed_in| {
            let item = |id| version(&format!("o-{id}"), changed_in * 10 + id, changed_in);
            (0..ORDERS).map(item).collect::<Vec<_>>()
        });
        let batches: Vec<_> = batches.collect();
        tokio::spawn(async move {
            for batch in batches {
                let outcomes = commands.record_orders(&context(), batch).await;
                changes(&outcomes.unwrap());
            }
        })
    });
    for done in join_all(writers).await {
        done.unwrap();
    }
    for id in 0..ORDERS {
        let amounts = amounts(&deployment, &format!("o-{id}")).await;
        assert_eq!(amounts.last(), Some(&((VERSIONS - 1) * 10 + id)));
        assert!(amounts.is_sorted_by(|a, b| a < b), "{amounts:?}");
    }
    assert_heads(&deployment).await;
}
