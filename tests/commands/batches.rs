//! Batches of customers, orders and activity.

use commands::CommandEffect::{Created, Unchanged, Updated};
use domain::{LoggedEvent, OrderError, OrderEvent, OrderStatus};
use eventlog::Position;

use super::{changes, order_key};
use crate::support::deployment::Deployment;
use crate::support::redis_server::{DURABLE, RedisServer};
use crate::support::shop::{
    activity, context, customer, minute, order, order_content, order_in_eur,
};

#[tokio::test]
async fn an_order_is_created_then_unchanged_then_updated() {
    let Deployment { commands, log, .. } = Deployment::fresh().await;
    let mut positions = Vec::new();
    for (cents, expected) in [
        (100, Created),
        (100, Unchanged),
        (250, Updated),
        (250, Unchanged),
    ] {
        let outcomes = commands
            .record_orders(&context(), vec![order("c-1", "o-1", cents)])
            .await;
        let outcome = outcomes.unwrap().pop().unwrap().unwrap();
        assert_eq!(outcome.effect, expected);
        positions.push(outcome.position);
    }
    // An unchanged item is answered with the position of the event that made its state.
    assert_eq!(positions[0], positions[1]);
    assert_eq!(positions[2], positions[3]);
    let tags: Vec<String> = event_types(&log, positions[0].partition).await;
    assert_eq!(tags, ["order_placed.1", "order_updated.1"]);
}

#[tokio::test]
async fn customers_and_activity_are_created_unchanged_and_updated() {
    let Deployment { commands, .. } = Deployment::fresh().await;
    for (name, expected) in [("Ann", Created), ("Ann", Unchanged), ("Anna", Updated)] {
        let outcomes = commands
            .record_customers(&context(), vec![customer("c-1", name)])
            .await;
        assert_eq!(changes(&outcomes.unwrap()), [expected]);
    }
    for (at, expected) in [(1, Created), (1, Unchanged), (2, Updated)] {
        let visit = activity("c-1", "e-1", "visit", minute(at));
        let outcomes = commands.record_activities(&context(), vec![visit]).await;
        assert_eq!(changes(&outcomes.unwrap()), [expected]);
    }
}

#[tokio::test]
async fn the_same_order_twice_in_one_batch_is_one_order() {
    let Deployment { commands, log, .. } = Deployment::fresh().await;
    let mut cancelled = order("c-1", "o-1", 100);
    cancelled.content = order_content(100, minute(0), OrderStatus::Cancelled);
    let again = order("c-1", "o-1", 100);
    let batch = vec![again.clone(), again, cancelled.clone(), cancelled];
    let outcomes = commands.record_orders(&context(), batch).await.unwrap();
    assert_eq!(changes(&outcomes), [Created, Unchanged, Updated, Unchanged]);
    let positions: Vec<Position> = outcomes.into_iter().map(|o| o.unwrap().position).collect();
    assert_eq!(positions[0], positions[1]);
    assert_eq!(positions[2], positions[3]);
    assert_eq!(event_types(&log, positions[0].partition).await.len(), 2);
}

#[tokio::test]
async fn two_updates_of_a_known_order_in_one_batch_build_on_each_other() {
    let Deployment { commands, log, .. } = Deployment::fresh().await;
    let placed = vec![order("c-1", "o-1", 100)];
    let placed = commands.record_orders(&context(), placed).await.unwrap();
    let at = placed[0].as_ref().unwrap().position;
    let batch = vec![order("c-1", "o-1", 250), order("c-1", "o-1", 400)];
    let outcomes = commands.record_orders(&context(), batch).await.unwrap();
    assert_eq!(changes(&outcomes), [Updated, Updated]);
    let before = Position { number: 0, ..at };
    let previous: Vec<Option<i64>> = log
        .read(before, 10)
        .await
        .unwrap()
        .iter()
        .map(|entry| OrderEvent::decode(&entry.tag, &entry.data).unwrap())
        .map(|event| event.previous().map(|figures| figures.amount.minor()))
        .collect();
    assert_eq!(previous, [None, Some(100), Some(250)]);
}

#[tokio::test]
async fn a_refused_item_does_not_hold_back_the_others() {
    let Deployment { commands, log, .. } = Deployment::fresh().await;
    let batch = || {
        let orders = (0..30).map(|n| match n % 3 {
            1 => order_in_eur("c-1", &format!("o-{n}")),
            _ => order(&format!("c-{n}"), "o-1", n),
        });
        orders.collect::<Vec<_>>()
    };
    for expected in [Created, Unchanged] {
        let outcomes = commands.record_orders(&context(), batch()).await.unwrap();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(outcome) => assert_eq!((index % 3 != 1, outcome.effect), (true, expected)),
                Err(OrderError::Currency { .. }) => assert_eq!(index % 3, 1),
                Err(error @ OrderError::Refund { .. }) => panic!("{error}"),
            }
        }
    }
    let ends = log.ends().await.unwrap();
    assert_eq!(ends.iter().map(|end| end.number).sum::<u64>(), 20);
}

#[tokio::test]
async fn a_batch_larger_than_one_commit_keeps_the_sequence_of_each_order() {
    let deployment = Deployment::with_partitions(1).await;
    // 2,500 changes of the same five orders need three commits.
    let orders = (0..2_500).map(|n| order("c-1", &format!("o-{}", n % 5), 1 + n));
    let outcomes = deployment
        .commands
        .record_orders(&context(), orders.collect())
        .await;
    assert_eq!(
        outcomes
            .unwrap()
            .iter()
            .filter(|outcome| outcome.is_ok())
            .count(),
        2_500
    );
    let commits = deployment.log.read_commits(start(0), 10_000).await.unwrap();
    assert!(commits.iter().all(|commit| commit.events.len() <= 1_000));
    for n in 0..5 {
        let key = order_key(&deployment.log, "c-1", &format!("o-{n}"));
        let history = deployment.log.history(&key).await.unwrap();
        assert_eq!(history.len(), 500);
        let last = 2_496 + n;
        let content = format!(r#"{{"content":{{"amount":{last},"#);
        assert!(
            history[499].data.starts_with(&content),
            "{}",
            history[499].data
        );
    }
}

#[tokio::test]
async fn repeating_an_import_costs_one_extra_round_trip() {
    let server = RedisServer::start("again", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    let orders = || {
        (0..500)
            .map(|n| order("c-1", &format!("o-{n}"), n))
            .collect()
    };
    let record = async || {
        deployment
            .commands
            .record_orders(&context(), orders())
            .await
    };
    record().await.unwrap();
    let calls = async || {
        (
            server.call_count("evalsha").await,
            server.call_count("hmget").await,
        )
    };
    let before = calls().await;
    assert_eq!(changes(&record().await.unwrap()), [Unchanged; 500]);
    let after = calls().await;
    assert_eq!(
        after.0 - before.0,
        1,
        "one append, in which every item conflicts"
    );
    let buckets = after.1 - before.1;
    assert!(buckets <= 501, "{buckets} reads of heads, in one pipeline");
}

#[tokio::test]
async fn ten_thousand_orders_take_few_script_calls() {
    let server = RedisServer::start("ten-thousand", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 16).await;
    let batch = || (0..10_000).map(|n| order(&format!("c-{}", n % 700), &format!("o-{n}"), n));
    for (expected, most) in [(Created, 40), (Unchanged, 20)] {
        let before = server.call_count("evalsha").await;
        let commands = &deployment.commands;
        let outcomes = commands
            .record_orders(&context(), batch().collect())
            .await
            .unwrap();
        assert_eq!(changes(&outcomes), [expected; 10_000]);
        let calls = server.call_count("evalsha").await - before;
        assert!(calls <= most, "{calls} calls for {expected:?}");
    }
}

async fn event_types(log: &eventlog::Log, partition: u16) -> Vec<String> {
    let entries = log.read(start(partition), 100).await.unwrap();
    entries.into_iter().map(|entry| entry.tag).collect()
}

/// Position before the first event of a partition.
fn start(partition: u16) -> Position {
    Position {
        partition,
        number: 0,
    }
}
