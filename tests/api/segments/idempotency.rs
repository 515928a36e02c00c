//! `Idempotency-Key`: repeated creations.

use reqwest::Method;
use serde_json::Value;

use super::{PATH, archive, id_of, named, read_after, replace};
use crate::support::app::App;
use crate::support::client::{Answer, send};

async fn post_with_key(app: &App, key: &str, body: &Value) -> Answer {
    let request = app.client.request(Method::POST, PATH).json(body);
    send(request.header("Idempotency-Key", key)).await
}

#[tokio::test]
async fn a_repeated_creation_with_its_key_changes_nothing() {
    let app = App::start().await;
    let body = named("Once");
    let first = post_with_key(&app, "k-1", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    let is_same = |again: &Answer| {
        let location = again.header("location") == first.header("location");
        again.status == 201 && location && again.text == first.text
    };
    let again = post_with_key(&app, "k-1", &body).await;
    assert!(is_same(&again), "{again:?}");
    assert_eq!(again.position(), first.position());

    let id = id_of(&first);
    replace(&app, &id, &named("Another")).await;
    assert!(is_same(&post_with_key(&app, "k-1", &body).await));
    archive(&app, &id).await;
    let last = post_with_key(&app, "k-1", &body).await;
    assert!(is_same(&last), "{last:?}");
    let segment = read_after(&app, &id, &last.position()).await;
    assert_eq!(segment["name"], "Another");
    assert!(segment["archived_at"].is_string());
    let all = app.client.list("/api/segments?archived=true", 10).await;
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn a_key_cannot_be_reused_for_other_content() {
    let app = App::without_workers().await;
    let first = post_with_key(&app, "k-1", &named("One")).await;
    let other = post_with_key(&app, "k-1", &named("Two")).await;
    other.assert_problem(409, "idempotency-conflict");
    replace(&app, &id_of(&first), &named("Two")).await;
    let other = post_with_key(&app, "k-1", &named("Two")).await;
    other.assert_problem(409, "idempotency-conflict");
    let second = post_with_key(&app, "k-2", &named("One")).await;
    assert_ne!(id_of(&second), id_of(&first));
    for key in ["", "a b", &"x".repeat(256)] {
        let refused = post_with_key(&app, key, &named("One")).await;
        let problem = refused.assert_problem(400, "invalid-parameter");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("Idempotency-Key"), "{detail}");
    }
}

/// A client with impatient retries sends many requests at once.
#[tokio::test]
async fn concurrent_creations_with_one_key_create_one_segment() {
    let app = App::start().await;
    let body = named("Once");
    let all = (0..20).map(|_| post_with_key(&app, "k-1", &body));
    let answers = futures::future::join_all(all).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (201, &answers[0].text));
        assert_eq!(answer.position(), answers[0].position());
    }
    let path = format!("{PATH}?after={}", answers[0].position());
    assert_eq!(app.client.list(&path, 10).await.len(), 1);
}
