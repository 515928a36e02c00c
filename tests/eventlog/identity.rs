//! Identity of the log: nothing is appended to a Redis that came back empty or with an older copy.

use std::sync::Arc;

use eventlog::{Log, LogError, LogOptions, Position};
use projections::{Mode, Projector, Store, StoreOptions};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use super::{append, append_many, item, key, new_item, start, try_append};
use crate::support::deployment::Deployment;
use crate::support::engines::engines;
use crate::support::redis_server::{DURABLE, RedisServer};

#[tokio::test]
async fn a_process_that_has_seen_the_log_appends_nothing_to_an_empty_redis() {
    let server = RedisServer::start("identity-empty", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    let log = &deployment.log;
    append_many(log, &key("a/1", 0), 3).await;
    redis::cmd("FLUSHALL")
        .exec_async(&mut server.connect().await)
        .await
        .unwrap();
    for _ in 0..2 {
        let refused = try_append(log, vec![new_item(&key("b/1", 0), "x")])
            .await
            .unwrap_err();
        assert!(refused.is_other_log(), "{refused}");
    }
    assert!(log.check().await.unwrap_err().is_other_log());
    let keys: u64 = redis::cmd("DBSIZE")
        .query_async(&mut server.connect().await)
        .await
        .unwrap();
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn a_process_that_has_seen_more_events_appends_nothing_to_an_older_copy() {
    let server = RedisServer::start("identity-older", DURABLE).await;
    let deployment = Deployment::on_redis(&server.url(), 1).await;
    let log = &deployment.log;
    append_many(log, &key("a/1", 0), 3).await;
    let copy = dump(&mut server.connect().await).await;
    append(log, item(&key("a/1", 0), 3, 3, "lost")).await;
    restore(&mut server.connect().await, copy).await;
    let refused = try_append(log, vec![item(&key("a/1", 0), 3, 3, "x")])
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the log ends at 0:3, but event 4 of that partition was seen: this Redis holds an older \
         copy"
    );
    assert_eq!(log.last(0).await.unwrap().number, 3);
}

#[tokio::test]
async fn a_new_process_compares_the_log_with_the_views() {
    let server = RedisServer::start("identity-views", DURABLE).await;
    let (options, store) = options_with_witness(&server.url()).await;
    let log = Log::open(&options).await.unwrap();
    // The view `orders` folds two events, and the copy has only the first of them.
    let deployment = Deployment::from_parts(log.clone(), store.clone()).await;
    let orders = vec![crate::support::shop::order("c-1", "o-1", 100)];
    deployment
        .commands
        .record_orders(&crate::support::shop::context(), orders)
        .await
        .unwrap();
    let copy = dump(&mut server.connect().await).await;
    let orders = vec![crate::support::shop::order("c-1", "o-2", 100)];
    deployment
        .commands
        .record_orders(&crate::support::shop::context(), orders)
        .await
        .unwrap();
    fold_orders(&log, &store).await;

    restore(&mut server.connect().await, copy).await;
    let restarted = Log::open(&options).await.unwrap();
    let refused = try_append(&restarted, vec![new_item(&key("b/1", 0), "x")])
        .await
        .unwrap_err();
    assert!(
        matches!(refused, LogError::Behind { seen: 2, .. }),
        "{refused}"
    );

    redis::cmd("FLUSHALL")
        .exec_async(&mut server.connect().await)
        .await
        .unwrap();
    let refused = Log::open(&options).await.err().unwrap();
    assert!(matches!(refused, LogError::Gone), "{refused}");
}

#[tokio::test]
async fn an_accepted_copy_continues_under_a_new_epoch() {
    let server = RedisServer::start("identity-accept", DURABLE).await;
    let (options, _store) = options_with_witness(&server.url()).await;
    let log = Log::open(&options).await.unwrap();
    append_many(&log, &key("a/1", 0), 3).await;
    let copy = dump(&mut server.connect().await).await;
    append(&log, item(&key("a/1", 0), 3, 3, "lost")).await;
    restore(&mut server.connect().await, copy).await;
    let again = item(&key("a/1", 0), 3, 3, "again");
    assert!(try_append(&log, vec![again.clone()]).await.is_err());

    let before = log.epoch();
    let (accepted, epoch) = Log::accept(&options).await.unwrap();
    assert_ne!(*before, *epoch);
    assert_eq!(append(&accepted, again).await, at(4));
    // A process that ran before the acceptance adopts the new epoch.
    let more = item(&key("a/1", 0), 4, 4, "more");
    let appended = crate::support::wait::eventually("the new epoch", async || {
        try_append(&log, vec![more.clone()]).await.ok()
    });
    appended.await;
    assert_eq!(*log.epoch(), *epoch);
    assert_eq!(log.read(start(0), 10).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_new_process_appends_nothing_while_mongodb_is_unavailable() {
    let server = RedisServer::start("identity-unasked", DURABLE).await;
    let (options, _store) = options_with_witness(&server.url()).await;
    Log::open(&options).await.unwrap();
    let absent = StoreOptions {
        uri: "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200".to_owned(),
        database: "absent".to_owned(),
    };
    let absent = LogOptions {
        witness: Some(Arc::new(Store::open(&absent).await.unwrap())),
        ..options
    };
    let log = Log::open(&absent).await.unwrap();
    let refused = try_append(&log, vec![new_item(&key("a/1", 0), "x")])
        .await
        .unwrap_err();
    assert!(matches!(refused, LogError::Unconfirmed(_)), "{refused}");
    assert_eq!(log.last(0).await.unwrap(), start(0));
}

#[tokio::test]
async fn a_log_of_another_format_is_refused() {
    let server = RedisServer::start("identity-format", DURABLE).await;
    let (options, _store) = options_with_witness(&server.url()).await;
    let mut redis = server.connect().await;
    // Format 1 stored no version in its settings.
    let _: () = redis.hset("{t}:settings", "partitions", 16).await.unwrap();
    let refused = Log::open(&options).await.err().unwrap();
    assert!(matches!(refused, LogError::Format { .. }), "{refused}");
    assert_eq!(
        refused.to_string(),
        "this log has format 1, but this program only reads format 3"
    );
}

/// Returns options of a log on this Redis, and the store of views that is its witness.
async fn options_with_witness(url: &str) -> (LogOptions, Store) {
    let views = StoreOptions {
        uri: engines().mongodb_uri.clone(),
        database: format!("t{:016x}", rand::random::<u64>()),
    };
    let store = Store::open(&views).await.unwrap();
    let options = LogOptions {
        url: url.to_owned(),
        authorities: None,
        namespace: "t".to_owned(),
        partitions: Some(1),
        allow_data_loss: false,
        witness: Some(Arc::new(store.clone())),
    };
    (options, store)
}

/// Folds the two recorded orders into the view `orders`.
async fn fold_orders(log: &Log, store: &Store) {
    store.generations().prepare().await.unwrap();
    let view = projections::VIEWS
        .iter()
        .find(|view| view.name() == "orders");
    let projector = Projector::resume(store, log, *view.unwrap(), 1, 0, Mode::Live);
    assert_eq!(projector.await.unwrap().step(10).await.unwrap(), 2);
}

/// Redis keys with their serialized values.
type Dump = Vec<(String, Vec<u8>)>;

/// Returns a copy of all keys that a Redis holds.
async fn dump(redis: &mut MultiplexedConnection) -> Dump {
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    let mut copy = Vec::new();
    for key in keys {
        let mut dump = redis::cmd("DUMP");
        copy.push((
            key.clone(),
            dump.arg(&key).query_async(redis).await.unwrap(),
        ));
    }
    copy
}

/// Replaces all keys of a Redis with those of a copy.
async fn restore(redis: &mut MultiplexedConnection, copy: Dump) {
    redis::cmd("FLUSHALL").exec_async(redis).await.unwrap();
    for (key, value) in copy {
        let mut restore = redis::cmd("RESTORE");
        restore
            .arg(key)
            .arg(0)
            .arg(value)
            .exec_async(redis)
            .await
            .unwrap();
    }
}

fn at(number: u64) -> Position {
    Position {
        partition: 0,
        number,
    }
}
