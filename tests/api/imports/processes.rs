//! Several processes: every one shows every import, and one has the file.

use rustix::process::Signal;
use serde_json::json;

use super::{ImportApp, complete, orders, orders_plan, shown, uploaded, wait_for};
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::wait::until;

/// Starts another API process on the same deployment, with a directory of its own.
pub(super) fn another(app: &ImportApp, folder: &tempfile::TempDir) -> (Process, Client) {
    let mut settings = app.app.settings().clone();
    let path = folder.path().to_str().unwrap().to_owned();
    settings.environment = vec![("PATRON_IMPORT_DIR", path)];
    settings.serve("127.0.0.1:0")
}

#[tokio::test]
async fn other_processes_show_an_import_and_name_the_one_that_has_its_file() {
    let app = ImportApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (_process, other) = another(&app, &folder);
    let path = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    let name = format!("/{}", app.app.api.pid());

    let import = wait_for(&other, &path, "uploaded").await;
    assert_eq!(import["process"]["is_this"], false);
    assert_eq!(import["process"]["is_alive"], true);
    assert!(import["process"]["name"].as_str().unwrap().ends_with(&name));
    for action in ["preview", "run"] {
        let answer = other.post(&format!("{path}/{action}"), orders_plan()).await;
        let problem = answer.assert_problem(409, "other-process");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&name), "{detail}");
    }

    let rows = orders(0..2) + "o-9,c-1,,2026-03-01\n";
    let second = uploaded(app.client(), "orders.csv", rows).await;
    complete(app.client(), &second, orders_plan()).await;
    let import = wait_for(&other, &second, "finished").await;
    assert_eq!(import["progress"]["refused"], 1);
    let refused = other.get(&format!("{second}/refused")).await;
    refused.assert_problem(409, "other-process");
    let stopped = other.post(&format!("{second}/stop"), json!({})).await;
    stopped.assert_problem(409, "impossible-transition");

    assert_eq!(other.delete(&path).await.status, 204);
    let gone = app
        .client()
        .post(&format!("{path}/run"), orders_plan())
        .await;
    gone.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_running_import_is_stopped_by_its_own_process_or_once_that_is_dead() {
    let mut app = ImportApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (_process, other) = another(&app, &folder);
    let path = uploaded(app.client(), "orders.csv", orders(0..100_000)).await;
    super::run(app.client(), &path, orders_plan()).await;
    let answer = other.post(&format!("{path}/stop"), json!({})).await;
    answer.assert_problem(409, "other-process");
    app.app.api.kill();
    until("the process counts as dead", async || {
        shown(&other, &path).await["process"]["is_alive"] == false
    })
    .await;
    let answer = other.post(&format!("{path}/stop"), json!({})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    wait_for(&other, &path, "stopped").await;
    assert_eq!(other.delete(&path).await.status, 204);
    app.app.restart_api();
    until("the files of the deleted import are removed", async || {
        app.files() == 0
    })
    .await;
}

#[tokio::test]
async fn a_process_that_was_away_records_no_more_rows_of_an_import_that_another_stopped() {
    let app = ImportApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (_process, other) = another(&app, &folder);
    let rows = 150_000;
    let path = uploaded(app.client(), "orders.csv", orders(0..rows)).await;
    super::run(app.client(), &path, orders_plan()).await;
    until("some rows are recorded", async || {
        let import = shown(app.client(), &path).await;
        import["progress"]["read"]
            .as_u64()
            .is_some_and(|read| read > 0)
    })
    .await;
    app.app.api.signal(Signal::STOP);
    until("the process counts as dead", async || {
        shown(&other, &path).await["process"]["is_alive"] == false
    })
    .await;
    let answer = other.post(&format!("{path}/stop"), json!({})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    app.app.api.signal(Signal::CONT);
    until("the process has noticed the stop", async || {
        app.app.api.stderr().contains("ended by another process")
    })
    .await;
    let id = path.trim_start_matches("/api/imports/");
    let root = app.folder.path().join(&app.app.settings().name).join(id);
    let journal = std::fs::read_to_string(root.join("journal")).unwrap_or_default();
    let journal: serde_json::Value = serde_json::from_str(&journal).unwrap_or_default();
    let read = journal["counts"]["read"].as_u64();
    assert!(read.is_some_and(|read| read < rows as u64), "{read:?}");
    assert_eq!(shown(app.client(), &path).await["status"], "stopped");
}
