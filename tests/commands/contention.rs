//! Concurrent commands on the same aggregates.

use commands::{CommandEffect, CommandError, Commands, OrderRecord, Outcome, verify_heads};
use domain::{LoggedEvent, OrderEvent};
use futures::future::join_all;

use super::order_key;
use crate::support::deployment::Deployment;
use crate::support::shop::{address_key, context, order};

/// No command fails, however many contend for the order.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commands_on_one_order_are_applied_one_after_the_other() {
    const COMMANDS: i64 = 1_200;
    let deployment = Deployment::fresh().await;
    // Two processes, each with appenders of its own.
    let other = Commands::open(deployment.reopen().await, None, Some(address_key()))
        .await
        .unwrap();
    let commands = (0..COMMANDS).map(|cents| {
        let commands = [&deployment.commands, &other][(cents % 2) as usize].clone();
        // Each amount differs, so that every command changes the order.
        let item = order("c-1", "o-1", cents);
        tokio::spawn(async move { commands.record_orders(&context(), vec![item]).await })
    });
    let outcomes: Vec<Result<Outcome, CommandError>> = join_all(commands)
        .await
        .into_iter()
        .map(|done| Ok(done.unwrap()?.remove(0).unwrap()))
        .collect();

    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| Some(outcome.as_ref().err()?.to_string()))
        .collect();
    assert!(failed.is_empty(), "{}: {:?}", failed.len(), failed.first());
    let with_change = |change| {
        outcomes
            .iter()
            .flatten()
            .filter(move |o| o.effect == change)
    };
    assert_eq!(with_change(CommandEffect::Created).count(), 1);
    assert_eq!(with_change(CommandEffect::Unchanged).count(), 0);
    let key = order_key(&deployment.log, "c-1", "o-1");
    let history = deployment.log.history(&key).await.unwrap();
    assert_eq!(history.len(), outcomes.len());
    let events = history
        .iter()
        .map(|e| OrderEvent::decode(&e.tag, &e.data).unwrap());
    let mut before = None;
    for event in events {
        assert_eq!(
            event.previous(),
            before,
            "each event was decided on the one before"
        );
        before = Some(event.content().figures());
    }
    let report = verify_heads(&deployment.log, key.partition).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}

/// A command that waits for its turn does not hold back commands on other aggregates.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_contend_for_many_orders_all_succeed() {
    const BATCHES: i64 = 12;
    let deployment = Deployment::fresh().await;
    let other = Commands::open(deployment.reopen().await, None, Some(address_key()))
        .await
        .unwrap();
    let batches = (0..BATCHES).map(|batch| {
        let commands = [&deployment.commands, &other][(batch % 2) as usize].clone();
        let item = |n: i64| {
            order(
                &format!("c-{}", n % 7),
                &format!("o-{n}"),
                1_000 * batch + n,
            )
        };
        // Each batch starts at another order, so that no two take the orders in the same sequence.
        let items: Vec<OrderRecord> = (0..200).map(|n| item((n + 17 * batch) % 200)).collect();
        tokio::spawn(async move { commands.record_orders(&context(), items).await })
    });
    let outcomes: Vec<Outcome> = join_all(batches)
        .await
        .into_iter()
        .flat_map(|done| done.unwrap().unwrap())
        .map(Result::unwrap)
        .collect();
    let created = outcomes
        .iter()
        .filter(|o| o.effect == CommandEffect::Created);
    assert_eq!((outcomes.len(), created.count()), (2_400, 200));
    for n in 0..200 {
        let key = order_key(&deployment.log, &format!("c-{}", n % 7), &format!("o-{n}"));
        let history = deployment.log.history(&key).await.unwrap();
        assert_eq!(history.len(), 12, "{key}");
    }
}

#[tokio::test]
async fn a_batch_keeps_its_sequence_under_contention() {
    let deployment = Deployment::fresh().await;
    let other = Commands::open(deployment.reopen().await, None, Some(address_key()))
        .await
        .unwrap();
    for round in 0..10 {
        let batch = |first: i64| (first..first + 3).map(|cents| order("c-1", "o-1", cents));
        let (a, b) = (batch(round * 10).collect(), batch(round * 10 + 5).collect());
        let (context_a, context_b) = (context(), context());
        let (a, b) = tokio::join!(
            deployment.commands.record_orders(&context_a, a),
            other.record_orders(&context_b, b),
        );
        for outcomes in [a.unwrap(), b.unwrap()] {
            let numbers = outcomes.into_iter().map(|o| o.unwrap().position.number);
            assert!(numbers.is_sorted_by(|a, b| a < b));
        }
    }
    let key = order_key(&deployment.log, "c-1", "o-1");
    assert_eq!(deployment.log.history(&key).await.unwrap().len(), 60);
}
