//! Tails: following the end of each partition.

use tokio::sync::watch;
use tokio::time::timeout;

use super::{append, append_many, item, key, new_item};
use crate::support::deployment::Deployment;
use crate::support::wait::PATIENCE;

#[tokio::test]
async fn tails_follow_the_appends_of_all_processes() {
    let deployment = Deployment::with_partitions(2).await;
    append_many(&deployment.log, &key("a/1", 1), 3).await;
    let tails = deployment.log.tails();
    let (mut first, mut second) = (tails.of(0).unwrap(), tails.of(1).unwrap());
    assert!(tails.of(2).is_none());
    wait_for_end(&mut second, 3).await;

    append(&deployment.log, item(&key("a/1", 1), 3, 3, "x")).await;
    wait_for_end(&mut second, 4).await;
    assert_eq!(*first.borrow(), 0);
    // Appends of another process move the tail, too.
    append(&deployment.reopen().await, new_item(&key("b/1", 0), "x")).await;
    wait_for_end(&mut first, 1).await;

    // Dropping the tails ends the task behind them, which closes the channels.
    drop(tails);
    timeout(PATIENCE, async { while first.changed().await.is_ok() {} })
        .await
        .unwrap();
}

async fn wait_for_end(end: &mut watch::Receiver<u64>, number: u64) {
    let reached = timeout(PATIENCE, end.wait_for(|end| *end == number)).await;
    reached
        .expect("the end is not reached in time")
        .expect("the end is no longer followed");
}
