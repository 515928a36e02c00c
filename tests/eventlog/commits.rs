//! Commits: a batch is one entry of the stream. Heads that are rewritten without one.

use eventlog::{Append, Appended, Head, LogError};

use super::{append, append_many, event, item, json, key, new_item, start, try_append};
use crate::support::deployment::Deployment;

#[tokio::test]
async fn a_batch_is_one_entry_with_its_metadata_once() {
    let deployment = Deployment::with_partitions(1).await;
    let batch = (0..600).map(|n| new_item(&key(&format!("a/{n}"), 0), &n.to_string()));
    let log = &deployment.log;
    log.append(0, "{\"at\":1}".into(), batch.collect())
        .await
        .unwrap();
    let [commit] = &log.read_commits(start(0), 1_000).await.unwrap()[..] else {
        panic!("expected one commit");
    };
    assert_eq!((commit.first, commit.last), (1, 600));
    assert_eq!(&*commit.meta, "{\"at\":1}");
    assert_eq!(commit.events[41].data, json("41"));
    assert_eq!(deployment.entry_count(0).await, 1);
}

#[tokio::test]
async fn a_conflict_does_not_block_the_other_items_of_a_batch() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    let contended = key("a/1", 0);
    let first = append(log, new_item(&contended, "first")).await;
    let batch = vec![
        new_item(&key("b/1", 0), "b"),
        new_item(&contended, "stale"),
        new_item(&key("c/1", 0), "c"),
    ];
    let appended = try_append(log, batch).await.unwrap();
    let at = |number| Appended::At(eventlog::Position { number, ..first });
    assert_eq!(appended, [at(2), Appended::Conflict { found: 1 }, at(3)]);
    // The two items without a conflict share one commit.
    assert_eq!(deployment.entry_count(0).await, 2);
}

#[tokio::test]
async fn a_batch_of_more_than_a_thousand_events_is_split_into_commits() {
    let deployment = Deployment::with_partitions(1).await;
    let batch = (0..2_500).map(|n| new_item(&key(&format!("a/{n}"), 0), "x"));
    try_append(&deployment.log, batch.collect()).await.unwrap();
    let commits = deployment.log.read_commits(start(0), 10_000).await.unwrap();
    let sizes: Vec<usize> = commits.iter().map(|commit| commit.events.len()).collect();
    assert_eq!(sizes, [1_000, 1_000, 500]);
}

#[tokio::test]
async fn a_plain_record_has_no_head_and_never_conflicts() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    let records = key("records/today", 0);
    let record = |data: &str| Append {
        key: records.clone(),
        head: None,
        events: vec![event(data)],
    };
    for data in ["one", "two"] {
        append(log, record(data)).await;
    }
    try_append(log, vec![record("three"), record("four")])
        .await
        .unwrap();
    let read = log.read(start(0), 10).await.unwrap();
    let data: Vec<&str> = read.iter().map(|event| &*event.data).collect();
    assert_eq!(data, ["one", "two", "three", "four"].map(json));
    assert!(
        read.iter()
            .all(|event| (event.version, event.previous) == (0, 0))
    );
    assert_eq!(log.heads(0, &[&records]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_call_cannot_append_to_an_aggregate_twice() {
    let deployment = Deployment::with_partitions(1).await;
    let twice = key("a/1", 0);
    let batch = vec![new_item(&twice, "x"), item(&twice, 1, 1, "y")];
    let refused = try_append(&deployment.log, batch).await.unwrap_err();
    assert!(matches!(refused, LogError::Options(_)), "{refused}");
    assert_eq!(
        refused.to_string(),
        "an append to a/1 appears twice in one call"
    );
}

#[tokio::test]
async fn a_head_is_rewritten_unless_it_has_changed_since_it_was_read() {
    let deployment = Deployment::with_partitions(1).await;
    let log = &deployment.log;
    let (idle, moving) = (key("a/1", 0), key("b/1", 0));
    append_many(log, &idle, 2).await;
    append_many(log, &moving, 1).await;
    let head = |version, last| Head {
        version,
        last,
        fold: 2,
        state: "refolded".to_owned(),
    };
    // An append that comes between reading a head and rewriting it must not be undone.
    append(log, item(&moving, 1, 3, "newer")).await;
    let rewritten = [(&idle, head(2, 2)), (&moving, head(1, 3))];
    log.rewrite_heads(0, &rewritten).await.unwrap();
    let heads = log.heads(0, &[&idle, &moving]).await.unwrap();
    assert_eq!(heads[0], Some(head(2, 2)));
    let newer = heads[1].as_ref().unwrap();
    assert_eq!((newer.version, newer.fold), (2, 1));
}
