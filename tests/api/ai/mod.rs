//! Help in plain words: with a model, without one, and with one that fails.

mod campaigns;
mod hostile;
mod hours;
mod likeness;
mod messages;
mod model;
mod recorded;
mod rules;

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::Answer;

const RULES: &str = "/api/ai/segment-rules";
const MESSAGES: &str = "/api/ai/messages";

async fn ask(app: &App, prompt: &str) -> Answer {
    app.client.post(RULES, json!({"prompt": prompt})).await
}

/// Ten customers: `c-1` has spent 100.00 in one order, `c-2` 200.00 in two, and so on; the even
/// ones live in Pune, and `c-10` has visited twice. All they did is long ago. The positions that
/// views need for it.
async fn shop(app: &App) -> String {
    let customers = (1..=10).map(|n| {
        let city = if n % 2 == 0 { "Pune" } else { "Goa" };
        json!({"customer_id": format!("c-{n}"), "name": format!("N{n}"), "city": city})
    });
    let orders = (1..=10).flat_map(|n| {
        (1..=n).map(move |k| {
            json!({
                "order_id": format!("o-{k}"), "customer_id": format!("c-{n}"), "amount": 10_000,
                "currency": "USD", "placed_at": format!("2025-01-{k:02}T18:30:00Z"),
            })
        })
    });
    let visits = (1..=2).map(|k| {
        json!({
            "event_id": format!("e-{k}"), "customer_id": "c-10", "name": "visit",
            "occurred_at": "2025-02-01T10:00:00Z",
        })
    });
    let mut positions = Vec::new();
    for (path, items) in [
        ("/api/data/customers", customers.collect::<Value>()),
        ("/api/data/orders", orders.collect()),
        ("/api/data/events", visits.collect()),
    ] {
        positions.push(app.client.accept(path, items).await);
    }
    app.client.caught_up().await;
    positions.join(",")
}

/// A segment of those rules, as soon as it can be read.
async fn segment(app: &App, rules: &str) -> String {
    let body = json!({"name": "A segment", "rules": rules});
    let made = app.client.post("/api/segments", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["segment_id"].as_str().unwrap().to_owned();
    let path = format!("/api/segments/{id}?after={}", made.position());
    app.client.read(&path).await;
    id
}

/// The last call for help, as the log has it.
async fn last_recorded(app: &App) -> Value {
    app.client.caught_up().await;
    let rows = app
        .client
        .read("/api/audit?type=assistance_given.1&limit=1")
        .await;
    let position = rows["items"][0]["position"].as_str().unwrap().to_owned();
    app.client.read(&format!("/api/audit/{position}")).await
}
