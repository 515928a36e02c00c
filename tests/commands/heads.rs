//! Heads that an older version of the fold has written.

use commands::{CommandEffect, CommandError, verify_heads};
use eventlog::{Head, LogError};

use super::{changes, order_key};
use crate::support::deployment::Deployment;
use crate::support::redis_server::{DURABLE, RedisServer};
use crate::support::shop::{context, order};

#[tokio::test]
async fn a_head_of_an_older_fold_is_refolded() {
    let deployment = Deployment::fresh().await;
    let (log, commands) = (&deployment.log, &deployment.commands);
    for cents in [100, 200] {
        commands
            .record_orders(&context(), vec![order("c-1", "o-1", cents)])
            .await
            .unwrap();
    }
    let key = order_key(log, "c-1", "o-1");
    let head = log
        .heads(key.partition, &[&key])
        .await
        .unwrap()
        .pop()
        .flatten()
        .unwrap();
    for state in ["another form", "null"] {
        let old = format!("{} {} 0 {state}", head.version, head.last);
        deployment.set_raw_head(&key, &old).await;
        let same = commands
            .record_orders(&context(), vec![order("c-1", "o-1", 200)])
            .await;
        assert_eq!(changes(&same.unwrap()), [CommandEffect::Unchanged]);
    }
    let other = commands
        .record_orders(&context(), vec![order("c-1", "o-1", 300)])
        .await;
    assert_eq!(changes(&other.unwrap()), [CommandEffect::Updated]);
    let history = log.history(&key).await.unwrap();
    assert!(
        history[2].data.contains(r#""previous":{"amount":200"#),
        "{}",
        history[2].data
    );
    let head = log
        .heads(key.partition, &[&key])
        .await
        .unwrap()
        .pop()
        .flatten()
        .unwrap();
    assert_eq!((head.version, head.fold), (3, 2));
    let report = verify_heads(log, key.partition).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}

#[tokio::test]
async fn refolding_a_head_whose_events_were_trimmed_is_an_error() {
    let deployment = Deployment::fresh().await;
    let (log, commands) = (&deployment.log, &deployment.commands);
    let record = async |cents| {
        let orders = vec![order("c-1", "o-1", cents)];
        commands.record_orders(&context(), orders).await
    };
    record(100).await.unwrap();
    record(200).await.unwrap();
    let key = order_key(log, "c-1", "o-1");
    let last = log.last(key.partition).await.unwrap();
    assert_eq!(log.trim(last).await.unwrap(), last);
    assert_eq!(
        changes(&record(200).await.unwrap()),
        [CommandEffect::Unchanged]
    );
    let (_, head) = deployment.raw_head(&key).await.unwrap();
    let [version, number, _] = head.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("malformed head: {head}");
    };
    let old = format!("{version} {number} 0 another form");
    deployment.set_raw_head(&key, &old).await;
    let trimmed = record(300).await.unwrap_err();
    let is_trimmed = |error: &CommandError| match error {
        CommandError::Log(LogError::Trimmed { floor }) => *floor == last,
        _ => false,
    };
    assert!(is_trimmed(&trimmed), "{trimmed}");
}

#[tokio::test]
async fn heads_of_an_older_fold_are_rewritten_once() {
    let server = RedisServer::start("refolds", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    let commands = &deployment.commands;
    let ids: Vec<String> = (0..200).map(|n| format!("o-{n}")).collect();
    let orders = |cents| ids.iter().map(|id| order("c-1", id, cents)).collect();
    for cents in [100, 200] {
        let recorded = commands.record_orders(&context(), orders(cents)).await;
        assert!(recorded.unwrap().iter().all(Result::is_ok));
    }
    for id in &ids {
        let key = order_key(&deployment.log, "c-1", id);
        let head = deployment
            .log
            .heads(0, &[&key])
            .await
            .unwrap()
            .pop()
            .flatten();
        let Head { version, last, .. } = head.unwrap();
        let older = format!("{version} {last} 0 null");
        deployment.set_raw_head(&key, &older).await;
    }
    let mut walks = Vec::new();
    for _ in 0..2 {
        let before = server.call_count("evalsha").await;
        let same = commands.record_orders(&context(), orders(200)).await;
        assert_eq!(changes(&same.unwrap()), vec![CommandEffect::Unchanged; 200]);
        walks.push(server.call_count("evalsha").await - before);
    }
    // The first batch calls the append that guesses the orders are new, two steps back through the
    // history of all orders together, and one rewrite of the heads. Two more calls find that their
    // script is not loaded. The second batch calls only the append.
    assert!(walks[0] <= 6 && walks[1] == 1, "{walks:?}");
    let report = verify_heads(&deployment.log, 0).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}
