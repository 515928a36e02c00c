//! `patron log`: events as operators read them.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::process::run;

fn lines(text: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

#[tokio::test]
async fn events_are_shown_as_lines_of_json() {
    let app = App::without_workers().await;
    let order = json!({"order_id": "o-1", "customer_id": "c-1", "amount": 5, "currency": "USD",
        "placed_at": "2026-01-01T00:00:00Z"});
    let accepted = app.client.post("/api/data/orders", order).await;
    let position = accepted.body["position"].as_str().unwrap();

    let shown = run(app.patron(["log", "show", position]));
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    let shown = lines(&shown.out);
    let [event] = &shown[..] else {
        panic!("one line: {shown:?}");
    };
    assert_eq!(event["position"], position);
    assert_eq!(event["key"], "order/c-1/o-1");
    assert_eq!(event["type"], "order_placed.1");
    assert_eq!(event["data"]["amount"], 5);
    assert_eq!(event["metadata"]["actor"], "key:bootstrap");

    let tail = run(app.patron(["log", "tail", "-n", "1"]));
    assert_eq!(lines(&tail.out), shown, "{}", tail.err);
}

#[tokio::test]
async fn invalid_positions_and_missing_reasons_are_refused() {
    let app = App::without_workers().await;
    let missing = run(app.patron(["log", "show", "0:9"]));
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.err.contains("the log has no event at 0:9"),
        "{}",
        missing.err
    );
    let invalid = run(app.patron(["log", "show", "nine"]));
    assert!(invalid.err.contains("is not a position"), "{}", invalid.err);
    let unexplained = run(app.patron(["log", "accept"]));
    assert!(unexplained.err.contains("--reason"), "{}", unexplained.err);
}
