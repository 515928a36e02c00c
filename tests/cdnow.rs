//! Import of the CDNOW purchases with the README's command: exact figures, the same after a second
//! import, and a dropped view that is rebuilt byte for byte.

use std::collections::BTreeMap;
use std::process::Command;

use futures::TryStreamExt;
use mongodb::bson::RawDocumentBuf;

use crate::support::app::App;
use crate::support::engines::{test_dir, workspace};
use crate::support::process::{CommandOutput, run};

pub(crate) const CUSTOMERS: usize = 23_570;
const ORDERS: usize = 69_659;
const SPEND: i64 = 250_031_563;

/// Rules, and the number of customers that match them.
const AUDIENCES: [(&str, u64); 4] = [
    ("total_spend > 10000 AND order_count >= 3", 5_258),
    ("total_spend > 50000", 734),
    ("last_order_at < 1997-04-01", 13_582),
    (
        "(total_spend > 20000 AND order_count < 3) OR last_order_at < 1997-02-01",
        4_334,
    ),
];

/// Runs the README's import, with the journal outside the repository, under the test's own name.
pub(crate) fn import(app: &App, journal: &str) -> CommandOutput {
    let mut command = app.patron(["import", "orders", "tests/data/CDNOW_master.txt"]);
    command
        .args(["--delimiter", "whitespace"])
        .args(["--map", "customer_id=customer_id"])
        .args(["--map", "amount=dollar_value"])
        .args(["--map", "placed_at=date"])
        .args(["--date-format", "%Y%m%d", "--set", "currency=USD"])
        .args(["--id", "cdnow-{line}"])
        .args(["--url", app.client.base(), "--key", &app.settings().key])
        .arg("--journal")
        .arg(test_dir(journal))
        .current_dir(workspace());
    run(command)
}

fn assert_succeeds(command: Command) -> CommandOutput {
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    ended
}

async fn assert_figures(app: &App) {
    app.client.wait_until_caught_up().await;
    let customers = app.client.list("/api/customers", 500).await;
    let sum = |field: &str| -> i64 {
        let values = customers
            .iter()
            .map(|customer| customer[field].as_i64().unwrap());
        values.sum()
    };
    assert_eq!(customers.len(), CUSTOMERS);
    assert_eq!(sum("order_count"), ORDERS as i64);
    assert_eq!(sum("total_spend"), SPEND);
    let best = app.client.read("/api/customers/07592").await;
    assert_eq!(best["order_count"], 201);
    assert_eq!(best["total_spend"], 1_399_093);
    let orders = app.client.list("/api/orders?customer_id=07592", 500).await;
    assert_eq!(orders.len(), 201);
}

/// Returns the raw documents of a view's generation, by id.
async fn documents(app: &App, generation: &str) -> BTreeMap<String, Vec<u8>> {
    let collection = collection(app, generation).await;
    let found: Vec<RawDocumentBuf> = collection
        .find(Default::default())
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let by_id = found.into_iter().map(|raw| {
        let id = raw.get_str("_id").unwrap().to_owned();
        (id, raw.into_bytes())
    });
    by_id.collect()
}

async fn collection(app: &App, generation: &str) -> mongodb::Collection<RawDocumentBuf> {
    let settings = app.settings();
    let client = mongodb::Client::with_uri_str(&settings.mongodb_uri).await;
    client
        .unwrap()
        .database(&settings.name)
        .collection(generation)
}

#[tokio::test]
async fn imported_figures_are_exact_and_survive_a_rebuild() {
    let app = App::start().await;
    let first = import(&app, "cdnow.patron-import");
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(
        first
            .out
            .contains("69,659 read: 69,659 created, 0 updated, 0 unchanged, 0 refused"),
        "{}",
        first.out
    );
    assert_figures(&app).await;

    let second = import(&app, "cdnow.patron-import");
    assert_eq!(second.code, Some(0), "{}", second.err);
    assert!(
        second
            .out
            .contains("0 created, 0 updated, 69,659 unchanged, 0 refused"),
        "{}",
        second.out
    );
    assert_figures(&app).await;
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(
        log["events"], ORDERS,
        "a repeated order must not be an event"
    );

    assert_audiences(&app);
    let verified = assert_succeeds(app.patron(["verify"]));
    assert!(
        verified.out.contains("everything agrees with the log"),
        "{}",
        verified.out
    );
    assert_rebuild_is_byte_equal(&app).await;
    assert_figures(&app).await;
    let status = assert_succeeds(app.patron(["status", "--json"]));
    assert_status(&serde_json::from_str(&status.out).unwrap());
    assert_succeeds(app.patron(["verify"]));
}

fn assert_audiences(app: &App) {
    for (rules, count) in AUDIENCES {
        let printed = assert_succeeds(app.patron(["segment", rules, "--json"]));
        let preview: serde_json::Value = serde_json::from_str(&printed.out).unwrap();
        assert_eq!(preview["count"], count, "{rules}");
        assert_eq!(preview["rules"][0]["count"], count, "{rules}");
        assert_eq!(preview["total_customers"], CUSTOMERS);
        assert_eq!(preview["sample"].as_array().unwrap().len(), 5);
    }
}

async fn assert_rebuild_is_byte_equal(app: &App) {
    let before = documents(app, "customers_g1").await;
    assert_eq!(before.len(), CUSTOMERS);
    collection(app, "customers_g1").await.drop().await.unwrap();
    app.client
        .get("/api/customers/07592")
        .await
        .assert_problem(404, "not-found");
    let verified = run(app.patron(["verify"]));
    assert_eq!(
        verified.code,
        Some(1),
        "missing documents must be reported as differences: {}",
        verified.out
    );

    let rebuilt = assert_succeeds(app.patron(["rebuild", "customers"]));
    assert!(
        rebuilt.out.contains("customers: now serves generation 2"),
        "{}",
        rebuilt.out
    );
    let after = documents(app, "customers_g2").await;
    assert!(
        before == after,
        "the rebuilt view differs from the dropped one"
    );
}

fn assert_status(status: &serde_json::Value) {
    assert_eq!(status["currency"], "USD");
    assert_eq!(status["unsafe_settings"], serde_json::json!([]));
    let partitions = status["partitions"].as_array().unwrap();
    let events: u64 = partitions
        .iter()
        .map(|p| p["events"].as_u64().unwrap())
        .sum();
    assert_eq!(partitions.len(), 4);
    assert_eq!(
        events,
        ORDERS as u64 + 1,
        "the log must have all orders and the request for the rebuild"
    );
    for view in status["views"].as_array().unwrap() {
        let generation = if view["name"] == "customers" { 2 } else { 1 };
        assert_eq!(view["generation"], generation);
        assert_eq!(view["lag"], 0);
        assert_eq!(view["stopped"], serde_json::json!([]));
    }
}
