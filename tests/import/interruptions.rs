//! Imports that are interrupted.

use std::fs;

use super::{file, import, with_suffix};
use crate::support::app::App;
use crate::support::process::{Process, run};
use crate::support::wait::until;

#[tokio::test]
async fn a_killed_import_continues_where_it_stopped() {
    const ORDERS: usize = 20_000;
    let app = App::start().await;
    let lines = (0..ORDERS).map(|n| format!("o-{n},c-{},1.00,USD,2026-01-01\n", n % 100));
    let table = format!(
        "order_id,customer_id,amount,currency,placed_at\n{}",
        lines.collect::<String>()
    );
    let file = file("killed", "orders.csv", &table);
    let journal = with_suffix(&file, ".patron-import");
    let command = || import(&app, "orders", &file, &["--batch", "100"]);
    for _ in 0..2 {
        let before = fs::read(&journal).ok();
        let mut importer = Process::start(command());
        until("the journal advances", async || {
            fs::read(&journal).is_ok_and(|now| Some(now) != before)
        })
        .await;
        importer.kill();
        assert!(journal.exists(), "the import ended before it was killed");
    }
    let imported = app.client.read("/api/admin/log").await["events"]
        .as_u64()
        .unwrap();
    assert!(imported > 0 && imported < ORDERS as u64, "{imported}");

    let ended = run(command());
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(
        ended.err.contains("continuing after line "),
        "{}",
        ended.err
    );
    assert!(ended.out.contains("20,000 read: "), "{}", ended.out);
    assert!(
        ended.out.contains("were read before the interruption"),
        "{}",
        ended.out
    );
    assert!(!journal.exists());

    app.client.wait_until_caught_up().await;
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], ORDERS, "an order was recorded twice");
    let customers = app.client.list("/api/customers", 500).await;
    assert_eq!(customers.len(), 100);
    for customer in customers {
        assert_eq!(customer["order_count"], ORDERS / 100);
        assert_eq!(customer["total_spend"], ORDERS);
    }
}

#[tokio::test]
async fn an_import_waits_for_a_restarted_server() {
    let mut app = App::start().await;
    let lines = (0..5_000).map(|n| format!("o-{n},c-{},1.00,USD,2026-01-01\n", n % 100));
    let table = format!(
        "order_id,customer_id,amount,currency,placed_at\n{}",
        lines.collect::<String>()
    );
    let file = file("restarted", "orders.csv", &table);
    let journal = with_suffix(&file, ".patron-import");
    let mut importer = Process::start(import(&app, "orders", &file, &["--batch", "50"]));
    until("the journal exists", async || journal.exists()).await;
    app.api.kill();
    until("the importer logs a retry", async || {
        importer.stderr().contains("trying again")
    })
    .await;
    app.restart_api();
    assert!(importer.wait().success(), "{}", importer.stderr());
    app.client.wait_until_caught_up().await;
    let log = app.client.read("/api/admin/log").await;
    assert_eq!(log["events"], 5_000);
}
