//! The demo shop: `patron demo` and `/api/admin/demo`.

use std::time::Duration;

use bson::{Document, doc};
use demo::Contents;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::process::{CommandOutput, Process, run};
use crate::support::vendor::Vendor;
use crate::support::wait::{eventually, eventually_within, until};

/// Deadline for a load, and for views that fold one, on a busy machine.
const LONG: Duration = Duration::from_secs(180);

const PATH: &str = "/api/admin/demo";

/// Everything that a load records, besides messages.
const WHOLE: Contents = Contents {
    customers: 5_000,
    orders: 20_000,
    activities: 30_000,
    segments: 6,
    campaigns: 2,
};

async fn wait_for_state(app: &App, state: &str) -> Value {
    eventually_within(LONG, state, async || {
        let status = app.client.read(PATH).await;
        (status["state"] == state).then_some(status)
    })
    .await
}

async fn wait_until_folded(app: &App) {
    eventually_within(LONG, "no view lags", async || {
        let views = app.client.read("/api/admin/projections").await;
        let views = views["items"].as_array().unwrap().clone();
        views.iter().all(|view| view["lag"] == 0).then_some(())
    })
    .await;
}

async fn contents(app: &App) -> Contents {
    let commands = app.settings().commands().await;
    Contents::of(commands.log()).await.unwrap()
}

fn customer() -> Value {
    json!({"customer_id": "c-1", "name": "Ada"})
}

/// Checks that both campaigns are completed and agree with the log, and that each recipient is
/// accounted for.
async fn assert_campaigns_are_finished(app: &App) {
    let campaigns = app.client.list("/api/campaigns", 10).await;
    assert_eq!(campaigns.len(), 2);
    for campaign in campaigns {
        assert_eq!(campaign["status"], "completed", "{campaign}");
        let id = campaign["campaign_id"].as_str().unwrap();
        // The command waits for its result, however long it takes.
        let printed = run(app.patron(["reconcile", id, "--json"]));
        let found: Value = serde_json::from_str(&printed.out).unwrap();
        assert_eq!(found["discrepancies_found"], 0, "{found}");
        assert_eq!(found["views_compared"], true, "{found}");
        let count = |name: &str| found[name].as_u64().unwrap();
        let ended = count("delivered") + count("failed") + count("suppressed");
        assert_eq!(count("planned"), ended, "{found}");
        for part in ["delivered", "failed", "suppressed"] {
            assert!(count(part) > 0, "{part}: {found}");
        }
    }
}

fn assert_verified(app: &App) {
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

fn remove(app: &App) -> CommandOutput {
    run(app.patron(["demo", "--remove", "--yes"]))
}

#[tokio::test]
async fn the_demo_shop_is_loaded_without_sending_anything() {
    let vendor = Vendor::start().await;
    let mut app = App::without_workers().await;
    app.vendor = Some(vendor.url.clone());
    app.add_worker();
    let absent = json!({"state": "absent", "can_load": true, "reason": null, "progress": null});
    assert_eq!(app.client.read(PATH).await, absent);

    let started = app.client.post(PATH, Value::Null).await;
    assert_eq!(started.status, 202, "{}", started.text);
    assert_eq!(started.body["state"], "loading");
    assert_eq!(started.body["progress"]["total"], 55_008);
    assert!(!started.position().is_empty());
    let again = app.client.post(PATH, Value::Null).await;
    assert_eq!(again.status, 202, "{}", again.text);

    let loaded = wait_for_state(&app, "loaded").await;
    assert_eq!(loaded["can_load"], false);
    assert_eq!(contents(&app).await, WHOLE);
    let again = app.client.post(PATH, Value::Null).await;
    again.assert_problem(409, "not-empty");

    wait_until_folded(&app).await;
    assert_campaigns_are_finished(&app).await;
    assert_verified(&app);
    let segments = app.client.list("/api/segments", 10).await;
    assert_eq!(segments.len(), 6);
    let all = run(app.patron(["segment", "order_count >= 0", "--json"]));
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(all["count"], 5_000);
    let elsewhere = run(app.patron([
        "segment",
        r#"email notNull AND email doesNotEndWith ".example""#,
        "--json",
    ]));
    let elsewhere: Value = serde_json::from_str(&elsewhere.out).unwrap();
    assert_eq!(elsewhere["count"], 0);

    let made = app.client.read("/api/audit?actor=demo&limit=1").await;
    assert_eq!(made["items"].as_array().unwrap().len(), 1);
    let started = app.client.read("/api/audit?type=demo_load_started.1").await;
    assert_eq!(started["items"][0]["actor"], "key:bootstrap", "{started}");
    assert_eq!(vendor.request_count().await, 0);
}

#[tokio::test]
async fn a_deployment_that_holds_data_is_not_loaded() {
    let app = App::without_workers().await;
    app.client
        .post_accepted("/api/data/customers", customer())
        .await;
    let before = contents(&app).await;
    let status = app.client.read(PATH).await;
    let reason = "the deployment holds 1 customer";
    let expected =
        json!({"state": "absent", "can_load": false, "reason": reason, "progress": null});
    assert_eq!(status, expected);
    let refused = app.client.post(PATH, Value::Null).await;
    assert_eq!(refused.assert_problem(409, "not-empty")["detail"], reason);
    let refused = run(app.patron(["demo"]));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains(reason), "{refused:?}");
    let refused = remove(&app);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.err.contains("does not have the demo shop"),
        "{refused:?}"
    );
    assert_eq!(contents(&app).await, before);
}

#[tokio::test]
async fn a_load_that_was_killed_continues_and_makes_nothing_twice() {
    let mut app = App::without_workers().await;
    let commands = app.settings().commands().await;
    for (kind, least) in [("order", 2_000), ("segment", 1)] {
        let mut load = Process::start(app.patron(["demo"]));
        eventually_within(LONG, kind, async || {
            let count = commands.log().head_count(kind).await.unwrap();
            (count >= least).then_some(())
        })
        .await;
        load.kill();
        let failed = eventually("the lease expires", async || {
            let status = app.client.read(PATH).await;
            (status["state"] != "loading").then_some(status)
        })
        .await;
        assert_eq!(failed["state"], "failed", "{failed}");
        assert_eq!(failed["can_load"], true);
        assert!(failed["reason"].as_str().unwrap().contains("interrupted"));
    }
    let continued = app.client.post(PATH, Value::Null).await;
    assert_eq!(continued.status, 202, "{}", continued.text);
    wait_for_state(&app, "loaded").await;
    assert_eq!(contents(&app).await, WHOLE);
    app.add_worker();
    wait_until_folded(&app).await;
    assert_campaigns_are_finished(&app).await;
    assert_verified(&app);
}

#[tokio::test]
async fn a_deployment_with_nothing_but_the_demo_shop_is_removed() {
    let mut app = App::without_workers().await;
    let loaded = run(app.patron(["demo"]));
    assert_eq!(loaded.code, Some(0), "{loaded:?}");
    for part in ["loaded 5,000 customers", "patron segment", "patron up"] {
        assert!(loaded.out.contains(part), "{part}: {loaded:?}");
    }
    let again = run(app.patron(["demo"]));
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("loaded already"), "{again:?}");

    let unconfirmed = run(app.patron(["demo", "--remove"]));
    assert_eq!(unconfirmed.code, Some(1), "{unconfirmed:?}");
    assert!(unconfirmed.err.contains("--yes"), "{unconfirmed:?}");
    app.add_worker();
    until("the worker has sent a heartbeat", async || {
        let workers = app.client.read("/api/admin/workers").await;
        !workers["items"].as_array().unwrap().is_empty()
    })
    .await;
    let running = remove(&app);
    assert_eq!(running.code, Some(1), "{running:?}");
    assert!(
        running.err.contains("workers run on the deployment"),
        "{running:?}"
    );
    app.workers.remove(0).stop(Signal::TERM);
    assert_eq!(contents(&app).await, WHOLE);

    let client = mongodb::Client::with_uri_str(&app.settings().mongodb_uri)
        .await
        .unwrap();
    let database = client.database(&app.settings().name);
    let other = database.collection::<Document>("letters");
    other.insert_one(doc! {"_id": 1}).await.unwrap();
    let shared = remove(&app);
    assert_eq!(shared.code, Some(1), "{shared:?}");
    assert!(shared.err.contains("also holds letters"), "{shared:?}");
    other.drop().await.unwrap();

    let removed = remove(&app);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    app.api.stop(Signal::TERM);
    // The next start finds an empty deployment, which can be loaded again.
    app.restart_api();
    let status = app.client.read(PATH).await;
    assert_eq!(
        (&status["state"], &status["can_load"]),
        (&json!("absent"), &json!(true))
    );
    app.add_worker();
    app.client
        .post_accepted("/api/data/customers", customer())
        .await;
    app.client.wait_until_caught_up().await;
    assert_verified(&app);
}

#[tokio::test]
async fn other_data_prevents_the_removal() {
    let app = App::without_workers().await;
    let mut load = Process::start(app.patron(["demo"]));
    let commands = app.settings().commands().await;
    until("some customers are loaded", async || {
        commands.log().head_count("customer").await.unwrap() > 0
    })
    .await;
    let busy = remove(&app);
    assert_eq!(busy.code, Some(1), "{busy:?}");
    assert!(busy.err.contains("another process"), "{busy:?}");
    // A signal stops the load at once, and gives the lease back.
    assert!(!load.stop(Signal::TERM).success());
    let status = app.client.read(PATH).await;
    assert_eq!(status["state"], "failed", "{status}");
    app.client
        .post_accepted("/api/data/customers", customer())
        .await;
    let before = contents(&app).await;
    let refused = remove(&app);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let found = "besides the demo shop the deployment holds 1 customer";
    assert!(refused.err.contains(found), "{refused:?}");
    assert_eq!(contents(&app).await, before);
}
