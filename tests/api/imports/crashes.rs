//! A process that is killed: the import continues after its restart.

use super::{
    ImportApp, counts, orders, orders_plan, run, shown, uploaded, wait_for, wait_for_files,
};
use crate::support::wait::until;

#[tokio::test]
async fn a_killed_process_continues_its_import_with_the_exact_result() {
    let mut app = ImportApp::start().await;
    let rows = 60_000;
    let content = orders(0..rows) + "o-refused,c-1,,2026-03-01\n";
    let path = uploaded(app.client(), "orders.csv", content).await;
    run(app.client(), &path, orders_plan()).await;
    for kill in 1..=2 {
        let client = app.client().clone();
        until("more rows are recorded", async || {
            let import = shown(&client, &path).await;
            let read = import["progress"]["read"].as_u64().unwrap_or(0);
            read > kill * 10_000
        })
        .await;
        app.app.api.kill();
        app.app.restart_api();
    }
    let import = wait_for(app.client(), &path, "finished").await;
    let rows = rows as u64;
    let [read, created, updated, unchanged, refused] = counts(&import);
    assert_eq!((read, updated, refused), (rows + 1, 0, 1));
    // A batch that was recorded and not journaled was sent again.
    assert_eq!(created + unchanged, rows);
    app.client().wait_until_caught_up().await;
    for customer in 0..10 {
        let customer = app
            .client()
            .read(&format!("/api/customers/c-{customer}"))
            .await;
        assert_eq!(customer["order_count"], rows / 10);
        assert_eq!(customer["total_spend"], rows / 10 * 100);
    }
    let refused = app.client().get(&format!("{path}/refused")).await;
    assert_eq!(refused.text.lines().count(), 1, "{}", refused.text);
    let actors = app
        .client()
        .list("/api/audit?type=import_finished.1", 10)
        .await;
    assert_eq!(actors[0]["actor"], "key:bootstrap");
}

#[tokio::test]
async fn a_restart_removes_half_uploads_and_keeps_whole_ones() {
    let mut app = ImportApp::start().await;
    let path = uploaded(app.client(), "orders.csv", orders(0..2)).await;
    let root = app.folder.path().join(&app.app.settings().name);
    let files = app.files();
    app.app.api.kill();
    for left in ["0192.partial", "imp_00000000000000000000000000000000"] {
        std::fs::create_dir(root.join(left)).unwrap();
        std::fs::write(root.join(left).join("file"), "a,b\n").unwrap();
    }
    app.app.restart_api();
    wait_for_files(app.client()).await;
    assert_eq!(app.files(), files);
    let import = super::complete(app.client(), &path, orders_plan()).await;
    assert_eq!(counts(&import), [2, 2, 0, 0, 0]);
}
