//! Known exports, and the columns of files of others.

use serde_json::json;

use super::{ImportApp, upload, uploaded};

#[tokio::test]
async fn known_exports_are_listed_with_what_they_stand_for() {
    let app = ImportApp::start().await;
    let presets = app.viewer().await.read("/api/imports/presets").await;
    let presets = presets["items"].as_array().unwrap().clone();
    let shopify = presets
        .iter()
        .find(|preset| preset["name"] == "shopify-orders");
    let shopify = shopify.unwrap();
    assert_eq!(shopify["kind"], "orders");
    assert_eq!(shopify["title"], "Shopify's export of orders");
    assert_eq!(shopify["options"]["map"]["order_id"], "Name");
    assert_eq!(shopify["options"]["status"]["voided"], "cancelled");
}

#[tokio::test]
async fn columns_follow_the_options() {
    let app = ImportApp::start().await;
    let client = app.client();
    let path = uploaded(client, "contacts.txt", "id|name\n7|J\u{fc}rgen\n").await;
    let columns = format!("{path}/columns");

    let wrong = client.post(&columns, json!({})).await;
    assert_eq!(wrong.body["columns"], json!(["id|name"]));
    let body = json!({"options": {"delimiter": "|"}});
    let right = client.post(&columns, body.clone()).await;
    assert_eq!(right.status, 200, "{right:?}");
    assert_eq!(
        right.body,
        json!({"columns": ["id", "name"], "rows": [["7", "J\u{fc}rgen"]]})
    );
    app.viewer()
        .await
        .post(&columns, body)
        .await
        .assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_file_that_is_no_table_has_no_columns() {
    let app = ImportApp::start().await;
    let client = app.client();
    let answer = upload(
        client,
        "photo.png",
        b"\x89PNG\r\n\x1a\n\0\0\0\xff\xfe".to_vec(),
    )
    .await;
    let columns = format!("{}/columns", answer.header("location"));
    let answer = client.post(&columns, json!({})).await;
    answer.assert_problem(422, "invalid-field");
}
