//! The log on a Redis cluster of three `redis-server` processes.

use std::time::Duration;

use eventlog::{Leases, Log, LogError, Membership, Notice, Role};
use futures::future::join_all;
use tokio::time::timeout;

use super::{append, append_many, item, key, start};
use crate::support::deployment::{Deployment, open_log};
use crate::support::redis_server::{DURABLE, RedisServer};
use crate::support::shop::{context, order};
use crate::support::wait::{PATIENCE, until};

const SLOTS: usize = 16_384;
const PARTITIONS: u16 = 16;

#[tokio::test]
async fn a_log_is_spread_over_all_nodes_of_a_cluster() {
    let nodes = start_cluster("cluster").await;
    let deployment = Deployment::on_redis(&nodes[0].url(), PARTITIONS).await;
    let log = &deployment.log;
    let tails = log.tails();
    for partition in log.partitions() {
        let key = key("a/1", partition);
        append_many(log, &key, 3).await;
        assert_eq!(log.read(start(partition), 10).await.unwrap().len(), 3);
        assert_eq!(log.history(&key).await.unwrap().len(), 3);
        let head = log.heads(partition, &[&key]).await.unwrap().pop().flatten();
        assert_eq!(head.unwrap().last, 3);
        let mut end = tails.of(partition).unwrap();
        let followed = timeout(PATIENCE, end.wait_for(|end| *end == 3)).await;
        assert_eq!(*followed.unwrap().unwrap(), 3);
    }
    let ends = log.ends().await.unwrap();
    assert!(ends.iter().all(|end| end.number == 3), "{ends:?}");
    assert!(
        log.entries(&ends)
            .await
            .unwrap()
            .iter()
            .all(Option::is_some)
    );
    assert!(log.memory().await.unwrap().used > 0);
    assert!(log.stream_bytes(7).await.unwrap() > 0);
    assert_coordination(log).await;
    for node in &nodes {
        let size = redis::cmd("DBSIZE")
            .query_async(&mut node.connect().await)
            .await;
        assert!(
            size.is_ok_and(|keys: u64| keys > 0),
            "every node holds keys of the log"
        );
    }
}

/// Asserts that leases, memberships and notices work, whichever node has their keys.
async fn assert_coordination(log: &Log) {
    let leases = |name: &str| Leases::new(log.clone(), name.to_owned(), Duration::from_secs(60));
    let (a, b) = (leases("a"), leases("b"));
    for name in ["one", "two", "three", "four"] {
        assert!(a.hold(name).await.unwrap());
        assert!(!b.hold(name).await.unwrap());
        a.release(name).await.unwrap();
        assert!(b.hold(name).await.unwrap());
    }
    let member = |name: &str| {
        let ttl = Duration::from_secs(60);
        Membership::new(log.clone(), Role::Fold, name.to_owned(), ttl)
    };
    let (a, b) = (member("a"), member("b"));
    assert_eq!(a.heartbeat().await.unwrap().alive, ["a"]);
    assert_eq!(b.heartbeat().await.unwrap().alive, ["a", "b"]);
    assert!(a.claim(7).await.unwrap());
    assert!(!b.claim(7).await.unwrap());
    assert_notices(log).await;
}

async fn assert_notices(log: &Log) {
    let mut notices = log.notices().await.unwrap();
    for position in [Some("3:17".parse().unwrap()), None] {
        let notice = Notice {
            position,
            topics: 5,
        };
        log.publish(notice).await.unwrap();
        assert_eq!(notices.next().await, Some(notice));
    }
}

#[tokio::test]
async fn any_node_serves_the_log_and_every_node_must_be_durable() {
    let nodes = start_cluster("cluster-commands").await;
    let deployment = Deployment::on_redis(&nodes[2].url(), PARTITIONS).await;
    let orders = || {
        (0..200)
            .map(|n| order(&format!("c-{n}"), "o-1", n))
            .collect()
    };
    for _ in 0..2 {
        let outcomes = deployment
            .commands
            .record_orders(&context(), orders())
            .await;
        assert!(outcomes.unwrap().iter().all(Result::is_ok));
    }
    let ends = deployment.log.ends().await.unwrap();
    assert_eq!(ends.iter().map(|end| end.number).sum::<u64>(), 200);

    for node in &nodes {
        let log = open_log(&node.url(), "any-node", PARTITIONS).await.unwrap();
        let last = log.last(5).await.unwrap().number;
        append(&log, item(&key("a/1", 5), last, last, "x")).await;
    }
    // One unsafe node is enough to lose events, whichever node the log is opened through.
    nodes[1].set_config("appendfsync", "everysec").await;
    let refused = open_log(&nodes[0].url(), "any-node", PARTITIONS)
        .await
        .err()
        .unwrap();
    assert!(matches!(&refused, LogError::NotDurable(settings) if settings.len() == 1));
    assert!(
        refused
            .to_string()
            .contains("appendfsync is everysec, must be always")
    );
}

/// Starts three nodes, each with a third of the slots, and waits until they form a cluster.
async fn start_cluster(name: &str) -> Vec<RedisServer> {
    let settings = format!("{DURABLE}cluster-enabled yes\ncluster-node-timeout 5000\n");
    let names: Vec<String> = (0..3).map(|n| format!("{name}-{n}")).collect();
    let nodes = join_all(names.iter().map(|name| RedisServer::start(name, &settings))).await;
    for (index, node) in nodes.iter().enumerate() {
        let mut connection = node.connect().await;
        let slots = (SLOTS * index / 3..SLOTS * (index + 1) / 3).collect::<Vec<_>>();
        let mut add = redis::cmd("CLUSTER");
        add.arg("ADDSLOTS").arg(slots);
        add.exec_async(&mut connection).await.unwrap();
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET").arg("127.0.0.1").arg(nodes[0].port);
        meet.exec_async(&mut connection).await.unwrap();
    }
    for node in &nodes {
        until("the cluster is up", async || is_up(node).await).await;
    }
    nodes
}

async fn is_up(node: &RedisServer) -> bool {
    let mut info = redis::cmd("CLUSTER");
    let info: String = info
        .arg("INFO")
        .query_async(&mut node.connect().await)
        .await
        .unwrap();
    let has_line = |line: &str| info.lines().any(|l| l.trim_end() == line);
    has_line("cluster_state:ok") && has_line("cluster_known_nodes:3")
}
