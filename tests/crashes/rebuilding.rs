//! Rebuilds of views during traffic, and rebuilds that are interrupted.

use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::model::text_field;
use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::client::{Client, VIEWS};
use crate::support::process::{CommandOutput, Process, run};
use crate::support::wait::{eventually, until};

fn assert_succeeds(ended: &CommandOutput) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
}

/// Returns the status of a view.
async fn view_status(api: &Client, name: &str) -> Value {
    let status = api.read("/api/admin/projections").await;
    let views = status["items"].as_array().unwrap();
    views
        .iter()
        .find(|view| view["name"] == name)
        .unwrap()
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_rebuilt_in_the_middle_of_an_import() {
    let app = App::start().await;
    let body = json!({"name": "Buyers", "rules": "order_count > 0"});
    let created = app.client.post("/api/segments", body).await;
    let segment = format!("/api/segments/{}", text_field(&created.body, "segment_id"));
    let mut import = Traffic::new(4).start(&app.client);
    for (step, name) in VIEWS.into_iter().enumerate() {
        import.until_acknowledged(0.12 * (step + 1) as f64).await;
        assert_succeeds(&block_in_place(|| run(app.patron(["rebuild", name]))));
        assert_succeeds(&block_in_place(|| run(app.patron(["verify"]))));
    }
    let (mut model, acknowledged) = import.finish().await;
    VIEWS
        .iter()
        .for_each(|name| model.record_rebuild_request(name));
    model.record_segment_creation(&text_field(&created.body, "segment_id"));
    assert_eq!(app.client.read(&segment).await["name"], "Buyers");
    model.assert_matches(&app.client, &acknowledged).await;
    for name in VIEWS {
        assert_eq!(view_status(&app.client, name).await["generation"], 2);
    }
    assert_succeeds(&block_in_place(|| run(app.patron(["verify"]))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_rebuild_leaves_the_old_view_serving_and_can_be_repeated() {
    let app = App::start().await;
    let import = Traffic::new(5).start(&app.client);
    let (mut model, acknowledged) = import.finish().await;
    app.client.wait_until_caught_up().await;

    let mut rebuild = Process::start(app.patron(["rebuild", "customers"]));
    until("a rebuild is in progress", async || {
        !view_status(&app.client, "customers").await["building"].is_null()
    })
    .await;
    rebuild.kill();
    let customers = view_status(&app.client, "customers").await;
    assert_eq!(
        customers["generation"], 1,
        "the rebuild was killed before it was done"
    );
    model.record_rebuild_request("customers");
    model.assert_matches(&app.client, &acknowledged).await;

    let again = eventually("the lease of the killed rebuild has expired", async || {
        let ended = block_in_place(|| run(app.patron(["rebuild", "customers"])));
        let busy = ended
            .err
            .contains("another process holds the lease rebuild/customers");
        assert!(busy || ended.code == Some(0), "{}", ended.err);
        (!busy).then_some(ended)
    });
    assert_succeeds(&again.await);
    model.record_rebuild_request("customers");
    assert!(
        view_status(&app.client, "customers").await["generation"]
            .as_i64()
            .unwrap()
            > 1
    );
    model.assert_matches(&app.client, &acknowledged).await;
    assert_succeeds(&block_in_place(|| run(app.patron(["verify"]))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_rebuild_is_finished_by_another_worker() {
    let mut app = App::start().await;
    let import = Traffic::new(6).start(&app.client);
    let (mut model, acknowledged) = import.finish().await;
    app.client.wait_until_caught_up().await;

    let requested = app
        .client
        .post("/api/admin/projections/orders/rebuild", json!({}))
        .await;
    assert_eq!(requested.status, 202);
    until("a rebuild is in progress", async || {
        !view_status(&app.client, "orders").await["building"].is_null()
    })
    .await;
    app.workers.remove(0).kill();
    assert_eq!(view_status(&app.client, "orders").await["generation"], 1);
    app.add_worker();
    until("another worker has finished the rebuild", async || {
        view_status(&app.client, "orders").await["generation"].as_i64() > Some(1)
    })
    .await;
    model.record_rebuild_request("orders");
    model.assert_matches(&app.client, &acknowledged).await;
    assert_eq!(
        view_status(&app.client, "orders").await["building"],
        json!(null)
    );
}

/// Any generation that serves a read has the events up to the requested position.
#[tokio::test(flavor = "multi_thread")]
async fn reads_see_earlier_writes_while_generations_are_switched() {
    let app = App::start().await;
    let rebuilds = async {
        for generation in 2..6 {
            let path = "/api/admin/projections/customers/rebuild";
            assert_eq!(app.client.post(path, json!({})).await.status, 202);
            until("the new generation serves", async || {
                view_status(&app.client, "customers").await["generation"] == generation
            })
            .await;
        }
    };
    tokio::pin!(rebuilds);
    for number in 1.. {
        let order = json!({"order_id": format!("o-{number}"), "customer_id": "c-1", "amount": 1,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"});
        let writing = async {
            let at = app.client.post_accepted("/api/data/orders", order).await;
            let customer = app.client.customer("c-1", &at).await;
            assert_eq!(customer["order_count"], number);
        };
        // Writes and rebuilds make progress at the same time.
        let is_rebuilt = tokio::select! {
            () = writing => false,
            () = &mut rebuilds => true,
        };
        if is_rebuilt {
            break;
        }
    }
}
