//! Views folded anew while the shop goes on, and rebuilds that are cut short.

use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::model::text;
use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::client::{Client, VIEWS};
use crate::support::process::{Ended, Process, run};
use crate::support::wait::{eventually, until};

fn assert_succeeds(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
}

async fn view(api: &Client, name: &str) -> Value {
    let status = api.read("/api/admin/projections").await;
    let views = status["items"].as_array().unwrap();
    views
        .iter()
        .find(|view| view["name"] == name)
        .unwrap()
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_an_import() {
    let app = App::start().await;
    let body = json!({"name": "Buyers", "rules": "order_count > 0"});
    let created = app.client.post("/api/segments", body).await;
    let segment = format!("/api/segments/{}", text(&created.body, "segment_id"));
    let mut import = Traffic::new(4).start(&app.client);
    for (step, name) in VIEWS.into_iter().enumerate() {
        import.reaches(0.12 * (step + 1) as f64).await;
        assert_succeeds(&block_in_place(|| run(app.patron(["rebuild", name]))));
        assert_succeeds(&block_in_place(|| run(app.patron(["verify"]))));
    }
    let (mut model, acknowledged) = import.finish().await;
    VIEWS.iter().for_each(|name| model.rebuild_requested(name));
    model.segment_created(&text(&created.body, "segment_id"));
    assert_eq!(app.client.read(&segment).await["name"], "Buyers");
    model.assert_read(&app.client, &acknowledged).await;
    for name in VIEWS {
        assert_eq!(view(&app.client, name).await["generation"], 2);
    }
    assert_succeeds(&block_in_place(|| run(app.patron(["verify"]))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_one_leaves_the_old_view_serving_and_the_next_one_works() {
    let app = App::start().await;
    let import = Traffic::new(5).start(&app.client);
    let (mut model, acknowledged) = import.finish().await;
    app.client.caught_up().await;

    let mut rebuild = Process::start(app.patron(["rebuild", "customers"]));
    until("a rebuild under way", async || {
        !view(&app.client, "customers").await["building"].is_null()
    })
    .await;
    rebuild.kill();
    let customers = view(&app.client, "customers").await;
    assert_eq!(customers["generation"], 1, "it was killed in the middle");
    model.rebuild_requested("customers");
    model.assert_read(&app.client, &acknowledged).await;

    let again = eventually("the dead one's lease has lapsed", async || {
        let ended = block_in_place(|| run(app.patron(["rebuild", "customers"])));
        let busy = ended
            .err
            .contains("another process holds the lease rebuild/customers");
        assert!(busy || ended.code == Some(0), "{}", ended.err);
        (!busy).then_some(ended)
    });
    assert_succeeds(&again.await);
    model.rebuild_requested("customers");
    assert!(
        view(&app.client, "customers").await["generation"]
            .as_i64()
            .unwrap()
            > 1
    );
    model.assert_read(&app.client, &acknowledged).await;
    assert_succeeds(&block_in_place(|| run(app.patron(["verify"]))));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_asked_for_is_finished_by_another_worker() {
    let mut app = App::start().await;
    let import = Traffic::new(6).start(&app.client);
    let (mut model, acknowledged) = import.finish().await;
    app.client.caught_up().await;

    let asked = app
        .client
        .post("/api/admin/projections/orders/rebuild", json!({}))
        .await;
    assert_eq!(asked.status, 202);
    until("a rebuild under way", async || {
        !view(&app.client, "orders").await["building"].is_null()
    })
    .await;
    app.workers.remove(0).kill();
    assert_eq!(view(&app.client, "orders").await["generation"], 1);
    app.add_worker();
    until("a generation that another worker has made", async || {
        view(&app.client, "orders").await["generation"].as_i64() > Some(1)
    })
    .await;
    model.rebuild_requested("orders");
    model.assert_read(&app.client, &acknowledged).await;
    assert_eq!(view(&app.client, "orders").await["building"], json!(null));
}

/// Whatever generation answers, it has what was asked to be in it.
#[tokio::test(flavor = "multi_thread")]
async fn reads_after_a_write_see_it_while_generations_take_turns() {
    let app = App::start().await;
    let rebuilds = async {
        for generation in 2..6 {
            let asked = "/api/admin/projections/customers/rebuild";
            assert_eq!(app.client.post(asked, json!({})).await.status, 202);
            until("it is rebuilt", async || {
                view(&app.client, "customers").await["generation"] == generation
            })
            .await;
        }
    };
    tokio::pin!(rebuilds);
    for number in 1.. {
        let order = json!({"order_id": format!("o-{number}"), "customer_id": "c-1", "amount": 1,
            "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"});
        let writing = async {
            let at = app.client.accept("/api/data/orders", order).await;
            let customer = app.client.customer("c-1", &at).await;
            assert_eq!(customer["order_count"], number);
        };
        // Both go on at the same time.
        let is_over = tokio::select! {
            () = writing => false,
            () = &mut rebuilds => true,
        };
        if is_over {
            break;
        }
    }
}
