//! Leases, and who is alive.

use std::time::Duration;

use eventlog::{Leases, Log};

use crate::support::deployment::Deployment;
use crate::support::wait::until;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_lease_is_held_by_one_until_given_back() {
    let log = Deployment::fresh().await.log;
    let (a, b) = (leases(&log, "a", LONG), leases(&log, "b", LONG));
    assert!(a.hold("work").await.unwrap());
    assert!(a.hold("work").await.unwrap(), "renewed");
    assert!(!b.hold("work").await.unwrap());
    assert!(b.hold("other work").await.unwrap());
    b.release("work").await.unwrap();
    assert!(!b.hold("work").await.unwrap(), "not b's to give back");
    a.release("work").await.unwrap();
    assert!(b.hold("work").await.unwrap());
    assert!(!a.hold("work").await.unwrap());
}

#[tokio::test]
async fn a_lease_not_renewed_is_anothers_to_take() {
    let log = Deployment::fresh().await.log;
    let (a, b) = (leases(&log, "a", SHORT), leases(&log, "b", LONG));
    assert!(a.hold("work").await.unwrap());
    until("a's lease lapses", async || b.hold("work").await.unwrap()).await;
    assert!(!a.hold("work").await.unwrap());
}

#[tokio::test]
async fn heartbeats_count_who_is_alive() {
    let log = Deployment::fresh().await.log;
    let (a, b) = (leases(&log, "a", LONG), leases(&log, "b", LONG));
    let short = leases(&log, "c", SHORT);
    assert_eq!(a.heartbeat().await.unwrap(), 1);
    assert_eq!(b.heartbeat().await.unwrap(), 2);
    assert_eq!(short.heartbeat().await.unwrap(), 3);
    until("c counts no more", async || {
        a.heartbeat().await.unwrap() == 2
    })
    .await;
    b.leave().await.unwrap();
    assert_eq!(a.heartbeat().await.unwrap(), 1);
}

fn leases(log: &Log, worker: &str, ttl: Duration) -> Leases {
    Leases::new(log.clone(), worker.to_owned(), ttl)
}
