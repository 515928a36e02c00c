//! A Redis put back to an earlier state, as from a backup: nothing is appended to it, and the views
//! stand still, until an operator accepts it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::support::app::App;
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

/// Where Redis keeps its log of all writes.
fn aof(dir: &Path) -> PathBuf {
    dir.join("own-redis/redis")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_until_the_copy_is_accepted_and_the_views_are_rebuilt() {
    let dir = test_dir("rolled_back");
    let mut engines = block_in_place(|| OwnEngines::start(&dir));
    let mut app = block_in_place(|| App::on(&engines));
    app.client.accept("/api/data/orders", orders("first")).await;
    app.client.caught_up().await;
    copy(&aof(&dir), &dir.join("backup"));
    app.client
        .accept("/api/data/orders", orders("forgotten"))
        .await;
    app.client.caught_up().await;

    block_in_place(|| {
        app.workers.remove(0).kill();
        engines.kill_redis();
        fs::remove_dir_all(aof(&dir)).unwrap();
        copy(&dir.join("backup"), &aof(&dir));
        engines.restart();
        app.add_worker();
    });
    let refused = app.client.post("/api/data/orders", orders("other")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    for (check, start) in [
        ("log", "Redis holds another log"),
        ("views", "stand still: "),
    ] {
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

    let accept = app.patron(["log", "accept", "--reason", "restored from Tuesday's copy"]);
    let accepted = block_in_place(|| run(accept));
    assert_eq!(accepted.code, Some(0), "{}{}", accepted.out, accepted.err);
    eventually("the running API takes data again", async || {
        let other = app.client.post("/api/data/orders", orders("other")).await;
        (other.body["accepted"] == 40).then_some(())
    })
    .await;
    for view in [
        "customers",
        "orders",
        "audit",
        "segments",
        "campaigns",
        "messages",
        "campaign_stats",
        "users",
        "api_keys",
    ] {
        let rebuilt = block_in_place(|| run(app.patron(["rebuild", view])));
        assert_eq!(rebuilt.code, Some(0), "{}{}", rebuilt.out, rebuilt.err);
    }
    app.client.all_well().await;
    app.client.caught_up().await;
    let audit = app.client.read("/api/audit?type=log_accepted.1").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    assert_eq!(app.client.list("/api/orders", 500).await.len(), 80);
    let verified = block_in_place(|| run(app.patron(["verify"])));
    assert_eq!(verified.code, Some(0), "{}", verified.out);
}
