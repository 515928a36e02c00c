//! Stored counts of the audiences of segments.

use std::time::Duration;

use super::minute;
use crate::support::deployment::Deployment;

#[tokio::test]
async fn a_count_of_an_older_version_does_not_replace_a_newer_one() {
    let deployment = Deployment::fresh().await.prepared().await;
    let store = &deployment.store;
    let basis = store.basis().await.unwrap();
    let rules = "visits > 1".parse().unwrap();
    let count = async |version| {
        let limit = Duration::from_secs(60);
        let counting = store.count_audience("seg_1", version, &rules, minute(0), &basis, limit);
        assert_eq!(counting.await.unwrap().version, version);
        store.audiences(&["seg_1"]).await.unwrap()["seg_1"].version
    };
    assert_eq!((count(1).await, count(3).await), (1, 3));
    assert_eq!(count(2).await, 3);
    assert_eq!(count(3).await, 3);
}
