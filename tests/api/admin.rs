//! `/api/admin/…`: workers, views, rebuilds, and the log.

use eventlog::Leases;
use serde_json::{Value, json};

use super::order;
use crate::support::app::App;
use crate::support::client::VIEWS;
use crate::support::process::run;
use crate::support::wait::eventually;

fn view<'a>(status: &'a Value, name: &str) -> &'a Value {
    let views = status["items"].as_array().unwrap();
    views.iter().find(|view| view["name"] == name).unwrap()
}

#[tokio::test]
async fn workers_share_the_partitions_and_report_their_tasks() {
    let mut app = App::start().await;
    app.add_worker();
    let shares = async |app: &App| {
        let workers = app.client.read("/api/admin/workers").await;
        let all = workers["items"].as_array().unwrap().iter();
        let mut shares: Vec<usize> = all
            .map(|worker| worker["folds"].as_array().unwrap().len())
            .collect();
        shares.sort_unstable();
        shares
    };
    let share = eventually("each worker has half of the partitions", async || {
        let shares = shares(&app).await;
        (shares.len() == 2 && shares[0] == shares[1] && shares[0] > 0).then(|| shares[0])
    })
    .await;
    let tasks = eventually("one worker runs the singleton tasks", async || {
        let workers = app.client.read("/api/admin/workers").await;
        let all = workers["items"].as_array()?;
        let tasks = all.iter().map(|worker| worker["tasks"].as_array().unwrap());
        let mut busy = tasks.filter(|tasks| !tasks.is_empty());
        let tasks = busy.next()?.clone();
        (busy.next().is_none() && tasks.iter().all(|task| !task["ran_at"].is_null()))
            .then_some(tasks)
    })
    .await;
    assert!(tasks.iter().any(|task| task["name"] == "end campaigns"));
    assert!(
        tasks.iter().all(|task| task["error"].is_null()),
        "{tasks:?}"
    );
    let status = run(app.patron(["status"]));
    assert!(
        status.out.contains(&format!("folds {share} partitions")),
        "{}",
        status.out
    );
    assert!(status.out.contains("end campaigns"), "{}", status.out);
    app.workers.remove(0).kill();
    eventually("the other worker takes over", async || {
        (shares(&app).await == [2 * share]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_view_reports_its_positions() {
    let app = App::start().await;
    let orders: Vec<Value> = (0..30)
        .map(|n| order(&format!("c-{n}"), "o-1", 1))
        .collect();
    let at = app
        .client
        .post_accepted("/api/data/orders", orders.into())
        .await;
    app.client.wait_until_caught_up().await;
    let status = app.client.read("/api/admin/projections").await;
    let names: Vec<_> = status["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["name"])
        .collect();
    assert_eq!(names, VIEWS);
    for name in VIEWS {
        let view = view(&status, name);
        assert_eq!(view["generation"], 1);
        assert_eq!(view["previous_generation"], json!(null));
        assert_eq!(view["can_roll_back"], false);
        assert_eq!(view["switching_to"], json!(null));
        assert_eq!(view["quarantined"], 0);
        assert_eq!(view["lag"], 0);
        assert_eq!(view["skipped"], 0);
        assert_eq!(view["stopped"], json!([]));
        assert_eq!(view["building"], json!(null));
        assert_eq!(view["positions"], at, "each partition has events");
        let partitions = view["partitions"].as_array().unwrap();
        let folded: i64 = partitions
            .iter()
            .map(|p| p["number"].as_i64().unwrap())
            .sum();
        assert_eq!((partitions.len(), folded), (4, 30));
    }
}

#[tokio::test]
async fn without_a_worker_views_report_lag() {
    let app = App::without_workers().await;
    let orders = json!([order("c-1", "o-1", 1), order("c-1", "o-2", 1)]);
    app.client.post_accepted("/api/data/orders", orders).await;
    let status = app.client.read("/api/admin/projections").await;
    assert_eq!(view(&status, "customers")["lag"], 2);
}

#[tokio::test]
async fn a_requested_rebuild_is_carried_out_by_a_worker() {
    let app = App::start().await;
    let orders: Vec<Value> = (0..50)
        .map(|n| order(&format!("c-{}", n % 7), &format!("o-{n}"), n))
        .collect();
    app.client
        .post_accepted("/api/data/orders", orders.into())
        .await;
    app.client.wait_until_caught_up().await;
    let before = app.client.list("/api/customers", 500).await;

    let requested = app
        .client
        .post("/api/admin/projections/customers/rebuild", json!({}))
        .await;
    assert_eq!(requested.status, 202, "{requested:?}");
    assert_eq!(
        requested.body,
        json!({"name": "customers", "position": requested.position()})
    );
    let rebuilt = eventually("the second generation serves", async || {
        let status = app.client.read("/api/admin/projections").await;
        let customers = view(&status, "customers").clone();
        (customers["generation"] == 2 && customers["lag"] == 0).then_some(customers)
    })
    .await;
    assert_eq!(rebuilt["previous_generation"], 1);
    assert_eq!(rebuilt["building"], json!(null));
    assert_eq!(app.client.list("/api/customers", 500).await, before);

    let at = app
        .client
        .post_accepted("/api/data/orders", order("c-1", "new", 1000))
        .await;
    let customer = app.client.customer("c-1", &at).await;
    assert_eq!(
        customer["order_count"], 8,
        "the new generation is kept up to date"
    );
    let rows = app
        .client
        .list(
            &format!("/api/audit?aggregate=view/customers&after={at}"),
            10,
        )
        .await;
    assert_eq!(rows.len(), 1, "the request is recorded");
    assert_eq!(rows[0]["position"], requested.position());
    assert_eq!(rows[0]["actor"], "key:bootstrap");
}

/// Requests a rollback; returns the generation that will serve.
async fn roll_back(app: &App, name: &str) -> i64 {
    let requested = app.client.post(&rollback_path(name), json!({})).await;
    assert_eq!(requested.status, 202, "{requested:?}");
    let generation = requested.body["generation"].as_i64().unwrap();
    assert_eq!(
        requested.body,
        json!({"name": name, "generation": generation, "position": requested.position()})
    );
    generation
}

fn rollback_path(name: &str) -> String {
    format!("/api/admin/projections/{name}/rollback")
}

#[tokio::test]
async fn workers_carry_out_a_requested_rollback() {
    let mut app = App::without_workers().await;
    let orders: Vec<Value> = (0..50)
        .map(|n| order(&format!("c-{}", n % 7), &format!("o-{n}"), n))
        .collect();
    app.client
        .post_accepted("/api/data/orders", orders.into())
        .await;
    let rebuilt = run(app.patron(["rebuild", "customers"]));
    assert_eq!(rebuilt.code, Some(0), "{rebuilt:?}");
    // The previous generation lacks what was recorded after the switch.
    let late = order("c-1", "late", 1000);
    app.client.post_accepted("/api/data/orders", late).await;
    assert_eq!(roll_back(&app, "customers").await, 1);
    let status = app.client.read("/api/admin/projections").await;
    let customers = view(&status, "customers");
    assert_eq!(
        (&customers["generation"], &customers["switching_to"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        roll_back(&app, "customers").await,
        1,
        "a repeated request changes nothing"
    );

    app.add_worker();
    let serving = async |generation: i64| {
        eventually("the generation serves", async || {
            let status = app.client.read("/api/admin/projections").await;
            let customers = view(&status, "customers").clone();
            (customers["generation"] == generation && customers["lag"] == 0).then_some(customers)
        })
        .await
    };
    let customers = serving(1).await;
    assert_eq!(customers["previous_generation"], 2);
    assert_eq!(customers["can_roll_back"], true);
    assert_eq!(customers["switching_to"], json!(null));
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["order_count"], 8, "nothing is missing");
    let rows = app
        .client
        .list(
            "/api/audit?aggregate=view/customers&type=rollback_requested",
            10,
        )
        .await;
    assert_eq!(rows.len(), 2, "each request is recorded");
    assert_eq!(rows[0]["actor"], "key:bootstrap");

    assert_eq!(roll_back(&app, "customers").await, 2);
    assert_eq!(serving(2).await["previous_generation"], 1);
}

#[tokio::test]
async fn an_impossible_rollback_is_refused() {
    let app = App::start().await;
    app.client.wait_until_caught_up().await;
    let refused = app.client.post(&rollback_path("orders"), json!({})).await;
    refused.assert_problem(409, "no-previous-generation");
    let refused = app.client.post(&rollback_path("nothing"), json!({})).await;
    refused.assert_problem(404, "not-found");
    let commands = app.settings().commands().await;
    let minute = std::time::Duration::from_secs(60);
    let leases = Leases::new(commands.log().clone(), "another process".to_owned(), minute);
    assert!(leases.hold("rebuild/orders").await.unwrap());
    let refused = app.client.post(&rollback_path("orders"), json!({})).await;
    refused.assert_problem(409, "rebuilding");
    let recorded = app
        .client
        .list("/api/audit?aggregate=view/orders", 10)
        .await;
    assert!(recorded.is_empty(), "{recorded:?}");
}

#[tokio::test]
async fn the_log_reports_its_size() {
    let app = App::without_workers().await;
    let orders: Vec<Value> = (0..30)
        .map(|n| order(&format!("c-{n}"), "o-1", 1))
        .collect();
    app.client
        .post_accepted("/api/data/orders", orders.into())
        .await;
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 30);
    assert_eq!(log["unsafe_settings"], json!([]));
    assert!(log["memory"]["used"].as_u64().unwrap() > 0);
    let partitions = log["partitions"].as_array().unwrap();
    let sum = |field: &str| {
        partitions
            .iter()
            .map(|p| p[field].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(partitions.len(), 4);
    assert_eq!(sum("events"), 30);
    assert_eq!(json!(sum("bytes")), log["bytes"]);
    assert!(sum("bytes") > 30 * 100, "{log}");
}
