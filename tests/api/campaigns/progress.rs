//! Following a campaign by server-sent events.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{PATH, Work, shown};
use crate::support::app::App;
use crate::support::events::Events;

async fn events_of(app: &App, id: &str) -> Events {
    Events::of(&app.client, &format!("{PATH}/{id}/progress")).await
}

#[tokio::test]
async fn a_campaign_is_followed_to_its_end() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &["Ada", "Bob"]).await;
    app.add_worker();
    shown(&app, &id).await;
    let mut events = events_of(&app, &id).await;
    let (name, data) = events.next().await.unwrap();
    assert_eq!((&*name, &data["status"]), ("progress", &json!("sending")));
    assert_eq!(
        (&data["campaign_id"], &data["statistics"]["queued"]),
        (&json!(id), &json!(2))
    );

    work.send("c-0").await;
    let (name, data) = events.next().await.unwrap();
    assert_eq!(
        (&*name, &data["statistics"]["sent"]),
        ("progress", &json!(1))
    );
    work.send("c-1").await;
    work.receive("c-0", true).await;
    work.receive("c-1", false).await;
    work.complete().await;
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

    let mut over = events_of(&app, &id).await;
    assert_eq!(over.next().await.unwrap().0, "end");
    assert_eq!(over.next().await, None);
}

#[tokio::test]
async fn who_follows_does_not_keep_the_server_from_ending() {
    let mut app = App::without_workers().await;
    let (_, id) = Work::started(&app, &["Ada"]).await;
    app.add_worker();
    shown(&app, &id).await;
    let mut events = events_of(&app, &id).await;
    events.next().await.unwrap();
    let start = Instant::now();
    assert!(app.api.stop(Signal::TERM).success());
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "it waited its whole grace"
    );
    assert_eq!(events.next().await, None, "it ends in order");
}
