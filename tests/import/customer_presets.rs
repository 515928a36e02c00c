//! Exports of customers with their presets.

use serde_json::json;

use super::{assert_succeeds, customer, dry_run, export, import};
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test]
async fn shopify_customers_have_names_tags_and_consent() {
    let app = App::start().await;
    let file = export("shopify_customers", "shopify_customers.csv");
    let ended = run(import(
        &app,
        "customers",
        &file,
        &["--preset", "shopify-customers"],
    ));
    assert_succeeds(&ended, "3 read: 3 created");
    app.client.wait_until_caught_up().await;
    let teo = customer(&app, "teo.brandt@example.com").await;
    assert_eq!(teo["name"], "Teo Brandt");
    assert_eq!(teo["phone"], "+17755550154");
    assert_eq!(teo["tags"], json!(["ag-exempt", "retail"]));
    assert_eq!(teo["attributes"]["shopify_id"], "7410000000001");
    assert_eq!(teo["unsubscribed"], false);
    let hollis = customer(&app, "hollis.reyes@example.com").await;
    assert_eq!(hollis["unsubscribed"], true);
    let asa = customer(&app, "asa.lind@example.com").await;
    assert_eq!(asa["name"], "Åsa Lind");
    assert_eq!(asa["city"], "Malmö");
    assert_eq!(asa["unsubscribed"], false);
}

#[tokio::test]
async fn who_left_a_mailchimp_audience_is_unsubscribed() {
    let app = App::start().await;
    let file = export("mailchimp", "mailchimp_unsubscribed.csv");
    let ended = run(import(
        &app,
        "customers",
        &file,
        &["--preset", "mailchimp-audience"],
    ));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let nia = customer(&app, "nia.moss@example.com").await;
    assert_eq!(nia["name"], "Nia Moss");
    assert_eq!(nia["tags"], json!(["Blog", "VIP"]));
    assert_eq!(nia["unsubscribed"], true);
    assert_eq!(nia["attributes"]["unsubscribe_reason"], "NORMAL");
    let abe = customer(&app, "abe.cole@example.com").await;
    assert_eq!(abe["unsubscribed"], true);
    assert_eq!(abe["registered_at"], "2025-03-01T07:30:00.000Z");
}

#[tokio::test]
async fn customers_of_woocommerce_and_contacts_of_hubspot_are_read() {
    let app = App::without_workers().await;
    let customers = export("audiences", "woocommerce_customers.csv");
    let zone = ["--time-zone", "UTC"];
    let (objects, ended) = dry_run(&app, "customers", &customers, &zone);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(
        objects[0],
        json!({
            "customer_id": "ida.kern@example.com", "name": "Ida Kern",
            "email": "Ida.Kern@example.com", "city": "Berlin", "country": "DE",
            "registered_at": "2025-05-01T09:30:00.000Z",
            "attributes": {"username": "ida", "zip": "10115"}
        })
    );
    let contacts = export("audiences", "hubspot_contacts.csv");
    let (objects, ended) = dry_run(&app, "customers", &contacts, &zone);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert_eq!(objects.len(), 4);
    assert_eq!(objects[0]["customer_id"], "101");
    assert_eq!(objects[0]["name"], "Una Hart");
    assert!(ended.err.contains("2 refused"), "{}", ended.err);
}
