//! Leases: one holder at a time, until the lease is released or expires.

use std::time::Duration;

use eventlog::{Leases, Log};

use crate::support::deployment::Deployment;
use crate::support::wait::until;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(100);

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
