//! Coordination of processes: heartbeats, ownership of partitions, and leases.

use std::time::Duration;

use eventlog::{Leases, Log, Membership, Role};

use crate::support::deployment::Deployment;
use crate::support::wait::until;

/// Time after which a member without a heartbeat counts as dead: shorter than a test, longer than
/// a few round trips on a busy machine.
const LIFETIME: Duration = Duration::from_secs(2);

/// Lifetime of a lease that does not expire during a test.
const LONG: Duration = Duration::from_secs(600);

/// Lifetime of a lease that expires during a test.
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_member_is_alive_until_its_heartbeat_expires_or_it_leaves() {
    let log = Deployment::fresh().await.log;
    let [a, b, c] = ["a", "b", "c"].map(|name| member(&log, name));
    assert_eq!(a.heartbeat().await.unwrap().alive, ["a"]);
    assert_eq!(b.heartbeat().await.unwrap().alive, ["a", "b"]);
    assert_eq!(c.heartbeat().await.unwrap().alive, ["a", "b", "c"]);
    until("c's heartbeat expires", async || {
        a.heartbeat().await.unwrap();
        b.heartbeat().await.unwrap().alive == ["a", "b"]
    })
    .await;
    b.leave().await.unwrap();
    assert_eq!(alive(&log).await, ["a"]);
    assert!(log.members(Role::Send).await.unwrap().alive.is_empty());
}

#[tokio::test]
async fn a_partition_keeps_its_owner_until_it_is_released_or_the_owner_dies() {
    let log = Deployment::fresh().await.log;
    let [a, b, c] = ["a", "b", "c"].map(|name| member(&log, name));
    for member in [&a, &b, &c] {
        member.heartbeat().await.unwrap();
    }
    assert!(a.claim(3).await.unwrap());
    assert!(a.claim(3).await.unwrap(), "a still owns it");
    assert!(!b.claim(3).await.unwrap());
    b.release(3).await.unwrap();
    assert!(
        !b.claim(3).await.unwrap(),
        "b cannot release a partition of a"
    );
    assert_eq!(log.members(Role::Fold).await.unwrap().owner(3), Some("a"));
    a.release(3).await.unwrap();
    assert!(b.claim(3).await.unwrap());
    assert!(c.claim(5).await.unwrap());
    until("c's partition is free", async || {
        a.heartbeat().await.unwrap();
        a.claim(5).await.unwrap()
    })
    .await;
}

async fn alive(log: &Log) -> Vec<String> {
    log.members(Role::Fold).await.unwrap().alive
}

fn member(log: &Log, worker: &str) -> Membership {
    Membership::new(log.clone(), Role::Fold, worker.to_owned(), LIFETIME)
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_is_released() {
    let log = Deployment::fresh().await.log;
    let (a, b) = (leases(&log, "a", LONG), leases(&log, "b", LONG));
    assert!(a.hold("work").await.unwrap());
    assert!(a.hold("work").await.unwrap(), "renewed");
    assert!(!b.hold("work").await.unwrap());
    assert!(b.hold("other work").await.unwrap());
    b.release("work").await.unwrap();
    assert!(
        !b.hold("work").await.unwrap(),
        "b cannot release a lease of a"
    );
    a.release("work").await.unwrap();
    assert!(b.hold("work").await.unwrap());
    assert!(!a.hold("work").await.unwrap());
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_passes_to_another_worker() {
    let log = Deployment::fresh().await.log;
    let (a, b) = (leases(&log, "a", SHORT), leases(&log, "b", LONG));
    assert!(a.hold("work").await.unwrap());
    until("a's lease expires", async || b.hold("work").await.unwrap()).await;
    assert!(!a.hold("work").await.unwrap());
}

fn leases(log: &Log, worker: &str, ttl: Duration) -> Leases {
    Leases::new(log.clone(), worker.to_owned(), ttl)
}
