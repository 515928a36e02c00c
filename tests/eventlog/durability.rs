//! Durability: a Redis whose settings could lose events is refused.

use eventlog::{Log, LogError, LogOptions};

use super::{append, key, new_item};
use crate::support::deployment::open_log;
use crate::support::redis_server::{DURABLE, RedisServer};

#[tokio::test]
async fn an_unsafe_redis_is_refused_and_each_unsafe_setting_is_named() {
    // Redis with its default settings.
    let server = RedisServer::start("unsafe", "").await;
    assert_eq!(
        refused_settings(&server).await,
        [
            "appendonly is no, must be yes",
            "appendfsync is everysec, must be always",
            "aof-load-truncated is yes, must be no",
        ]
    );
    server.set_config("maxmemory-policy", "allkeys-lru").await;
    server.set_config("no-appendfsync-on-rewrite", "yes").await;
    assert_eq!(refused_settings(&server).await.len(), 5);

    server.set_config("appendonly", "yes").await;
    server.set_config("appendfsync", "always").await;
    server.set_config("aof-load-truncated", "no").await;
    server.set_config("maxmemory-policy", "noeviction").await;
    assert_eq!(
        refused_settings(&server).await,
        ["no-appendfsync-on-rewrite is yes, must be no"]
    );
    server.set_config("no-appendfsync-on-rewrite", "no").await;
    open_log(&server.url(), "t", 1).await.unwrap();
}

#[tokio::test]
async fn an_unsafe_redis_is_accepted_if_data_loss_is_allowed() {
    let server = RedisServer::start("unsafe-allowed", "").await;
    let options = LogOptions {
        url: server.url(),
        authorities: None,
        namespace: "t".to_owned(),
        partitions: None,
        witness: None,
        allow_data_loss: true,
    };
    let log = Log::open(&options).await.unwrap();
    assert_eq!(log.unsafe_settings().len(), 3);
    assert_eq!(append(&log, new_item(&key("a/1", 0), "x")).await.number, 1);
}

#[tokio::test]
async fn a_redis_that_hides_its_settings_is_refused() {
    let hidden = format!("{DURABLE}rename-command CONFIG \"\"\n");
    let server = RedisServer::start("hidden", &hidden).await;
    let settings = refused_settings(&server).await;
    assert_eq!(settings.len(), 5);
    assert_eq!(settings[0], "appendonly cannot be read, must be yes");
}

/// Opens a log, which must be refused, and returns the settings that the error names.
async fn refused_settings(server: &RedisServer) -> Vec<String> {
    match open_log(&server.url(), "t", 1).await.err() {
        Some(LogError::NotDurable(settings)) => settings.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}
