//! Formats of files: NDJSON and tables.

use serde_json::{Value, json};

use super::{assert_succeeds, file, import, with_suffix};
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test]
async fn ndjson_lines_are_imported_unchanged() {
    let app = App::start().await;
    let line = |n: i64| {
        json!({"order_id": format!("o-{n}"), "customer_id": "c-1", "amount": n, "currency": "USD",
            "placed_at": "2026-01-01T00:00:00Z", "items": [{"sku": "a", "quantity": n}]})
    };
    let text: String = (1..=100).map(|n| format!("{}\n", line(n))).collect();
    let file = file("ndjson", "orders.ndjson", &text);
    let ended = run(import(&app, "orders", &file, &["--batch", "30"]));
    assert_succeeds(
        &ended,
        "100 read: 100 created, 0 updated, 0 unchanged, 0 refused",
    );
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["total_spend"], 5050);
    let again = run(import(&app, "orders", &file, &[]));
    assert_succeeds(
        &again,
        "100 read: 0 created, 0 updated, 100 unchanged, 0 refused",
    );
    assert!(
        !with_suffix(&file, ".patron-import").exists(),
        "the journal must be removed"
    );
    assert!(!with_suffix(&file, ".rejects.ndjson").exists());
}

#[tokio::test]
async fn columns_become_customers_with_attributes() {
    let app = App::start().await;
    let table = "Nr;Name;Mail;Labels;Age;Member;Since;Mailing\n\
                 7;\"Blüm; Anna\";anna@example.com;vip;39;true;01.02.2025;no\n\
                 8;Bob;;;;;;yes\n";
    let file = file("customers", "people.csv", table);
    let arguments = [
        "--delimiter",
        ";",
        "--map",
        "customer_id=Nr",
        "--map",
        "name=Name",
        "--map",
        "email=Mail",
        "--map",
        "tags=Labels",
        "--map",
        "attributes.age:number=Age",
        "--map",
        "attributes.member:boolean=Member",
        "--map",
        "registered_at=Since",
        "--map",
        "unsubscribed=Mailing",
        "--set",
        "country=DE",
        "--date-format",
        "%d.%m.%Y",
    ];
    let ended = run(import(&app, "customers", &file, &arguments));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let anna = app.client.read("/api/customers/7").await;
    let expected = json!({
        "name": "Blüm; Anna", "email": "anna@example.com", "country": "DE", "tags": ["vip"],
        "attributes": {"age": 39, "member": true}, "unsubscribed": false,
        "registered_at": "2025-02-01T00:00:00.000Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&anna[field], value, "{field}");
    }
    let bob = app.client.read("/api/customers/8").await;
    assert_eq!(
        bob["email"],
        Value::Null,
        "an empty cell must leave the field out"
    );
    assert_eq!(bob["unsubscribed"], true);
}

#[tokio::test]
async fn columns_named_like_fields_become_activity() {
    let app = App::start().await;
    let table = "event_id,customer_id,name,occurred_at,properties.page\n\
                 e-1,c-1,visit,2026-01-01,/sale\n\
                 e-2,c-1,visit,2026-01-02T03:04:05+01:00,/\n";
    let file = file("events", "visits.csv", table);
    let ended = run(import(&app, "events", &file, &[]));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    let visits = json!({"count": 2, "last_at": "2026-01-02T02:04:05.000Z"});
    assert_eq!(customer["events"]["visit"], visits);
}
