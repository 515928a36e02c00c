//! Event streams: they end with their credential, and leave connections for others.

use std::time::Duration;

use chrono::Utc;
use domain::{KeySecret, Role, Timestamp};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::app::App;
use crate::support::client::{Client, send};
use crate::support::wait::until;

/// Creates a draft and returns the path of its progress, which does not end.
async fn draft_progress(app: &App) -> String {
    let draft = json!({
        "name": "Draft",
        "rules": "tags contains \"vip\"",
        "message": {"template": "Hi {{ name }}!"},
    });
    let created = app.client.post("/api/campaigns", draft).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["campaign_id"].as_str().unwrap();
    let path = format!("/api/campaigns/{id}/progress");
    until("the campaign can be followed", async || {
        open(&app.client, &path).await.status() == 200
    })
    .await;
    path
}

fn request(client: &Client, path: &str) -> RequestBuilder {
    client.request(Method::GET, path)
}

async fn open(client: &Client, path: &str) -> Response {
    request(client, path).send().await.unwrap()
}

/// Reads a stream to its end.
async fn read_to_end(stream: Response) -> String {
    let read = timeout(Duration::from_secs(20), stream.text()).await;
    read.expect("the stream ends").unwrap()
}

fn client_of(app: &App, key: &KeySecret) -> Client {
    app.client.with_key(Some(key.reveal()))
}

#[tokio::test]
async fn a_stream_ends_when_its_key_expires() {
    let app = App::start().await;
    let path = draft_progress(&app).await;
    let soon = Utc::now() + Duration::from_secs(4);
    let key = app
        .create_key(Role::Viewer, Some(Timestamp::from(soon)))
        .await;
    let stream = open(&client_of(&app, &key), &path).await;
    assert_eq!(stream.status(), 200);
    let events = read_to_end(stream).await;
    assert!(!events.contains("event: end"), "{events}");
    assert!(Utc::now() >= soon);
}

/// One credential may hold a sixteenth of the connections with streams.
#[tokio::test]
async fn one_credential_holds_a_part_of_the_connections() {
    let settings = vec![("PATRON_MAX_CONNECTIONS", "64".to_owned())];
    let mut app = App::with_environment(settings).await;
    app.add_worker();
    let path = draft_progress(&app).await;
    let key = app.create_key(Role::Viewer, None).await;
    let viewer = client_of(&app, &key);
    let mut streams = Vec::new();
    for _ in 0..4 {
        let stream = open(&viewer, &path).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = send(request(&viewer, &path)).await;
    refused.assert_problem(503, "busy");
    assert_eq!(refused.header("retry-after"), "2");
    let other = open(&app.client, &path).await;
    assert_eq!(other.status(), 200, "another credential has its own share");
    streams.pop();
    until("a place is free again", async || {
        open(&viewer, &path).await.status() == 200
    })
    .await;
}

/// Health checks are answered on a new connection, whatever holds the others.
#[tokio::test]
async fn health_is_answered_when_all_connections_are_taken() {
    let settings = vec![("PATRON_MAX_CONNECTIONS", "8".to_owned())];
    let app = App::with_environment(settings).await;
    let address = app.client.base().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    until("no connection is left for other requests", async || {
        idle.push(TcpStream::connect(&address).await.unwrap());
        let client = Client::new(app.client.base(), &app.settings().key);
        let answer = send(request(&client, "/api/segments").timeout(Duration::from_secs(10))).await;
        if answer.status == 200 {
            return false;
        }
        answer.assert_problem(503, "busy");
        true
    })
    .await;
    for _ in 0..20 {
        let client = Client::new(app.client.base(), "");
        for path in ["/healthz", "/readyz"] {
            let answer = send(request(&client, path).timeout(Duration::from_secs(10))).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    drop(idle);
    until("requests are accepted again", async || {
        let client = Client::new(app.client.base(), &app.settings().key);
        client.get("/api/segments").await.status == 200
    })
    .await;
}
