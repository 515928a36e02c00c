//! Queueing again what could not be handed to the vendor.

use domain::MessageStatus;
use serde_json::json;

use super::{Work, shown, steer};
use crate::support::app::App;

#[tokio::test]
async fn what_was_given_up_is_queued_again() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &["Ada", "Bob", "Cy", "Di"]).await;
    for customer in ["c-0", "c-1", "c-2"] {
        work.give_up(customer).await;
    }
    work.send("c-3").await;
    app.add_worker();
    let retried = steer(&app, &id, "retry").await;
    assert_eq!(
        (retried.status, &retried.body),
        (200, &json!({"requeued": 3}))
    );
    for customer in ["c-0", "c-1", "c-2"] {
        let head = work.head(customer).await;
        assert_eq!(head.status(), Some(MessageStatus::Queued));
    }
    let path = format!("/api/campaigns/{id}?after={}", retried.position());
    let statistics = app.client.read(&path).await["statistics"].clone();
    assert_eq!(
        (&statistics["queued"], &statistics["undeliverable"]),
        (&json!(3), &json!(0))
    );

    let again = steer(&app, &id, "retry").await;
    assert_eq!((again.status, &again.body), (200, &json!({"requeued": 0})));
    app.client.caught_up().await;
    let told = format!("/api/audit?aggregate=campaign/{id}&type=campaign_retried");
    assert_eq!(
        app.client.list(&told, 10).await.len(),
        1,
        "nothing was queued again"
    );
    assert_eq!(steer(&app, &id, "pause").await.status, 202);
    assert_eq!(steer(&app, &id, "retry").await.status, 200, "it may rest");
}

/// What was given up after the view was last looked at counts too.
#[tokio::test]
async fn a_retry_waits_for_what_was_just_given_up() {
    let mut app = App::without_workers().await;
    let names = ["Vip"; 40];
    let (work, id) = Work::started(&app, &names).await;
    app.add_worker();
    shown(&app, &id).await;
    for index in 0..names.len() {
        work.give_up(&format!("c-{index}")).await;
    }
    let retried = steer(&app, &id, "retry").await;
    assert_eq!(
        (retried.status, &retried.body),
        (200, &json!({"requeued": 40}))
    );
}
