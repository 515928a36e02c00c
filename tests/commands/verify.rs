//! Verification of heads against their events.

use commands::verify_heads;
use domain::ViewCommand;
use eventlog::{Key, Log};
use serde_json::json;

use super::order_key;
use crate::support::deployment::Deployment;
use crate::support::shop::{activity, context, customer, minute, order};

#[tokio::test]
async fn a_healthy_log_has_no_differences() {
    let deployment = filled_deployment().await;
    assert_eq!(differences(&deployment.log).await, [""; 0]);
    let mut sums = (0, 0);
    for partition in deployment.log.partitions() {
        let report = verify_heads(&deployment.log, partition).await.unwrap();
        sums = (sums.0 + report.events, sums.1 + report.heads);
    }
    assert_eq!(sums, (9, 8));
}

#[tokio::test]
async fn a_head_that_differs_from_its_events_is_found() {
    let deployment = filled_deployment().await;
    let key = order_key(&deployment.log, "c-1", "o-1");
    let (_, head) = deployment.raw_head(&key).await.unwrap();
    // 100 and 101 with the base 36.
    deployment
        .set_raw_head(&key, &head.replace("p2s ", "p2t "))
        .await;
    let found = differences(&deployment.log).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("order/c-1/o-1: the head has the state \"p2t "),
        "{found:?}"
    );

    let (version, rest) = head.split_once(' ').unwrap();
    assert_eq!(version, "2");
    deployment.set_raw_head(&key, &format!("1 {rest}")).await;
    let found = differences(&deployment.log).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("order/c-1/o-1: the head is at version 1"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_missing_head_is_found() {
    let deployment = filled_deployment().await;
    let key = order_key(&deployment.log, "c-1", "o-1");
    let (bucket, _) = deployment.raw_head(&key).await.unwrap();
    let mut delete = redis::cmd("HDEL");
    delete.arg(bucket).arg(&*key.text);
    delete
        .exec_async(&mut deployment.redis().await)
        .await
        .unwrap();
    let found = differences(&deployment.log).await;
    assert_eq!(found, ["order/c-1/o-1: has events, but no head"]);
}

#[tokio::test]
async fn a_head_without_events_is_found() {
    let deployment = filled_deployment().await;
    let real = order_key(&deployment.log, "c-1", "o-1");
    let (bucket, head) = deployment.raw_head(&real).await.unwrap();
    deployment
        .put_raw_head(&bucket, "order/c-1/ghost", &head)
        .await;
    let found = differences(&deployment.log).await;
    assert_eq!(found, ["order/c-1/ghost: has a head, but no events"]);
}

#[tokio::test]
async fn a_head_beyond_the_end_of_the_log_is_found() {
    let deployment = filled_deployment().await;
    let real = order_key(&deployment.log, "c-1", "o-1");
    let (bucket, _) = deployment.raw_head(&real).await.unwrap();
    deployment
        .put_raw_head(&bucket, "order/c-1/ghost", "1 999 1 null")
        .await;
    let end = deployment.log.last(real.partition).await.unwrap().number;
    let found = differences(&deployment.log).await;
    let expected = format!("order/c-1/ghost: the head is at number 999, the log ends at {end}");
    assert_eq!(found, [expected]);
}

/// Returns a deployment with nine events of eight aggregates.
async fn filled_deployment() -> Deployment {
    let deployment = Deployment::with_partitions(2).await;
    let commands = &deployment.commands;
    for cents in [50, 100] {
        let orders = vec![order("c-1", "o-1", cents), order("c-2", "o-1", 7)];
        commands.record_orders(&context(), orders).await.unwrap();
    }
    let customers = (1..=4)
        .map(|n| customer(&format!("c-{n}"), "Ann"))
        .collect();
    commands
        .record_customers(&context(), customers)
        .await
        .unwrap();
    let visit = activity("c-3", "e-1", "visit", minute(1));
    commands
        .record_activities(&context(), vec![visit])
        .await
        .unwrap();
    let view = domain::ViewName::try_from("orders").unwrap();
    commands
        .execute(&context(), view, ViewCommand::RequestRebuild)
        .await
        .unwrap()
        .unwrap();
    deployment
}

async fn differences(log: &Log) -> Vec<String> {
    let mut all = Vec::new();
    for partition in log.partitions() {
        let report = verify_heads(log, partition).await.unwrap();
        all.extend(report.differences.iter().map(ToString::to_string));
    }
    all
}

#[tokio::test]
async fn an_event_that_skips_a_version_is_found() {
    let deployment = Deployment::with_partitions(1).await;
    let key = Key {
        text: "view/orders".into(),
        partition: 0,
    };
    for (number, version) in [(1, 1), (2, 3)] {
        let event = (&*key.text, version, 0, "rebuild_requested.1", json!({}));
        let mut add = redis::cmd("XADD");
        add.arg(deployment.stream_key(0))
            .arg(format!("{number}-1"))
            .arg(&["m", "{}", "e"])
            .arg(serde_json::to_string(&[event]).unwrap());
        add.exec_async(&mut deployment.redis().await).await.unwrap();
    }
    let mut count = redis::cmd("HSET");
    count.arg(deployment.counter_key(0)).arg("last").arg(2);
    count
        .exec_async(&mut deployment.redis().await)
        .await
        .unwrap();
    assert_eq!(
        differences(&deployment.log).await,
        [
            "view/orders: at 0:2: version 3 with previous event 0 follows version 1 at event 1",
            "view/orders: has events, but no head",
        ]
    );
}

#[tokio::test]
async fn verification_continues_past_entries_that_cannot_be_read() {
    let deployment = filled_deployment().await;
    let key = order_key(&deployment.log, "c-1", "o-1");
    deployment.delete_commit(key.partition, 1).await;
    let (_, head) = deployment.raw_head(&key).await.unwrap();
    let found = differences(&deployment.log).await;
    let gap = format!("partition {}: the log is damaged at", key.partition);
    assert!(
        found.iter().any(|found| found.starts_with(&gap)),
        "{found:?}"
    );
    let other = order_key(&deployment.log, "c-2", "o-1");
    let changed = head.replace("[100,", "[101,");
    deployment.set_raw_head(&other, &changed).await;
    let more = differences(&deployment.log).await;
    assert!(
        more.iter()
            .any(|found| found.starts_with("order/c-2/o-1: ")),
        "{more:?}"
    );
}
