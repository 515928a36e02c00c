//! Following a campaign by server-sent events.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{PATH, Work, shown};
use crate::support::app::App;

/// Events as they come.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(app: &App, id: &str) -> Self {
        let path = format!("{PATH}/{id}/progress");
        let response = app.client.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let media_type = response.headers()["content-type"].to_str().unwrap();
        assert!(media_type.starts_with("text/event-stream"), "{media_type}");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event's name and data; `None` when there are no more.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                if let (Some(name), Some(data)) = (field("event: "), field("data: ")) {
                    return Some((name.to_owned(), serde_json::from_str(data).unwrap()));
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

#[tokio::test]
async fn a_campaign_is_followed_to_its_end() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &["Ada", "Bob"]).await;
    app.add_worker();
    shown(&app, &id).await;
    let mut events = Events::of(&app, &id).await;
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

    let mut over = Events::of(&app, &id).await;
    assert_eq!(over.next().await.unwrap().0, "end");
    assert_eq!(over.next().await, None);
}

#[tokio::test]
async fn who_follows_does_not_keep_the_server_from_ending() {
    let mut app = App::without_workers().await;
    let (_, id) = Work::started(&app, &["Ada"]).await;
    app.add_worker();
    shown(&app, &id).await;
    let mut events = Events::of(&app, &id).await;
    events.next().await.unwrap();
    let start = Instant::now();
    assert!(app.api.stop(Signal::TERM).success());
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "it waited its whole grace"
    );
    assert_eq!(events.next().await, None, "it ends in order");
}
