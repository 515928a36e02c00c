//! `Idempotency-Key`: repeated creations and launches.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CampaignDriver, PATH, create, id_of, named};
use crate::api::with;
use crate::support::app::App;
use crate::support::client::{Answer, send};

async fn post_with_key(app: &App, path: &str, key: &str, body: &Value) -> Answer {
    let request = app.client.request(Method::POST, path).json(body);
    send(request.header("Idempotency-Key", key)).await
}

#[tokio::test]
async fn a_repeated_creation_with_its_key_changes_nothing() {
    let app = App::start().await;
    let body = with(named("Once"), json!({"launch": true}));
    let first = post_with_key(&app, PATH, "k-1", &body).await;
    assert_eq!(
        (first.status, &first.body["status"]),
        (201, &json!("launching"))
    );
    let id = id_of(&first);
    let again = post_with_key(&app, PATH, "k-1", &body).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    super::post_command(&app, &id, "cancel").await;
    let last = post_with_key(&app, PATH, "k-1", &body).await;
    assert_eq!((last.status, &last.text), (201, &first.text));
    let path = format!("{PATH}?after={}", last.position());
    assert_eq!(app.client.list(&path, 10).await.len(), 1);

    let other = post_with_key(&app, PATH, "k-1", &named("Twice")).await;
    other.assert_problem(409, "idempotency-conflict");
}

/// The field `launch` is part of the content that a key belongs to.
#[tokio::test]
async fn a_creation_with_the_key_of_a_draft_does_not_launch_it() {
    let app = App::start().await;
    let (draft, launched) = (named("Once"), with(named("Once"), json!({"launch": true})));
    for (key, first, other) in [("k-1", &draft, &launched), ("k-2", &launched, &draft)] {
        let created = post_with_key(&app, PATH, key, first).await;
        assert_eq!(created.status, 201, "{created:?}");
        let refused = post_with_key(&app, PATH, key, other).await;
        refused.assert_problem(409, "idempotency-conflict");
        let again = post_with_key(&app, PATH, key, first).await;
        assert_eq!((again.status, again.text), (201, created.text));
    }
    app.client.wait_until_caught_up().await;
    let launches = app
        .client
        .list("/api/audit?type=campaign_launched", 10)
        .await;
    assert_eq!(launches.len(), 1);
}

#[tokio::test]
async fn a_creation_may_be_repeated_after_its_scheduled_time() {
    let app = App::without_workers().await;
    let soon = chrono::Utc::now() + chrono::Duration::milliseconds(1_500);
    let body = with(named("Soon"), json!({"scheduled_at": soon}));
    let first = post_with_key(&app, PATH, "k-1", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    crate::support::wait::until("the time has passed", async || chrono::Utc::now() > soon).await;
    let again = post_with_key(&app, PATH, "k-1", &body).await;
    assert_eq!((again.status, again.text), (201, first.text));
    let late = post_with_key(&app, PATH, "k-2", &body).await;
    late.assert_problem(422, "invalid-field");
}

#[tokio::test]
async fn a_repeated_launch_with_its_key_launches_once() {
    let app = App::without_workers().await;
    let id = create(&app, named("Once")).await;
    let path = format!("{PATH}/{id}/launch");
    let all = (0..10).map(|_| post_with_key(&app, &path, "k-1", &Value::Null));
    let answers = futures::future::join_all(all).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (202, &answers[0].text));
        assert_eq!(answer.position(), answers[0].position());
    }
    CampaignDriver::new(&app, &id).await.resolve(0, 0).await;
    let last = post_with_key(&app, &path, "k-1", &Value::Null).await;
    assert_eq!((last.status, &last.text), (202, &answers[0].text));
    for other in ["k-2", "k-3"] {
        let refused = post_with_key(&app, &path, other, &Value::Null).await;
        refused.assert_problem(409, "impossible-transition");
    }
}

#[tokio::test]
async fn concurrent_creations_with_one_key_launch_one_campaign() {
    let app = App::start().await;
    let body = with(named("Once"), json!({"launch": true}));
    let all = (0..20).map(|_| post_with_key(&app, PATH, "k-1", &body));
    for answer in futures::future::join_all(all).await {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    app.client.wait_until_caught_up().await;
    let launches = "/api/audit?type=campaign_launched";
    assert_eq!(app.client.list(launches, 10).await.len(), 1);
}
