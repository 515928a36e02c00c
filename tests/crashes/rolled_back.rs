//! A Redis that is restored from a backup: nothing is appended to it, and the views stand still,
//! until an operator accepts it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::support::app::App;
use crate::support::client::VIEWS;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::process::run;
use crate::support::wait::eventually;

fn orders(name: &str) -> Value {
    let of_customer = |n: i64| {
        json!({"order_id": format!("{name}-{n}"), "customer_id": format!("c-{n}"), "amount": n,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"})
    };
    (0..40).map(of_customer).collect()
}

/// Returns the directory of Redis's append-only file.
fn aof_dir(dir: &Path) -> PathBuf {
    dir.join("own-redis/redis")
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Records orders, backs up Redis, records more orders, calls `before`, and restores the backup.
async fn restore_backup(name: &str, before: impl AsyncFnOnce(&App)) -> (OwnEngines, App) {
    let dir = test_dir(name);
    let mut engines = block_in_place(|| OwnEngines::start(&dir));
    let mut app = block_in_place(|| App::start_on(&engines));
    app.client
        .post_accepted("/api/data/orders", orders("first"))
        .await;
    app.client.wait_until_caught_up().await;
    copy_dir(&aof_dir(&dir), &dir.join("backup"));
    app.client
        .post_accepted("/api/data/orders", orders("forgotten"))
        .await;
    app.client.wait_until_caught_up().await;
    before(&app).await;
    block_in_place(|| {
        app.workers.remove(0).kill();
        engines.kill_redis();
        fs::remove_dir_all(aof_dir(&dir)).unwrap();
        copy_dir(&dir.join("backup"), &aof_dir(&dir));
        engines.restart();
        app.add_worker();
    });
    (engines, app)
}

/// Accepts the restored log and records more orders. Returns their positions.
async fn accept_log(app: &App) -> String {
    let command = app.patron(["log", "accept", "--reason", "restored from Tuesday's copy"]);
    let accepted = block_in_place(|| run(command));
    assert_eq!(accepted.code, Some(0), "{}{}", accepted.out, accepted.err);
    eventually("the running API accepts data again", async || {
        let other = app.client.post("/api/data/orders", orders("other")).await;
        (other.body["accepted"] == 40).then(|| other.position())
    })
    .await
}

/// Asserts that log and views have the orders from before the backup and after the acceptance.
async fn assert_80_orders(app: &App) {
    app.client.wait_until_ready().await;
    app.client.wait_until_caught_up().await;
    let audit = app.client.read("/api/audit?type=log_accepted.1").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 80);
    let verified = block_in_place(|| run(app.patron(["verify"])));
    assert_eq!(verified.code, Some(0), "{}", verified.out);
}

/// Rebuild requests that the restored log does not have must not count as done, or later requests
/// would be skipped.
#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_requested_over_http_are_done_on_an_accepted_log() {
    let request_rebuild = async |app: &App, view: &str| {
        let path = format!("/api/admin/projections/{view}/rebuild");
        let requested = app.client.post(&path, json!({})).await;
        assert_eq!(requested.status, 202, "{}", requested.body);
    };
    let generation = async |app: &App, view: &str| {
        let status = app.client.read("/api/admin/projections").await;
        let views = status["items"].as_array().cloned().unwrap_or_default();
        let found = views.into_iter().find(|found| found["name"] == view);
        found.map(|found| found["generation"].as_i64())
    };
    let (_engines, app) = restore_backup("rolled_back_http", async |app| {
        for view in VIEWS {
            request_rebuild(app, view).await;
        }
        for view in VIEWS {
            eventually("the view is rebuilt", async || {
                (generation(app, view).await == Some(Some(2))).then_some(())
            })
            .await;
        }
    })
    .await;
    let at = accept_log(&app).await;
    // The views had reached these numbers in the log that was replaced, which proves nothing about
    // the accepted one.
    for position in at.split(',') {
        let read = app
            .client
            .get(&format!("/api/orders?after={position}"))
            .await;
        read.assert_problem(503, "view-behind");
    }
    for view in VIEWS {
        request_rebuild(&app, view).await;
    }
    assert_80_orders(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_redis_rejects_writes_until_it_is_accepted() {
    let (_engines, app) = restore_backup("rolled_back", async |_| {}).await;
    let refused = app.client.post("/api/data/orders", orders("other")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    for (check, start) in [("log", "Redis holds another log"), ("views", "stalled: ")] {
        eventually("/readyz says why", async || {
            let ready = app.client.get("/readyz").await.body;
            let checks = ready["checks"].as_array()?;
            let found = checks.iter().find(|found| found["name"] == check)?;
            found["reason"].as_str()?.starts_with(start).then_some(())
        })
        .await;
    }
    let status = app.client.read("/api/admin/projections").await;
    assert!(status.to_string().contains("rolled back"), "{status}");
    let verified = block_in_place(|| run(app.patron(["verify"])));
    assert_eq!(verified.code, Some(1), "{}", verified.out);

    accept_log(&app).await;
    for view in VIEWS {
        let rebuilt = block_in_place(|| run(app.patron(["rebuild", view])));
        assert_eq!(rebuilt.code, Some(0), "{}{}", rebuilt.out, rebuilt.err);
    }
    assert_80_orders(&app).await;
}
