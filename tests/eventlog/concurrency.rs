//! Concurrent appends.

use std::collections::{HashMap, HashSet};

use eventlog::{Appended, Entry, Key, Log, Position};
use futures::future::join_all;

use super::{append, item, json, key, new_item, start, try_append};
use crate::support::deployment::Deployment;
use crate::support::redis_server::{DURABLE, RedisServer};

#[tokio::test]
async fn an_acknowledged_event_is_in_the_log_exactly_once() {
    let deployment = Deployment::with_partitions(2).await;
    // Two processes append, each with its own appenders.
    let logs = [deployment.log.clone(), deployment.reopen().await];
    let writers = (0..24).map(|writer| {
        let log = logs[writer % 2].clone();
        tokio::spawn(async move { write(&log, writer).await })
    });
    let acknowledged: Vec<(Position, String)> = join_all(writers)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();

    let mut entries: HashMap<Position, Entry> = HashMap::new();
    for partition in 0..2 {
        let read = deployment.log.read(start(partition), 10_000).await.unwrap();
        entries.extend(read.into_iter().map(|entry| (entry.position, entry)));
    }
    assert_eq!(entries.len(), acknowledged.len());
    let distinct: HashSet<&str> = entries.values().map(|entry| &*entry.data).collect();
    assert_eq!(distinct.len(), acknowledged.len());
    for (position, data) in &acknowledged {
        assert_eq!(entries[position].data, json(data));
    }
}

/// Appends in turn to an aggregate of its own and to one that all writers share.
async fn write(log: &Log, writer: usize) -> Vec<(Position, String)> {
    let own = key(&format!("own/{writer}"), (writer % 2) as u16);
    let shared = key("shared/1", 0);
    let mut acknowledged = Vec::new();
    let mut last = 0;
    for turn in 0..10 {
        let data = format!("{writer} own {turn}");
        let position = append(log, item(&own, turn, last, &data)).await;
        last = position.number;
        acknowledged.push((position, data));
        let data = format!("{writer} shared {turn}");
        acknowledged.push((append_with_retries(log, &shared, &data).await, data));
    }
    acknowledged
}

/// Appends at the aggregate's current version, and repeats after conflicts.
async fn append_with_retries(log: &Log, key: &Key, data: &str) -> Position {
    loop {
        let head = log
            .heads(key.partition, &[key])
            .await
            .unwrap()
            .pop()
            .flatten();
        let (expected, last) = head.map_or((0, 0), |head| (head.version, head.last));
        match try_append(log, vec![item(key, expected, last, data)])
            .await
            .unwrap()[..]
        {
            [Appended::At(position)] => return position,
            [Appended::Conflict { .. }] => {}
            ref other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn waiting_appends_are_committed_in_groups() {
    let server = RedisServer::start("group-commit", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    // The first append loads the script, which takes calls of its own.
    append(
        &deployment.log,
        new_item(&key("first/1", 0), "loads the script"),
    )
    .await;
    let before = server.call_count("evalsha").await;
    let appends = (0..2_000).map(|n| {
        let log = deployment.log.clone();
        tokio::spawn(async move { append(&log, new_item(&key(&format!("a/{n}"), 0), "x")).await })
    });
    join_all(appends).await.into_iter().for_each(|done| {
        done.unwrap();
    });
    let calls = server.call_count("evalsha").await - before;
    assert!(calls <= 200, "{calls} calls for 2,000 appends");
    assert_eq!(deployment.log.last(0).await.unwrap().number, 2_001);
}

#[tokio::test]
async fn a_batch_larger_than_one_call_is_answered_in_order() {
    let deployment = Deployment::with_partitions(1).await;
    let batch = (0..2_500).map(|n| new_item(&key(&format!("a/{n}"), 0), &n.to_string()));
    let appended = try_append(&deployment.log, batch.collect()).await.unwrap();
    for (number, appended) in (1..).zip(appended) {
        let partition = 0;
        assert_eq!(appended, Appended::At(Position { partition, number }));
    }
}
