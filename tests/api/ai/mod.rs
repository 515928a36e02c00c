//! Assistance, `/api/ai/…`: with a language model, without one, and with one that fails.

mod campaigns;
mod lookalikes;
mod messages;
mod model;
mod rules;
mod send_time;

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::Answer;

const RULES: &str = "/api/ai/segment-rules";
const MESSAGES: &str = "/api/ai/messages";

async fn request_rules(app: &App, prompt: &str) -> Answer {
    app.client.post(RULES, json!({"prompt": prompt})).await
}

/// Records ten customers. `c-n` placed n orders of 100.00 each; customers with an even number live
/// in Pune, the others in Goa; `c-10` visited twice. All activity is from early 2025.
///
/// Returns the positions of these writes, joined as the `after` parameter takes them.
async fn record_shop(app: &App) -> String {
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
        positions.push(app.client.post_accepted(path, items).await);
    }
    app.client.wait_until_caught_up().await;
    positions.join(",")
}

/// Creates a segment with these rules, waits until it can be read, and returns its id.
async fn create_segment(app: &App, rules: &str) -> String {
    let body = json!({"name": "A segment", "rules": rules});
    let created = app.client.post("/api/segments", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["segment_id"].as_str().unwrap().to_owned();
    let path = format!("/api/segments/{id}?after={}", created.position());
    app.client.read(&path).await;
    id
}

/// Returns the newest recorded assistance call, as stored in the log.
async fn last_recorded(app: &App) -> Value {
    app.client.wait_until_caught_up().await;
    let rows = app
        .client
        .read("/api/audit?type=assistance_given.1&limit=1")
        .await;
    let position = rows["items"][0]["position"].as_str().unwrap().to_owned();
    app.client.read(&format!("/api/audit/{position}")).await
}
