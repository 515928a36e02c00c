//! Summary and tags of a campaign: `/api/ai/campaigns/{id}/…`.

use serde_json::{Value, json};

use super::{last_recorded, record_shop};
use crate::api::order;
use crate::support::app::App;
use crate::support::campaign::{launch, wait_for_completion};
use crate::support::openai::OpenAiServer;
use crate::support::vendor::Vendor;

/// Runs a campaign to all ten customers, who spent 100.00 to 1,100.00, to its end.
///
/// Returns the id of the campaign.
async fn completed_campaign(app: &mut App, vendor: &Vendor) -> String {
    vendor
        .configure(json!({"delivered_rate": 1.0, "lost_rate": 0.0}))
        .await;
    app.vendor = Some(vendor.url.clone());
    app.add_worker();
    record_shop(app).await;
    let addressed: Value = (1..=10)
        .map(|n| json!({"customer_id": format!("c-{n}"), "email": format!("c{n}@example.com")}))
        .collect();
    app.client
        .post_accepted("/api/data/customers", addressed)
        .await;
    let extra = order("c-10", "o-11", 10_000);
    app.client.post_accepted("/api/data/orders", extra).await;
    app.client.wait_until_caught_up().await;
    let id = launch(&app.client, "all", "order_count > 0", None).await;
    wait_for_completion(&app.client, &id).await;
    app.client.wait_until_caught_up().await;
    id
}

#[tokio::test]
async fn a_summary_contains_only_figures_of_the_views() {
    let vendor = Vendor::start().await;
    let openai = OpenAiServer::start().await;
    let mut app = App::with_environment(openai.environment()).await;
    let id = completed_campaign(&mut app, &vendor).await;
    let path = format!("/api/ai/campaigns/{id}/summary");
    let figures = json!({
        "audience": 10, "reached": 10, "delivered": 10, "failed": 0, "suppressed": 0,
        "pending": 0, "currency": "USD", "brackets": [
            {"above": 100_000, "up_to": null, "reached": 1, "delivered": 1},
            {"above": null, "up_to": 100_000, "reached": 9, "delivered": 9},
        ],
    });
    let prose = "All {{audience}} customers got it, the {{bracket_2_delivered}} who spent up to \
        {{bracket_2_up_to}} too.";
    let text = "All 10 customers got it, the 9 who spent up to $1,000.00 too.";
    openai.complete_with(&[json!({"summary": prose})]).await;
    let answered = app.client.post(&path, json!(null)).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.body["engine"], "openai");
    assert_eq!(answered.body["summary"], text);
    assert_eq!(answered.body["figures"], figures);

    // A summary with numbers of the model is rejected, however often the model repeats it.
    let mut summary = String::new();
    for wrong in [
        "A record: 11 of 10 customers, up 40%!",
        "All ten customers got it.",
        "{{opened_rate}} opened it.",
        "{{delivered}}{{delivered}} got it.",
    ] {
        openai.complete_with(&[json!({"summary": wrong})]).await;
        let answered = app.client.post(&path, json!(null)).await;
        assert_eq!(answered.body["engine"], "builtin", "{answered:?}");
        assert!(answered.body["fallback"].is_string(), "{answered:?}");
        assert_eq!(openai.request_bodies().await.len(), 2, "{wrong}");
        assert!(!answered.text.contains("40%"), "{answered:?}");
        summary = answered.body["summary"].as_str().unwrap().to_owned();
        assert!(
            summary.starts_with("Reached 10 customers, 10 delivered (100%)"),
            "{summary}"
        );
    }
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["about"], id.as_str());
    assert_eq!(recorded["data"]["answer"], summary);
}

#[tokio::test]
async fn a_draft_has_tags_but_no_summary() {
    let app = App::start().await;
    let segment = super::create_segment(&app, "days_since_last_order > 90").await;
    let campaign = json!({
        "name": "Diwali: 20% off", "segment_id": segment,
        "message": {"template": "We miss you, {{ name }}!"},
    });
    let created = app.client.post("/api/campaigns", campaign).await;
    let id = created.body["campaign_id"].as_str().unwrap();
    let after = created.position();
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
    answered.assert_problem(409, "not-launched");
    for resource in ["summary", "tags"] {
        let path = format!("/api/ai/campaigns/cmp_1/{resource}");
        app.client
            .post(&path, json!(null))
            .await
            .assert_problem(404, "not-found");
    }
}
