//! Starts: what becomes of a run whose client, process or files are gone.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{ImportApp, complete, counts, orders, orders_plan, run, shown, uploaded, wait_for};
use crate::support::client::{Client, send};
use crate::support::wait::{eventually, until};

/// Returns the folder of an import.
fn folder(app: &ImportApp, path: &str) -> PathBuf {
    let id = path.trim_start_matches("/api/imports/");
    app.folder.path().join(&app.app.settings().name).join(id)
}

#[tokio::test]
async fn a_run_goes_on_after_its_client_disconnects() {
    let app = ImportApp::start().await;
    for number in 0..10 {
        let path = uploaded(app.client(), "orders.csv", orders(0..3 + number)).await;
        let plan = folder(&app, &path).join("plan.json");
        // With a connection of its own, which closes with the request.
        let client = Client::new(app.client().base(), &app.app.settings().key);
        let request = client.request(Method::POST, &format!("{path}/run"));
        let sending = tokio::spawn(request.json(&orders_plan()).send());
        until("the start is under way", async || plan.exists()).await;
        sending.abort();
        drop(client);
        let ended = eventually("the run ends", async || {
            let import = shown(app.client(), &path).await;
            (import["status"] == "finished").then_some(import)
        });
        assert_eq!(counts(&ended.await)[0], 3 + number as u64);
    }
}

#[tokio::test]
async fn a_repeated_start_with_an_idempotency_key_is_the_same_run() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..3)).await;
    let start = async |key: &str, plan: serde_json::Value| {
        let request = app.client().request(Method::POST, &format!("{path}/run"));
        send(request.header("idempotency-key", key).json(&plan)).await
    };
    let first = start("spring", orders_plan()).await;
    assert_eq!(first.status, 202, "{first:?}");
    wait_for(app.client(), &path, "finished").await;
    let again = start("spring", orders_plan()).await;
    assert_eq!(again.status, 202, "{again:?}");
    let mut other = orders_plan();
    other["options"]["set"]["currency"] = json!("EUR");
    let other = start("spring", other).await;
    other.assert_problem(409, "idempotency-conflict");
    let another = start("summer", orders_plan()).await;
    another.assert_problem(409, "impossible-transition");
    assert_eq!(
        super::events(app.client(), "import_started.1").await.len(),
        1
    );
}

#[tokio::test]
async fn counts_that_an_earlier_run_left_are_not_those_of_the_next() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..3)).await;
    let counts_of_another = json!({
        "rows": 7, "read": 7, "created": 7, "updated": 0, "unchanged": 0, "refused": 0,
        "repeated": 0, "skipped": 0, "ambiguous_times": 0,
    });
    let left = folder(&app, &path).join("sent.json");
    std::fs::write(left, counts_of_another.to_string()).unwrap();
    let import = complete(app.client(), &path, orders_plan()).await;
    assert_eq!(counts(&import), [3, 3, 0, 0, 0]);
}

#[tokio::test]
async fn a_process_that_waits_for_its_directory_asks_for_a_retry() {
    let mut app = ImportApp::start().await;
    let rows = orders(0..2) + "o-9,c-1,,2026-03-01\n";
    let done = uploaded(app.client(), "orders.csv", rows).await;
    complete(app.client(), &done, orders_plan()).await;
    let path = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    app.app.api.kill();
    // Another process has the directory.
    let lock = app
        .folder
        .path()
        .join(&app.app.settings().name)
        .join("lock");
    let lock = std::fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    app.app.restart_api();
    for action in ["preview", "run", "columns"] {
        let body = match action {
            "columns" => json!({}),
            _ => orders_plan(),
        };
        let answer = app.client().post(&format!("{path}/{action}"), body).await;
        answer.assert_problem(503, "busy");
    }
    let refused = app.client().get(&format!("{done}/refused")).await;
    refused.assert_problem(503, "busy");
    drop(lock);
    super::wait_for_files(app.client()).await;
    complete(app.client(), &path, orders_plan()).await;
    let refused = app.client().get(&format!("{done}/refused")).await;
    assert_eq!(refused.text.lines().count(), 1, "{refused:?}");
}

#[tokio::test]
async fn the_status_of_an_import_does_not_wait_for_the_view() {
    let app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..3)).await;
    shown(app.client(), &path).await;
    let worker = &app.app.workers[0];
    worker.signal(rustix::process::Signal::STOP);
    run(app.client(), &path, orders_plan()).await;
    let import = wait_for(app.client(), &path, "finished").await;
    assert_eq!(counts(&import), [3, 3, 0, 0, 0]);
    app.app.workers[0].signal(rustix::process::Signal::CONT);
    until("the view has the end", async || {
        !shown(app.client(), &path).await["ended_at"].is_null()
    })
    .await;
}

#[tokio::test]
async fn an_import_whose_directory_is_lost_can_be_stopped_and_deleted() {
    let mut app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..100_000)).await;
    run(app.client(), &path, orders_plan()).await;
    app.app.api.kill();
    std::fs::remove_dir_all(folder(&app, &path)).unwrap();
    app.app.restart_api();
    super::wait_for_files(app.client()).await;
    // In a container, the new process has the name of the old one.
    let settings = app.app.settings();
    let records = mongodb::Client::with_uri_str(&settings.mongodb_uri);
    let records = records.await.unwrap().database(&settings.name);
    let records = records.collection::<mongodb::bson::Document>("import_files");
    let mine = uploaded(app.client(), "orders.csv", orders(0..1)).await;
    let name = shown(app.client(), &mine).await["process"]["name"].clone();
    let id = path.trim_start_matches("/api/imports/");
    let same = mongodb::bson::doc! {"$set": {"process": name.as_str().unwrap()}};
    records
        .update_one(mongodb::bson::doc! {"_id": id}, same)
        .await
        .unwrap();
    let stop = async || app.client().post(&format!("{path}/stop"), json!({})).await;
    until("the old process counts as dead", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop().await.status == 202
    })
    .await;
    assert_eq!(app.client().delete(&path).await.status, 204);
}
