//! Drafts: `PATCH` and `DELETE /api/campaigns/{id}`, `POST /api/campaigns/{id}/clone`, and the launch
//! of a draft that has a time.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{CampaignDriver, PATH, create, id_of, named, post_command, read_caught_up};
use crate::api::with;
use crate::support::app::App;
use crate::support::client::{Answer, send};
use crate::support::events::EventStream;
use crate::support::wait::until;

const LATER: &str = "2099-12-24T08:00:00.000Z";

async fn patch(app: &App, id: &str, changes: Value) -> Answer {
    let request = app.client.request(Method::PATCH, &format!("{PATH}/{id}"));
    send(request.json(&changes)).await
}

/// Changes a draft, which must be accepted.
async fn change(app: &App, id: &str, changes: Value) -> Answer {
    let answer = patch(app, id, changes).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn delete(app: &App, id: &str) -> Answer {
    app.client.delete(&format!("{PATH}/{id}")).await
}

/// Posts with an idempotency key, and with a body if it is not null.
async fn post_with_key(app: &App, path: &str, key: &str, body: Value) -> Answer {
    let request = app.client.request(Method::POST, path);
    let request = request.header("Idempotency-Key", key);
    match body {
        Value::Null => send(request).await,
        body => send(request.json(&body)).await,
    }
}

/// Creates a segment and returns its id.
async fn create_segment(app: &App, rules: &str) -> String {
    let body = json!({"name": rules, "rules": rules});
    let created = app.client.post("/api/segments", body).await;
    created.body["segment_id"].as_str().unwrap().to_owned()
}

async fn archive(app: &App, segment: &str) -> Answer {
    app.client.delete(&format!("/api/segments/{segment}")).await
}

/// Returns the body of a campaign to a segment.
fn to_segment(name: &str, segment: &str) -> Value {
    json!({"name": name, "segment_id": segment, "message": {"template": "Hi {{ name }}!"}})
}

/// Returns the types of a campaign's events, oldest first.
async fn history(app: &App, id: &str) -> Vec<String> {
    app.client.wait_until_caught_up().await;
    let path = format!("/api/audit?aggregate=campaign/{id}");
    let rows = app.client.list(&path, 10).await.into_iter().rev();
    let name = |row: Value| row["type"].as_str().unwrap().replace("campaign_", "");
    rows.map(name).collect()
}

#[tokio::test]
async fn a_draft_is_changed_field_by_field() {
    let app = App::start().await;
    let segment = create_segment(&app, "order_count > 0").await;
    let more = json!({"tags": ["a", "b"], "messages_per_second": 50});
    let id = create(&app, with(named("Before"), more)).await;
    let mut expected = read_caught_up(&app, &id).await;
    let rules = json!({"combinator": "and", "not": false, "rules": [
        {"field": "visits", "operator": ">", "value": 3, "valueSource": "value"},
    ]});
    for (changes, shown) in [
        (json!({"name": "After"}), json!({"name": "After"})),
        (
            json!({"message": {"template": "Hello"}}),
            json!({"message": {"template": "Hello"}}),
        ),
        (
            json!({"segment_id": segment}),
            json!({"segment_id": segment, "rules": null, "text": null}),
        ),
        (
            json!({"rules": "visits > 3", "segment_id": null}),
            json!({"segment_id": null, "rules": rules, "text": "visits > 3"}),
        ),
        (
            json!({"segment_id": segment, "rules": null, "tags": ["c"]}),
            json!({"segment_id": segment, "rules": null, "text": null, "tags": ["c"]}),
        ),
        (json!({"tags": null}), json!({"tags": []})),
        (
            json!({"messages_per_second": null, "scheduled_at": LATER}),
            json!({"messages_per_second": null, "scheduled_at": LATER}),
        ),
        (json!({"scheduled_at": null}), json!({"scheduled_at": null})),
        (
            json!({"messages_per_second": 7, "name": "Last"}),
            json!({"messages_per_second": 7, "name": "Last"}),
        ),
    ] {
        let answer = change(&app, &id, changes.clone()).await;
        let version = expected["version"].as_i64().unwrap() + 1;
        let path = format!("{PATH}/{id}?after={}", answer.position());
        let read = app.client.read(&path).await;
        assert_eq!(answer.body, read, "{changes}");
        let updated = json!({"version": version, "updated_at": read["updated_at"]});
        expected = with(with(expected, shown), updated);
        assert_eq!(read, expected, "{changes}");
        let again = change(&app, &id, changes.clone()).await;
        assert_eq!(again.body, read, "{changes}");
        assert_eq!(again.position(), answer.position(), "nothing changed");
    }
    for nothing in [json!({}), json!({"segment_id": null, "rules": null})] {
        assert_eq!(change(&app, &id, nothing).await.body, expected);
    }
    // What was changed is what is launched.
    let launched = post_command(&app, &id, "launch").await;
    let path = format!("{PATH}/{id}?after={}", launched.position());
    let campaign = app.client.read(&path).await;
    assert_eq!(campaign["text"], "order_count > 0");
    assert_eq!(campaign["message"]["template"], "Hello");
}

#[tokio::test]
async fn a_change_is_answered_in_full_without_a_worker() {
    let mut app = App::without_workers().await;
    let id = create(&app, named("Before")).await;
    change(&app, &id, json!({"name": "Between"})).await;
    let answer = change(&app, &id, json!({"name": "After", "tags": ["new"]})).await;
    assert_eq!(answer.body["created_by"], "key:bootstrap");
    assert_eq!(answer.body["version"], 3);
    app.add_worker();
    assert_eq!(read_caught_up(&app, &id).await, answer.body);
}

#[tokio::test]
async fn bad_changes_are_refused_like_bad_campaigns() {
    let app = App::without_workers().await;
    let id = create(&app, named("Draft")).await;
    let archived = create_segment(&app, "visits > 3").await;
    archive(&app, &archived).await;
    for (changes, slug, pointer) in [
        (json!({"name": ""}), "invalid-field", "/name"),
        (json!({"name": null}), "invalid-field", "/name"),
        (json!({"message": null}), "invalid-field", "/message"),
        (json!({"message": {}}), "invalid-field", "/message/template"),
        (
            json!({"message": {"template": "Hi {{ name "}}),
            "invalid-field",
            "/message/template",
        ),
        (
            json!({"message": {"template": "Hi {{ shoe_size }}"}}),
            "unknown-field",
            "/message/template",
        ),
        (json!({"segment_id": "a b"}), "invalid-field", "/segment_id"),
        (json!({"segment_id": "seg_0"}), "refused", "/segment_id"),
        (json!({"segment_id": archived}), "refused", "/segment_id"),
        (json!({"rules": "shoe > 3"}), "invalid-field", "/rules"),
        (
            json!({"segment_id": "seg_0", "rules": "visits > 3"}),
            "refused",
            "/rules",
        ),
        (
            json!({"scheduled_at": "2020-01-01T00:00:00Z"}),
            "invalid-field",
            "/scheduled_at",
        ),
        (
            json!({"scheduled_at": "soon"}),
            "invalid-field",
            "/scheduled_at",
        ),
        (json!({"tags": [""]}), "invalid-field", "/tags/0"),
        (
            json!({"messages_per_second": 0}),
            "invalid-field",
            "/messages_per_second",
        ),
        (json!({"launch": true}), "unknown-field", "/launch"),
        (json!({"status": "sending"}), "unknown-field", "/status"),
    ] {
        let answer = patch(&app, &id, changes.clone()).await;
        let problem = answer.assert_problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{changes}");
    }
    let both = json!({"name": "", "messages_per_second": 0});
    let errors = patch(&app, &id, both).await.body["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 2, "{errors}");
    for text in ["", "[]", "null", "{"] {
        let request = app.client.request(Method::PATCH, &format!("{PATH}/{id}"));
        let request = request.header("content-type", "application/json");
        let refused = send(request.body(text)).await;
        assert!([400, 422].contains(&refused.status), "{text}: {refused:?}");
    }
    assert_eq!(change(&app, &id, json!({})).await.body["version"], 1);
}

#[tokio::test]
async fn only_a_draft_is_changed_or_deleted() {
    let app = App::without_workers().await;
    let assert_refused = async |id: &str| {
        let changed = patch(&app, id, json!({"name": "Other"})).await;
        changed.assert_problem(409, "impossible-transition");
        let deleted = delete(&app, id).await;
        deleted.assert_problem(409, "impossible-transition");
    };
    let scheduled = with(named("Later"), json!({"scheduled_at": LATER}));
    let scheduled = create(&app, scheduled).await;
    assert_refused(&scheduled).await;
    let id = create(&app, named("Out")).await;
    post_command(&app, &id, "launch").await;
    assert_refused(&id).await;
    CampaignDriver::new(&app, &id).await.resolve(0, 0).await;
    assert_refused(&id).await;
    post_command(&app, &id, "pause").await;
    assert_refused(&id).await;
    post_command(&app, &id, "cancel").await;
    assert_refused(&id).await;
    for answer in [
        patch(&app, "cmp_0", json!({"name": "Other"})).await,
        delete(&app, "cmp_0").await,
        post_command(&app, "cmp_0", "clone").await,
    ] {
        answer.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_draft_outlives_the_archival_of_its_segment() {
    let app = App::without_workers().await;
    let segments = [
        create_segment(&app, "visits > 3").await,
        create_segment(&app, "visits > 4").await,
    ];
    let id = create(&app, to_segment("Draft", &segments[0])).await;
    assert_eq!(archive(&app, &segments[0]).await.status, 204);
    let same = json!({"name": "Renamed", "segment_id": segments[0]});
    change(&app, &id, same).await;
    let refused = post_command(&app, &id, "launch").await;
    refused.assert_problem(409, "archived");
    change(&app, &id, json!({"scheduled_at": LATER})).await;
    let refused = post_command(&app, &id, "launch").await;
    refused.assert_problem(409, "archived");
    change(&app, &id, json!({"segment_id": segments[1]})).await;
    let launched = post_command(&app, &id, "launch").await;
    assert_eq!(launched.body["status"], "scheduled");
    let held = archive(&app, &segments[1]).await;
    held.assert_problem(409, "in-use");
}

#[tokio::test]
async fn a_deleted_draft_is_gone_except_for_its_history() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(create(&app, named(&format!("Campaign {n}"))).await);
    }
    ids.reverse();
    app.client.wait_until_caught_up().await;
    let gone = [ids.remove(4), ids.remove(1), ids.remove(0)];
    let mut events = EventStream::open(&app.client, &format!("{PATH}/{}/progress", gone[0])).await;
    assert_eq!(events.next().await.unwrap().0, "progress");
    for id in &gone {
        change(&app, id, json!({"name": "Soon gone"})).await;
        let deleted = delete(&app, id).await;
        assert_eq!((deleted.status, &*deleted.text), (204, ""));
        let read = app.client.get(&format!("{PATH}/{id}")).await;
        read.assert_problem(404, "not-found");
        let again = delete(&app, id).await;
        assert_eq!(again.status, 204, "{again:?}");
        assert_eq!(again.position(), deleted.position());
    }
    assert_eq!(events.next().await, None, "the stream ends");
    for limit in [1, 2, 50] {
        let listed = app.client.list(PATH, limit).await;
        let found: Vec<_> = listed
            .iter()
            .map(|campaign| campaign["campaign_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "limit {limit}");
    }
    let [id, ..] = &gone;
    for path in ["/logs", "/reconcile", "/progress", "/recipients/c-1"] {
        let answer = app.client.get(&format!("{PATH}/{id}{path}")).await;
        answer.assert_problem(404, "not-found");
    }
    for verb in ["launch", "pause", "resume", "cancel", "retry", "clone"] {
        let answer = post_command(&app, id, verb).await;
        answer.assert_problem(404, "not-found");
    }
    let changed = patch(&app, id, json!({"name": "Back"})).await;
    changed.assert_problem(404, "not-found");
    for help in ["summary", "tags"] {
        let path = format!("/api/ai/campaigns/{id}/{help}");
        let answer = send(app.client.request(Method::POST, &path)).await;
        answer.assert_problem(404, "not-found");
    }
    assert_eq!(
        history(&app, id).await,
        ["created.1", "updated.1", "deleted.1"]
    );
    for arguments in [["verify"].as_slice(), &["rebuild", "campaigns"]] {
        let output = app.patron([]).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {stderr}");
    }
    assert_eq!(app.client.list(PATH, 50).await.len(), ids.len());
}

#[tokio::test]
async fn a_repeated_creation_of_a_deleted_draft_does_not_bring_it_back() {
    let app = App::start().await;
    let first = post_with_key(&app, PATH, "k-1", named("Once")).await;
    let id = id_of(&first);
    delete(&app, &id).await;
    let again = post_with_key(&app, PATH, "k-1", named("Once")).await;
    assert_eq!((again.status, again.text), (201, first.text));
    let read = app.client.get(&format!("{PATH}/{id}")).await;
    read.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_campaign_in_any_status_is_cloned() {
    let app = App::without_workers().await;
    let segment = create_segment(&app, "order_count > 0").await;
    let more = json!({"tags": ["spring"], "messages_per_second": 50, "scheduled_at": LATER});
    let source = create(&app, with(to_segment("Spring", &segment), more)).await;
    let assert_cloned = async |cloned: Answer, name: &str| {
        assert_eq!(cloned.status, 201, "{cloned:?}");
        let id = id_of(&cloned);
        assert_eq!(cloned.header("location"), format!("{PATH}/{id}"));
        let expected = json!({
            "campaign_id": id, "name": name, "status": "draft", "segment_id": segment,
            "rules": null, "text": null, "message": {"template": "Hi {{ name }}!"},
            "scheduled_at": null, "messages_per_second": 50, "tags": ["spring"],
        });
        assert_eq!(cloned.body, expected);
        id
    };
    let path = format!("{PATH}/{source}/clone");
    let without_body = send(app.client.request(Method::POST, &path)).await;
    let first = assert_cloned(without_body, "Copy of Spring").await;
    let named_clone = app.client.post(&path, json!({"name": "Summer"})).await;
    assert_cloned(named_clone, "Summer").await;
    for verb in ["launch", "pause", "cancel"] {
        assert_eq!(post_command(&app, &source, verb).await.status, 202);
        let cloned = app.client.post(&path, json!({"name": null})).await;
        assert_cloned(cloned, "Copy of Spring").await;
    }
    // The segment of an ended campaign may be archived. Its clone needs another one.
    assert_eq!(archive(&app, &segment).await.status, 204);
    let path = format!("{PATH}/{first}/clone");
    let again = app.client.post(&path, json!({})).await;
    let again = assert_cloned(again, "Copy of Copy of Spring").await;
    let refused = post_command(&app, &again, "launch").await;
    refused.assert_problem(409, "archived");
    change(&app, &again, json!({"rules": "order_count > 0"})).await;
    assert_eq!(post_command(&app, &again, "launch").await.status, 202);

    let long = "x".repeat(200);
    let long = create(&app, named(&long)).await;
    let cloned = post_command(&app, &long, "clone").await;
    assert_eq!(
        cloned.body["name"],
        format!("Copy of {}", "x".repeat(192)),
        "the name is cut"
    );
    for (body, slug, pointer) in [
        (json!({"name": ""}), "invalid-field", "/name"),
        (json!({"name": "x".repeat(201)}), "invalid-field", "/name"),
        (json!({"launch": true}), "unknown-field", "/launch"),
    ] {
        let refused = app.client.post(&path, body.clone()).await;
        let problem = refused.assert_problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let request = app.client.request(Method::POST, &path);
    let refused = send(request.body("name=x")).await;
    refused.assert_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_repeated_clone_with_its_key_is_one_clone() {
    let app = App::start().await;
    let source = create(&app, named("Spring")).await;
    let path = format!("{PATH}/{source}/clone");
    let all = (0..10).map(|_| post_with_key(&app, &path, "k-1", Value::Null));
    let answers = join_all(all).await;
    let first = &answers[0];
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (201, &first.text));
        assert_eq!(answer.header("location"), first.header("location"));
    }
    // The clone and its source may change, and may be deleted.
    let id = id_of(first);
    change(&app, &source, json!({"name": "Summer"})).await;
    change(&app, &id, json!({"name": "Mine"})).await;
    let again = post_with_key(&app, &path, "k-1", json!({})).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    for gone in [&source, &id] {
        assert_eq!(delete(&app, gone).await.status, 204);
        let again = post_with_key(&app, &path, "k-1", Value::Null).await;
        assert_eq!((again.status, &again.text), (201, &first.text));
    }
    assert_eq!(history(&app, &id).await.len(), 3, "one creation");

    let other = create(&app, named("Autumn")).await;
    let other = format!("{PATH}/{other}/clone");
    for (path, body) in [
        (path.as_str(), json!({"name": "Copy of Spring"})),
        (other.as_str(), Value::Null),
        (PATH, named("Copy of Spring")),
    ] {
        let refused = post_with_key(&app, path, "k-1", body).await;
        refused.assert_problem(409, "idempotency-conflict");
    }
}

#[tokio::test]
async fn a_draft_with_a_time_is_scheduled_by_its_launch() {
    let app = App::start().await;
    let segment = create_segment(&app, "order_count > 0").await;
    let id = create(&app, to_segment("Later", &segment)).await;
    let changed = change(&app, &id, json!({"scheduled_at": LATER})).await;
    assert_eq!(changed.body["status"], "draft", "it waits for the launch");
    let path = format!("{PATH}/{id}/launch");
    let launched = post_with_key(&app, &path, "k-1", Value::Null).await;
    assert_eq!(launched.status, 202, "{launched:?}");
    assert_eq!(
        launched.body,
        json!({"campaign_id": id, "status": "scheduled"})
    );
    let read = format!("{PATH}/{id}?after={}", launched.position());
    let campaign = app.client.read(&read).await;
    assert_eq!(
        (&campaign["status"], &campaign["scheduled_at"]),
        (&json!("scheduled"), &json!(LATER))
    );
    let held = archive(&app, &segment).await;
    held.assert_problem(409, "in-use");

    // A repeated request never sends before the time.
    let again = post_with_key(&app, &path, "k-1", Value::Null).await;
    assert_eq!((again.status, &again.text), (202, &launched.text));
    assert_eq!(again.position(), launched.position());
    for early in [
        post_with_key(&app, &path, "k-2", Value::Null).await,
        post_command(&app, &id, "launch").await,
    ] {
        early.assert_problem(409, "impossible-transition");
    }
    assert_eq!(post_command(&app, &id, "cancel").await.status, 202);
    let last = post_with_key(&app, &path, "k-1", Value::Null).await;
    assert_eq!((last.status, &last.text), (202, &launched.text));
    assert_eq!(archive(&app, &segment).await.status, 204);
    assert_eq!(
        history(&app, &id).await,
        ["created.1", "updated.1", "scheduled.1", "cancelled.1"]
    );
}

#[tokio::test]
async fn a_draft_is_not_launched_after_its_time() {
    let app = App::without_workers().await;
    let id = create(&app, named("Soon")).await;
    let soon = chrono::Utc::now() + chrono::Duration::milliseconds(5_000);
    let changes = json!({"scheduled_at": soon});
    change(&app, &id, changes.clone()).await;
    until("the time has passed", async || chrono::Utc::now() > soon).await;
    let refused = post_command(&app, &id, "launch").await;
    let problem = refused.assert_problem(409, "impossible-transition");
    assert_eq!(
        problem["detail"],
        "the draft's scheduled time has passed; change or clear it first"
    );
    // The same content again is no change, and other fields can still be changed.
    change(&app, &id, changes).await;
    change(&app, &id, json!({"name": "Still a draft"})).await;
    change(&app, &id, json!({"scheduled_at": null})).await;
    let launched = post_command(&app, &id, "launch").await;
    assert_eq!(launched.body["status"], "launching");
}

/// Changes of different fields are all kept, and the launch takes what was changed before it.
#[tokio::test]
async fn concurrent_changes_and_a_launch_do_not_lose_or_mix_anything() {
    let app = App::start().await;
    for round in 0..5 {
        let id = create(&app, named("Draft")).await;
        let changes = [
            json!({"name": "Changed"}),
            json!({"tags": ["changed"]}),
            json!({"messages_per_second": 7}),
            json!({"message": {"template": "Changed"}}),
        ];
        let changing = changes
            .iter()
            .map(|changes| patch(&app, &id, changes.clone()));
        let (changed, launched) =
            tokio::join!(join_all(changing), post_command(&app, &id, "launch"));
        match launched.status {
            202 => {}
            _ => {
                launched.assert_problem(409, "draft-changed");
            }
        }
        let campaign = read_caught_up(&app, &id).await;
        let is_draft = campaign["status"] == "draft";
        assert_eq!(is_draft, launched.status != 202, "{campaign}");
        for (changes, answer) in changes.iter().zip(changed) {
            match answer.status {
                200 => {}
                _ => {
                    answer.assert_problem(409, "impossible-transition");
                    assert_eq!(launched.status, 202, "round {round}: {answer:?}");
                }
            }
            for (field, value) in changes.as_object().unwrap() {
                let is_changed = campaign[field] == *value;
                assert_eq!(is_changed, answer.status == 200, "{field}: {campaign}");
            }
        }
        let history = history(&app, &id).await;
        let launch = history.iter().position(|name| name == "launched.1");
        let update = history.iter().rposition(|name| name == "updated.1");
        assert!(launch.is_none() || update < launch, "{history:?}");
    }
}
