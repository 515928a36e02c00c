//! The suppression list: import, list, export, and taking addresses off.

use reqwest::header;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::send;

const PATH: &str = "/api/suppressions";

async fn start() -> App {
    let country = ("PATRON_COUNTRY", "GB".to_owned());
    let mut app = App::with_environment(vec![country]).await;
    app.add_worker();
    app
}

async fn listed(app: &App, query: &str) -> Vec<String> {
    let items = app.client.list(&format!("{PATH}?{query}"), 500).await;
    let address = |item: &Value| item["address"].as_str().unwrap().to_owned();
    let mut addresses: Vec<String> = items.iter().map(address).collect();
    addresses.sort();
    addresses
}

#[tokio::test]
async fn addresses_are_imported_listed_and_taken_off() {
    let app = start().await;
    let items = json!([
        {"address": "Ada@example.com"},
        {"address": "020 7946 0958"},
        {"address": "ada@EXAMPLE.com"},
        {"address": "nobody"},
    ]);
    let answer = app.client.post(PATH, items).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body["accepted"], 3);
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!(results[0]["outcome"], "created");
    assert_eq!(results[2]["outcome"], "unchanged", "it is one mailbox");
    assert_eq!(results[3]["problem"]["errors"][0]["pointer"], "/address");
    app.client.wait_until_caught_up().await;
    assert_eq!(listed(&app, "").await, ["+442079460958", "Ada@example.com"]);
    assert_eq!(listed(&app, "channel=phone").await, ["+442079460958"]);
    assert_eq!(listed(&app, "detail=complaint").await, [""; 0]);
    assert_eq!(
        listed(&app, "address=020+7946+0958").await,
        ["+442079460958"]
    );
    assert_eq!(
        listed(&app, "address=ADA@example.com").await,
        ["Ada@example.com"]
    );
    let of_another_kind = "address=ada@example.com&channel=phone";
    for nowhere in [of_another_kind, "address=bob@example.com", "address=nobody"] {
        assert_eq!(listed(&app, nowhere).await, [""; 0], "{nowhere}");
    }
    let items = app.client.list(&format!("{PATH}?channel=email"), 10).await;
    assert_eq!(items[0]["detail"], "manual");
    assert_eq!(items[0]["created_by"], "key:bootstrap");

    let csv = app.client.request(reqwest::Method::GET, PATH);
    let csv = send(csv.header(header::ACCEPT, "text/csv")).await;
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3, "{}", csv.text);
    assert!(lines[0].starts_with("address,channel,detail,"));
    assert!(
        csv.text.contains("'+442079460958,phone,manual,"),
        "{}",
        csv.text
    );

    let removed = app.client.delete(&format!("{PATH}/ADA@example.com")).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    let again = app.client.delete(&format!("{PATH}/ADA@example.com")).await;
    again.assert_problem(404, "not-found");
    let id = app.client.list(PATH, 10).await[0]["address_id"].clone();
    let by_id = format!("{PATH}/{}", id.as_str().unwrap());
    app.client.wait_until_caught_up().await;
    assert_eq!(app.client.delete(&by_id).await.status, 204);
    app.client.wait_until_caught_up().await;
    assert_eq!(listed(&app, "").await, [""; 0]);
    let trail = app
        .client
        .read("/api/audit?type=address_unsuppressed.1")
        .await;
    assert_eq!(trail["items"].as_array().unwrap().len(), 2, "{trail}");
}

#[tokio::test]
async fn a_customer_says_why_campaigns_send_nothing() {
    let app = start().await;
    let people = json!([
        {"customer_id": "free", "email": "free@example.com"},
        {"customer_id": "twin", "email": "shared@example.com"},
        {"customer_id": "out", "email": "Shared@example.com", "unsubscribed": true},
        {"customer_id": "listed", "email": "listed@example.com"},
        {"customer_id": "nowhere"}
    ]);
    app.client
        .post_accepted("/api/data/customers", people)
        .await;
    let listed = json!({"address": "listed@example.com"});
    let listed = app.client.post("/api/suppressions", listed).await;
    assert_eq!(listed.status, 202, "{listed:?}");
    app.client.wait_until_caught_up().await;
    for (id, expected) in [
        ("free", Value::Null),
        (
            "twin",
            json!({"reason": "unsubscribed",
                "detail": "customer out unsubscribed with the same address"}),
        ),
        ("out", json!({"reason": "unsubscribed", "detail": null})),
        (
            "listed",
            json!({"reason": "suppression_list", "detail": "manual"}),
        ),
        ("nowhere", json!({"reason": "no_address", "detail": null})),
    ] {
        let customer = app.client.read(&format!("/api/customers/{id}")).await;
        assert_eq!(customer["suppression"], expected, "{id}");
    }
}
