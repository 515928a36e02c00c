//! `patron log` and `patron quarantine`, and the quarantine in the output of other commands.

use eventlog::Position;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::process::run;
use crate::support::raw_events::append_raw_event;

/// Starts a deployment with an order that two views cannot fold; returns the order's position too.
async fn with_malformed_order() -> (App, Position) {
    let app = App::start().await;
    let order = |id: &str| {
        json!({"order_id": id, "customer_id": "c-1", "amount": 5, "currency": "USD",
            "placed_at": "2026-01-01T00:00:00Z"})
    };
    app.client
        .post_accepted("/api/data/orders", order("o-1"))
        .await;
    let commands = app.settings().commands().await;
    let at = append_raw_event(commands.log(), "order/c-1/o-x", "order_placed.1", "{}").await;
    app.client
        .post_accepted("/api/data/orders", order("o-2"))
        .await;
    app.client.wait_until_caught_up().await;
    (app, at)
}

#[tokio::test]
async fn the_quarantine_is_listed_until_its_event_is_skipped() {
    let (app, at) = with_malformed_order().await;
    let list = run(app.patron(["quarantine", "list"]));
    assert_eq!(list.code, Some(0), "{}", list.err);
    let lines: Vec<&str> = list.out.lines().collect();
    let line = |effect: &str, view: &str, document: &str| {
        let at = at.to_string();
        format!("  {at:<12} {effect:<10} {view} {document}: malformed order_placed.1")
    };
    let unknown_day = format!("unknown/{}", at.partition);
    let expected = [
        line("set_aside", "customers", "c-1"),
        line("incomplete", "daily_figures", &unknown_day),
        line("set_aside", "orders", "c-1/o-x"),
    ];
    assert_eq!(lines.len(), expected.len(), "{}", list.out);
    for (line, start) in lines.iter().zip(&expected) {
        assert!(line.starts_with(start), "{}", list.out);
    }

    let json = run(app.patron(["quarantine", "list", "--json"]));
    let listed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(listed, app.client.read("/api/admin/quarantine").await);
    assert_eq!(listed["total"], 3);

    let position = at.to_string();
    let unexplained = run(app.patron(["quarantine", "skip", &position]));
    assert_eq!(unexplained.code, Some(64), "{}", unexplained.err);
    assert!(unexplained.err.contains("--reason"), "{}", unexplained.err);
    let skip = |at: &str| run(app.patron(["quarantine", "skip", at, "--reason", "a test order"]));
    let unknown = skip("0:999999");
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown
            .err
            .contains("no view has the event at 0:999999 in quarantine"),
        "{}",
        unknown.err
    );
    let skipped = skip(&position);
    assert_eq!(skipped.code, Some(0), "{}", skipped.err);
    let printed = skipped.out.trim_start_matches("recorded at ").trim_end();
    let (recorded, event) = printed.split_once(' ').unwrap();
    assert_eq!(
        event,
        format!("for the event at {at}: customers, daily_figures, orders")
    );

    let customer = app.client.customer("c-1", recorded).await;
    assert_eq!(customer["order_count"], 2);
    app.client.wait_until_caught_up().await;
    let list = run(app.patron(["quarantine", "list"]));
    assert_eq!(list.out, "the quarantine is empty\n");
    let json = run(app.patron(["quarantine", "list", "--json"]));
    let listed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(listed, json!({"total": 0, "items": []}));
}

#[tokio::test]
async fn a_retry_is_recorded_and_the_event_goes_back_to_the_quarantine() {
    let (app, at) = with_malformed_order().await;
    let position = at.to_string();
    let retry = [
        "quarantine",
        "retry",
        &position,
        "--reason",
        "a new version",
    ];
    let retried = run(app.patron(retry));
    assert_eq!(retried.code, Some(0), "{}", retried.err);
    assert!(
        retried.out.ends_with(&format!(
            " for the event at {at}: customers, daily_figures, orders\n"
        )),
        "{}",
        retried.out
    );
    app.client.wait_until_caught_up().await;
    let list = run(app.patron(["quarantine", "list"]));
    assert_eq!(list.out.matches(&position).count(), 3, "{}", list.out);
}

#[tokio::test]
async fn status_and_verify_report_the_quarantine() {
    let (app, at) = with_malformed_order().await;
    let status = run(app.patron(["status"]));
    assert_eq!(status.code, Some(0), "{}", status.err);
    for view in ["customers", "daily_figures", "orders"] {
        let line = format!("{view}: 1 in quarantine, see `patron quarantine list`");
        assert!(
            status.out.lines().any(|printed| printed == line),
            "{}",
            status.out
        );
    }
    let json = run(app.patron(["status", "--json"]));
    let printed: Value = serde_json::from_str(&json.out).unwrap();
    let views = ["customers", "daily_figures", "orders"];
    let expected = views.map(|view| json!({"view": view, "count": 1}));
    let expected = json!(expected);
    assert_eq!(printed["quarantine"], expected);

    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    let lines: Vec<&str> = verified.out.lines().collect();
    assert_eq!(lines.last(), Some(&"everything agrees with the log"));
    let heading = lines.iter().position(|line| *line == "  1 in quarantine:");
    let entry = lines[heading.unwrap() + 1];
    assert!(entry.contains(&at.to_string()), "{}", verified.out);
    assert!(
        entry.contains("customers c-1: malformed order_placed.1"),
        "{}",
        verified.out
    );
    assert!(
        verified.out.contains("1 events cannot be read"),
        "{}",
        verified.out
    );
}

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
