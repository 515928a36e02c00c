//! `patron reconcile`: reconciliation on the command line.

use serde_json::{Value, json};

use super::{CampaignDriver, create, named, reconcile_path, record_vips};
use crate::api::with;
use crate::support::app::App;
use crate::support::process::{CommandOutput, run};

fn reconcile<const N: usize>(app: &App, id: &str, options: [&str; N]) -> CommandOutput {
    let mut command = app.patron(["reconcile", id]);
    command.args(options);
    run(command)
}

#[tokio::test]
async fn a_campaign_without_discrepancies_exits_with_0() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &["Ada", "Bob"]).await;
    driver.record_sent("c-0").await;
    app.add_worker();
    app.client.wait_until_caught_up().await;
    let printed = reconcile(&app, &id, []);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.out.starts_with(&format!("{id} is sending\n")));
    assert!(printed.out.ends_with("no discrepancies\n"), "{printed:?}");

    let printed = reconcile(&app, &id, ["--json"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let document: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(document, app.client.read(&reconcile_path(&id)).await);
    assert_eq!(
        (&document["planned"], &document["sent"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn discrepancies_exit_with_1() {
    let app = App::without_workers().await;
    record_vips(&app, &["Ada", "Bob"]).await;
    let id = create(&app, with(named("Damaged"), json!({"launch": true}))).await;
    let driver = CampaignDriver::new(&app, &id).await;
    driver.queue("c-0", "Ada").await;
    driver.resolve(1, 0).await;
    let printed = reconcile(&app, &id, []);
    assert_eq!(printed.code, Some(1), "{printed:?}");
    for line in [
        "the views were not compared: they are behind the log, or still changing",
        "2 discrepancies",
        "  missing_message: c-1 is a recipient but has no message",
        "  size_differs: the campaign recorded 1 recipients, the log has 2",
    ] {
        assert!(
            printed.out.lines().any(|l| l == line),
            "{line}: {printed:?}"
        );
    }
    let printed = reconcile(&app, &id, ["--json"]);
    assert_eq!(printed.code, Some(1), "{printed:?}");
    let document: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(document["discrepancies_found"], 2);
}

#[tokio::test]
async fn unknown_and_draft_campaigns_are_reported() {
    let app = App::without_workers().await;
    let draft = create(&app, named("Draft")).await;
    for (id, message) in [
        ("cmp_1", "patron: there is no campaign cmp_1"),
        (&draft, "has not been launched yet"),
    ] {
        let printed = reconcile(&app, id, []);
        assert_eq!(printed.code, Some(1), "{printed:?}");
        assert!(printed.err.contains(message), "{printed:?}");
        assert_eq!(printed.out, "");
    }
    let invalid = reconcile(&app, "a/b", []);
    assert_eq!(invalid.code, Some(64), "{invalid:?}");
}
