//! Redis is killed while events are appended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventlog::{Append, Appended, Head, Key, Log, LogError, Position};

use super::{event, item, json, key, new_item, start, try_append};
use crate::support::deployment::open_log;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::wait::{eventually, until};

/// Number of events of one item. Either all of them are in the log or none.
const EVENTS: u64 = 3;

#[tokio::test]
async fn a_killed_redis_loses_no_acknowledged_event() {
    let engines = OwnEngines::start(&test_dir("log-crash"));
    let log = open_log(&engines.redis_url(), "t", 1).await.unwrap();
    let tails = log.tails();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|n| tokio::spawn(write(log.clone(), key(&format!("a/{n}"), 0), stop.clone())))
        .collect();
    let enough = async || log.last(0).await.is_ok_and(|end| end.number > 300);
    until("300 events", enough).await;
    let mut engines = kill_redis(engines).await;
    let unavailable = try_append(&log, vec![new_item(&key("b/1", 0), "x")]).await;
    assert!(
        matches!(unavailable, Err(LogError::Unavailable(_))),
        "{unavailable:?}"
    );
    let engines = blocking(move || {
        engines.restart();
        engines
    })
    .await;

    let before = eventually("Redis answers again", async || log.last(0).await.ok()).await;
    let moving = async || log.last(0).await.unwrap().number > before.number + 300;
    until("300 more events", moving).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert_complete(&log, &acknowledged).await;
    let end = log.last(0).await.unwrap().number;
    until("the tail reaches the end", async || {
        *tails.of(0).unwrap().borrow() == end
    })
    .await;
    drop(engines);
}

/// Appends until it is stopped, and repeats after errors and conflicts as a command does. Returns
/// the acknowledged positions and data.
async fn write(log: Log, key: Key, stop: Arc<AtomicBool>) -> Vec<(Position, String)> {
    let mut acknowledged = Vec::new();
    let (mut version, mut last) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let data = format!("{key} after {version}");
        let append = Append {
            events: (0..EVENTS).map(|_| event(&data)).collect(),
            ..item(&key, version, last, &data)
        };
        match try_append(&log, vec![append]).await.as_deref() {
            Ok([Appended::At(position)]) => {
                acknowledged.push((*position, json(&data)));
                version += EVENTS;
                last = position.number;
            }
            // An earlier append, whose outcome was unknown, was written.
            Ok([Appended::Conflict { found }]) => {
                version = *found;
                last = head(&log, &key).await.map_or(last, |head| head.last);
            }
            Ok(other) => panic!("{other:?}"),
            Err(LogError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    acknowledged
}

async fn head(log: &Log, key: &Key) -> Option<Head> {
    log.heads(key.partition, &[key]).await.ok()?.pop().flatten()
}

/// Asserts that acknowledged events are in the log, items are complete, and heads match them.
async fn assert_complete(log: &Log, acknowledged: &[(Position, String)]) {
    let entries = log.read(start(0), 1_000_000).await.unwrap();
    assert_eq!(entries.len() as u64, log.last(0).await.unwrap().number);
    for (position, data) in acknowledged {
        assert_eq!(entries[position.number as usize - 1].data, *data);
    }
    for n in 0..4 {
        let key = key(&format!("a/{n}"), 0);
        let history = log.history(&key).await.unwrap();
        let own = entries.iter().filter(|entry| entry.key == *key.text);
        assert_eq!(history, own.cloned().collect::<Vec<_>>());
        assert_eq!(
            history.len() as u64 % EVENTS,
            0,
            "{key} has an incomplete item"
        );
        let head = log.heads(0, &[&key]).await.unwrap().pop().flatten();
        let last = history.last().unwrap();
        let data: String = serde_json::from_str(&last.data).unwrap();
        assert_eq!(head.unwrap().state, format!("state after {data}"));
    }
}

async fn kill_redis(mut engines: OwnEngines) -> OwnEngines {
    blocking(move || {
        engines.kill_redis();
        engines
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
