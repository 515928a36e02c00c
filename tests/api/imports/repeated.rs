//! Repeated uploads under one idempotency key.

use commands::{IdempotencyKey, IdempotencyScope, new_id};
use domain::ImportId;
use reqwest::header;

use super::{ImportApp, complete, orders, orders_plan, shown, upload_request};
use crate::support::client::{Answer, Client, send};
use crate::support::wait::until;

async fn upload_with_key(client: &Client, content: String) -> Answer {
    let request = upload_request(client, "orders.csv", content);
    send(request.header("idempotency-key", "spring")).await
}

#[tokio::test]
async fn a_repeated_upload_at_another_process_leaves_the_file_where_it_is() {
    let app = ImportApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (_process, other) = super::processes::another(&app, &folder);
    super::wait_for_files(&other).await;
    let first = upload_with_key(app.client(), orders(0..2)).await;
    let path = first.header(header::LOCATION.as_str()).to_owned();
    let again = upload_with_key(&other, orders(0..2)).await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(again.body["import_id"], first.body["import_id"]);
    assert_eq!(again.body["process"]["is_this"], false, "{again:?}");
    let import = shown(app.client(), &path).await;
    assert_eq!(import["process"]["is_this"], true, "{import}");
    complete(app.client(), &path, orders_plan()).await;
}

#[tokio::test]
async fn a_repeated_upload_is_answered_with_what_became_of_the_first() {
    let app = ImportApp::start().await;
    let first = upload_with_key(app.client(), orders(0..2)).await;
    let path = first.header("location").to_owned();
    complete(app.client(), &path, orders_plan()).await;
    let again = upload_with_key(app.client(), orders(0..2)).await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(again.body["status"], "finished");
    assert_eq!(again.body["kind"], "orders");
    until("the file is removed", async || app.files() == 0).await;
    assert_eq!(app.client().delete(&path).await.status, 204);
    let deleted = upload_with_key(app.client(), orders(0..2)).await;
    deleted.assert_problem(409, "idempotency-conflict");
    assert_eq!(app.files(), 0);
}

#[tokio::test]
async fn the_file_of_a_request_that_was_cut_short_is_replaced() {
    let app = ImportApp::start().await;
    let scope = IdempotencyScope::actor(&"key:bootstrap".into());
    let key = IdempotencyKey::new(scope, b"spring").unwrap();
    let id: ImportId = new_id(Some(&key));
    let root = app.folder.path().join(&app.app.settings().name);
    let left = root.join(id.as_str());
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("file"), orders(7..9)).unwrap();
    let about = serde_json::json!({
        "file": {"file_name": "orders.csv", "bytes": orders(7..9).len(), "sha256": "00"},
        "detected": null,
    });
    std::fs::write(left.join("import.json"), about.to_string()).unwrap();
    let uploaded = upload_with_key(app.client(), orders(0..3)).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let path = uploaded.header("location").to_owned();
    let import = complete(app.client(), &path, orders_plan()).await;
    assert_eq!(super::counts(&import)[0], 3);
}
