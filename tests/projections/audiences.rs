//! Stored counts of the audiences of segments.

use std::time::Duration;

use futures::TryStreamExt;
use mongodb::bson::{DateTime, Document, doc};
use projections::MAX_POINTS;

use super::{minute, project};
use crate::support::deployment::Deployment;
use crate::support::shop::{context, order};

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

/// Writes points into a segment's history, one per minute from minute 0 on, with the minute as the
/// count.
async fn write_points(deployment: &Deployment, segment: &str, minutes: std::ops::Range<i64>) {
    let history = deployment.store.database().collection("audience_history");
    let point = |n: i64| {
        let at = minute(n).millis();
        doc! {
            "_id": format!("{segment}/{:08}", at / 60_000),
            "at": DateTime::from_millis(at),
            "count": n,
        }
    };
    history.insert_many(minutes.map(point)).await.unwrap();
}

#[tokio::test]
async fn a_long_history_is_thinned_evenly_and_keeps_its_last_point() {
    let deployment = Deployment::fresh().await;
    let store = &deployment.store;
    write_points(&deployment, "seg_1", 0..10_500).await;
    write_points(&deployment, "seg_10", 0..5).await;
    let points = async |since: Option<i64>, until: Option<i64>| {
        let (id, since, until) = (
            "seg_1".try_into().unwrap(),
            since.map(minute),
            until.map(minute),
        );
        let found = store.audience_points(&id, since, until).await.unwrap();
        found.iter().map(|point| point.count).collect::<Vec<_>>()
    };
    let all = points(None, None).await;
    assert!((900..=MAX_POINTS).contains(&all.len()), "{}", all.len());
    assert_eq!(all.last(), Some(&10_499));
    let steps: Vec<i64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        steps.iter().all(|step| (1..=12).contains(step)),
        "{steps:?}"
    );
    assert_eq!(
        points(Some(20), Some(1_020)).await,
        (20..1_020).collect::<Vec<_>>()
    );
    assert_eq!(points(Some(10_600), None).await, [0; 0]);
}

#[tokio::test]
async fn a_count_is_kept_in_the_history_when_it_changes_and_once_a_day() {
    let deployment = Deployment::fresh().await.prepared().await;
    let store = &deployment.store;
    let basis = store.basis().await.unwrap();
    let id = "seg_1".try_into().unwrap();
    let rules = "order_count > 0".parse().unwrap();
    let count = async |at: i64| {
        let limit = Duration::from_secs(60);
        let counting = store.count_audience("seg_1", 1, &rules, minute(at), &basis, limit);
        counting.await.unwrap();
        let points = store.audience_points(&id, None, None).await.unwrap();
        let shown = points
            .iter()
            .map(|point| (point.at.timestamp_millis(), point.count));
        shown.collect::<Vec<_>>()
    };
    let point = |at: i64, count| (minute(at).millis(), count);
    assert_eq!(count(0).await, [point(0, 0)]);
    assert_eq!(count(5).await, [point(0, 0)]);
    let orders = vec![order("c-1", "o-1", 1)];
    deployment
        .commands
        .record_orders(&context(), orders)
        .await
        .unwrap();
    project(&deployment, "customers").await.unwrap();
    assert_eq!(count(10).await, [point(0, 0), point(10, 1)]);
    let day = 24 * 60;
    assert_eq!(count(day - 1).await.len(), 2);
    assert_eq!(count(day).await, [point(0, 0), point(10, 1), point(day, 1)]);
    // Segments that no longer exist keep their history until it expires.
    store.keep_audiences(&[]).await.unwrap();
    assert_eq!(count(day).await.len(), 3);
    let indexes = store.database().collection::<Document>("audience_history");
    let indexes: Vec<_> = indexes
        .list_indexes()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let expiry = indexes
        .iter()
        .find_map(|index| index.options.as_ref()?.expire_after);
    assert_eq!(expiry, Some(Duration::from_secs(400 * 24 * 60 * 60)));
}
