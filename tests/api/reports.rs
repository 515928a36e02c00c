//! `GET /api/reports/daily`: figures by day.

use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::process::run;
use crate::support::wait::eventually;

const PATH: &str = "/api/reports/daily";

/// Returns the figures of a day that are not 0.
fn some(day: &Value) -> Value {
    let fields = day.as_object().unwrap().clone();
    let some = fields
        .into_iter()
        .filter(|(name, value)| *value != 0 && name != "date");
    Value::Object(some.collect())
}

fn figures(report: &Value, date: &str) -> Value {
    let items = report["items"].as_array().unwrap();
    some(items.iter().find(|item| item["date"] == date).unwrap())
}

/// Reads a report that includes these positions; `query` is empty or ends in `&`. Repeats a read that
/// the view did not reach in time, as clients have to.
async fn read_after(api: &Client, query: &str, after: &str) -> Value {
    let path = format!("{PATH}?{query}after={after}");
    eventually("the view reaches the position", async || {
        let answer = api.get(&path).await;
        let is_behind = answer.body["type"] == "urn:patron:problem:view-behind";
        assert!(answer.status == 200 || is_behind, "{path}: {answer:?}");
        (!is_behind).then_some(answer.body)
    })
    .await
}

#[tokio::test]
async fn a_report_has_every_day_and_the_totals() {
    let app = App::start().await;
    let api = &app.client;
    let at = |id, cents, time: &str| with(order("c-1", id, cents), json!({"placed_at": time}));
    let orders = json!([
        at("o-1", 100, "2026-03-01T12:00:00Z"),
        at("o-2", 20, "2026-03-01T13:00:00Z"),
        at("o-3", 3, "2026-03-03T12:00:00Z"),
        at("o-4", 999, "2026-03-05T12:00:00Z"),
    ]);
    let ordered = api.post_accepted("/api/data/orders", orders).await;
    let customers = json!([
        {"customer_id": "c-1", "name": "Ada", "registered_at": "2026-03-02T09:00:00Z"},
        {"customer_id": "c-2", "name": "Bob"},
    ]);
    let registered = api.post_accepted("/api/data/customers", customers).await;
    let visit = json!({"event_id": "e-1", "customer_id": "c-2", "name": "visit",
        "occurred_at": "2026-03-04T09:00:00Z"});
    let visited = api.post_accepted("/api/data/events", visit).await;

    let after = format!("{ordered},{registered},{visited}");
    let report = read_after(api, "since=2026-03-01&until=2026-03-04&", &after).await;
    let none = json!({"customers": 0, "orders": 0, "revenue": 0, "gross_revenue": 0, "activity": 0,
        "sent": 0, "delivered": 0, "failed": 0, "suppressed": 0});
    let day = |date: &str, figures: Value| with(with(none.clone(), figures), json!({"date": date}));
    let expected = json!({
        "time_zone": "UTC",
        "currency": "USD",
        "since": "2026-03-01",
        "until": "2026-03-04",
        "items": [
            day("2026-03-01", json!({"orders": 2, "revenue": 120, "gross_revenue": 120})),
            day("2026-03-02", json!({"customers": 1})),
            day("2026-03-03", json!({"orders": 1, "revenue": 3, "gross_revenue": 3})),
            day("2026-03-04", json!({"activity": 1})),
        ],
        "totals": with(none.clone(), json!({
            "customers": 1, "orders": 3, "revenue": 123, "gross_revenue": 123, "activity": 1,
        })),
        "incomplete": false,
    });
    assert_eq!(report, expected);

    let refunded = with(
        at("o-1", 100, "2026-03-01T12:00:00Z"),
        json!({"status": "refunded"}),
    );
    let after = api.post_accepted("/api/data/orders", refunded).await;
    let report = read_after(api, "since=2026-03-01&until=2026-03-01&", &after).await;
    let left = json!({"orders": 1, "revenue": 20, "gross_revenue": 20});
    assert_eq!(figures(&report, "2026-03-01"), left);
    assert_eq!(some(&report["totals"]), left);
    let rebuilt = run(app.patron(["rebuild", "daily_figures"]));
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.err);
    let again = read_after(api, "since=2026-03-01&until=2026-03-01&", &after).await;
    assert_eq!(again, report);
}

#[tokio::test]
async fn revenue_is_without_what_was_paid_back() {
    let app = App::start().await;
    let api = &app.client;
    let refunded = |id, cents, refunded| {
        let refunded = json!({"placed_at": "2026-03-01", "refunded_amount": refunded});
        with(order("c-1", id, cents), refunded)
    };
    let orders = json!([
        refunded("o-1", 6_000, 1_500),
        refunded("o-2", 500, 500),
        refunded("o-3", 200, 0),
    ]);
    let after = api.post_accepted("/api/data/orders", orders).await;
    let report = read_after(api, "since=2026-03-01&until=2026-03-01&", &after).await;
    let expected = json!({"orders": 3, "revenue": 4_700, "gross_revenue": 6_700});
    assert_eq!(figures(&report, "2026-03-01"), expected);
    assert_eq!(some(&report["totals"]), expected);

    let taken_back = refunded("o-1", 6_000, 0);
    let after = api.post_accepted("/api/data/orders", taken_back).await;
    let report = read_after(api, "since=2026-03-01&until=2026-03-01&", &after).await;
    let expected = json!({"orders": 3, "revenue": 6_200, "gross_revenue": 6_700});
    assert_eq!(figures(&report, "2026-03-01"), expected);
}

#[tokio::test]
async fn a_report_without_dates_has_the_last_30_days() {
    let app = App::start().await;
    let api = &app.client;
    // Read before and after, since the day may change meanwhile.
    let before = Utc::now().date_naive();
    let customer = json!({"customer_id": "c-1", "name": "Ada"});
    let after = api.post_accepted("/api/data/customers", customer).await;
    let report = read_after(api, "", &after).await;
    let today = Utc::now().date_naive();
    let until: NaiveDate = report["until"].as_str().unwrap().parse().unwrap();
    assert!((before..=today).contains(&until), "{report}");
    let since = until.checked_sub_days(Days::new(29)).unwrap();
    assert_eq!(report["since"], since.to_string());
    let items = report["items"].as_array().unwrap();
    assert_eq!(items.len(), 30);
    assert_eq!(items[0]["date"], since.to_string());
    assert_eq!(items[29]["date"], until.to_string());
    assert_eq!(some(&report["totals"]), json!({"customers": 1}));

    let one = api
        .read(&format!("{PATH}?since={until}&until={until}"))
        .await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let year = api
        .read(&format!("{PATH}?since=2025-01-01&until=2026-01-01"))
        .await;
    assert_eq!(year["items"].as_array().unwrap().len(), 366);
}

#[tokio::test]
async fn days_are_those_of_the_deployment() {
    let zone = ("PATRON_TIME_ZONE", "America/New_York".to_owned());
    let mut app = App::with_environment(vec![zone]).await;
    app.add_worker();
    let api = &app.client;
    let on = |id, cents, at: &str| with(order("c-1", id, cents), json!({"placed_at": at}));
    let orders = json!([
        on("o-1", 5, "2026-03-02T04:59:59Z"),
        // A date alone is the beginning of that day in New York.
        on("o-2", 70, "2026-03-04"),
    ]);
    let after = api.post_accepted("/api/data/orders", orders).await;
    let report = read_after(api, "since=2026-03-01&until=2026-03-04&", &after).await;
    assert_eq!(report["time_zone"], "America/New_York");
    let order = json!({"orders": 1, "revenue": 5, "gross_revenue": 5});
    assert_eq!(figures(&report, "2026-03-01"), order);
    assert_eq!(figures(&report, "2026-03-02"), json!({}));
    let dated = json!({"orders": 1, "revenue": 70, "gross_revenue": 70});
    assert_eq!(figures(&report, "2026-03-04"), dated);
    let orders = api.read("/api/orders").await;
    assert_eq!(orders["items"][0]["placed_at"], "2026-03-04T05:00:00.000Z");
}

#[tokio::test]
async fn impossible_days_are_refused() {
    let app = App::without_workers().await;
    let api = &app.client;
    for query in [
        "since=yesterday",
        "since=2026-02-30",
        "until=2026-3-1",
        "until=2026-03-01T00:00:00Z",
        "since=1899-12-31",
        "until=",
        "from=2026-03-01",
        "limit=5",
        "since=2026-03-01&since=2026-03-02",
    ] {
        let answer = api.get(&format!("{PATH}?{query}")).await;
        answer.assert_problem(400, "invalid-parameter");
    }
    for (query, reason) in [
        ("since=2026-03-02&until=2026-03-01", "lies after until"),
        (
            "since=2025-01-01&until=2026-01-02",
            "at most 366 days, not 367",
        ),
        ("since=1900-01-01", "at most 366 days"),
        ("since=9999-12-31", "lies after until"),
    ] {
        let answer = api.get(&format!("{PATH}?{query}")).await;
        let problem = answer.assert_problem(422, "refused");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{query}: {detail}");
    }
}

#[tokio::test]
async fn a_viewer_reads_reports_and_a_key_for_data_does_not() {
    let app = App::start().await;
    for (role, status) in [(domain::Role::Viewer, 200), (domain::Role::Ingest, 403)] {
        let key = app.create_key(role, None).await;
        let key = key.reveal().to_owned();
        let answer = app.client.with_key(Some(&key)).get(PATH).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
