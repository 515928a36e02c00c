//! Layouts of files: detected ones, presets of one's own, and previews.

use serde_json::{Value, json};

use super::{
    assert_succeeds, assert_wrong_option, customer, dry_run, export, file, import, with_suffix,
};
use crate::support::app::App;
use crate::support::process::run;

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

#[tokio::test]
async fn what_a_preset_cannot_fill_is_said() {
    let app = App::without_workers().await;
    let preset = file(
        "left_out",
        "list.toml",
        "title = \"Our list\"\nresource = \"customers\"\n[map]\ncustomer_id = \"id\"\n\
         unsubscribed = \"!Accpts\"\nname = \"Name\"\n",
    );
    let arguments = ["--preset", preset.to_str().unwrap()];
    let table = file("left_out", "list.csv", "id,Accepts,Name\nc-1,yes,Ann\n");
    let (objects, ended) = dry_run(&app, "customers", &table, &arguments);
    assert_eq!(objects, [json!({"customer_id": "c-1", "name": "Ann"})]);
    assert!(
        ended.err.contains("left out: unsubscribed (!Accpts)"),
        "{}",
        ended.err
    );
    let table = file("left_out", "twice.csv", "id,Name,Name\nc-1,Ann,Bob\n");
    let wanted = "the file has 2 columns named Name";
    assert_wrong_option(&app, "customers", &table, &arguments, wanted);
}
