//! Uploads: what is taken, what is refused, and what is kept on disk.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use domain::Role;
use reqwest::{Method, header};
use serde_json::Value;

use super::{
    ImportApp, complete, events, orders, orders_plan, shown, upload, upload_request, uploaded,
};
use crate::support::app::App;
use crate::support::client::{Client, send};
use crate::support::wait::{eventually, until};

#[tokio::test]
async fn a_file_is_taken_described_and_listed() {
    let app = ImportApp::start().await;
    let answer = upload(app.client(), "C:\\exports\\orders.csv", orders(0..2)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let import = &answer.body;
    let id = import["import_id"].as_str().unwrap();
    assert!(id.starts_with("imp_") && id.len() == 36, "{id}");
    assert_eq!(answer.header("location"), format!("/api/imports/{id}"));
    assert_eq!(import["status"], "uploaded");
    assert_eq!(import["file_name"], "orders.csv");
    assert_eq!(import["bytes"], orders(0..2).len());
    assert_eq!(import["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(import["process"]["is_this"], true);
    assert_eq!(import["progress"], Value::Null);

    let second = uploaded(app.client(), "customers.csv", "customer_id\nc-1\n").await;
    let read = shown(app.client(), &format!("/api/imports/{id}")).await;
    for member in [
        "import_id",
        "status",
        "file_name",
        "bytes",
        "sha256",
        "detected",
        "process",
    ] {
        assert_eq!(read[member], import[member], "{member}");
    }
    let listed = app.client().list("/api/imports", 1).await;
    let ids: Vec<&str> = listed
        .iter()
        .map(|import| import["import_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [second.trim_start_matches("/api/imports/"), id]);
    let uploads = events(app.client(), "import_uploaded.1").await;
    assert_eq!(uploads.len(), 2);
    assert_eq!(uploads[1]["file_name"], "orders.csv");
}

#[tokio::test]
async fn uploaded_files_are_private_and_removed_once_they_are_not_needed() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    let id = path.trim_start_matches("/api/imports/");
    let folder = app.folder.path().join(&app.app.settings().name).join(id);
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o700);
    assert_eq!(mode(folder.join("file")), 0o600);

    complete(app.client(), &path, orders_plan()).await;
    until("the file is removed", async || app.files() == 0).await;

    let other = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    assert!(app.files() > 0);
    assert_eq!(app.client().delete(&other).await.status, 204);
    assert_eq!(app.files(), 0);
    assert_eq!(app.client().delete(&other).await.status, 204);
    app.client()
        .get(&other)
        .await
        .assert_problem(404, "not-found");
    assert_eq!(app.client().list("/api/imports", 10).await.len(), 1);
}

#[tokio::test]
async fn files_that_were_not_used_for_seven_days_are_removed() {
    let mut app = ImportApp::start().await;
    let rows = orders(0..2) + "o-9,c-1,,2026-03-01\n";
    let finished = uploaded(app.client(), "orders.csv", rows).await;
    complete(app.client(), &finished, orders_plan()).await;
    let unused = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    app.app.api.kill();
    let last_week = SystemTime::now() - Duration::from_secs(8 * 24 * 60 * 60);
    let root = app.folder.path().join(&app.app.settings().name);
    for path in [&finished, &unused] {
        let folder = root.join(path.trim_start_matches("/api/imports/"));
        let files = std::fs::read_dir(&folder).unwrap();
        let files = files.map(|file| file.unwrap().path());
        for path in files.chain([folder.clone()]) {
            let file = std::fs::File::open(path).unwrap();
            file.set_modified(last_week).unwrap();
        }
    }
    app.app.restart_api();
    super::wait_for_files(app.client()).await;
    assert_eq!(app.files(), 0);
    let import = shown(app.client(), &finished).await;
    assert_eq!(import["has_refused_rows"], false, "{import}");
    assert_eq!(import["progress"]["refused"], 1);
    assert_eq!(import["process"], Value::Null);
    let refused = app.client().get(&format!("{finished}/refused")).await;
    refused.assert_problem(404, "not-found");
    let run = app
        .client()
        .post(&format!("{unused}/run"), orders_plan())
        .await;
    run.assert_problem(409, "other-process");
    assert!(run.body["detail"].as_str().unwrap().contains("seven days"));
}

#[tokio::test]
async fn a_repeated_upload_with_an_idempotency_key_is_the_same_import() {
    let app = ImportApp::start().await;
    let send_with_key = async |content: String| {
        let request = upload_request(app.client(), "orders.csv", content);
        send(request.header("idempotency-key", "spring")).await
    };
    let first = send_with_key(orders(0..2)).await;
    let files = app.files();
    let second = send_with_key(orders(0..2)).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body["import_id"], second.body["import_id"]);
    assert_eq!(app.files(), files);
    let other = send_with_key(orders(0..3)).await;
    other.assert_problem(409, "idempotency-conflict");
    assert_eq!(app.files(), files);
    until("the view has one import", async || {
        app.client().list("/api/imports", 10).await.len() == 1
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_leaves_nothing() {
    let limit = vec![("PATRON_IMPORT_MAX_BYTES", "100000".to_owned())];
    let app = ImportApp::with_environment(limit).await;
    for size in [100_001, 1_000_000] {
        let answer = upload(app.client(), "big.csv", vec![b'x'; size]).await;
        let problem = answer.assert_problem(413, "body-too-large");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("100000 bytes"), "{detail}");
    }
    assert_eq!(app.files(), 0);
    let answer = upload(app.client(), "fits.csv", vec![b'x'; 100_000]).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn forms_without_exactly_one_file_are_refused() {
    let app = ImportApp::start().await;
    let client = app.client();
    let part = |name: &str, content: &str| {
        format!(
            "--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.csv\"\r\n\r\n\
             {content}\r\n"
        )
    };
    let post = async |body: String| {
        let media_type = "multipart/form-data; boundary=b";
        client.post_text("/api/imports", media_type, body).await
    };
    let end = "--b--\r\n";
    let none = post(end.to_owned()).await;
    none.assert_problem(422, "invalid-field");
    assert_eq!(none.body["errors"][0]["pointer"], "/file");
    let empty = post(part("file", "") + end).await;
    empty.assert_problem(422, "invalid-field");
    let two = post(part("file", "a\n1\n") + &part("file", "a\n1\n") + end).await;
    two.assert_problem(422, "invalid-field");
    let other = post(part("file", "a\n1\n") + &part("note", "x") + end).await;
    other.assert_problem(422, "unknown-field");
    assert_eq!(other.body["errors"][0]["pointer"], "/note");
    let cut = post(part("file", "a\n1\n")).await;
    cut.assert_problem(400, "malformed-body");
    let json = client.post("/api/imports", serde_json::json!({})).await;
    json.assert_problem(415, "unsupported-media-type");
    assert_eq!(app.files(), 0);
    assert!(client.list("/api/imports", 10).await.is_empty());
}

#[tokio::test]
async fn a_client_that_disappears_leaves_no_file() {
    let app = ImportApp::start().await;
    let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n";
    let (chunks, body) = futures::channel::mpsc::unbounded::<std::io::Result<String>>();
    chunks
        .unbounded_send(Ok(head.to_owned() + "a,b\n"))
        .unwrap();
    let request = app
        .client()
        .request(Method::POST, "/api/imports")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(reqwest::Body::wrap_stream(body));
    let sending = tokio::spawn(request.send());
    eventually("the file arrives", async || (app.files() > 0).then_some(())).await;
    sending.abort();
    drop(chunks);
    until("the file is removed", async || app.files() == 0).await;
}

#[tokio::test]
async fn viewers_read_imports_and_only_marketers_make_them() {
    let app = ImportApp::start().await;
    let marketer = app.client_of(Role::Marketer).await;
    let path = uploaded(&marketer, "orders.csv", orders(0..2)).await;
    complete(&marketer, &path, orders_plan()).await;
    let refused: [Client; 2] = [app.viewer().await, app.client_of(Role::Ingest).await];
    for client in &refused {
        let answer = upload(client, "orders.csv", orders(0..2)).await;
        answer.assert_problem(403, "forbidden");
        for action in ["run", "preview", "stop"] {
            let answer = client
                .post(&format!("{path}/{action}"), orders_plan())
                .await;
            answer.assert_problem(403, "forbidden");
        }
        client.delete(&path).await.assert_problem(403, "forbidden");
    }
    let [viewer, ingest] = &refused;
    assert_eq!(shown(viewer, &path).await["status"], "finished");
    assert_eq!(viewer.list("/api/imports", 10).await.len(), 1);
    assert_eq!(viewer.get(&format!("{path}/refused")).await.status, 200);
    ingest.get(&path).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_process_without_a_directory_takes_no_files() {
    let app = App::without_workers().await;
    let answer = upload(&app.client, "orders.csv", orders(0..2)).await;
    let problem = answer.assert_problem(409, "imports-disabled");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("PATRON_IMPORT_DIR")
    );
}

#[tokio::test]
async fn the_events_of_an_import_end_once_the_key_is_revoked() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    let key = app.app.create_key(Role::Viewer, None).await;
    let viewer = app.client().with_key(Some(key.reveal()));
    let request = viewer.request(Method::GET, &format!("{path}/events"));
    let stream = eventually("the import can be followed", async || {
        let stream = request.try_clone().unwrap().send().await.unwrap();
        (stream.status() == 200).then_some(stream)
    })
    .await;
    let revoked = app
        .client()
        .delete(&format!("/api/keys/{}", key.id()))
        .await;
    assert_eq!(revoked.status, 204);
    let rest = tokio::time::timeout(std::time::Duration::from_secs(10), stream.text()).await;
    let events = rest.expect("the stream ends").unwrap();
    assert!(!events.contains("event: end"), "{events}");
}

#[tokio::test]
async fn an_upload_with_repeated_headers_is_refused() {
    let app = ImportApp::start().await;
    let upload = || upload_request(app.client(), "orders.csv", orders(0..2));
    let coding = |value: &str| upload().header(header::CONTENT_ENCODING, value);
    for request in [
        coding("identity").header(header::CONTENT_ENCODING, "gzip"),
        coding("gzip, gzip"),
        upload().header(header::CONTENT_TYPE, "text/csv"),
    ] {
        let refused = send(request).await;
        refused.assert_problem(415, "unsupported-media-type");
    }
    assert_eq!(send(coding("identity, identity")).await.status, 201);
}
