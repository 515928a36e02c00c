//! Progress of a campaign as server-sent events.

use std::time::{Duration, Instant};

use domain::Role;
use rustix::process::Signal;
use serde_json::json;
use tokio::time::timeout;

use super::{CampaignDriver, PATH, read_caught_up};
use crate::support::app::App;
use crate::support::events::EventStream;

async fn events_of(app: &App, id: &str) -> EventStream {
    EventStream::open(&app.client, &format!("{PATH}/{id}/progress")).await
}

#[tokio::test]
async fn events_follow_a_campaign_to_its_end() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &["Ada", "Bob"]).await;
    app.add_worker();
    read_caught_up(&app, &id).await;
    let mut events = events_of(&app, &id).await;
    let (name, data) = events.next().await.unwrap();
    assert_eq!((&*name, &data["status"]), ("progress", &json!("sending")));
    assert_eq!(
        (&data["campaign_id"], &data["statistics"]["queued"]),
        (&json!(id), &json!(2))
    );

    driver.record_sent("c-0").await;
    let (name, data) = events.next().await.unwrap();
    assert_eq!(
        (&*name, &data["statistics"]["sent"]),
        ("progress", &json!(1))
    );
    driver.record_sent("c-1").await;
    driver.record_receipt("c-0", true).await;
    driver.record_receipt("c-1", false).await;
    driver.complete().await;
    let mut last = events.next().await.unwrap();
    while last.0 == "progress" {
        last = events.next().await.unwrap();
    }
    let (name, data) = last;
    assert_eq!((&*name, &data["status"]), ("end", &json!("completed")));
    let statistics = &data["statistics"];
    assert_eq!(
        (&statistics["delivered"], &statistics["failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(events.next().await, None);

    let mut ended = events_of(&app, &id).await;
    assert_eq!(ended.next().await.unwrap().0, "end");
    assert_eq!(ended.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_once_its_key_is_revoked() {
    let mut app = App::without_workers().await;
    let (_, id) = CampaignDriver::start(&app, &["Ada"]).await;
    app.add_worker();
    read_caught_up(&app, &id).await;
    let key = app.create_key(Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(key.reveal()));
    let mut events = EventStream::open(&viewer, &format!("{PATH}/{id}/progress")).await;
    assert_eq!(events.next().await.unwrap().0, "progress");
    let revoked = app.client.delete(&format!("/api/keys/{}", key.id())).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    let rest = timeout(Duration::from_secs(10), events.next()).await;
    assert_eq!(rest, Ok(None), "the campaign has not ended");
}

#[tokio::test]
async fn an_open_event_stream_does_not_delay_a_shutdown() {
    let mut app = App::without_workers().await;
    let (_, id) = CampaignDriver::start(&app, &["Ada"]).await;
    app.add_worker();
    read_caught_up(&app, &id).await;
    let mut events = events_of(&app, &id).await;
    events.next().await.unwrap();
    let start = Instant::now();
    assert!(app.api.stop(Signal::TERM).success());
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "it waited for the whole grace period"
    );
    assert_eq!(
        events.next().await,
        None,
        "the stream ends without an error"
    );
}
