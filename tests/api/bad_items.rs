//! Invalid items: each is refused on its own, with the pointers of its errors.

use std::collections::BTreeSet;

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;

const CUSTOMERS: &str = "/api/data/customers";
const ORDERS: &str = "/api/data/orders";
const EVENTS: &str = "/api/data/events";

/// Path, invalid item, and the expected problem type and pointer.
type Case = (&'static str, Value, &'static str, &'static str);

fn bad_order(fields: Value, kind: &'static str, pointer: &'static str) -> Case {
    (ORDERS, with(order("c-1", "bad", 1), fields), kind, pointer)
}

fn bad_customer(fields: Value, kind: &'static str, pointer: &'static str) -> Case {
    (
        CUSTOMERS,
        with(json!({"customer_id": "bad"}), fields),
        kind,
        pointer,
    )
}

fn bad_event(fields: Value, kind: &'static str, pointer: &'static str) -> Case {
    let event = json!({"event_id": "bad", "customer_id": "c-1", "name": "visit",
        "occurred_at": "2026-01-01T00:00:00Z"});
    (EVENTS, with(event, fields), kind, pointer)
}

/// Returns one attribute more than a customer or an event may have.
fn many_attributes() -> Value {
    (0..65)
        .map(|n| (format!("k{n}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn cases() -> Vec<Case> {
    let long_id = "x".repeat(129);
    let many = many_attributes();
    let many_items: Vec<_> = (0..501)
        .map(|_| json!({"sku": "x", "quantity": 1}))
        .collect();
    let many_tags: Vec<_> = (0..101).map(|n| format!("t{n}")).collect();
    let invalid = "invalid-field";
    let mut cases = vec![
        bad_order(json!({"colour": "red"}), "unknown-field", "/colour"),
        bad_order(json!({"amount": -1}), invalid, "/amount"),
        bad_order(json!({"amount": 19.99}), invalid, "/amount"),
        bad_order(json!({"amount": "1999"}), invalid, "/amount"),
        bad_order(json!({"amount": null}), invalid, "/amount"),
        bad_order(json!({"amount": 1_000_000_000_001_i64}), invalid, "/amount"),
        bad_order(json!({"amount": u64::MAX}), invalid, "/amount"),
        bad_order(json!({"currency": "EUR"}), "refused", "/currency"),
        bad_order(json!({"currency": "usd"}), invalid, "/currency"),
        bad_order(json!({"currency": "DOLLARS"}), invalid, "/currency"),
        bad_order(
            json!({"placed_at": "2026-02-30T00:00:00Z"}),
            invalid,
            "/placed_at",
        ),
        bad_order(
            json!({"placed_at": "2026-01-01T25:00:00Z"}),
            invalid,
            "/placed_at",
        ),
        bad_order(
            json!({"placed_at": "2026-01-01T09:00"}),
            invalid,
            "/placed_at",
        ),
        bad_order(json!({"placed_at": "2026-02-30"}), invalid, "/placed_at"),
        bad_order(json!({"placed_at": "1899-12-31"}), invalid, "/placed_at"),
        bad_order(
            json!({"placed_at": "0026-01-01T00:00:00Z"}),
            invalid,
            "/placed_at",
        ),
        bad_order(json!({"placed_at": 1_767_225_600}), invalid, "/placed_at"),
        bad_order(json!({"status": "shipped"}), invalid, "/status"),
        bad_order(json!({"order_id": ""}), invalid, "/order_id"),
        bad_order(json!({"order_id": 1.5}), invalid, "/order_id"),
        bad_order(json!({"order_id": -1}), invalid, "/order_id"),
        bad_order(
            json!({"order_id": 9_007_199_254_740_993_u64}),
            invalid,
            "/order_id",
        ),
        bad_order(json!({"order_id": true}), invalid, "/order_id"),
        bad_order(json!({"order_id": " a"}), invalid, "/order_id"),
        bad_order(json!({"order_id": "a\u{200b}"}), invalid, "/order_id"),
        bad_order(json!({"order_id": "6.81012E+12"}), invalid, "/order_id"),
        bad_order(json!({"order_id": "#N/A"}), invalid, "/order_id"),
        bad_order(json!({"order_id": "a\u{0}"}), invalid, "/order_id"),
        bad_order(json!({"customer_id": "null"}), invalid, "/customer_id"),
        bad_order(
            json!({"refunded_amount": 1_000_000}),
            "refused",
            "/refunded_amount",
        ),
        bad_order(json!({"refunded_amount": -1}), invalid, "/refunded_amount"),
        bad_order(json!({"customer_id": long_id}), invalid, "/customer_id"),
        bad_order(
            json!({"items": [{"sku": "a", "quantity": 0}]}),
            invalid,
            "/items/0/quantity",
        ),
        bad_order(
            json!({"items": [{"sku": "a"}]}),
            invalid,
            "/items/0/quantity",
        ),
        bad_order(
            json!({"items": [{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": 1, "size": 9}]}),
            "unknown-field",
            "/items/1/size",
        ),
        bad_order(json!({"items": many_items}), invalid, "/items"),
        bad_customer(json!({"emial": "a@example.com"}), "unknown-field", "/emial"),
        bad_customer(json!({"email": "not an address"}), invalid, "/email"),
        bad_customer(
            json!({"email": "a@example.com\nBcc: b@example.com"}),
            invalid,
            "/email",
        ),
        bad_customer(json!({"name": ""}), invalid, "/name"),
        bad_customer(json!({"name": "n".repeat(257)}), invalid, "/name"),
        bad_customer(json!({"name": 7}), invalid, "/name"),
        bad_customer(json!({"tags": "vip"}), invalid, "/tags"),
        bad_customer(json!({"tags": ["ok", ""]}), invalid, "/tags/1"),
        bad_customer(json!({"tags": many_tags}), invalid, "/tags"),
        bad_customer(
            json!({"attributes": {"a b": 1}}),
            invalid,
            "/attributes/a b",
        ),
        bad_customer(json!({"attributes": {"a": [1]}}), invalid, "/attributes/a"),
        bad_customer(
            json!({"attributes": many.clone()}),
            "refused",
            "/attributes",
        ),
        bad_customer(json!({"unsubscribed": "yes"}), invalid, "/unsubscribed"),
        bad_customer(
            json!({"registered_at": "yesterday"}),
            invalid,
            "/registered_at",
        ),
        bad_event(json!({"page": "/"}), "unknown-field", "/page"),
        bad_event(json!({"name": "a visit"}), invalid, "/name"),
        bad_event(json!({"name": "a.b"}), invalid, "/name"),
        bad_event(json!({"event_id": "?\n"}), invalid, "/event_id"),
        bad_event(
            json!({"occurred_at": "2026-13-01T00:00:00Z"}),
            invalid,
            "/occurred_at",
        ),
        bad_event(json!({"properties": many}), "refused", "/properties"),
        bad_event(json!({"properties": {"a": null}}), invalid, "/properties/a"),
    ];
    for (path, needed) in [
        (
            ORDERS,
            vec!["order_id", "customer_id", "amount", "currency", "placed_at"],
        ),
        (
            EVENTS,
            vec!["event_id", "customer_id", "name", "occurred_at"],
        ),
        (CUSTOMERS, vec!["customer_id"]),
    ] {
        let (_, whole, ..) = match path {
            ORDERS => bad_order(json!({}), invalid, ""),
            EVENTS => bad_event(json!({}), invalid, ""),
            _ => bad_customer(json!({}), invalid, ""),
        };
        for field in needed {
            let mut item = whole.clone();
            item.as_object_mut().unwrap().remove(field);
            let pointer = Box::leak(format!("/{field}").into_boxed_str());
            cases.push((path, item, invalid, pointer));
        }
    }
    cases
}

#[tokio::test]
async fn an_invalid_item_is_refused_with_its_problem_type_and_pointer() {
    let app = App::without_workers().await;
    for (path, item, kind, pointer) in cases() {
        let answer = app.client.post(path, item.clone()).await;
        let problem = answer.assert_problem(422, kind);
        let pointers: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| &e["pointer"])
            .collect();
        assert_eq!(pointers, [pointer], "{item}");
        assert!(!problem["errors"][0]["detail"].as_str().unwrap().is_empty());
    }
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0, "nothing was recorded");
}

/// Returns the pointers of a problem's errors.
fn pointers(problem: &Value) -> BTreeSet<&str> {
    let errors = problem["errors"].as_array().unwrap();
    let pointers = errors.iter().map(|error| {
        assert!(!error["detail"].as_str().unwrap().is_empty());
        error["pointer"].as_str().unwrap()
    });
    pointers.collect()
}

/// Returns items with several errors, and the pointers of all errors.
fn items_with_several_errors() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        (
            ORDERS,
            with(
                order("c-1", "bad", -1),
                json!({"colour": "red", "placed_at": "soon"}),
            ),
            vec!["/amount", "/colour", "/placed_at"],
        ),
        (
            ORDERS,
            json!({
                "order_id": " a b",
                "amount": 1.5,
                "currency": "EUR",
                "placed_at": 7,
                "status": "lost",
                "items": [{"sku": "", "quantity": 0}, 7, {"sku": "a", "size": 1}],
                "x": null,
            }),
            vec![
                "/order_id",
                "/customer_id",
                "/amount",
                "/currency",
                "/placed_at",
                "/status",
                "/items/0/sku",
                "/items/0/quantity",
                "/items/1",
                "/items/2/size",
                "/items/2/quantity",
                "/x",
            ],
        ),
        (
            ORDERS,
            json!({}),
            vec![
                "/order_id",
                "/customer_id",
                "/amount",
                "/currency",
                "/placed_at",
            ],
        ),
        (
            CUSTOMERS,
            json!({
                "customer_id": "",
                "emial": "a@example.com",
                "email": "nobody",
                "tags": ["ok", "", "fine", 7],
                "attributes": {"a b": 1, "c": [], "d": true},
                "registered_at": "yesterday",
                "unsubscribed": "no",
            }),
            vec![
                "/customer_id",
                "/emial",
                "/email",
                "/tags/1",
                "/tags/3",
                "/attributes/a b",
                "/attributes/c",
                "/registered_at",
                "/unsubscribed",
            ],
        ),
        (
            CUSTOMERS,
            json!({"customer_id": "c-1", "email": "nobody", "attributes": many_attributes()}),
            vec!["/email", "/attributes"],
        ),
        (
            EVENTS,
            json!({"event_id": 0.5, "name": "a visit", "occurred_at": "", "properties": {"a": null}}),
            vec![
                "/event_id",
                "/customer_id",
                "/name",
                "/occurred_at",
                "/properties/a",
            ],
        ),
    ]
}

#[tokio::test]
async fn all_errors_of_an_item_are_reported_at_once() {
    let app = App::without_workers().await;
    for (path, item, expected) in items_with_several_errors() {
        let expected = BTreeSet::from_iter(expected);
        let alone = app.client.post(path, item.clone()).await;
        assert_eq!(alone.status, 422, "{alone:?}");
        assert_eq!(pointers(&alone.body), expected, "{item}");
        let batch = app.client.post(path, json!([item, item])).await;
        let lines = format!("{item}\n{item}");
        let lines = app
            .client
            .post_text(path, "application/x-ndjson", lines)
            .await;
        for many in [batch, lines] {
            assert_eq!((many.status, &many.body["rejected"]), (202, &json!(2)));
            for result in many.body["results"].as_array().unwrap() {
                assert_eq!(pointers(&result["problem"]), expected, "{item}");
            }
        }
    }
    let unknown_fields = (0..50).map(|n| (format!("field_{n}"), json!(n)));
    let with_unknown_fields = with(order("c-1", "bad", 1), unknown_fields.collect());
    let answer = app.client.post(ORDERS, with_unknown_fields).await;
    let problem = answer.assert_problem(422, "unknown-field");
    assert_eq!(
        pointers(problem).len(),
        20,
        "at most 20 errors are reported"
    );
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0, "nothing was recorded");
}

#[tokio::test]
async fn all_errors_of_other_bodies_are_reported_at_once() {
    let app = App::without_workers().await;
    let bad_rules = json!({"combinator": "and", "rules": [
        {"field": "shoe", "operator": "=", "value": 1},
        {"combinator": "or", "rules": []},
    ]});
    let cases = [
        (
            "/api/segments",
            json!({"name": "", "rules": bad_rules, "colour": 1}),
            vec!["/colour", "/name", "/rules/rules/0", "/rules/rules/1"],
        ),
        (
            "/api/segments/preview",
            json!({"sample": 51, "rules": bad_rules, "as_of": "2999-01-01"}),
            vec!["/as_of", "/rules/rules/0", "/rules/rules/1", "/sample"],
        ),
        (
            "/api/campaigns",
            json!({
                "name": 7,
                "message": {"template": "{{ shoe }}", "text": "Hi"},
                "messages_per_second": 0,
                "launch": true,
                "scheduled_at": "2030-01-01T00:00:00Z",
            }),
            vec![
                "/message/template",
                "/message/text",
                "/messages_per_second",
                "/name",
                "/scheduled_at",
                "/segment_id",
            ],
        ),
        (
            "/api/campaigns/preview",
            json!({"sample": "all", "segment_id": "a b", "rules": "visits > 1"}),
            vec!["/message", "/sample", "/segment_id"],
        ),
        (
            "/api/keys",
            json!({"role": "king", "expires_at": "never", "colour": 1}),
            vec!["/colour", "/expires_at", "/name", "/role"],
        ),
    ];
    for (path, body, expected) in cases {
        let answer = app.client.post(path, body).await;
        assert_eq!(answer.status, 422, "{path}: {answer:?}");
        let expected = BTreeSet::from_iter(expected);
        assert_eq!(pointers(&answer.body), expected, "{path}");
    }
}

#[tokio::test]
async fn problem_texts_match_their_snapshots() {
    let app = App::without_workers().await;
    let refuse = async |fields| {
        let answer = app
            .client
            .post(ORDERS, with(order("c-1", "o-1", 1), fields))
            .await;
        answer.body
    };
    let problems = [
        ("unknown_field", refuse(json!({"colour": "red"})).await),
        ("negative_amount", refuse(json!({"amount": -5})).await),
        ("another_currency", refuse(json!({"currency": "EUR"})).await),
        (
            "impossible_date",
            refuse(json!({"placed_at": "2026-02-30T00:00:00Z"})).await,
        ),
        ("odd_id", refuse(json!({"order_id": "a\u{200b}b"})).await),
        (
            "long_id",
            refuse(json!({"order_id": "x".repeat(129)})).await,
        ),
    ];
    for (name, body) in problems {
        assert_json_snapshot!(name, body, {".instance" => "[request id]"});
    }
}

#[tokio::test]
async fn the_valid_items_of_a_batch_are_kept() {
    let app = App::start().await;
    let batch = json!([
        order("c-1", "o-1", 100),
        order("c-1", "o-2", -1),
        with(order("c-1", "o-3", 1), json!({"colour": "red"})),
        7,
        with(order("c-1", "o-4", 1), json!({"currency": "EUR"})),
        {"order_id": "o-5"},
        order("c-1", "o-6", 200),
    ]);
    let answer = app.client.post(ORDERS, batch).await;
    assert_eq!(answer.status, 202);
    assert_json_snapshot!(answer.body, {".results[].position" => "[position]"});
    let customer = app.client.customer("c-1", &answer.position()).await;
    assert_eq!(customer["total_spend"], 300);
    assert_eq!(customer["order_count"], 2);
}

#[tokio::test]
async fn a_truncated_line_is_refused_by_its_number_and_the_others_are_kept() {
    let app = App::without_workers().await;
    let good = |n| order("c-1", &format!("o-{n}"), n).to_string();
    let text = format!(
        "{}\n\n{}\n{}\n{}",
        good(1),
        &good(2)[..30],
        good(3),
        &good(4)[..40]
    );
    let answer = app
        .client
        .post_text(ORDERS, "application/x-ndjson", text)
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["accepted"], 2);
    assert_eq!(answer.body["rejected"], 2);
    assert_json_snapshot!(answer.body, {".results[].position" => "[position]"});
}

#[tokio::test]
async fn a_batch_of_invalid_items_is_answered_item_by_item() {
    let app = App::without_workers().await;
    let batch = json!([{}, [], null, "x", order("c-1", "", 1)]);
    let answer = app.client.post(ORDERS, batch).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["accepted"], 0);
    assert_eq!(answer.body["rejected"], 5);
    assert_eq!(answer.header("patron-position"), "");
}
