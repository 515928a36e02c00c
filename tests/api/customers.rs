//! Customers: recording, reading, and searching.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{order, with};
use crate::support::app::{App, soon};
use crate::support::wait::until;

const DATA: &str = "/api/data/customers";

fn ada() -> Value {
    json!({
        "customer_id": "c-1001",
        "name": "Ada Example",
        "email": "ada@example.com",
        "phone": "+49 30 123456",
        "city": "Berlin",
        "country": "DE",
        "tags": ["vip", "early", "vip"],
        "attributes": {"shoe_size": 39, "newsletter": true, "colour": "blue"},
        "registered_at": "2026-01-02T05:04:05+02:00",
        "unsubscribed": true,
    })
}

#[tokio::test]
async fn a_customer_is_read_as_recorded() {
    let app = App::start().await;
    let at = app.client.post_accepted(DATA, ada()).await;
    let customer = app.client.customer("c-1001", &at).await;
    assert_eq!(
        customer,
        json!({
            "customer_id": "c-1001",
            "registered": true,
            "name": "Ada Example",
            "email": "ada@example.com",
            "phone": "+4930123456",
            "city": "Berlin",
            "country": "DE",
            "tags": ["early", "vip"],
            "attributes": {"shoe_size": 39, "newsletter": true, "colour": "blue"},
            "registered_at": "2026-01-02T03:04:05.000Z",
            "unsubscribed": true,
            "suppression": {"reason": "unsubscribed", "detail": null},
            "currency": "USD",
            "total_spend": 0,
            "gross_spend": 0,
            "order_count": 0,
            "average_order_value": null,
            "first_order_at": null,
            "last_order_at": null,
            "events": {},
        })
    );
}

#[tokio::test]
async fn omitted_fields_stay_and_null_clears_a_field() {
    let app = App::start().await;
    app.client.post_accepted(DATA, ada()).await;
    let change = json!({
        "customer_id": "c-1001",
        "city": "Hamburg",
        "phone": null,
        "tags": ["late"],
        "attributes": {"shoe_size": null, "colour": "red"},
        "unsubscribed": null,
        "consent_at": soon(),
    });
    let answer = app.client.post(DATA, change.clone()).await;
    assert_eq!(answer.body["outcome"], "updated");
    let customer = app.client.customer("c-1001", &answer.position()).await;
    let expected = [
        ("name", json!("Ada Example")),
        ("email", json!("ada@example.com")),
        ("country", json!("DE")),
        ("registered_at", json!("2026-01-02T03:04:05.000Z")),
        ("city", json!("Hamburg")),
        ("phone", json!(null)),
        ("tags", json!(["late"])),
        ("attributes", json!({"newsletter": true, "colour": "red"})),
        ("unsubscribed", json!(false)),
    ];
    for (field, value) in expected {
        assert_eq!(customer[field], value, "{field}");
    }
    let again = app.client.post(DATA, change).await;
    assert_eq!(again.body["outcome"], "unchanged");

    let clear = json!({"customer_id": "c-1001", "name": null, "email": null, "city": null,
        "country": null, "tags": null, "attributes": null, "registered_at": null});
    let at = app.client.post_accepted(DATA, clear).await;
    let customer = app.client.customer("c-1001", &at).await;
    for field in ["name", "email", "city", "country", "registered_at"] {
        assert_eq!(customer[field], json!(null), "{field}");
    }
    assert_eq!(customer["tags"], json!([]));
    assert_eq!(customer["attributes"], json!({}));
    assert_eq!(customer["registered"], true);
}

#[tokio::test]
async fn orders_may_come_before_their_customer() {
    let app = App::start().await;
    let orders = json!([
        with(
            order("c-1", "o-1", 1000),
            json!({"placed_at": "2026-02-02T00:00:00Z"})
        ),
        with(
            order("c-1", "o-2", 501),
            json!({"placed_at": "2026-01-01T00:00:00Z"})
        ),
    ]);
    let at = app.client.post_accepted("/api/data/orders", orders).await;
    let before = app.client.customer("c-1", &at).await;
    assert_eq!(before["registered"], false);
    assert_eq!(before["name"], json!(null));

    let registration = json!({"customer_id": "c-1", "name": "Late"});
    let at = app.client.post_accepted(DATA, registration).await;
    let after = app.client.customer("c-1", &at).await;
    assert_eq!(after["registered"], true);
    assert_eq!(after["name"], "Late");
    for customer in [before, after] {
        assert_eq!(customer["total_spend"], 1501);
        assert_eq!(customer["order_count"], 2);
        assert_eq!(customer["average_order_value"], 751, "rounded half up");
        assert_eq!(customer["first_order_at"], "2026-01-01T00:00:00.000Z");
        assert_eq!(customer["last_order_at"], "2026-02-02T00:00:00.000Z");
    }
}

#[tokio::test]
async fn every_accepted_id_can_be_read() {
    let app = App::start().await;
    let longest = "x".repeat(128);
    for id in [
        "jo+shop@example.com:1_2-3",
        &longest,
        "-1",
        "...",
        "0",
        "a.b",
    ] {
        let at = app
            .client
            .post_accepted(DATA, json!({"customer_id": id, "name": "Ada"}))
            .await;
        assert_eq!(app.client.customer(id, &at).await["customer_id"], id);
        let timeline = app
            .client
            .list(&format!("/api/customers/{id}/timeline?after={at}"), 10)
            .await;
        assert_eq!(timeline.len(), 1, "{id}");
    }
    for id in [".", "..", "-"] {
        let refused = app.client.post(DATA, json!({"customer_id": id})).await;
        refused.assert_problem(422, "invalid-field");
    }
}

#[tokio::test]
async fn an_unknown_customer_is_not_found() {
    let app = App::start().await;
    app.client
        .get("/api/customers/c-0")
        .await
        .assert_problem(404, "not-found");
    app.client
        .get("/api/customers/a%0Ab")
        .await
        .assert_problem(400, "invalid-parameter");
    let long = format!("/api/customers/{}", "x".repeat(129));
    app.client
        .get(&long)
        .await
        .assert_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn a_search_matches_the_start_of_id_name_and_email() {
    let app = App::start().await;
    let at = app
        .client
        .post_accepted(
            DATA,
            json!([
                {"customer_id": "anna-1", "name": "Zoe"},
                {"customer_id": "b-2", "name": "Anna Blüm"},
                {"customer_id": "b-3", "email": "ANNA@example.com"},
                {"customer_id": "b-4", "name": "Joanna", "email": "j.anna@example.com"},
                {"customer_id": "b-5", "name": "100% (sic) .*"},
            ]),
        )
        .await;
    let found = async |q: &str| {
        let path = format!("/api/customers?q={q}&after={at}");
        let ids = app.client.list(&path, 2).await;
        let ids: Vec<_> = ids
            .iter()
            .map(|c| c["customer_id"].as_str().unwrap().to_owned())
            .collect();
        ids.join(" ")
    };
    assert_eq!(found("anna").await, "anna-1 b-2 b-3");
    assert_eq!(found("ANNA").await, "anna-1 b-2 b-3");
    assert_eq!(
        found("anna%20bl%C3%9C").await,
        "b-2",
        "case-insensitive beyond ASCII"
    );
    assert_eq!(found("b-").await, "b-2 b-3 b-4 b-5");
    assert_eq!(
        found("100%25%20(").await,
        "b-5",
        "special characters are literal"
    );
    assert_eq!(found(".*").await, "");
    assert_eq!(found("nobody").await, "");

    let at = app
        .client
        .post_accepted(DATA, json!({"customer_id": "b-2", "name": "Berta"}))
        .await;
    let path = format!("/api/customers?q=anna&after={at}");
    assert_eq!(
        app.client.list(&path, 10).await.len(),
        2,
        "the old name no longer matches"
    );
}

/// The server answers `100 Continue` once it has read the head. The test then sends the body.
#[tokio::test]
async fn an_item_is_recorded_at_the_time_of_arrival_of_its_body() {
    let app = App::start().await;
    let server = app.client.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(server).await.unwrap();
    let body = r#"{"customer_id":"c-1","unsubscribed":true}"#;
    let head = format!(
        "POST {DATA} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        app.settings().key,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    // Instants are recorded in milliseconds.
    let head_read = Utc::now().timestamp_millis();
    until("the clock shows a later millisecond", async || {
        Utc::now().timestamp_millis() > head_read
    })
    .await;
    let sent = Utc::now();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    app.client.wait_until_caught_up().await;
    let audit = app.client.read("/api/audit?customer_id=c-1").await;
    let at: DateTime<Utc> = audit["items"][0]["at"].as_str().unwrap().parse().unwrap();
    assert!(at.timestamp_millis() >= sent.timestamp_millis(), "{at}");
}
