//! Merging customers and moving orders: `POST /api/customers/{id}/merge`, `moved_from`.

use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::process::run;
use crate::support::wait::eventually;

async fn customers(app: &App, items: Value) {
    let answer = app.client.post("/api/data/customers", items).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        answer.body["rejected"].as_u64().unwrap_or(0),
        0,
        "{answer:?}"
    );
}

async fn post(app: &App, path: &str, item: Value) -> Value {
    let answer = app.client.post(path, item).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body
}

/// Merges, and waits for the job.
async fn merge(app: &App, customer: &str, into: &str) -> Value {
    let path = format!("/api/customers/{customer}/merge");
    let job = post(app, &path, json!({"into": into})).await;
    let path = format!("/api/jobs/{}", job["job_id"].as_str().unwrap());
    eventually("the merge is copied", async || {
        let job = app.client.read(&path).await;
        match job["status"].as_str() {
            Some("done") => Some(job["result"].clone()),
            Some("running") => None,
            _ => panic!("{job}"),
        }
    })
    .await
}

async fn verify(app: &App) {
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

fn figures(customer: &Value) -> Value {
    json!([
        customer["total_spend"],
        customer["order_count"],
        customer["events"]["visit"]["count"]
    ])
}

fn visit(customer: &str, id: &str) -> Value {
    json!({"event_id": id, "customer_id": customer, "name": "visit",
        "occurred_at": "2024-11-23T08:00:00Z"})
}

#[tokio::test]
async fn a_merged_customer_gives_everything_and_is_counted_once() {
    let app = App::start().await;
    customers(
        &app,
        json!([
            {"customer_id": "c-1", "name": "Ada", "tags": ["vip"], "email": "ada@example.com"},
            {"customer_id": "guest", "name": "A.", "city": "Rome", "tags": ["guest"],
                "phone": "+442079460958", "unsubscribed": true},
            {"customer_id": "other", "name": "Ben"}
        ]),
    )
    .await;
    let orders = json!([
        order("c-1", "o-1", 1_000),
        order("guest", "o-2", 500),
        order("guest", "o-3", 250),
        order("guest", "o-1", 77),
    ]);
    post(&app, "/api/data/orders", orders).await;
    let visits = json!([
        visit("c-1", "e-1"),
        visit("guest", "e-2"),
        visit("guest", "e-3")
    ]);
    post(&app, "/api/data/events", visits).await;
    let result = merge(&app, "guest", "c-1").await;
    assert_eq!(
        (&result["orders"], &result["kept_orders"]),
        (&json!(2), &json!(1))
    );

    let kept = app.client.read("/api/customers/c-1").await;
    assert_eq!(figures(&kept), json!([1_750, 3, 3]));
    assert_eq!(kept["name"], "Ada");
    assert_eq!(kept["city"], "Rome");
    assert_eq!(kept["tags"], json!(["guest", "vip"]));
    assert_eq!(kept["phone"], "+442079460958");
    assert_eq!(kept["unsubscribed"], true);
    assert_eq!(kept["merging"], Value::Null);
    let gone = app.client.read("/api/customers/guest").await;
    assert_eq!(gone["merged_into"], "c-1");
    assert_eq!(gone["order_count"], 0);
    assert_eq!(gone["merging"], Value::Null);

    let listed = app.client.read("/api/customers").await;
    let ids: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["customer_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["c-1", "other"]);
    let preview = json!({"rules": "events.visit.count >= 0", "sample": 5});
    let preview = app.client.post("/api/segments/preview", preview).await.body;
    assert_eq!(
        (&preview["count"], &preview["total_customers"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(preview["sample"].as_array().unwrap().len(), 2);
    let negated = json!({"rules": "city != \"Paris\" AND total_spend < 1"});
    let negated = app.client.post("/api/segments/preview", negated).await.body;
    assert_eq!(negated["count"], 1);

    let listed = app.client.read("/api/orders").await;
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|order| order["customer_id"] == "c-1"));
    let twins = app.client.read("/api/orders?order_id=o-1").await;
    let twins = twins["items"].as_array().unwrap();
    assert_eq!(twins.len(), 2);
    let moved: Vec<&Value> = twins.iter().map(|order| &order["moved_to"]).collect();
    assert!(moved.contains(&&json!("c-1")), "{twins:?}");
    let left_out = twins.iter().filter(|order| order["left_out"] == true);
    assert_eq!(left_out.count(), 1, "{twins:?}");
    let daily = app
        .client
        .read("/api/reports/daily?since=2026-03-01&until=2026-03-01")
        .await;
    let revenue: i64 = daily["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["revenue"].as_i64().unwrap())
        .sum();
    assert_eq!(revenue, 1_750);
    verify(&app).await;
}

#[tokio::test]
async fn what_is_sent_under_the_old_id_is_recorded_for_the_new_one() {
    let app = App::start().await;
    customers(
        &app,
        json!([{"customer_id": "a", "city": "Rome"}, {"customer_id": "b", "city": "Oslo"}]),
    )
    .await;
    post(&app, "/api/data/orders", order("a", "o-1", 100)).await;
    merge(&app, "a", "b").await;
    post(&app, "/api/data/orders", order("a", "o-1", 130)).await;
    post(&app, "/api/data/orders", order("a", "o-2", 20)).await;
    post(&app, "/api/data/events", visit("a", "e-1")).await;
    customers(
        &app,
        json!({"customer_id": "a", "city": "Bergen", "unsubscribed": true}),
    )
    .await;
    eventually("it is copied", async || {
        app.client.wait_until_caught_up().await;
        let b = app.client.read("/api/customers/b").await;
        let is_there = figures(&b) == json!([150, 2, 1]) && b["city"] == "Bergen";
        (is_there && b["unsubscribed"] == true && b["merging"].is_null()).then_some(())
    })
    .await;
    verify(&app).await;
}

#[tokio::test]
async fn chains_are_followed_and_cycles_refused() {
    let app = App::start().await;
    let all = ["a", "b", "c"].map(|id| json!({"customer_id": id, "name": id}));
    customers(&app, json!(all)).await;
    post(&app, "/api/data/orders", order("a", "o-1", 100)).await;
    merge(&app, "a", "b").await;
    merge(&app, "b", "c").await;
    let c = app.client.read("/api/customers/c").await;
    assert_eq!(c["total_spend"], 100);
    post(&app, "/api/data/orders", order("a", "o-2", 11)).await;
    eventually("it arrives at the end of the chain", async || {
        app.client.wait_until_caught_up().await;
        let c = app.client.read("/api/customers/c").await;
        (c["total_spend"] == 111).then_some(())
    })
    .await;
    for (customer, into, status, pointer) in [
        ("c", "a", 409, Value::Null),
        ("a", "c", 409, Value::Null),
        ("c", "c", 422, json!("/into")),
        ("c", "ghost", 404, Value::Null),
        ("ghost", "c", 404, Value::Null),
    ] {
        let path = format!("/api/customers/{customer}/merge");
        let answer = app.client.post(&path, json!({"into": into})).await;
        assert_eq!(answer.status, status, "{customer} into {into}: {answer:?}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{answer:?}");
    }
    // The same merge again is no error.
    assert_eq!(merge(&app, "a", "b").await["into"], "b");
}

#[tokio::test]
async fn merges_of_each_other_at_once_make_no_cycle() {
    let app = App::start().await;
    for round in 0..5 {
        let ids = ["x", "y", "z"].map(|name| format!("{name}-{round}"));
        let all: Vec<Value> = ids.iter().map(|id| json!({"customer_id": id})).collect();
        customers(&app, json!(all)).await;
        app.client.wait_until_caught_up().await;
        let merge = async |from: &str, into: &str| {
            let path = format!("/api/customers/{from}/merge");
            app.client.post(&path, json!({"into": into})).await.status
        };
        let [x, y, z] = &ids;
        let (first, second, third) = tokio::join!(merge(x, y), merge(y, z), merge(z, x));
        let mut statuses = [first, second, third];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 202, 409], "round {round}");
    }
}

#[tokio::test]
async fn an_order_moves_to_another_customer() {
    let app = App::start().await;
    post(&app, "/api/data/orders", order("guest", "o-9001", 8_000)).await;
    let here = with(
        order("c-501", "o-9001", 8_000),
        json!({"moved_from": "guest"}),
    );
    let answer = post(&app, "/api/data/orders", here.clone()).await;
    assert_eq!(answer["outcome"], "created");
    app.client.wait_until_caught_up().await;
    let figures_of =
        async |id: &str| figures(&app.client.read(&format!("/api/customers/{id}")).await);
    assert_eq!(figures_of("guest").await, json!([0, 0, null]));
    assert_eq!(figures_of("c-501").await, json!([8_000, 1, null]));
    let again = post(&app, "/api/data/orders", here).await;
    assert_eq!(again["outcome"], "unchanged");
    let old = post(&app, "/api/data/orders", order("guest", "o-9001", 9_000)).await;
    assert_eq!(old["outcome"], "moved");
    // One that moves before it was sent under the old customer.
    let early = with(order("c-501", "o-7", 10), json!({"moved_from": "guest"}));
    post(&app, "/api/data/orders", early).await;
    let late = post(&app, "/api/data/orders", order("guest", "o-7", 10)).await;
    assert_eq!(late["outcome"], "moved");
    app.client.wait_until_caught_up().await;
    assert_eq!(figures_of("guest").await, json!([0, 0, null]));
    assert_eq!(figures_of("c-501").await, json!([8_010, 2, null]));
    let itself = with(order("c-501", "o-7", 10), json!({"moved_from": "c-501"}));
    let refused = app.client.post("/api/data/orders", itself).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/moved_from");
    verify(&app).await;
}

#[tokio::test]
async fn an_order_comes_back_with_the_customer_to_whom_it_was_moved() {
    let app = App::start().await;
    customers(
        &app,
        json!([{"customer_id": "home"}, {"customer_id": "there"}, {"customer_id": "new"}]),
    )
    .await;
    let orders = json!([
        order("home", "o-1", 100),
        order("home", "o-2", 20),
        order("home", "o-3", 3),
        order("home", "o-4", 4_000),
        order("there", "o-4", 50_000)
    ]);
    post(&app, "/api/data/orders", orders).await;
    let moved = |to: &str, id: &str, cents, from: &str| {
        with(order(to, id, cents), json!({"moved_from": from}))
    };
    // The first one moves to and fro. The second one comes back after its first customer
    // was merged. The third one is sent to the merged customer.
    post(&app, "/api/data/orders", moved("there", "o-1", 100, "home")).await;
    post(&app, "/api/data/orders", moved("home", "o-1", 100, "there")).await;
    post(&app, "/api/data/orders", moved("there", "o-1", 100, "home")).await;
    merge(&app, "home", "new").await;
    post(&app, "/api/data/orders", moved("there", "o-2", 20, "new")).await;
    post(&app, "/api/data/orders", moved("there", "o-3", 3, "new")).await;
    post(&app, "/api/data/orders", moved("home", "o-3", 3, "there")).await;
    merge(&app, "there", "home").await;
    let figures_of =
        async |id: &str| figures(&app.client.read(&format!("/api/customers/{id}")).await);
    eventually("all orders are with the last customer", async || {
        (figures_of("new").await == json!([4_123, 4, null])).then_some(())
    })
    .await;
    assert_eq!(figures_of("home").await, json!([0, 0, null]));
    assert_eq!(figures_of("there").await, json!([0, 0, null]));
    verify(&app).await;
}

#[tokio::test]
async fn an_order_that_moves_leaves_every_customer_it_came_through() {
    let app = App::start().await;
    customers(
        &app,
        json!([{"customer_id": "a"}, {"customer_id": "b"}, {"customer_id": "d"}]),
    )
    .await;
    let orders = json!([order("a", "o-1", 100), order("a", "o-2", 20)]);
    post(&app, "/api/data/orders", orders).await;
    merge(&app, "a", "b").await;
    let moved =
        |id: &str, cents, from: &str| with(order("d", id, cents), json!({"moved_from": from}));
    // By the merged customer's id, and by that of the customer who has it.
    post(&app, "/api/data/orders", moved("o-1", 100, "a")).await;
    post(&app, "/api/data/orders", moved("o-2", 20, "b")).await;
    // A move that names a customer from whom it moved on before.
    customers(&app, json!([{"customer_id": "e"}])).await;
    let named = with(order("e", "o-2", 20), json!({"moved_from": "a"}));
    post(&app, "/api/data/orders", named).await;
    post(&app, "/api/data/orders", moved("o-2", 20, "e")).await;
    // What is sent under the old ids later brings nothing back.
    for customer in ["a", "b"] {
        for id in ["o-1", "o-2"] {
            let answer = post(&app, "/api/data/orders", order(customer, id, 999)).await;
            assert_eq!(answer["outcome"], "moved", "{customer} {id}");
        }
    }
    app.client.wait_until_caught_up().await;
    eventually("nothing more is copied", async || {
        let merged = app.client.read("/api/customers/a").await;
        merged["merging"].is_null().then_some(())
    })
    .await;
    for (id, expected) in [
        ("a", json!([0, 0, null])),
        ("b", json!([0, 0, null])),
        ("d", json!([120, 2, null])),
        ("e", json!([0, 0, null])),
    ] {
        let customer = app.client.read(&format!("/api/customers/{id}")).await;
        assert_eq!(figures(&customer), expected, "{id}");
    }
    verify(&app).await;
}

#[tokio::test]
async fn a_move_with_an_older_version_is_stale_and_one_of_a_newer_order_takes_it_along() {
    let app = App::start().await;
    let version = |customer: &str, cents, day: u8, from: Option<&str>| {
        let mut item = with(
            order(customer, "o-1", cents),
            json!({"updated_at": format!("2026-03-0{day}T00:00:00Z")}),
        );
        if let Some(from) = from {
            item["moved_from"] = json!(from);
        }
        item
    };
    post(&app, "/api/data/orders", version("a", 100, 1, None)).await;
    let first = version("b", 100, 2, Some("a"));
    post(&app, "/api/data/orders", first.clone()).await;
    post(&app, "/api/data/orders", version("a", 100, 4, Some("b"))).await;
    let again = post(&app, "/api/data/orders", first).await;
    assert_eq!(again["outcome"], "stale");
    // The order changed before a move that was sent earlier arrives.
    post(&app, "/api/data/orders", version("a", 777, 6, None)).await;
    post(&app, "/api/data/orders", version("b", 100, 5, Some("a"))).await;
    app.client.wait_until_caught_up().await;
    let figures_of =
        async |id: &str| figures(&app.client.read(&format!("/api/customers/{id}")).await);
    assert_eq!(figures_of("a").await, json!([0, 0, null]));
    assert_eq!(figures_of("b").await, json!([777, 1, null]));
    verify(&app).await;
}

#[tokio::test]
async fn a_merge_into_a_merged_customer_reaches_the_last_one() {
    let app = App::start().await;
    customers(
        &app,
        json!([
            {"customer_id": "a", "city": "Rome", "name": "Ann", "tags": ["guest"]},
            {"customer_id": "b", "name": "Bea"},
            {"customer_id": "c", "city": "Oslo", "tags": ["vip"]}
        ]),
    )
    .await;
    post(&app, "/api/data/orders", order("a", "o-1", 100)).await;
    merge(&app, "b", "c").await;
    merge(&app, "a", "b").await;
    // The job ends when everything has arrived.
    let last = app.client.read("/api/customers/c").await;
    assert_eq!(figures(&last), json!([100, 1, null]));
    assert_eq!(last["city"], "Oslo", "data from before a merge only fills");
    assert_eq!(last["name"], "Bea");
    assert_eq!(last["tags"], json!(["guest", "vip"]));
    verify(&app).await;
}

#[tokio::test]
async fn an_opt_out_under_a_merged_id_counts_whatever_was_recorded_before() {
    let app = App::start().await;
    let out = || json!({"customer_id": "a", "unsubscribed": true});
    customers(
        &app,
        json!([
            {"customer_id": "a", "email": "ada@example.com", "unsubscribed": true},
            {"customer_id": "b", "email": "ada@example.com"}
        ]),
    )
    .await;
    merge(&app, "a", "b").await;
    let consent = json!({"state": "subscribed", "source": "phone call"});
    let consented = app.client.post("/api/customers/b/consents", consent).await;
    assert_eq!(consented.status, 201, "{consented:?}");
    post(&app, "/api/data/customers", out()).await;
    eventually("the other customer has opted out", async || {
        let other = app.client.read("/api/customers/b").await;
        (other["unsubscribed"] == true).then_some(())
    })
    .await;
    let consents = app.client.read("/api/customers/b/consents").await;
    assert_eq!(consents["items"][0]["merged_from"], "a", "{consents}");
}
