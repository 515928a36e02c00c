//! `/api/keys`: API keys for programs.

use domain::KeySecret;
use reqwest::Method;
use serde_json::{Value, json};

use super::with;
use crate::support::app::App;
use crate::support::client::{Answer, send};

const PATH: &str = "/api/keys";

fn named(name: &str) -> Value {
    json!({"name": name, "role": "ingest"})
}

async fn create(app: &App, body: Value) -> Answer {
    let created = app.client.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created
}

async fn post_with_key(app: &App, key: &str, body: &Value) -> Answer {
    let request = app.client.request(Method::POST, PATH).json(body);
    send(request.header("Idempotency-Key", key)).await
}

fn id_of(created: &Answer) -> String {
    created.body["key_id"].as_str().unwrap().to_owned()
}

/// Reads a key once the view has reached `position`.
async fn read_after(app: &App, id: &str, position: &str) -> Value {
    app.client
        .read(&format!("{PATH}/{id}?after={position}"))
        .await
}

#[tokio::test]
async fn the_secret_of_a_key_is_shown_once() {
    let app = App::start().await;
    let expiry = json!({"expires_at": "2999-01-01T01:00:00+01:00"});
    let created = create(&app, with(named("The shop's server"), expiry)).await;
    let id = id_of(&created);
    assert!(id.starts_with("key_") && id.len() == 36, "{id}");
    assert_eq!(created.header("location"), format!("{PATH}/{id}"));
    let text = created.body["secret"].as_str().unwrap();
    let secret: KeySecret = text.parse().unwrap();
    assert_eq!(secret.id().as_str(), id);
    let expected = json!({
        "key_id": id,
        "secret": text,
        "name": "The shop's server",
        "role": "ingest",
        "client": "The shop's server",
        "prefix": secret.prefix().as_str(),
        "expires_at": "2999-01-01T00:00:00.000Z",
    });
    assert_eq!(created.body, expected);

    let mut key = read_after(&app, &id, &created.position()).await;
    let at = key["created_at"].take();
    assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
    let view_fields = json!({
        "last_used_at": null,
        "created_at": null,
        "created_by": "key:bootstrap",
        "revoked_at": null,
        "revoked_by": null,
    });
    let mut without_secret = with(expected, view_fields);
    without_secret.as_object_mut().unwrap().remove("secret");
    assert_eq!(key, without_secret);

    // Only a hash of the secret is stored, and only in the log.
    let entry = format!("/api/audit/{}", created.position());
    let entry = app.client.read(&entry).await;
    assert_eq!(entry["data"]["hash"], String::from(secret.hash()));
    for response in [entry, app.client.read(PATH).await] {
        assert!(!response.to_string().contains(text));
    }
}

#[tokio::test]
async fn a_repeated_creation_shows_no_secret() {
    let app = App::start().await;
    let first = post_with_key(&app, "k-1", &named("Once")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let id = id_of(&first);
    let hidden = with(first.body.clone(), json!({"secret": null}));
    let is_same = |again: &Answer| {
        let location = again.header("location") == first.header("location");
        again.status == 201 && location && again.body == hidden
    };
    let again = post_with_key(&app, "k-1", &named("Once")).await;
    assert!(is_same(&again), "{again:?}");
    assert_eq!(again.position(), first.position());
    let revoked = app.client.delete(&format!("{PATH}/{id}")).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    let last = post_with_key(&app, "k-1", &named("Once")).await;
    assert!(is_same(&last), "{last:?}");
    let key = read_after(&app, &id, &last.position()).await;
    assert!(key["revoked_at"].is_string());
    assert_eq!(app.client.list(PATH, 10).await.len(), 1);

    let other = post_with_key(&app, "k-1", &named("Another")).await;
    other.assert_problem(409, "idempotency-conflict");
    let second = post_with_key(&app, "k-2", &named("Once")).await;
    assert_ne!(id_of(&second), id);
}

#[tokio::test]
async fn a_revoked_key_can_still_be_read() {
    let app = App::start().await;
    let id = id_of(&create(&app, named("Old")).await);
    let path = format!("{PATH}/{id}");
    let revoked = app.client.delete(&path).await;
    assert_eq!((revoked.status, &*revoked.text), (204, ""));
    let key = read_after(&app, &id, &revoked.position()).await;
    assert!(key["revoked_at"].is_string(), "{key}");
    assert_eq!(key["revoked_by"], "key:bootstrap");
    assert_eq!(key["name"], "Old");
    let again = app.client.delete(&path).await;
    assert_eq!(again.status, 204);
    assert_eq!(again.position(), revoked.position());

    app.client.wait_until_caught_up().await;
    let trail = format!("/api/audit?aggregate=api_key/{id}");
    let rows = app.client.list(&trail, 10).await;
    let types: Vec<_> = rows.iter().map(|row| &row["type"]).collect();
    assert_eq!(types, ["api_key_revoked.1", "api_key_created.1"]);
}

#[tokio::test]
async fn the_list_is_newest_first() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(id_of(&create(&app, named(&format!("Key {n}"))).await));
    }
    ids.reverse();
    app.client.delete(&format!("{PATH}/{}", ids[2])).await;
    app.client.wait_until_caught_up().await;
    for limit in [1, 2, 50] {
        let listed = app.client.list(PATH, limit).await;
        let found: Vec<_> = listed
            .iter()
            .map(|key| key["key_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "limit {limit}");
    }
    for query in ["colour=red", "cursor=00", "limit=0"] {
        let refused = app.client.get(&format!("{PATH}?{query}")).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn an_invalid_field_is_refused_with_its_pointer() {
    let app = App::without_workers().await;
    for (fields, slug, pointer) in [
        (json!({"name": ""}), "invalid-field", "/name"),
        (json!({"name": "x".repeat(201)}), "invalid-field", "/name"),
        (json!({"role": "none"}), "invalid-field", "/role"),
        (json!({"role": null}), "invalid-field", "/role"),
        (
            json!({"expires_at": "soon"}),
            "invalid-field",
            "/expires_at",
        ),
        (json!({"colour": "red"}), "unknown-field", "/colour"),
        (
            json!({"expires_at": "2020-01-01T00:00:00Z"}),
            "refused",
            "/expires_at",
        ),
    ] {
        let refused = app.client.post(PATH, with(named("x"), fields)).await;
        let problem = refused.assert_problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for path in ["/api/keys/key_0", "/api/keys/usr_0"] {
        app.client.get(path).await.assert_problem(404, "not-found");
        app.client
            .delete(path)
            .await
            .assert_problem(404, "not-found");
    }
}
