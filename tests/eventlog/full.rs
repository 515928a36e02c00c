//! The log on a Redis that is out of memory.

use eventlog::LogError;

use super::{append, append_many, item, key, new_item, start, try_append};
use crate::support::deployment::{Deployment, open_log};
use crate::support::redis_server::{DURABLE, RedisServer};

#[tokio::test]
async fn a_full_redis_rejects_appends_and_loses_nothing() {
    let server = RedisServer::start("full", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    let log = &deployment.log;
    let known = key("a/1", 0);
    append_many(log, &known, 3).await;
    let before = (
        log.read(start(0), 10).await.unwrap(),
        log.heads(0, &[&known]).await.unwrap(),
    );

    server.set_config("maxmemory", 1).await;
    let batch = vec![item(&known, 3, 3, "more"), new_item(&key("b/1", 0), "new")];
    let refused = try_append(log, batch.clone()).await.unwrap_err();
    assert!(matches!(refused, LogError::Full), "{refused:?}");
    assert_eq!(refused.to_string(), "Redis is out of memory");
    assert!(log.memory().await.unwrap().fullness() >= 1.0);
    let after = (
        log.read(start(0), 10).await.unwrap(),
        log.heads(0, &[&known]).await.unwrap(),
    );
    assert_eq!(before, after);

    server.set_config("maxmemory", 0).await;
    try_append(log, batch).await.unwrap();
    assert_eq!(log.last(0).await.unwrap().number, 5);
}

#[tokio::test]
async fn a_log_on_a_full_redis_can_be_opened_and_read() {
    let server = RedisServer::start("full-open", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    append(&deployment.log, new_item(&key("a/1", 0), "x")).await;
    server.set_config("maxmemory", 1).await;
    let again = deployment.reopen().await;
    assert_eq!(again.read(start(0), 10).await.unwrap().len(), 1);
    // Creating a log needs writes.
    let new = open_log(&server.url(), "new", 1).await.err();
    assert!(matches!(new, Some(LogError::Full)), "{new:?}");
}
