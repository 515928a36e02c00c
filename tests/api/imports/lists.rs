//! What is detected in files of NDJSON and of many columns, and what lists leave out.

use serde_json::json;

use super::{ImportApp, complete, orders, orders_plan, shown, upload, uploaded};

#[tokio::test]
async fn ndjson_is_detected_in_any_encoding() {
    let app = ImportApp::start().await;
    let line = "{\"order_id\":\"o-1\",\"customer_id\":\"c-1\"}\n";
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(line.encode_utf16().flat_map(u16::to_le_bytes));
    let long = format!(
        "{{\"order_id\":\"o-1\",\"note\":\"{}\"}}\n",
        "x".repeat(70_000)
    );
    for content in [
        [&b"\xef\xbb\xbf"[..], line.as_bytes()].concat(),
        utf16,
        ["\n \n", line].concat().into_bytes(),
        long.into_bytes(),
    ] {
        let answer = upload(app.client(), "orders.ndjson", content).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let detected = &answer.body["detected"];
        assert_eq!(detected["format"], "ndjson", "{answer:?}");
        assert_eq!(detected["kind"], "orders");
        let columns = detected["columns"].as_array().unwrap();
        assert!(columns.contains(&json!("order_id")), "{detected}");
    }
    let broken = upload(app.client(), "orders.ndjson", "not json\n").await;
    assert_eq!(broken.body["detected"]["format"], "ndjson");
    assert_eq!(broken.body["detected"]["columns"], json!([]));
}

#[tokio::test]
async fn a_list_leaves_out_columns_and_options() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..1)).await;
    complete(app.client(), &path, orders_plan()).await;
    let kind = shown(app.client(), &path).await["detected"]["kind"].clone();
    let header: Vec<String> = (0..5_000)
        .map(|number| format!("column-{number}"))
        .collect();
    let wide = uploaded(app.client(), "wide.csv", header.join(",") + "\n").await;
    let import = shown(app.client(), &wide).await;
    assert_eq!(
        import["detected"]["columns"].as_array().unwrap().len(),
        2_000
    );
    assert_eq!(import["detected"]["column_count"], 5_000);
    app.client().wait_until_caught_up().await;
    let listed = app.client().list("/api/imports", 10).await;
    assert_eq!(listed.len(), 2);
    for import in &listed {
        assert!(import.get("options").is_none(), "{import}");
        assert!(import["detected"].get("columns").is_none(), "{import}");
        assert!(import["detected"].get("options").is_none(), "{import}");
    }
    assert_eq!(listed[1]["detected"]["kind"], kind);
}
