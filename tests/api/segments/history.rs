//! `GET /api/segments/{id}/history`: a segment's counts over time.

use serde_json::{Value, json};

use super::{PATH, create, named};
use crate::api::order;
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::wait::{eventually, until};

async fn points(api: &Client, path: &str) -> Vec<Value> {
    let answer = api.read(path).await;
    assert_eq!(answer["next_cursor"], Value::Null);
    answer["items"].as_array().unwrap().clone()
}

/// Waits until the last point of a history has this count; returns all points. The segment itself
/// may not be in the view yet.
async fn wait_for_point(api: &Client, path: &str, count: u64) -> Vec<Value> {
    eventually(&format!("{path} ends with {count}"), async || {
        let answer = api.get(path).await;
        assert!([200, 404].contains(&answer.status), "{answer:?}");
        let points = answer.body["items"].as_array()?;
        (points.last()?["count"] == count).then(|| points.clone())
    })
    .await
}

#[tokio::test]
async fn a_history_follows_the_count_and_has_one_point_per_minute() {
    let app = App::start().await;
    let api = &app.client;
    let body = json!({"name": "Buyers", "rules": "order_count > 0"});
    let (id, _) = create(&app, body).await;
    let path = format!("{PATH}/{id}/history");
    wait_for_point(api, &path, 0).await;
    let orders = json!([order("c-1", "o-1", 1), order("c-2", "o-1", 1)]);
    api.post_accepted("/api/data/orders", orders).await;
    let found = wait_for_point(api, &path, 2).await;
    // The minute may have changed meanwhile.
    assert!((1..=2).contains(&found.len()), "{found:?}");
    let minute = |point: &Value| point["at"].as_str().unwrap()[..16].to_owned();
    assert_ne!(
        found.len() == 2,
        minute(&found[0]) == minute(found.last().unwrap())
    );

    let at = found.last().unwrap()["at"].as_str().unwrap();
    let since = format!("{path}?since={at}");
    assert_eq!(points(api, &since).await.len(), 1);
    let until = format!("{path}?until={at}");
    assert_eq!(points(api, &until).await.len(), found.len() - 1);

    // The counts of an archived segment are kept.
    assert_eq!(api.delete(&format!("{PATH}/{id}")).await.status, 204);
    assert_eq!(points(api, &path).await.last(), found.last());
}

#[tokio::test]
async fn histories_of_unknown_segments_and_invalid_times_are_refused() {
    let app = App::start().await;
    let api = &app.client;
    let unknown = api.get(&format!("{PATH}/seg_0/history")).await;
    unknown.assert_problem(404, "not-found");
    let (id, position) = create(&app, named("Some")).await;
    let path = format!("{PATH}/{id}/history");
    // A read that the view did not reach in time is repeated, as clients have to.
    until("the history can be read", async || {
        let answer = api.get(&format!("{path}?after={position}")).await;
        let is_behind = answer.body["type"] == "urn:patron:problem:view-behind";
        assert!(answer.status == 200 || is_behind, "{answer:?}");
        !is_behind
    })
    .await;
    for query in [
        "since=yesterday",
        "until=2026-03-01",
        "limit=5",
        "cursor=00",
    ] {
        let answer = api.get(&format!("{path}?{query}")).await;
        answer.assert_problem(400, "invalid-parameter");
    }
}
