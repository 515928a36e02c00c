//! Following the ends of the partitions.

use tokio::sync::watch;
use tokio::time::timeout;

use super::{append, append_many, item, key, new_item};
use crate::support::deployment::Deployment;
use crate::support::wait::PATIENCE;

#[tokio::test]
async fn the_ends_move_as_events_come() {
    let deployment = Deployment::with_partitions(2).await;
    append_many(&deployment.log, &key("a/1", 1), 3).await;
    let tails = deployment.log.tails();
    let (mut first, mut second) = (tails.of(0).unwrap(), tails.of(1).unwrap());
    assert!(tails.of(2).is_none());
    reach(&mut second, 3).await;

    append(&deployment.log, item(&key("a/1", 1), 3, 3, "x")).await;
    reach(&mut second, 4).await;
    assert_eq!(*first.borrow(), 0);
    // Another process's appends are seen as well.
    append(&deployment.reopened().await, new_item(&key("b/1", 0), "x")).await;
    reach(&mut first, 1).await;

    drop(tails);
    timeout(PATIENCE, async { while first.changed().await.is_ok() {} })
        .await
        .unwrap();
}

async fn reach(end: &mut watch::Receiver<u64>, number: u64) {
    let reached = timeout(PATIENCE, end.wait_for(|end| *end == number)).await;
    reached.expect("in time").expect("followed");
}
