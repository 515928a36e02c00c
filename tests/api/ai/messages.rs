//! `/api/ai/messages` without a model.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{MESSAGES, create_segment, last_recorded, record_shop};
use crate::support::app::App;

fn tones(body: &Value) -> Vec<&str> {
    let variants = body["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 3, "{body}");
    variants
        .iter()
        .map(|v| v["tone"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn three_variants_in_three_tones_are_valid_campaign_templates() {
    let app = App::start().await;
    record_shop(&app).await;
    let segment = create_segment(&app, "days_since_last_order > 90").await;
    let body = json!({"objective": "20% off this week", "segment_id": segment, "tone": "playful"});
    let answered = app.client.post(MESSAGES, body).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.body["engine"], "builtin");
    let tones = tones(&answered.body);
    assert_eq!(tones[0], "playful");
    assert_eq!(tones.iter().collect::<BTreeSet<_>>().len(), 3);
    for variant in answered.body["variants"].as_array().unwrap() {
        let template = variant["template"].as_str().unwrap();
        assert!(template.contains("20% off"), "{template}");
        assert!(template.chars().count() <= 320);
        let preview = json!({"message": {"template": template}, "segment_id": segment});
        let preview = app.client.post("/api/campaigns/preview", preview).await;
        assert_eq!(preview.status, 200, "{preview:?}");
        let first = &preview.body["messages"][0];
        assert_eq!(first["problem"], Value::Null, "{first}");
        assert!(first["text"].as_str().unwrap().contains("N1"), "{first}");
    }
    let recorded = last_recorded(&app).await;
    let data = &recorded["data"];
    assert_eq!(data["task"], "messages");
    assert_eq!(data["prompt"], "20% off this week");
    assert_eq!(data["about"], segment.as_str());
    assert!(data["answer"].as_str().unwrap().contains("20% off"));
}

#[tokio::test]
async fn an_invalid_body_is_refused_with_a_pointer() {
    let app = App::without_workers().await;
    for (body, slug, pointer) in [
        (json!({}), "invalid-field", "/objective"),
        (json!({"objective": ""}), "invalid-field", "/objective"),
        (
            json!({"objective": "x", "tone": "rude"}),
            "invalid-field",
            "/tone",
        ),
        (
            json!({"objective": "x", "segment_id": "a b"}),
            "invalid-field",
            "/segment_id",
        ),
        (
            json!({"objective": "x", "colour": "red"}),
            "unknown-field",
            "/colour",
        ),
    ] {
        let answered = app.client.post(MESSAGES, body.clone()).await;
        let problem = answered.assert_problem(422, slug);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let unknown = json!({"objective": "x", "segment_id": "seg_1"});
    let answered = app.client.post(MESSAGES, unknown).await;
    answered.assert_problem(404, "not-found");
}
