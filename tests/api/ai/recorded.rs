//! Recorded assistance calls.

use serde_json::json;

use super::{RULES, last_recorded, request_rules};
use crate::support::app::App;
use crate::support::client::answer;

#[tokio::test]
async fn an_assistance_call_is_recorded_before_it_is_answered() {
    let app = App::start().await;
    let prompt = "never ordered\n(\"really\")";
    let request = app.client.request(reqwest::Method::POST, RULES);
    let request = request.header("X-Request-Id", "ask-1");
    let refused = answer(request.json(&json!({"prompt": prompt}))).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    app.client.caught_up().await;
    let rows = app.client.read("/api/audit?request_id=ask-1").await;
    let row = &rows["items"][0];
    assert_eq!(row["type"], "assistance_given.1");
    assert_eq!(row["actor"], "key:bootstrap");
    let aggregate = row["aggregate"].as_str().unwrap();
    assert!(aggregate.starts_with("assistance/20"), "{aggregate}");
    let recorded = last_recorded(&app).await;
    let data = &recorded["data"];
    assert_eq!(data["task"], "segment_rules");
    assert_eq!(data["prompt"], prompt, "the prompt is recorded verbatim");
    assert_eq!(data["engine"], "builtin");
    assert_eq!(data["outcome"], "not_understood");
    assert!(data["took_ms"].is_u64(), "{data}");
    assert!(data.get("model").is_none() && data.get("trouble").is_none());

    assert_eq!(request_rules(&app, "never ordered").await.status, 200);
    let recorded = last_recorded(&app).await;
    assert_eq!(recorded["data"]["outcome"], "answered");
    assert_eq!(recorded["data"]["answer"], "order_count = 0");
    let metrics = app.client.get("/metrics").await.text;
    let counted = "patron_assists_total{task=\"segment_rules\",engine=\"builtin\",\
                   outcome=\"answered\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    // The heads match the fold of the events.
    let verified = crate::support::process::run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
