//! Trimming: reads below the floor fail with an error that names the floor.

use eventlog::{LogError, Position};

use super::{append, append_many, item, key, new_item, start};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn reading_below_the_floor_names_the_floor() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    append_many(log, &key("a/1", 0), 5).await;
    assert_eq!(log.trim(at(4)).await.unwrap(), at(4));
    assert_eq!(log.floors().await.unwrap(), [at(4)]);
    let text = "events before 0:4 were trimmed from the log";
    assert_eq!(log.read(start(0), 10).await.unwrap_err().to_string(), text);
    let history = log.history(&key("a/1", 0)).await.unwrap_err();
    assert_eq!(history.to_string(), text);
    assert_eq!(log.read(at(3), 10).await.unwrap().len(), 2);
    // An append needs the aggregate's head, not its trimmed events.
    assert_eq!(append(log, item(&key("a/1", 0), 5, 5, "more")).await, at(6));
}

#[tokio::test]
async fn a_log_trimmed_to_its_end_accepts_appends() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    append_many(log, &key("a/1", 0), 3).await;
    assert_eq!(log.trim(at(9)).await.unwrap(), at(4));
    assert_eq!(log.last(0).await.unwrap(), at(3));
    let log = deployment.reopen().await;
    assert_eq!(append(&log, new_item(&key("b/1", 0), "x")).await, at(4));
    assert_eq!(log.read(at(3), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_gap_above_the_floor_is_reported_as_damage() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    append_many(log, &key("a/1", 0), 6).await;
    log.trim(at(3)).await.unwrap();
    deployment.delete_commit(0, 5).await;
    let error = log.read(at(2), 10).await.unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
}

fn at(number: u64) -> Position {
    Position {
        partition: 0,
        number,
    }
}
