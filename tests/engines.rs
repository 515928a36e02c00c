//! Engines that the program starts as child processes.

use mongodb::bson::doc;
use redis::{AsyncCommands, Client};

use crate::support::engines::{OwnEngines, engines, test_dir};

#[tokio::test]
async fn both_engines_answer() {
    let engines = engines();
    assert!(engines.redis_server.to_string_lossy().contains("-server"));
    assert!(engines.mongod.ends_with("mongod"));
    let mut redis = connect(&engines.redis_url).await;
    let pong: String = redis::cmd("PING").query_async(&mut redis).await.unwrap();
    assert_eq!(pong, "PONG");

    let mongodb = mongodb::Client::with_uri_str(&engines.mongodb_uri).await;
    let admin = mongodb.unwrap().database("admin");
    admin.run_command(doc! { "ping": 1 }).await.unwrap();
}

#[tokio::test]
async fn killed_engines_restart_with_their_data() {
    let mut own = OwnEngines::start(&test_dir("killed_ones"));
    let url = own.redis_url();
    let mut redis = connect(&url).await;
    redis.set::<_, _, ()>("word", "kept").await.unwrap();
    own.kill_redis();
    own.kill_mongod();
    own.restart();
    assert_eq!(own.redis_url(), url);
    let kept: String = connect(&url).await.get("word").await.unwrap();
    assert_eq!(kept, "kept");
}

async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    let client = Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
