//! Previews: their limits, and what they show of rows that are long.

use serde_json::{Value, json};

use super::{ImportApp, orders, orders_plan, uploaded};

#[tokio::test]
async fn a_preview_ends_after_20_000_records() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..60_000)).await;
    let preview = app
        .client()
        .post(&format!("{path}/preview"), orders_plan())
        .await;
    assert_eq!(preview.status, 200, "{preview:?}");
    let read = preview.body["read"].as_u64().unwrap();
    assert_eq!(preview.body["is_whole"], false);
    // A few batches were under way at the limit, or five seconds were over before.
    assert!(read <= 25_000, "{read}");
}

#[tokio::test]
async fn a_preview_shows_the_beginning_of_a_refused_row() {
    let app = ImportApp::start().await;
    let rows = orders(0..1) + "o-9,c-1," + &"x".repeat(500) + ",2026-03-01\n";
    let path = uploaded(app.client(), "orders.csv", rows).await;
    let preview = app
        .client()
        .post(&format!("{path}/preview"), orders_plan())
        .await;
    let input = preview.body["refusals"][0]["input"].as_str().unwrap();
    assert!(input.starts_with("o-9,c-1,xxx"), "{input}");
    assert_eq!(input.chars().count(), 80, "{input}");
    assert!(input.ends_with('\u{2026}'), "{input}");
}

#[tokio::test]
async fn a_preview_names_columns_that_are_missing_or_unused() {
    let app = ImportApp::start().await;
    let file = "Customer ID,Email,Notes,Shoe size\n1,ada@example.com,-,39\n";
    let path = uploaded(app.client(), "customers.csv", file.to_owned()).await;
    let map = json!({"attributes.shoe_size": "Shoe size"});
    let plan = json!({"kind": "customers", "preset": "shopify-customers", "options": {"map": map}});
    let preview = app.client().post(&format!("{path}/preview"), plan).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    assert_eq!(preview.body["unused_columns"], json!(["Notes"]));
    assert_eq!(
        preview.body["numbers_as_text"],
        json!(["attributes.shopify_id", "attributes.shoe_size"])
    );
    let left_out = preview.body["left_out_fields"].as_array().unwrap();
    let phone = left_out.iter().find(|one| one["field"] == "phone");
    assert_eq!(phone.unwrap()["column"], "Phone", "{left_out:?}");
}

#[tokio::test]
async fn the_mapping_of_the_contract_is_that_of_the_options() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    let preview = async |plan: Value| app.client().post(&format!("{path}/preview"), plan).await;
    let map = orders_plan()["options"]["map"].clone();
    let rest = json!({"set": {"currency": "USD"}});
    let same = preview(json!({"kind": "orders", "mapping": map, "options": rest})).await;
    assert_eq!(same.body["valid"], 2, "{same:?}");
    let both =
        preview(json!({"kind": "orders", "mapping": map, "options": orders_plan()["options"]}));
    let both = both.await;
    both.assert_problem(422, "invalid-field");
    assert_eq!(both.body["errors"][0]["pointer"], "/mapping");
}

#[tokio::test]
async fn files_that_are_no_text_are_refused_when_they_arrive() {
    let app = ImportApp::start().await;
    for (name, content, hint) in [
        ("orders.xlsx", &b"PK\x03\x04\x14\0\x06\0"[..], "CSV"),
        ("orders.csv.gz", &b"\x1f\x8b\x08\0\0\0\0\0"[..], ""),
    ] {
        let answer = super::upload(app.client(), name, content.to_vec()).await;
        answer.assert_problem(422, "invalid-field");
        assert_eq!(answer.body["errors"][0]["pointer"], "/file");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(hint), "{detail}");
    }
    assert_eq!(app.files(), 0);
}
