//! Consents and opt-outs: what lifts an opt-out, what does not, and the history of both.

use domain::Role;
use reqwest::header;
use serde_json::{Value, json};

use crate::support::app::{App, soon};
use crate::support::client::Answer;

const DATA: &str = "/api/data/customers";
const MORNING: &str = "2025-11-23T08:00:00.000Z";
const NOON: &str = "2025-11-23T12:00:00.000Z";
const EVENING: &str = "2025-11-23T18:00:00.000Z";

fn path(customer: &str) -> String {
    format!("/api/customers/{customer}/consents")
}

async fn is_unsubscribed(app: &App, customer: &str) -> bool {
    app.client.wait_until_caught_up().await;
    let customer = app.client.read(&format!("/api/customers/{customer}")).await;
    customer["unsubscribed"].as_bool().unwrap()
}

/// Posts an item, and returns its outcome and the code and pointer of its only warning, if it has
/// one.
async fn post(app: &App, item: Value) -> (String, Option<(String, String)>) {
    let answer = app.client.post(DATA, item).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let warning = answer.body.get("warnings").map(|warnings| {
        assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
        (text(&warnings[0]["code"]), text(&warnings[0]["pointer"]))
    });
    (text(&answer.body["outcome"]), warning)
}

fn warned(outcome: &str, code: &str, pointer: &str) -> (String, Option<(String, String)>) {
    let warning = (code.to_owned(), pointer.to_owned());
    (outcome.to_owned(), Some(warning))
}

fn silent(outcome: &str) -> (String, Option<(String, String)>) {
    (outcome.to_owned(), None)
}

#[tokio::test]
async fn data_lifts_an_opt_out_only_with_a_later_consent() {
    let app = App::start().await;
    let item = |change: Value| {
        let mut item = json!({"customer_id": "c-1"});
        let change = change.as_object().unwrap().clone();
        item.as_object_mut().unwrap().extend(change);
        item
    };
    let out = item(json!({"unsubscribed": true, "consent_at": NOON, "city": "Rome"}));
    assert_eq!(post(&app, out.clone()).await, silent("created"));
    let still = |outcome, pointer| warned(outcome, "still_unsubscribed", pointer);
    for (change, expected) in [
        (
            json!({"unsubscribed": false}),
            still("unchanged", "/unsubscribed"),
        ),
        (
            json!({"unsubscribed": null, "city": "Oslo"}),
            still("updated", "/unsubscribed"),
        ),
        (
            json!({"unsubscribed": false, "consent_at": MORNING}),
            still("unchanged", "/consent_at"),
        ),
        (
            json!({"unsubscribed": false, "consent_at": NOON}),
            still("unchanged", "/consent_at"),
        ),
    ] {
        assert_eq!(post(&app, item(change.clone())).await, expected, "{change}");
        assert!(is_unsubscribed(&app, "c-1").await, "{change}");
    }
    let lift = item(json!({"unsubscribed": false, "consent_at": EVENING}));
    assert_eq!(post(&app, lift.clone()).await, silent("updated"));
    assert!(!is_unsubscribed(&app, "c-1").await);
    assert_eq!(post(&app, lift).await, silent("unchanged"));
    // The opt-out arrives again, after the consent that lifted it.
    let superseded = warned("updated", "still_subscribed", "/unsubscribed");
    assert_eq!(post(&app, out).await, superseded);
    assert!(!is_unsubscribed(&app, "c-1").await);
    let again = item(json!({"unsubscribed": true}));
    assert_eq!(post(&app, again).await, silent("updated"));
    assert!(is_unsubscribed(&app, "c-1").await);
}

#[tokio::test]
async fn a_consent_of_the_future_or_without_a_choice_is_refused() {
    let app = App::without_workers().await;
    let future = json!({"customer_id": "c-1", "unsubscribed": false,
        "consent_at": "2099-01-01T00:00:00Z"});
    let refused = app.client.post(DATA, future).await;
    let problem = refused.assert_problem(422, "refused");
    assert_eq!(problem["errors"][0]["pointer"], "/consent_at");
    let alone = json!({"customer_id": "c-1", "consent_at": NOON});
    let refused = app.client.post(DATA, alone).await;
    let problem = refused.assert_problem(422, "invalid-field");
    assert_eq!(problem["errors"][0]["pointer"], "/consent_at");
}

#[tokio::test]
async fn a_stale_item_opts_the_customer_out_and_changes_nothing_else() {
    let app = App::start().await;
    let fresh = json!({"customer_id": "c-1", "city": "Rome", "unsubscribed": false,
        "updated_at": NOON});
    assert_eq!(post(&app, fresh).await, silent("created"));
    let stale = json!({"customer_id": "c-1", "city": "Oslo", "unsubscribed": true,
        "updated_at": MORNING});
    assert_eq!(post(&app, stale.clone()).await, silent("updated"));
    assert!(is_unsubscribed(&app, "c-1").await);
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["city"], "Rome");
    assert_eq!(post(&app, stale.clone()).await, silent("stale"));

    let consent = json!({"state": "subscribed", "source": "phone call"});
    let lifted = app.client.post(&path("c-1"), consent).await;
    assert_eq!(lifted.status, 201, "{lifted:?}");
    let superseded = warned("stale", "still_subscribed", "/unsubscribed");
    assert_eq!(post(&app, stale).await, superseded);
    assert!(!is_unsubscribed(&app, "c-1").await);
}

fn assert_item(item: &Value, expected: Value) {
    let members = expected.as_object().unwrap();
    for (name, value) in members {
        assert_eq!(item[name], *value, "{name} of {item}");
    }
}

#[tokio::test]
async fn a_marketer_lifts_an_opt_out_and_the_history_shows_both() {
    let app = App::start().await;
    let out = json!({"customer_id": "c-1", "email": "ada@example.com", "unsubscribed": true});
    app.client.post_accepted(DATA, out).await;
    let moved = json!({"customer_id": "c-1", "email": "new@example.com", "phone": "+442079460958"});
    app.client.post_accepted(DATA, moved).await;
    let key = app.create_key(Role::Marketer, None).await;
    let marketer = app.client.with_key(Some(key.reveal()));
    let consent = json!({"state": "subscribed", "source": "phone call",
        "wording": "Yes, send me the newsletter."});
    let lifted = marketer.post(&path("c-1"), consent).await;
    assert_eq!(lifted.status, 201, "{lifted:?}");
    assert_eq!(lifted.body["position"], lifted.position());
    assert!(!is_unsubscribed(&app, "c-1").await);

    let items = app.client.list(&path("c-1"), 1).await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(items[0], lifted.body);
    assert_item(
        &items[0],
        json!({
            "state": "subscribed", "source": "phone call",
            "wording": "Yes, send me the newsletter.", "at": items[0]["recorded_at"],
            "addresses": {"email": "new@example.com", "phone": "+442079460958"},
            "ip": "127.0.0.1", "actor": format!("key:{}", key.id()),
            "request_id": lifted.header("x-request-id"),
        }),
    );
    assert_item(
        &items[1],
        json!({
            "state": "unsubscribed", "source": "data", "at": items[1]["recorded_at"],
            "addresses": {"email": "ada@example.com"}, "ip": "127.0.0.1",
            "actor": "key:bootstrap",
        }),
    );
    app.client.wait_until_caught_up().await;
    let position = lifted.position();
    let entry = app.client.read(&format!("/api/audit/{position}")).await;
    assert_eq!(entry["data"]["consent"]["source"], "phone call");
    assert_eq!(entry["metadata"]["actor"], format!("key:{}", key.id()));
}

async fn record(app: &App, customer: &str, consent: Value) -> Answer {
    app.client.post(&path(customer), consent).await
}

#[tokio::test]
async fn a_consent_by_hand_needs_a_customer_and_a_later_time() {
    let app = App::start().await;
    let consent = |at: Option<&str>| {
        let mut consent = json!({"state": "subscribed", "source": "letter"});
        if let Some(at) = at {
            consent["at"] = json!(at);
        }
        consent
    };
    let unknown = record(&app, "nobody", consent(None)).await;
    unknown.assert_problem(404, "not-found");
    let unknown = app.client.get(&path("nobody")).await;
    unknown.assert_problem(404, "not-found");

    let out = json!({"customer_id": "c-1", "unsubscribed": true, "consent_at": NOON});
    app.client.post_accepted(DATA, out).await;
    let refused = record(&app, "c-1", consent(Some(MORNING))).await;
    let problem = refused.assert_problem(422, "refused");
    assert_eq!(problem["errors"][0]["pointer"], "/at");
    assert!(problem["detail"].as_str().unwrap().contains(NOON));
    let future = record(&app, "c-1", consent(Some("2099-01-01T00:00:00Z"))).await;
    future.assert_problem(422, "refused");
    for bad in [
        json!({"state": "subscribed"}),
        json!({"state": "maybe", "source": "x"}),
    ] {
        record(&app, "c-1", bad)
            .await
            .assert_problem(422, "invalid-field");
    }
    let lifted = record(&app, "c-1", consent(Some(EVENING))).await;
    assert_eq!(lifted.status, 201, "{lifted:?}");
    assert_eq!(lifted.body["at"], EVENING);
    assert!(!is_unsubscribed(&app, "c-1").await);
}

#[tokio::test]
async fn a_customer_of_orders_alone_can_opt_out() {
    let app = App::start().await;
    let position = app
        .client
        .post_accepted("/api/data/orders", super::order("c-1", "o-1", 100))
        .await;
    app.client.customer("c-1", &position).await;
    assert!(app.client.list(&path("c-1"), 10).await.is_empty());
    let out = json!({"state": "unsubscribed", "source": "phone call"});
    let recorded = record(&app, "c-1", out).await;
    assert_eq!(recorded.status, 201, "{recorded:?}");
    assert!(is_unsubscribed(&app, "c-1").await);
    assert_eq!(app.client.list(&path("c-1"), 10).await.len(), 1);
}

#[tokio::test]
async fn calls_of_segment_follow_the_same_rule() {
    let app = App::start().await;
    let identify = async |traits: Value| {
        let body = json!({"userId": "c-1", "traits": traits});
        let answer = app.client.post("/v1/identify", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["results"][0].clone()
    };
    identify(json!({"unsubscribed": true})).await;
    let still = identify(json!({"unsubscribed": false})).await;
    assert_eq!(still["warnings"][0]["code"], "still_unsubscribed");
    assert_eq!(still["warnings"][0]["pointer"], "/traits/unsubscribed");
    assert!(is_unsubscribed(&app, "c-1").await);
    let lifted = identify(json!({"unsubscribed": false, "consent_at": soon()})).await;
    assert!(lifted.get("warnings").is_none(), "{lifted}");
    assert!(!is_unsubscribed(&app, "c-1").await);
    let items = app.client.list(&path("c-1"), 10).await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(items[0]["source"], "segment");
}

#[tokio::test]
async fn results_of_a_batch_have_their_own_warnings() {
    let app = App::without_workers().await;
    let lines = [
        json!({"customer_id": "c-1", "unsubscribed": true}),
        json!({"customer_id": "c-1", "unsubscribed": false}),
        json!({"customer_id": "c-2", "unsubscribed": false}),
        json!({"customer_id": "c-1", "unsubscribed": false, "consent_at": soon()}),
    ];
    let ndjson = lines.map(|line| line.to_string()).join("\n");
    let answer = app
        .client
        .post_text(DATA, "application/x-ndjson", ndjson)
        .await;
    assert_eq!(
        answer.header(header::CONTENT_TYPE.as_str()),
        "application/json"
    );
    let results = answer.body["results"].as_array().unwrap();
    let outcomes: Vec<&str> = results
        .iter()
        .map(|result| result["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["created", "unchanged", "created", "updated"]);
    let warned: Vec<bool> = results
        .iter()
        .map(|result| result.get("warnings").is_some())
        .collect();
    assert_eq!(warned, [false, true, false, false]);
}
