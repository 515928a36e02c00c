//! The lifecycle of a campaign, from its creation to its end.

use domain::Suppression;
use serde_json::{Value, json};

use super::{
    CampaignDriver, PATH, create, id_of, named, post_campaign, post_command, read_caught_up,
};
use crate::api::with;
use crate::support::app::App;

#[tokio::test]
async fn a_campaign_is_created_and_shown() {
    let app = App::start().await;
    let more = json!({"tags": ["spring", "a"], "messages_per_second": 50});
    let answer = post_campaign(&app, with(named("Come back"), more)).await;
    let id = id_of(&answer);
    assert!(id.starts_with("cmp_") && id.len() == 36, "{id}");
    assert_eq!(answer.header("location"), format!("{PATH}/{id}"));
    let expected = json!({
        "campaign_id": id,
        "name": "Come back",
        "status": "draft",
        "segment_id": null,
        "rules": {"combinator": "and", "not": false, "rules": [
            {"field": "tags", "operator": "contains", "value": "vip", "valueSource": "value"},
        ]},
        "text": "tags contains \"vip\"",
        "message": {"template": "Hi {{ name }}!"},
        "scheduled_at": null,
        "messages_per_second": 50,
        "tags": ["a", "spring"],
    });
    assert_eq!(answer.body, expected);

    let path = format!("{PATH}/{id}?after={}", answer.position());
    let campaign = app.client.read(&path).await;
    let at = campaign["created_at"].clone();
    let view_fields = json!({
        "launch": null,
        "size": null,
        "statistics": empty_statistics(),
        "waiting_for": null,
        "created_at": at,
        "created_by": "key:bootstrap",
        "launched_at": null,
        "ended_at": null,
        "updated_at": at,
        "version": 1,
    });
    assert_eq!(campaign, with(expected, view_fields));
}

fn empty_statistics() -> Value {
    json!({
        "audience": 0, "queued": 0, "sent": 0, "delivered": 0, "unconfirmed": 0, "failed": 0,
        "bounced": 0, "rejected": 0, "undeliverable": 0, "suppressed": 0, "pending": 0,
        "awaiting_receipt": 0, "complained": 0, "opened": 0, "clicked": 0, "refused_receipts": 0,
        "suppressed_for": {},
        "last_at": null, "incomplete": false,
    })
}

#[tokio::test]
async fn a_launch_fixes_the_rules_of_the_segment() {
    let app = App::start().await;
    let segment = json!({"name": "All", "rules": "order_count > 0"});
    let segment = app.client.post("/api/segments", segment).await.body["segment_id"].clone();
    let mut body = named("For a segment");
    body.as_object_mut().unwrap().remove("rules");
    let id = create(&app, with(body, json!({"segment_id": segment}))).await;
    let draft = read_caught_up(&app, &id).await;
    assert_eq!(
        (&draft["segment_id"], &draft["rules"]),
        (&segment, &Value::Null)
    );

    let launched = post_command(&app, &id, "launch").await;
    assert_eq!(launched.status, 202, "{launched:?}");
    assert_eq!(
        launched.body,
        json!({"campaign_id": id, "status": "launching"})
    );
    let path = format!("{PATH}/{id}?after={}", launched.position());
    let campaign = app.client.read(&path).await;
    assert_eq!(campaign["text"], "order_count > 0");
    assert!(campaign["launch"]["positions"].is_string(), "{campaign}");
    assert_eq!(campaign["launch"]["clock"], campaign["launched_at"]);
}

#[tokio::test]
async fn a_scheduled_campaign_holds_its_segment() {
    let app = App::start().await;
    let segment = json!({"name": "All", "rules": "order_count > 0"});
    let segment = app.client.post("/api/segments", segment).await.body["segment_id"].clone();
    let segment_path = format!("/api/segments/{}", segment.as_str().unwrap());
    let mut body = named("Later");
    body.as_object_mut().unwrap().remove("rules");
    let later = json!({"segment_id": segment, "scheduled_at": "2099-01-01T00:00:00Z"});
    let answer = post_campaign(&app, with(body, later)).await;
    assert_eq!(answer.body["status"], "scheduled");
    assert_eq!(answer.body["scheduled_at"], "2099-01-01T00:00:00.000Z");
    let refused = app.client.delete(&segment_path).await;
    refused.assert_problem(409, "in-use");
    assert_eq!(
        post_command(&app, &id_of(&answer), "cancel").await.status,
        202
    );
    assert_eq!(app.client.delete(&segment_path).await.status, 204);
}

#[tokio::test]
async fn impossible_transitions_are_refused() {
    let app = App::without_workers().await;
    let assert_impossible = async |id: &str, verbs: &[&str]| {
        for verb in verbs {
            let refused = post_command(&app, id, verb).await;
            refused.assert_problem(409, "impossible-transition");
        }
    };
    let id = create(&app, named("Steered")).await;
    assert_impossible(&id, &["pause", "resume", "retry"]).await;
    let status = async |verb| {
        let answer = post_command(&app, &id, verb).await;
        assert_eq!(answer.status, 202, "{verb}: {answer:?}");
        assert!(!answer.position().is_empty());
        answer.body["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status("launch").await, "launching");
    assert_impossible(&id, &["launch", "retry"]).await;
    assert_eq!(status("pause").await, "paused");
    assert_eq!(status("pause").await, "paused", "the command is idempotent");
    assert_eq!(status("resume").await, "launching");
    CampaignDriver::new(&app, &id).await.resolve(0, 0).await;
    assert_eq!(status("pause").await, "paused");
    assert_eq!(status("resume").await, "sending");
    assert_eq!(status("cancel").await, "cancelled");
    assert_eq!(
        status("cancel").await,
        "cancelled",
        "the command is idempotent"
    );
    assert_impossible(&id, &["launch", "pause", "resume", "retry"]).await;

    let completed = create(&app, with(named("Done"), json!({"launch": true}))).await;
    let driver = CampaignDriver::new(&app, &completed).await;
    driver.resolve(0, 0).await;
    driver.complete().await;
    assert_impossible(
        &completed,
        &["launch", "pause", "resume", "cancel", "retry"],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_campaign_is_not_found() {
    let app = App::start().await;
    for verb in ["launch", "pause", "resume", "cancel", "retry"] {
        post_command(&app, "cmp_0", verb)
            .await
            .assert_problem(404, "not-found");
    }
    for path in ["", "/logs", "/reconcile", "/progress", "/recipients/c-1"] {
        let answer = app.client.get(&format!("{PATH}/cmp_0{path}")).await;
        answer.assert_problem(404, "not-found");
    }
    let draft = create(&app, named("Draft")).await;
    app.client.wait_until_caught_up().await;
    for path in ["reconcile", "recipients/c-1"] {
        let answer = app.client.get(&format!("{PATH}/{draft}/{path}")).await;
        answer.assert_problem(409, "not-launched");
    }
}

#[tokio::test]
async fn the_list_is_newest_first_with_statistics() {
    let mut app = App::without_workers().await;
    let (driver, busy) =
        CampaignDriver::start(&app, &["Ada", "Bob", "Cy", "Di", "Eve", "Flo"]).await;
    driver.suppress("c-0", Suppression::Unsubscribed).await;
    for customer in ["c-1", "c-2", "c-3"] {
        driver.record_sent(customer).await;
    }
    driver.record_receipt("c-1", true).await;
    driver.record_receipt("c-2", false).await;
    driver.give_up("c-4").await;
    let mut ids = vec![busy.clone()];
    for n in 0..4 {
        ids.push(create(&app, named(&format!("Campaign {n}"))).await);
    }
    ids.reverse();
    app.add_worker();
    app.client.wait_until_caught_up().await;
    for limit in [1, 2, 5, 50] {
        let listed = app.client.list(PATH, limit).await;
        let found: Vec<_> = listed
            .iter()
            .map(|c| c["campaign_id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ids, "limit {limit}");
        let last = listed.last().unwrap();
        let last_at = &last["statistics"]["last_at"];
        assert!(last_at.is_string(), "{last}");
        assert_eq!(
            last["statistics"],
            json!({
                "audience": 6, "queued": 1, "sent": 2, "delivered": 1, "failed": 2,
                "unconfirmed": 0, "bounced": 0, "rejected": 0, "undeliverable": 1,
                "suppressed": 1, "pending": 1, "awaiting_receipt": 1,
                "complained": 0, "opened": 0, "clicked": 0, "refused_receipts": 0,
                "suppressed_for": {"unsubscribed": 1}, "last_at": last_at, "incomplete": false,
            })
        );
        assert_eq!(
            last["size"],
            json!({"planned": 6, "queued": 6, "suppressed": 0, "undetermined": 0})
        );
        assert_eq!(last, &app.client.read(&format!("{PATH}/{busy}")).await);
    }
    for query in ["colour=red", "cursor=00", "limit=0"] {
        let refused = app.client.get(&format!("{PATH}?{query}")).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}
