//! A log that contradicts itself is noticed, and not written to.

use eventlog::{LogError, Position};

use super::{append, append_many, item, key, start};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn a_missing_entry_is_noticed_by_readers() {
    let deployment = Deployment::with_partitions(1).await;
    append_many(&deployment.log, &key("a/1", 0), 5).await;
    deployment.delete_entry(at(3)).await;
    let log = &deployment.log;
    assert_eq!(log.read(start(0), 2).await.unwrap().len(), 2);
    for after in [0, 2] {
        let error = log.read(at(after), 10).await.unwrap_err();
        let text = "the log is damaged at 0:4: a gap: number 3 is missing";
        assert_eq!(error.to_string(), text);
    }
    let error = log.history(&key("a/1", 0)).await.unwrap_err();
    let text = "the log is damaged at 0:3: no event of a/1, to which its history leads";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_log_with_a_missing_entry_takes_no_more() {
    let deployment = Deployment::with_partitions(1).await;
    let (last, new) = (key("a/1", 0), key("b/1", 0));
    append_many(&deployment.log, &last, 5).await;
    deployment.delete_entry(at(3)).await;
    for item in [item(&last, 5, "more"), item(&new, 0, "new")] {
        let refused = deployment.log.append(0, vec![item]).await.unwrap_err();
        assert!(matches!(refused, LogError::Damaged { .. }), "{refused}");
        assert!(refused.to_string().starts_with("the log is damaged at 0:"));
    }
    assert_eq!(deployment.log.heads(0, &[&new]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_head_ahead_of_the_log_takes_no_more() {
    let deployment = Deployment::with_partitions(1).await;
    let (ahead, sound) = (key("a/1", 0), key("b/1", 0));
    append_many(&deployment.log, &ahead, 2).await;
    deployment.set_raw_head(&ahead, "9 17 1 {}").await;
    let batch = vec![item(&sound, 0, "x"), item(&ahead, 9, "y")];
    let refused = deployment.log.append(0, batch).await.unwrap_err();
    let text = "the log is damaged at 0:17: the head of a/1 stands here, but the log ends at 2";
    assert_eq!(refused.to_string(), text);
    // Nothing of the batch was written, and others are not kept back.
    assert_eq!(append(&deployment.log, item(&sound, 0, "x")).await, at(3));
}

#[tokio::test]
async fn an_unreadable_head_takes_no_more() {
    let deployment = Deployment::with_partitions(1).await;
    let broken = key("a/1", 0);
    append_many(&deployment.log, &broken, 2).await;
    deployment.set_raw_head(&broken, "nonsense").await;
    let text = "the log is damaged at 0:0: the head of a/1 is not readable";
    let read = deployment.log.heads(0, &[&broken]).await.unwrap_err();
    assert_eq!(read.to_string(), text);
    let appended = deployment.log.append(0, vec![item(&broken, 2, "x")]).await;
    assert_eq!(appended.unwrap_err().to_string(), text);
}

#[tokio::test]
async fn what_others_wrote_into_the_stream_is_noticed() {
    let deployment = Deployment::with_partitions(1).await;
    append_many(&deployment.log, &key("a/1", 0), 1).await;
    let mut add = redis::cmd("XADD");
    add.arg(deployment.stream(0))
        .arg("2-0")
        .arg(&["hello", "world"]);
    add.exec_async(&mut deployment.redis().await).await.unwrap();
    let error = deployment.log.read(start(0), 10).await.unwrap_err();
    let text = "the log is damaged at 0:2: other fields than k n b t d m";
    assert_eq!(error.to_string(), text);
}

fn at(number: u64) -> Position {
    Position {
        partition: 0,
        number,
    }
}
