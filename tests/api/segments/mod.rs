//! `/api/segments`: creating, reading, replacing, and archiving segments.

mod bodies;
mod history;
mod idempotency;
mod of_customer;

use std::collections::HashSet;

use chrono::Utc;
use commands::Context;
use domain::{SegmentCommand, SegmentId, Timestamp};
use serde_json::{Value, json};

use super::with;
use crate::support::app::App;
use crate::support::client::Answer;
use crate::support::shop::context;

const PATH: &str = "/api/segments";

/// Returns the body of a segment with this name.
fn named(name: &str) -> Value {
    json!({"name": name, "rules": "total_spend > 100000 AND NOT (visits < 3)"})
}

/// Returns the rules of [`named`] as JSON.
fn as_json() -> Value {
    json!({"combinator": "and", "not": false, "rules": [
        {"field": "total_spend", "operator": ">", "value": 100_000, "valueSource": "value"},
        {"combinator": "and", "not": true, "rules": [
            {"field": "visits", "operator": "<", "value": 3, "valueSource": "value"},
        ]},
    ]})
}

/// Creates a segment and returns its id and position.
async fn create(app: &App, body: Value) -> (String, String) {
    let created = app.client.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    (id_of(&created), created.position())
}

fn id_of(created: &Answer) -> String {
    created.body["segment_id"].as_str().unwrap().to_owned()
}

/// Reads a segment, without its audience, once the view has reached `position`.
async fn read_after(app: &App, id: &str, position: &str) -> Value {
    let path = format!("{PATH}/{id}?after={position}");
    without_audience(app.client.read(&path).await)
}

/// Removes the audience from a segment, since workers count it at an unpredictable time.
fn without_audience(mut segment: Value) -> Value {
    segment.as_object_mut().unwrap().remove("audience").unwrap();
    segment
}

async fn replace(app: &App, id: &str, body: &Value) -> Answer {
    app.client.put(&format!("{PATH}/{id}"), body.clone()).await
}

async fn archive(app: &App, id: &str) -> Answer {
    app.client.delete(&format!("{PATH}/{id}")).await
}

#[tokio::test]
async fn a_segment_is_created_and_shown() {
    let app = App::start().await;
    let description = json!({"description": "For the spring letter"});
    let body = with(named("Big spenders"), description);
    let created = app.client.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = id_of(&created);
    assert!(id.starts_with("seg_") && id.len() == 36, "{id}");
    assert_eq!(created.header("location"), format!("{PATH}/{id}"));
    let expected = json!({
        "segment_id": id,
        "name": "Big spenders",
        "description": "For the spring letter",
        "rules": as_json(),
        "text": "total_spend > 100000 AND NOT (visits < 3)",
    });
    assert_eq!(created.body, expected);

    let segment = read_after(&app, &id, &created.position()).await;
    let at = segment["created_at"].clone();
    assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
    let view_fields = json!({
        "version": 1,
        "created_at": at,
        "created_by": "key:bootstrap",
        "updated_at": at,
        "updated_by": "key:bootstrap",
        "archived_at": null,
        "archived_by": null,
        "held_by": [],
    });
    assert_eq!(segment, with(expected, view_fields));
}

#[tokio::test]
async fn rules_are_accepted_as_json_and_returned_as_json_and_text() {
    let app = App::start().await;
    // A rule editor sends numbers as strings, and fields of its own.
    let rules = json!({"id": "root", "combinator": "AND", "rules": [
        {"id": "r1", "field": "total_spend", "operator": ">", "value": "100000"},
        {"combinator": "and", "not": true, "rules": [
            {"field": "visits", "operator": "<", "value": 3, "valueSource": "value"},
        ]},
    ]});
    let created = app
        .client
        .post(PATH, with(named("x"), json!({"rules": rules})))
        .await;
    let mut canonical = as_json();
    canonical["id"] = "root".into();
    canonical["rules"][0]["id"] = "r1".into();
    assert_eq!(created.body["rules"], canonical);
    let text = &created.body["text"];
    assert_eq!(text, "total_spend > 100000 AND NOT (visits < 3)");
    let segment = read_after(&app, &id_of(&created), &created.position()).await;
    assert_eq!(segment["rules"], canonical);
    assert_eq!(&segment["text"], text);
}

#[tokio::test]
async fn an_update_replaces_the_whole_content() {
    let app = App::start().await;
    let body = with(named("Before"), json!({"description": "Gone soon"}));
    let (id, _) = create(&app, body).await;
    let after = json!({"name": "After", "rules": "visits > 9"});
    let updated = replace(&app, &id, &after).await;
    assert_eq!(updated.status, 200, "{updated:?}");
    assert_eq!(updated.body["description"], Value::Null);
    assert_eq!(updated.body["text"], "visits > 9");

    let segment = read_after(&app, &id, &updated.position()).await;
    for (field, value) in updated.body.as_object().unwrap() {
        assert_eq!(&segment[field], value, "{field}");
    }
    assert_eq!(segment["version"], 2);
    let again = replace(&app, &id, &after).await;
    assert_eq!((again.status, &again.body), (200, &updated.body));
    assert_eq!(again.position(), updated.position(), "nothing changed");
}

#[tokio::test]
async fn an_archived_segment_can_be_read_but_not_replaced() {
    let app = App::start().await;
    let (id, _) = create(&app, named("Old")).await;
    let archived = archive(&app, &id).await;
    assert_eq!((archived.status, &*archived.text), (204, ""));
    let segment = read_after(&app, &id, &archived.position()).await;
    assert!(segment["archived_at"].is_string(), "{segment}");
    assert_eq!(segment["archived_by"], "key:bootstrap");
    assert_eq!(
        (&segment["name"], &segment["version"]),
        (&json!("Old"), &json!(1))
    );

    let again = archive(&app, &id).await;
    assert_eq!(again.status, 204);
    assert_eq!(again.position(), archived.position());
    let refused = replace(&app, &id, &named("New")).await;
    refused.assert_problem(409, "archived");
}

#[tokio::test]
async fn a_held_segment_cannot_be_archived() {
    let app = App::start().await;
    let (id, _) = create(&app, named("Needed")).await;
    let commands = app.settings().commands().await;
    let segment = || SegmentId::try_from(id.as_str()).unwrap();
    // The campaigns do not exist. A recent hold is kept all the same, since its campaign may be
    // about to be created.
    let just_now = Context {
        now: Timestamp::from(Utc::now()),
        ..context()
    };
    for holder in ["cmp_2", "cmp_1"] {
        let holder = holder.try_into().unwrap();
        let held = commands
            .execute(&just_now, segment(), SegmentCommand::Hold(holder))
            .await;
        held.unwrap().unwrap();
    }
    let refused = archive(&app, &id).await;
    let problem = refused.assert_problem(409, "in-use");
    assert_eq!(problem["detail"], "the segment is held by cmp_1, cmp_2");
    app.client.wait_until_caught_up().await;
    let shown_held = app.client.read(&format!("{PATH}/{id}")).await;
    assert_eq!(shown_held["held_by"], json!(["cmp_1", "cmp_2"]));
    // A held segment may still be replaced.
    assert_eq!(replace(&app, &id, &named("Still needed")).await.status, 200);

    for holder in ["cmp_1", "cmp_2"] {
        assert_eq!(archive(&app, &id).await.status, 409);
        let holder = holder.try_into().unwrap();
        let released = commands
            .execute(&context(), segment(), SegmentCommand::Release(holder))
            .await;
        released.unwrap().unwrap();
    }
    assert_eq!(archive(&app, &id).await.status, 204);
}

#[tokio::test]
async fn the_list_is_newest_first_and_omits_archived_segments() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(create(&app, named(&format!("Segment {n}"))).await.0);
    }
    ids.reverse();
    for id in [&ids[0], &ids[3]] {
        archive(&app, id).await;
    }
    app.client.wait_until_caught_up().await;
    let live: Vec<_> = [1, 2, 4, 5, 6].map(|n| ids[n].clone()).into();
    for limit in [1, 2, 3, 5, 50] {
        for (path, expected) in [
            (PATH.to_owned(), &live),
            (format!("{PATH}?archived=false"), &live),
            (format!("{PATH}?archived=true"), &ids),
        ] {
            let listed = app.client.list(&path, limit).await;
            let found: Vec<_> = listed
                .iter()
                .map(|segment| segment["segment_id"].as_str().unwrap())
                .collect();
            assert_eq!(found, *expected, "{path} limit {limit}");
        }
    }
    let one = app.client.list(PATH, 50).await.swap_remove(0);
    let alone = app.client.read(&format!("{PATH}/{}", ids[1])).await;
    assert_eq!(without_audience(one), without_audience(alone));
    for query in ["archived=perhaps", "colour=red", "cursor=00", "limit=0"] {
        let refused = app.client.get(&format!("{PATH}?{query}")).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn the_audit_trail_has_the_history_of_a_segment() {
    let app = App::start().await;
    let (id, _) = create(&app, named("Before")).await;
    let updated = replace(&app, &id, &named("After")).await;
    archive(&app, &id).await;
    app.client.wait_until_caught_up().await;
    let path = format!("/api/audit?aggregate=segment/{id}");
    let rows = app.client.list(&path, 10).await;
    let types: Vec<_> = rows
        .iter()
        .map(|row| row["type"].as_str().unwrap())
        .collect();
    let newest_first = [
        "segment_archived.1",
        "segment_updated.1",
        "segment_created.1",
    ];
    assert_eq!(types, newest_first);
    assert!(rows.iter().all(|row| row["actor"] == "key:bootstrap"));
    let by_type = app.client.list("/api/audit?type=segment_updated", 10).await;
    assert_eq!(by_type.len(), 1);
    let entry = app
        .client
        .read(&format!("/api/audit/{}", updated.position()))
        .await;
    assert_eq!(entry["data"]["name"], "After");
    assert_eq!(entry["data"]["rules"], as_json());
}

#[tokio::test]
async fn an_unknown_segment_is_not_found() {
    let app = App::start().await;
    app.client
        .get(&format!("{PATH}/seg_0"))
        .await
        .assert_problem(404, "not-found");
    archive(&app, "seg_0")
        .await
        .assert_problem(404, "not-found");
    replace(&app, "seg_0", &named("x"))
        .await
        .assert_problem(404, "not-found");
    let odd = app.client.get(&format!("{PATH}/a%20b")).await;
    odd.assert_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn segments_are_verified_and_rebuilt_from_the_log() {
    let app = App::start().await;
    let mut ids = HashSet::new();
    for n in 0..5 {
        ids.insert(create(&app, named(&format!("Segment {n}"))).await.0);
    }
    for (n, id) in ids.iter().enumerate() {
        replace(&app, id, &named(&format!("Changed {n}"))).await;
        if n % 2 == 0 {
            archive(&app, id).await;
        }
    }
    app.client.wait_until_caught_up().await;
    let all = format!("{PATH}?archived=true");
    let list = async || {
        let listed = app.client.list(&all, 10).await;
        listed.into_iter().map(without_audience).collect::<Vec<_>>()
    };
    let before = list().await;
    assert_eq!(before.len(), ids.len());
    for arguments in [["verify"].as_slice(), &["rebuild", "segments"]] {
        let mut command = app.patron([]);
        let output = command.args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {stderr}");
    }
    app.client.wait_until_caught_up().await;
    assert_eq!(list().await, before);
}
