//! Clients of API keys: the scope of `Idempotency-Key`, which outlives a key.

use std::sync::Arc;

use commands::{IdempotencyKey, IdempotencyScope, new_id};
use domain::{CampaignId, Role, SegmentCommand, SegmentContent, SegmentId};
use reqwest::Method;
use serde_json::{Value, json};

use super::with;
use crate::support::app::{App, now};
use crate::support::client::{Answer, Client, send};
use crate::support::shop::text;

const CAMPAIGNS: &str = "/api/campaigns";
const SEGMENTS: &str = "/api/segments";

/// A key of a program.
struct ProgramKey {
    id: String,
    client: Client,
}

/// Creates a key with the role `marketer`, and the given fields.
async fn create_key(app: &App, fields: Value) -> ProgramKey {
    let body = with(json!({"role": "marketer"}), fields);
    let created = app.client.post("/api/keys", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    ProgramKey {
        id: created.body["key_id"].as_str().unwrap().to_owned(),
        client: app.client.with_key(created.body["secret"].as_str()),
    }
}

async fn revoke(app: &App, key: &ProgramKey) {
    let revoked = app.client.delete(&format!("/api/keys/{}", key.id)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
}

async fn post(client: &Client, path: &str, body: Option<&Value>) -> Answer {
    let request = client.request(Method::POST, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    send(request.header("Idempotency-Key", "spring-1")).await
}

fn campaign() -> Value {
    json!({
        "name": "Spring",
        "rules": "tags contains \"vip\"",
        "message": {"template": "Hi {{ name }}!"},
        "launch": true,
    })
}

#[tokio::test]
async fn a_request_is_repeated_with_the_next_key_of_its_client() {
    let app = App::start().await;
    let first = create_key(&app, json!({"name": "Shop 2025", "client": "shop"})).await;
    let launched = post(&first.client, CAMPAIGNS, Some(&campaign())).await;
    assert_eq!(launched.status, 201, "{launched:?}");
    let second = create_key(&app, json!({"name": "Shop 2026", "client": "shop"})).await;
    // Both keys are valid while the program is moved to the second one.
    for revoked in [false, true] {
        if revoked {
            revoke(&app, &first).await;
        }
        let again = post(&second.client, CAMPAIGNS, Some(&campaign())).await;
        assert_eq!((again.status, &again.text), (201, &launched.text));
        assert_eq!(again.header("location"), launched.header("location"));
    }
    let refused = post(&first.client, CAMPAIGNS, Some(&campaign())).await;
    refused.assert_problem(401, "unauthenticated");
    let other = with(campaign(), json!({"name": "Summer"}));
    let other = post(&second.client, CAMPAIGNS, Some(&other)).await;
    other.assert_problem(409, "idempotency-conflict");
    app.client.wait_until_caught_up().await;
    assert_eq!(app.client.list(CAMPAIGNS, 10).await.len(), 1);
}

#[tokio::test]
async fn a_launch_is_repeated_with_the_next_key_of_its_client() {
    let app = App::start().await;
    let first = create_key(&app, json!({"name": "Shop"})).await;
    let draft = with(campaign(), json!({"launch": false}));
    let draft = first.client.post(CAMPAIGNS, draft).await;
    let id = draft.body["campaign_id"].as_str().unwrap();
    let path = format!("{CAMPAIGNS}/{id}/launch");
    let launched = post(&first.client, &path, None).await;
    assert_eq!(launched.status, 202, "{launched:?}");
    revoke(&app, &first).await;
    let second = create_key(&app, json!({"name": "Shop 2", "client": "Shop"})).await;
    let again = post(&second.client, &path, None).await;
    assert_eq!((again.status, again.text), (202, launched.text));
    let stranger = create_key(&app, json!({"name": "Till"})).await;
    let refused = post(&stranger.client, &path, None).await;
    refused.assert_problem(409, "impossible-transition");
}

#[tokio::test]
async fn clients_and_users_do_not_share_keys() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for fields in [
        json!({"name": "Shop"}),
        json!({"name": "Till", "client": "till"}),
        json!({"name": "Shop", "client": "other"}),
        // No client has the keys of an actor that bears its name.
        json!({"name": "Odd", "client": "key:bootstrap"}),
    ] {
        let key = create_key(&app, fields).await;
        ids.push(id_of_segment(&post_segment(&key.client).await));
    }
    ids.push(id_of_segment(&post_segment(&app.client).await));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn a_key_without_a_client_has_its_name() {
    let app = App::start().await;
    let keys = [
        (json!({"name": "Shop"}), "Shop"),
        (json!({"name": "Shop", "client": null}), "Shop"),
        (json!({"name": "Other", "client": "Shop"}), "Shop"),
        (json!({"name": "Other"}), "Other"),
    ];
    for (fields, client) in keys {
        let body = with(json!({"role": "ingest"}), fields);
        let created = app.client.post("/api/keys", body).await;
        assert_eq!(created.body["client"], client, "{created:?}");
        let id = created.body["key_id"].as_str().unwrap();
        let path = format!("/api/keys/{id}?after={}", created.position());
        assert_eq!(app.client.read(&path).await["client"], client);
    }
    for client in [json!(""), json!("x".repeat(201)), json!(1)] {
        let body = json!({"name": "Shop", "role": "ingest", "client": client});
        let refused = app.client.post("/api/keys", body).await;
        let problem = refused.assert_problem(422, "invalid-field");
        assert_eq!(problem["errors"][0]["pointer"], "/client");
    }
}

/// A key that was recorded without a client keeps what it created before, and shares all
/// later requests with the keys of its name.
#[tokio::test]
async fn a_key_from_before_clients_finds_what_it_created() {
    let app = App::start().await;
    let old = app.create_key(Role::Marketer, None).await;
    let client = app.client.with_key(Some(old.reveal()));
    let commands = app.settings().commands().await;
    let actor: Arc<str> = format!("key:{}", old.id()).into();
    let scope = IdempotencyScope::actor(&actor);
    let key = IdempotencyKey::new(scope, b"spring-1").unwrap();
    let id: SegmentId = new_id(Some(&key));
    let content = SegmentContent {
        name: text("Good"),
        description: None,
        rules: "total_spend > 10000".parse().unwrap(),
    };
    let create = SegmentCommand::Create(content);
    let created = commands.execute(&now(), id.clone(), create).await;
    created.unwrap().unwrap();
    let again = post_segment(&client).await;
    assert_eq!(again.body["segment_id"], id.as_str(), "{again:?}");

    // The creation of a campaign is later, so it is the client's.
    let campaign_of = |answer: &Answer| answer.body["campaign_id"].as_str().unwrap().to_owned();
    let first = post(&client, CAMPAIGNS, Some(&campaign())).await;
    let former: CampaignId = new_id(Some(&key));
    assert_ne!(campaign_of(&first), former.as_str());
    let next = create_key(&app, json!({"name": "Next", "client": "marketer"})).await;
    let again = post(&next.client, CAMPAIGNS, Some(&campaign())).await;
    assert_eq!(campaign_of(&again), campaign_of(&first));
}

async fn post_segment(client: &Client) -> Answer {
    let body = json!({"name": "Good", "rules": "total_spend > 10000"});
    post(client, SEGMENTS, Some(&body)).await
}

fn id_of_segment(created: &Answer) -> String {
    assert_eq!(created.status, 201, "{created:?}");
    created.body["segment_id"].as_str().unwrap().to_owned()
}
