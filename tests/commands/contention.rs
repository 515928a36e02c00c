//! Commands on one aggregate, all at once.

use commands::{Change, CommandError, Commands, OrderItem, Outcome, verify_heads};
use domain::{LoggedEvent, OrderEvent};
use futures::future::join_all;

use super::order_key;
use crate::support::deployment::Deployment;
use crate::support::shop::{context, order};

#[tokio::test]
async fn commands_on_one_order_happen_one_after_the_other() {
    let deployment = Deployment::fresh().await;
    // Two processes, each with appenders of its own.
    let other = Commands::open(deployment.reopened().await, None)
        .await
        .unwrap();
    let writers = (0..6).map(|writer| {
        let commands = [&deployment.commands, &other][writer % 2].clone();
        tokio::spawn(async move { write(&commands, writer as i64).await })
    });
    let outcomes: Vec<Outcome> = join_all(writers)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();

    let count = |change| outcomes.iter().filter(|o| o.change == change).count();
    assert_eq!((count(Change::Created), count(Change::Unchanged)), (1, 0));
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
            "each was decided on the one before"
        );
        before = Some(event.content().figures());
    }
    let report = verify_heads(&deployment.log, key.partition).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}

/// Every amount is another.
async fn write(commands: &Commands, writer: i64) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for turn in 0..5 {
        let item = order("c-1", "o-1", writer * 100 + turn);
        outcomes.push(insist(commands, item).await);
    }
    outcomes
}

/// Repeats a command that others were too quick for, as a client does.
async fn insist(commands: &Commands, item: OrderItem) -> Outcome {
    loop {
        match commands.record_orders(&context(), vec![item.clone()]).await {
            Ok(mut outcomes) => return outcomes.remove(0).unwrap(),
            Err(CommandError::Contended(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_batch_keeps_its_order_when_others_interfere() {
    let deployment = Deployment::fresh().await;
    let other = Commands::open(deployment.reopened().await, None)
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
