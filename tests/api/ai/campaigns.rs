//! A campaign's summary and tags.

use serde_json::{Value, json};

use super::{last_recorded, shop};
use crate::api::order;
use crate::support::app::App;
use crate::support::campaign::{completed, launch};
use crate::support::openai::OpenAi;
use crate::support::vendor::Vendor;

/// A campaign to all ten, who have spent 100.00 to 1,100.00, that is over; its id.
async fn sent(app: &mut App, vendor: &Vendor) -> String {
    vendor
        .set(json!({"delivered_rate": 1.0, "lost_rate": 0.0}))
        .await;
    app.vendor = Some(vendor.url.clone());
    app.add_worker();
    shop(app).await;
    let addressed: Value = (1..=10)
        .map(|n| json!({"customer_id": format!("c-{n}"), "email": format!("c{n}@example.com")}))
        .collect();
    app.client.accept("/api/data/customers", addressed).await;
    let most = order("c-10", "o-11", 10_000);
    app.client.accept("/api/data/orders", most).await;
    app.client.caught_up().await;
    let id = launch(&app.client, "all", "order_count > 0", None).await;
    completed(&app.client, &id).await;
    app.client.caught_up().await;
    id
}

#[tokio::test]
async fn a_summary_has_the_views_figures_and_no_others() {
    let vendor = Vendor::start().await;
    let openai = OpenAi::start().await;
    let mut app = App::told(openai.environment()).await;
    let id = sent(&mut app, &vendor).await;
    let path = format!("/api/ai/campaigns/{id}/summary");
    let figures = json!({
        "audience": 10, "reached": 10, "delivered": 10, "failed": 0, "suppressed": 0,
        "pending": 0, "currency": "USD", "brackets": [
            {"above": 100_000, "up_to": null, "reached": 1, "delivered": 1},
            {"above": null, "up_to": 100_000, "reached": 9, "delivered": 9},
        ],
    });
    let text = "All 10 customers got it, the 9 who spent up to $1,000 too.";
    openai.says(&[json!({"summary": text})]).await;
    let answered = app.client.post(&path, json!(null)).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.body["engine"], "openai");
    assert_eq!(answered.body["summary"], text);
    assert_eq!(answered.body["figures"], figures);

    // Numbers that are not ours do not get through, however often it tries.
    openai
        .says(&[json!({"summary": "A record: 11 of 10 customers, up 40%!"})])
        .await;
    let answered = app.client.post(&path, json!(null)).await;
    assert_eq!(answered.body["engine"], "builtin", "{answered:?}");
    let summary = answered.body["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("Reached 10 customers, 10 delivered (100%)"),
        "{summary}"
    );
    assert!(!answered.text.contains("40%"), "{answered:?}");
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["about"], id.as_str());
    assert_eq!(recorded["data"]["answer"], summary);
}

#[tokio::test]
async fn a_campaign_that_was_not_launched_has_tags_and_no_summary() {
    let app = App::start().await;
    let segment = super::segment(&app, "days_since_last_order > 90").await;
    let campaign = json!({
        "name": "Diwali: 20% off", "segment_id": segment,
        "message": {"template": "We miss you, {{ name }}!"},
    });
    let made = app.client.post("/api/campaigns", campaign).await;
    let id = made.body["campaign_id"].as_str().unwrap();
    let after = made.position();
    let path = format!("/api/ai/campaigns/{id}/tags?after={after}");
    let answered = app.client.post(&path, json!(null)).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(
        answered.body["tags"],
        json!(["win-back", "seasonal", "discount"])
    );
    assert_eq!(answered.body["engine"], "builtin");
    let path = format!("/api/ai/campaigns/{id}/summary");
    let answered = app.client.post(&path, json!(null)).await;
    answered.problem(409, "not-launched");
    for what in ["summary", "tags"] {
        let path = format!("/api/ai/campaigns/cmp_1/{what}");
        app.client
            .post(&path, json!(null))
            .await
            .problem(404, "not-found");
    }
}
