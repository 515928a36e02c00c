//! Retries: undeliverable messages are queued again.

use domain::MessageStatus;
use serde_json::json;

use super::{CampaignDriver, post_command, read_caught_up};
use crate::support::app::App;

#[tokio::test]
async fn a_retry_queues_undeliverable_messages_again() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &["Ada", "Bob", "Cy", "Di"]).await;
    for customer in ["c-0", "c-1", "c-2"] {
        driver.give_up(customer).await;
    }
    driver.record_sent("c-3").await;
    app.add_worker();
    let retried = post_command(&app, &id, "retry").await;
    assert_eq!(
        (retried.status, &retried.body),
        (200, &json!({"requeued": 3}))
    );
    for customer in ["c-0", "c-1", "c-2"] {
        let head = driver.head(customer).await;
        assert_eq!(head.status(), Some(MessageStatus::Queued));
    }
    let path = format!("/api/campaigns/{id}?after={}", retried.position());
    let statistics = app.client.read(&path).await["statistics"].clone();
    assert_eq!(
        (&statistics["queued"], &statistics["undeliverable"]),
        (&json!(3), &json!(0))
    );

    let again = post_command(&app, &id, "retry").await;
    assert_eq!((again.status, &again.body), (200, &json!({"requeued": 0})));
    app.client.wait_until_caught_up().await;
    let retries = format!("/api/audit?aggregate=campaign/{id}&type=campaign_retried");
    assert_eq!(
        app.client.list(&retries, 10).await.len(),
        1,
        "the second retry queued nothing"
    );
    assert_eq!(post_command(&app, &id, "pause").await.status, 202);
    assert_eq!(
        post_command(&app, &id, "retry").await.status,
        200,
        "a paused campaign may be retried"
    );
}

/// Messages that were given up after the last read of the view are included.
#[tokio::test]
async fn a_retry_includes_messages_given_up_just_before() {
    let mut app = App::without_workers().await;
    let names = ["Vip"; 40];
    let (driver, id) = CampaignDriver::start(&app, &names).await;
    app.add_worker();
    read_caught_up(&app, &id).await;
    for index in 0..names.len() {
        driver.give_up(&format!("c-{index}")).await;
    }
    let retried = post_command(&app, &id, "retry").await;
    assert_eq!(
        (retried.status, &retried.body),
        (200, &json!({"requeued": 40}))
    );
}
