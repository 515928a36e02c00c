//! `patron reconcile`: the same account, on the command line.

use serde_json::{Value, json};

use super::{Work, create, named, reconciliation, vips};
use crate::api::with;
use crate::support::app::App;
use crate::support::process::{Ended, run};

fn reconcile<const N: usize>(app: &App, id: &str, options: [&str; N]) -> Ended {
    let mut command = app.patron(["reconcile", id]);
    command.args(options);
    run(command)
}

#[tokio::test]
async fn a_campaign_without_discrepancies_is_a_success() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &["Ada", "Bob"]).await;
    work.send("c-0").await;
    app.add_worker();
    app.client.caught_up().await;
    let printed = reconcile(&app, &id, []);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.out.starts_with(&format!("{id} is sending\n")));
    assert!(printed.out.ends_with("no discrepancies\n"), "{printed:?}");

    let printed = reconcile(&app, &id, ["--json"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let document: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(document, app.client.read(&reconciliation(&id)).await);
    assert_eq!(
        (&document["planned"], &document["sent"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn discrepancies_are_a_failure() {
    let app = App::without_workers().await;
    vips(&app, &["Ada", "Bob"]).await;
    let id = create(&app, with(named("Damaged"), json!({"launch": true}))).await;
    let work = Work::on(&app, &id).await;
    work.queue("c-0", "Ada").await;
    work.resolve(1, 0).await;
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
async fn what_cannot_be_reconciled_is_said() {
    let app = App::without_workers().await;
    let draft = create(&app, named("Draft")).await;
    for (id, said) in [
        ("cmp_1", "patron: there is no campaign cmp_1"),
        (&draft, "has not been launched yet"),
    ] {
        let printed = reconcile(&app, id, []);
        assert_eq!(printed.code, Some(1), "{printed:?}");
        assert!(printed.err.contains(said), "{printed:?}");
        assert_eq!(printed.out, "");
    }
    let senseless = reconcile(&app, "a/b", []);
    assert_eq!(senseless.code, Some(2), "{senseless:?}");
}
