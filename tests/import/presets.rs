//! Exports of shops and marketing tools with their presets.

use serde_json::{Value, json};

use super::{assert_succeeds, dry_run, export, file, import, rejects, with_suffix};
use crate::support::app::App;
use crate::support::process::run;

async fn customer(app: &App, id: &str) -> Value {
    let id = id.replace('@', "%40");
    app.client.read(&format!("/api/customers/{id}")).await
}

#[tokio::test]
async fn rows_of_a_shopify_order_are_one_order() {
    let app = App::start().await;
    let file = export("shopify_orders", "shopify_orders.csv");
    let ended = run(import(
        &app,
        "orders",
        &file,
        &["--preset", "shopify-orders"],
    ));
    assert_succeeds(
        &ended,
        "6 read from 9 rows: 6 created, 0 updated, 0 unchanged, 0 refused",
    );
    app.client.wait_until_caught_up().await;
    let figures = [
        ("mira.quist@example.com", 2, 9650),
        ("jon.vale@example.com", 1, 4500),
        ("pia.rook@example.com", 1, 3000),
    ];
    for (id, orders, spent) in figures {
        let customer = customer(&app, id).await;
        assert_eq!(customer["order_count"], orders, "{id}");
        assert_eq!(customer["total_spend"], spent, "{id}");
    }
    let orders = app.client.list("/api/orders", 50).await;
    assert_eq!(orders.len(), 6);
    let order = |id: &str| orders.iter().find(|order| order["order_id"] == id).unwrap();
    assert_eq!(order("#2101")["amount"], 8450);
    assert_eq!(
        order("#2101")["items"],
        json!([
            {"sku": "SOAP-OAT", "name": "Oat soap", "quantity": 2, "unit_amount": 1200},
            {"sku": "TOW-GR", "name": "Linen towel, grey", "quantity": 1, "unit_amount": 3000},
            {"sku": "BRU-1", "name": "Brush 5\"", "quantity": 1, "unit_amount": 1800}
        ])
    );
    assert_eq!(order("#2102")["refunded_amount"], 1500);
    assert_eq!(order("#2104")["status"], "cancelled");

    let again = run(import(&app, "orders", &file, &["--yes"]));
    assert_succeeds(
        &again,
        "6 read from 9 rows: 0 created, 0 updated, 6 unchanged, 0 refused",
    );
    assert!(
        again
            .err
            .contains("This looks like Shopify's export of orders: preset shopify-orders"),
        "{}",
        again.err
    );
}

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
async fn stripe_payments_count_without_refunds_and_failures() {
    let app = App::start().await;
    let file = export("stripe", "stripe_payments.csv");
    let ended = run(import(
        &app,
        "orders",
        &file,
        &["--preset", "stripe-payments"],
    ));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let summary = "4 read: 2 created, 0 updated, 0 unchanged, 1 refused, 1 skipped";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&file);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["line"], 5);
    assert!(refused[0]["reason"].as_str().unwrap().contains("JPY"));
    app.client.wait_until_caught_up().await;
    let customer = customer(&app, "cus_pt_1").await;
    assert_eq!(
        (&customer["order_count"], &customer["total_spend"]),
        (&json!(1), &json!(9000))
    );
}

#[tokio::test]
async fn magento_orders_have_four_decimals_and_guests() {
    let app = App::start().await;
    let file = export("magento", "magento_orders.csv");
    let ended = run(import(&app, "orders", &file, &["--yes"]));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let summary = "7 read: 5 created, 0 updated, 0 unchanged, 1 refused, 1 skipped";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&file);
    assert!(
        refused[0]["reason"].as_str().unwrap().contains("19.9950"),
        "{refused:?}"
    );
    app.client.wait_until_caught_up().await;
    let ira = customer(&app, "701").await;
    assert_eq!(
        (&ira["order_count"], &ira["total_spend"]),
        (&json!(2), &json!(8495))
    );
    let sol = customer(&app, "702").await;
    assert_eq!(
        (&sol["order_count"], &sol["total_spend"]),
        (&json!(0), &json!(0))
    );
    let guest = customer(&app, "guest.one@example.com").await;
    assert_eq!(guest["total_spend"], 1000);
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
async fn the_amount_of_an_invoice_is_the_sum_of_its_rows() {
    let app = App::start().await;
    let file = export("online_retail", "online_retail.csv");
    let arguments = ["--preset", "online-retail", "--set", "currency=USD"];
    let ended = run(import(&app, "orders", &file, &arguments));
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.out, ended.err);
    let summary = "5 read from 8 rows: 3 created, 0 updated, 0 unchanged, 1 refused, 1 skipped";
    assert!(ended.out.contains(summary), "{}", ended.out);
    let refused = rejects(&file);
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (
            &refused[0]["line"],
            &refused[0]["last_line"],
            &refused[0]["rows"]
        ),
        (&json!(8), &json!(9), &json!(2))
    );
    assert_eq!(
        refused[0]["reason"],
        "customer_id is empty: column CustomerID"
    );
    assert!(refused[0]["input"].as_str().unwrap().contains("NEST"));
    app.client.wait_until_caught_up().await;
    let customer = customer(&app, "17850").await;
    assert_eq!(customer["order_count"], 2);
    assert_eq!(customer["total_spend"], 6 * 255 + 2 * 339 + 7 * 185);
    let orders = app.client.list("/api/orders", 50).await;
    let summer = orders
        .iter()
        .find(|order| order["order_id"] == "700004")
        .unwrap();
    assert_eq!(summer["placed_at"], "2011-07-01T08:01:00.000Z");
}

#[tokio::test]
async fn a_layout_that_was_detected_is_used_only_with_consent_and_for_its_resource() {
    let app = App::without_workers().await;
    let orders = export("detected", "shopify_orders.csv");
    let ended = run(import(&app, "orders", &orders, &[]));
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    assert!(
        ended.err.contains("--preset shopify-orders"),
        "{}",
        ended.err
    );
    let ended = run(import(&app, "customers", &orders, &["--yes"]));
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    let command = format!("patron import orders {}", orders.display());
    assert!(ended.err.contains(&command), "{}", ended.err);
    let ended = run(import(
        &app,
        "customers",
        &orders,
        &["--preset", "shopify-orders"],
    ));
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    let ended = run(import(&app, "orders", &orders, &["--preset", "shop"]));
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    assert!(ended.err.contains("woocommerce-orders"), "{}", ended.err);
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0);
}

#[tokio::test]
async fn a_preset_of_ones_own_is_a_file_and_options_replace_its_parts() {
    let app = App::start().await;
    let preset = file(
        "own_preset",
        "till.toml",
        "title = \"The till's list\"\nresource = \"orders\"\ndelimiter = \";\"\n\
         date_format = [\"%d.%m.%Y\"]\ntime_zone = \"UTC\"\ndecimal = \"comma\"\n\
         [map]\norder_id = \"Nr\"\ncustomer_id = \"Card\"\namount = \"Sum\"\n\
         placed_at = \"Day\"\nstatus = \"State\"\n[set]\ncurrency = \"USD\"\n\
         [status]\nok = \"placed\"\n",
    );
    let table = file(
        "own_preset",
        "till.csv",
        "Nr;Card;Sum;Day;State\n1;k1;12,50;01.02.2026;ok\n2;k1;5,00;02.02.2026;back\n",
    );
    let preset = preset.to_str().unwrap();
    let arguments = ["--preset", preset, "--status", "back=cancelled"];
    let ended = run(import(&app, "orders", &table, &arguments));
    assert_succeeds(&ended, "2 read: 2 created");
    app.client.wait_until_caught_up().await;
    let customer = customer(&app, "k1").await;
    assert_eq!(
        (&customer["order_count"], &customer["total_spend"]),
        (&json!(1), &json!(1250))
    );
}

#[tokio::test]
async fn a_dry_run_shows_objects_and_refusals_and_sends_nothing() {
    let app = App::without_workers().await;
    let file = export("dry_run", "online_retail.csv");
    let mut command = app.patron(["import", "orders"]);
    command.arg(&file).arg("--dry-run");
    let ended = run(command);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let objects: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[0]["order_id"], "700001");
    assert_eq!(objects[0]["amount"], 2208);
    assert_eq!(objects[0]["items"][1]["sku"], "71053");
    let counts = "5 read from 8 rows: 3 would be sent, 1 refused, 1 skipped; nothing was sent";
    assert!(ended.err.contains(counts), "{}", ended.err);
    let example = "1 × customer_id is empty: column CustomerID (lines 8-9)";
    assert!(ended.err.contains(example), "{}", ended.err);
    assert!(!with_suffix(&file, ".patron-import").exists());
    assert!(!with_suffix(&file, ".rejects.ndjson").exists());
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 0);
}

#[tokio::test]
async fn woocommerce_orders_are_read_in_the_zone_of_the_shop() {
    let app = App::without_workers().await;
    let orders = export("woocommerce", "woocommerce_orders.csv");
    let arguments = ["--set", "currency=USD", "--time-zone", "Europe/Berlin"];
    let (objects, ended) = dry_run(&app, "orders", &orders, &arguments);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(
        ended.err.contains("preset woocommerce-orders"),
        "{}",
        ended.err
    );
    let placed: Vec<_> = objects.iter().map(|order| &order["placed_at"]).collect();
    let expected = [
        "2025-12-31T23:10:00.000Z",
        "2026-07-15T12:00:00.000Z",
        "2026-10-25T00:30:00.000Z",
    ];
    assert_eq!(placed, expected);
    assert_eq!(objects[2]["status"], "refunded");
    assert_eq!(objects[2]["refunded_amount"], 1500);
    assert!(ended.err.contains("1 refused"), "{}", ended.err);

    let (_, ended) = dry_run(&app, "orders", &orders, &arguments[..2]);
    assert!(
        ended.err.contains("--time-zone Europe/Berlin reads them"),
        "{}",
        ended.err
    );
    let (_, ended) = dry_run(&app, "orders", &orders, &arguments[2..]);
    assert_eq!(ended.code, Some(64), "{}", ended.err);
    assert!(ended.err.contains("orders need currency"), "{}", ended.err);
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

#[tokio::test]
async fn the_presets_are_listed_without_a_file_or_a_key() {
    let listed = run(crate::support::process::patron(["import", "--presets"]));
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    for name in [
        "shopify-orders",
        "shopify-customers",
        "woocommerce-orders",
        "woocommerce-customers",
        "stripe-payments",
        "magento-orders",
        "mailchimp-audience",
        "hubspot-contacts",
        "online-retail",
    ] {
        assert!(listed.out.contains(name), "{name}: {}", listed.out);
    }
}
