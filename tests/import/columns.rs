//! Columns: negation, templates, columns of one name, tags, and empty cells.

use serde_json::{Value, json};

use super::{assert_succeeds, assert_wrong_option, dry_run, export, file, import};
use crate::support::app::App;
use crate::support::process::run;

const SHOP: [&str; 16] = [
    "--map",
    "customer_id=Customer ID",
    "--map",
    "name={First Name} {Last Name}",
    "--map",
    "email=Email",
    "--map",
    "phone=Phone",
    "--map",
    "tags=Tags",
    "--map",
    "city=Default Address City",
    "--map",
    "country=Default Address Country Code",
    "--tag-separator",
    ",",
];

#[tokio::test]
async fn consent_is_the_contrary_of_unsubscribed() {
    let app = App::start().await;
    let customers = export("consent", "shopify_customers.csv");
    let straight = [
        &SHOP[..],
        &["--map", "unsubscribed=Accepts Email Marketing"],
    ]
    .concat();
    let remedy = "--map unsubscribed='!Accepts Email Marketing'";
    assert_wrong_option(&app, "customers", &customers, &straight, remedy);

    let negated = [
        &SHOP[..],
        &["--map", "unsubscribed=!Accepts Email Marketing"],
    ]
    .concat();
    let ended = run(import(&app, "customers", &customers, &negated));
    assert_succeeds(&ended, "3 read: 3 created");
    assert!(
        ended.out.contains(
            "cells had a spreadsheet's mark of text (an apostrophe, or =\"…\"), which was removed"
        ),
        "{}",
        ended.out
    );
    app.client.wait_until_caught_up().await;
    let customer = async |id: &str| app.client.read(&format!("/api/customers/{id}")).await;
    let teo = customer("7410000000001").await;
    assert_eq!(teo["name"], "Teo Brandt");
    assert_eq!(teo["phone"], "+17755550154");
    assert_eq!(teo["tags"], json!(["ag-exempt", "retail"]));
    assert_eq!(teo["unsubscribed"], false);
    assert_eq!(customer("7410000000002").await["unsubscribed"], true);
    assert_eq!(customer("7410000000003").await["unsubscribed"], false);
}

#[tokio::test]
async fn the_contrary_of_a_refusal_is_refused() {
    let app = App::without_workers().await;
    let contacts = export("refusal", "hubspot_contacts.csv");
    let arguments = [
        "--map",
        "customer_id=Record ID",
        "--map",
        "unsubscribed=!Unsubscribed from all email",
    ];
    let message = "map it without '!'";
    assert_wrong_option(&app, "customers", &contacts, &arguments, message);
    let name = [&arguments[..2], &["--map", "name=!First Name"]].concat();
    let message = "only true and false can be negated";
    assert_wrong_option(&app, "customers", &contacts, &name, message);
}

#[tokio::test]
async fn one_of_several_columns_of_a_name_can_be_chosen() {
    let app = App::start().await;
    let left = export("left", "mailchimp_unsubscribed.csv");
    let with = |column: &'static str| {
        [
            "--map",
            "customer_id=Email Address",
            "--map",
            "email=Email Address",
            "--map",
            "tags=TAGS",
            "--tag-separator",
            ",",
            "--set",
            "unsubscribed=true",
            "--map",
            column,
        ]
    };
    let several = with("attributes.left_because=UNSUB_REASON");
    let remedy = "UNSUB_REASON#1, UNSUB_REASON#2";
    assert_wrong_option(&app, "customers", &left, &several, remedy);
    let first = with("attributes.left_because=UNSUB_REASON#1");
    assert_succeeds(&run(import(&app, "customers", &left, &first)), "2 created");
    app.client.wait_until_caught_up().await;
    let nia = app
        .client
        .read("/api/customers/nia.moss%40example.com")
        .await;
    assert_eq!(nia["tags"], json!(["Blog", "VIP"]));
    assert_eq!(nia["unsubscribed"], true);
    assert_eq!(nia["attributes"]["left_because"], "NORMAL");
}

#[tokio::test]
async fn an_empty_cell_clears_a_field_only_on_request() {
    let app = App::start().await;
    let before = file(
        "clear",
        "before.csv",
        "customer_id,name,email,city\nx,Ann,ann@example.com,Ulm\n",
    );
    assert_succeeds(&run(import(&app, "customers", &before, &[])), "1 created");
    let after = file(
        "clear",
        "after.csv",
        "customer_id,name,email,city\nx,Ann,,\n",
    );
    assert_succeeds(&run(import(&app, "customers", &after, &[])), "1 unchanged");
    let clear = ["--clear-empty", "email"];
    assert_succeeds(&run(import(&app, "customers", &after, &clear)), "1 updated");
    app.client.wait_until_caught_up().await;
    let ann = app.client.read("/api/customers/x").await;
    assert_eq!((&ann["email"], &ann["city"]), (&Value::Null, &json!("Ulm")));
    let (objects, _) = dry_run(&app, "customers", &after, &["--clear-empty", "all"]);
    let wanted = json!({"customer_id": "x", "name": "Ann", "email": null, "city": null});
    assert_eq!(objects, [wanted]);
    let message = "this field cannot be cleared";
    let id = ["--clear-empty", "customer_id"];
    assert_wrong_option(&app, "customers", &after, &id, message);
}
