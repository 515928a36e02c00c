//! Damage: a log that contradicts itself is detected and accepts no appends.

use eventlog::{LogError, Position};

use super::{append, append_many, item, key, new_item, start, try_append};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn readers_detect_a_missing_entry() {
    let deployment = Deployment::with_partitions(1).await;
    append_many(&deployment.log, &key("a/1", 0), 5).await;
    deployment.delete_commit(0, 3).await;
    let log = &deployment.log;
    assert_eq!(log.read(start(0), 2).await.unwrap().len(), 2);
    for after in [0, 2] {
        let error = log.read(at(after), 10).await.unwrap_err();
        let text = "the log is damaged at 0:4: event 3 is missing";
        assert_eq!(error.to_string(), text);
    }
    let error = log.history(&key("a/1", 0)).await.unwrap_err();
    let text = "the log is damaged at 0:4: event 3 is missing";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_deleted_stream_accepts_no_appends() {
    let deployment = Deployment::with_partitions(1).await;
    append_many(&deployment.log, &key("a/1", 0), 5).await;
    let mut delete = redis::cmd("DEL");
    delete.arg(deployment.stream_key(0));
    delete
        .exec_async(&mut deployment.redis().await)
        .await
        .unwrap();
    let new = key("b/1", 0);
    let refused = try_append(&deployment.log, vec![new_item(&new, "new")]).await;
    let text = "the log is damaged at 0:5: the stream is empty, but the counter says 5";
    assert_eq!(refused.unwrap_err().to_string(), text);
    assert_eq!(deployment.log.heads(0, &[&new]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_counter_behind_its_stream_accepts_no_appends() {
    let deployment = Deployment::with_partitions(1).await;
    append_many(&deployment.log, &key("a/1", 0), 5).await;
    let mut set = redis::cmd("HSET");
    set.arg(deployment.counter_key(0)).arg("last").arg(3);
    set.exec_async(&mut deployment.redis().await).await.unwrap();
    let new = key("b/1", 0);
    let log = deployment.reopen().await;
    let refused = try_append(&log, vec![new_item(&new, "new")])
        .await
        .unwrap_err();
    assert!(matches!(refused, LogError::Damaged { .. }), "{refused}");
    assert_eq!(log.heads(0, &[&new]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_head_ahead_of_the_log_accepts_no_appends() {
    let deployment = Deployment::with_partitions(1).await;
    let (ahead, sound) = (key("a/1", 0), key("b/1", 0));
    append_many(&deployment.log, &ahead, 2).await;
    deployment.set_raw_head(&ahead, "9 17 1 {}").await;
    let batch = vec![new_item(&sound, "x"), item(&ahead, 9, 17, "y")];
    let refused = try_append(&deployment.log, batch).await.unwrap_err();
    let text = "the log is damaged at 0:17: the head of a/1 points here, but the log ends at 2";
    assert_eq!(refused.to_string(), text);
    // Nothing of the batch was written, and other aggregates still accept appends.
    assert_eq!(append(&deployment.log, new_item(&sound, "x")).await, at(3));
}

#[tokio::test]
async fn an_unreadable_head_accepts_no_appends() {
    let deployment = Deployment::with_partitions(1).await;
    let broken = key("a/1", 0);
    append_many(&deployment.log, &broken, 2).await;
    deployment.set_raw_head(&broken, "nonsense").await;
    let text = "the log is damaged at 0:0: the head of a/1 is not readable";
    let read = deployment.log.heads(0, &[&broken]).await.unwrap_err();
    assert_eq!(read.to_string(), text);
    let appended = try_append(&deployment.log, vec![item(&broken, 2, 2, "x")]).await;
    assert_eq!(appended.unwrap_err().to_string(), text);
}

#[tokio::test]
async fn readers_detect_an_entry_that_another_program_wrote() {
    let deployment = Deployment::with_partitions(1).await;
    append_many(&deployment.log, &key("a/1", 0), 1).await;
    let mut add = redis::cmd("XADD");
    add.arg(deployment.stream_key(0))
        .arg("2-1")
        .arg(&["hello", "world"]);
    add.exec_async(&mut deployment.redis().await).await.unwrap();
    let error = deployment.log.read(start(0), 10).await.unwrap_err();
    let text = "the log is damaged at 0:2: an entry has other fields than m and e or z";
    assert_eq!(error.to_string(), text);
}

fn at(number: u64) -> Position {
    Position {
        partition: 0,
        number,
    }
}
