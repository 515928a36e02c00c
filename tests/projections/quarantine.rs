//! Events that cannot be folded.

use domain::{
    CampaignId, LogPosition, MessageCommand, QuarantineCommand, QuarantineDecision, Receipt,
    ViewName,
};
use eventlog::Position;
use mongodb::bson::{DateTime, doc};
use projections::{ProjectError, RebuildError, VIEWS, rebuild, verify_documents};

use super::{
    advertise, documents, project, project_all, rebuilt, status, stopped, total_spend, trade, view,
};
use crate::support::by_hand::append_by_hand;
use crate::support::deployment::Deployment;
use crate::support::shop::{self, context, minute, order, text};

#[tokio::test]
async fn unknown_events_are_passed_over_and_counted() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let before = append_by_hand(&deployment.log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    append_by_hand(&deployment.log, "ghost/g-1", "ghost_seen.1", "{}").await;
    trade(&deployment.commands, 1).await;
    for name in VIEWS.map(|view| view.name()) {
        project(&deployment, name).await.unwrap();
        let status = status(&deployment, name).await;
        // The audit trail shows what it cannot read.
        let skipped = if name == "audit" { 0 } else { 2 };
        assert_eq!(
            (status.lag(), status.partitions[0].skipped),
            (0, skipped),
            "{name}"
        );
    }
    assert_eq!(stopped(&deployment).await, []);
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
    let audit = documents(&deployment.store, "audit", 1).await;
    assert!(audit.contains_key(&before.to_string()));
}

#[tokio::test]
async fn unknown_events_fail_a_rebuild_and_the_old_generation_serves_on() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let at = append_by_hand(&deployment.log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    project_all(&deployment).await;
    let Deployment { store, log, .. } = &deployment;
    let failed = rebuild(store, log, view("customers"), &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(
        failed,
        RebuildError::Project(ProjectError::Event { .. })
    ));
    assert_eq!(
        failed.to_string(),
        format!(
            "customers cannot fold the event at {at}: unknown event type \"order_teleported.1\""
        )
    );
    assert_eq!(status(&deployment, "customers").await.generation, 1);
    assert_eq!(stopped(&deployment).await, []);
    trade(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
}

const BROKEN: &str = r#"{"amount":-5,"currency":"USD","placed_at":"2026-01-01T00:00:00Z"}"#;

/// Appends an order that no view can read.
async fn break_order(deployment: &Deployment, key: &str) -> Position {
    append_by_hand(&deployment.log, key, "order_placed.1", BROKEN).await
}

async fn decide(deployment: &Deployment, event: Position, views: &[&str], is_skip: bool) {
    let decision = QuarantineDecision {
        views: views
            .iter()
            .map(|view| ViewName::try_from(*view).unwrap())
            .collect(),
        reason: text("the shop knows"),
    };
    let record = match is_skip {
        true => QuarantineCommand::Skip(decision),
        false => QuarantineCommand::Retry(decision),
    };
    let event = LogPosition::new(event.partition, event.number);
    let (commands, context) = (&deployment.commands, context());
    let recorded = commands.execute(&context, event, record);
    recorded.await.unwrap().unwrap();
}

/// What is withheld from the generations that serve: position, view and document.
async fn withheld(deployment: &Deployment) -> Vec<(Position, String, String)> {
    let withheld = deployment.store.withheld(100).await.unwrap();
    withheld
        .into_iter()
        .map(|one| (one.position(), one.view, one.document))
        .collect()
}

async fn orders_of(deployment: &Deployment, customer: &str) -> i64 {
    let found = deployment.store.customer(customer).await.unwrap();
    found.map_or(0, |found| found.order_count)
}

/// Asserts that all views are what the log says, and that rebuilds come to the same.
async fn assert_sound(deployment: &Deployment) {
    let Deployment { store, log, .. } = deployment;
    assert_eq!(stopped(deployment).await, []);
    for view in VIEWS {
        let generation = status(deployment, view.name()).await.generation;
        let report = verify_documents(store, log, view, generation)
            .await
            .unwrap();
        assert_eq!(report.differences, [""; 0], "{}", view.name());
        let before = documents(store, view.name(), generation).await;
        let rebuilt = rebuilt(deployment, view.name()).await;
        assert!(before == documents(store, view.name(), rebuilt.generation).await);
    }
}

#[tokio::test]
async fn a_malformed_event_sets_aside_the_documents_that_it_concerns_alone() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let at = break_order(&deployment, "order/c-5/o-x").await;
    trade(&deployment.commands, 1).await;
    project_all(&deployment).await;
    let customers = status(&deployment, "customers").await;
    assert_eq!((customers.lag(), customers.partitions[0].skipped), (0, 0));
    assert_eq!(
        orders_of(&deployment, "c-5").await,
        1,
        "the later one waits"
    );
    assert_eq!(orders_of(&deployment, "c-2").await, 2);
    let expected = [
        (at, "customers".to_owned(), "c-5".to_owned()),
        (at, "orders".to_owned(), "c-5/o-x".to_owned()),
    ];
    assert_eq!(withheld(&deployment).await, expected);
    let found = deployment.store.withheld_at(at).await.unwrap();
    assert!(
        found[0].reason.contains("malformed order_placed.1"),
        "{}",
        found[0].reason
    );
    assert_sound(&deployment).await;
    assert_eq!(withheld(&deployment).await, expected);
}

#[tokio::test]
async fn documents_go_on_behind_an_event_that_is_skipped() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let at = break_order(&deployment, "order/c-5/o-x").await;
    trade(&deployment.commands, 1).await;
    project_all(&deployment).await;
    decide(&deployment, at, &["customers"], true).await;
    trade(&deployment.commands, 2).await;
    project_all(&deployment).await;
    assert_eq!(orders_of(&deployment, "c-5").await, 3);
    let left = [(at, "orders".to_owned(), "c-5/o-x".to_owned())];
    assert_eq!(
        withheld(&deployment).await,
        left,
        "the decision was for one view"
    );
    decide(&deployment, at, &["orders"], true).await;
    project_all(&deployment).await;
    assert_eq!(withheld(&deployment).await, []);
    assert_sound(&deployment).await;
    assert_eq!(orders_of(&deployment, "c-5").await, 3);
}

#[tokio::test]
async fn an_event_that_still_cannot_be_folded_goes_back_to_the_quarantine() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let first = break_order(&deployment, "order/c-5/o-x").await;
    trade(&deployment.commands, 0).await;
    let second = break_order(&deployment, "order/c-5/o-y").await;
    decide(&deployment, first, &["customers"], false).await;
    project_all(&deployment).await;
    let of_customers = async || {
        let all = withheld(&deployment).await;
        let of = all.into_iter().filter(|(_, view, _)| view == "customers");
        of.map(|(at, ..)| at).collect::<Vec<_>>()
    };
    assert_eq!(of_customers().await, [first]);
    decide(&deployment, first, &["customers"], true).await;
    project_all(&deployment).await;
    assert_eq!(of_customers().await, [second], "it goes on up to the next");
    assert_eq!(orders_of(&deployment, "c-5").await, 1);
    decide(&deployment, second, &["customers"], true).await;
    trade(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(of_customers().await, []);
    assert_eq!(orders_of(&deployment, "c-5").await, 2);
    assert_sound(&deployment).await;
}

/// As after an update to a program that can fold what the one before could not.
#[tokio::test]
async fn an_event_that_can_be_folded_by_now_is_folded_when_it_is_retried() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let before = deployment.log.last(0).await.unwrap();
    trade(&deployment.commands, 1).await;
    let at = Position {
        number: before.number + 6,
        ..before
    };
    let entry = deployment
        .log
        .entries(&[at])
        .await
        .unwrap()
        .pop()
        .flatten()
        .unwrap();
    assert_eq!(entry.key, "order/c-5/o-1");
    let note = doc! {
        "_id": "customers_g1/c-5", "view": "customers", "generation": 1, "partition": 0,
        "number": at.number as i64, "document": "c-5", "is_left_out": false,
        "reason": "the older program", "since": DateTime::now(),
    };
    let notes = deployment.store.database().collection("quarantine");
    notes.insert_one(note).await.unwrap();
    project_all(&deployment).await;
    assert_eq!(orders_of(&deployment, "c-5").await, 1);
    decide(&deployment, at, &["customers"], false).await;
    project_all(&deployment).await;
    assert_eq!(orders_of(&deployment, "c-5").await, 2);
    assert_eq!(withheld(&deployment).await, []);
    assert_sound(&deployment).await;
}

#[tokio::test]
async fn a_campaigns_figures_do_without_an_event_and_take_it_when_it_is_retried() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    advertise(&deployment.commands, 1).await;
    let campaign = CampaignId::from(1);
    let key = format!("message/c-0/{campaign}");
    let at = append_by_hand(&deployment.log, &key, "message_delivered.1", "{}").await;
    project_all(&deployment).await;
    let figures = async || {
        let figures = deployment.store.campaign_stats(&[&campaign]).await.unwrap();
        let figures = figures[&campaign].clone();
        (figures.sent(), figures.delivered(), figures.audience())
    };
    assert_eq!(figures().await, (1, 0, 3), "the others count");
    let found = deployment.store.withheld_at(at).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| (&*one.view, one.is_left_out))
        .collect();
    assert_eq!(found, [("campaign_stats", true), ("messages", false)]);
    decide(&deployment, at, &["campaign_stats", "messages"], false).await;
    project_all(&deployment).await;
    assert_eq!(
        withheld(&deployment).await.len(),
        2,
        "it still cannot be read"
    );
    decide(&deployment, at, &["campaign_stats", "messages"], true).await;
    project_all(&deployment).await;
    assert_eq!(withheld(&deployment).await, []);
    assert_eq!(figures().await, (1, 0, 3));
    assert_sound(&deployment).await;

    // As if an older program had left a receipt out that this one can read.
    let arrived = Receipt {
        vendor_message_id: text("v-1"),
        arrived: true,
        reason: None,
        occurred_at: minute(9),
    };
    let receipt = (
        shop::message(1, "c-0"),
        MessageCommand::RecordReceipt(arrived),
    );
    let done = deployment
        .commands
        .execute_on_messages(&context(), vec![receipt])
        .await;
    assert!(done.unwrap()[0].is_ok());
    let at = deployment.log.last(0).await.unwrap();
    let generation = status(&deployment, "campaign_stats").await.generation;
    let note = doc! {
        "_id": format!("campaign_stats_g{generation}/{at}"), "view": "campaign_stats",
        "generation": generation, "partition": 0, "number": at.number as i64,
        "document": format!("{campaign}/0"), "is_left_out": true,
        "reason": "the older program", "since": DateTime::now(),
    };
    let notes = deployment.store.database().collection("quarantine");
    notes.insert_one(note).await.unwrap();
    project_all(&deployment).await;
    assert_eq!(figures().await, (1, 0, 3));
    decide(&deployment, at, &["campaign_stats"], false).await;
    project_all(&deployment).await;
    assert_eq!(figures().await, (1, 1, 3));
    assert_sound(&deployment).await;
}

/// What the key names cannot be told: every view notes the event, and goes on.
#[tokio::test]
async fn an_event_of_an_unreadable_key_holds_back_nothing() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    trade(&deployment.commands, 0).await;
    let at = append_by_hand(&deployment.log, "refusals/2026-99-99", "refused.1", "{}").await;
    trade(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
    let noted = withheld(&deployment).await;
    assert!(
        noted.iter().all(|(position, _, document)| {
            *position == at && document == "refusals/2026-99-99"
        })
    );
    assert_eq!(noted.len(), VIEWS.len() - 1, "the audit trail shows it");
    assert_sound(&deployment).await;
}

/// An update of an order that was never placed: only the figures of its customer contradict.
#[tokio::test]
async fn an_event_that_contradicts_a_document_sets_aside_that_document_alone() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    deployment
        .commands
        .record_orders(&context(), vec![order("c-1", "o-1", 7)])
        .await
        .unwrap();
    let figures =
        r#"{"amount":5,"currency":"USD","placed_at":"2020-01-01T00:00:00Z","status":"placed"}"#;
    let update = format!(r#"{{"content":{figures},"previous":{figures}}}"#);
    let at = append_by_hand(&deployment.log, "order/c-1/o-x", "order_updated.1", &update).await;
    append_by_hand(&deployment.log, "order/c-1/o-y", "order_teleported.1", "{}").await;
    project_all(&deployment).await;
    assert_eq!(total_spend(&deployment).await, 7);
    let found = deployment.store.withheld(10).await.unwrap();
    let [only] = &*found else { panic!("{found:?}") };
    assert_eq!((&*only.view, only.position()), ("customers", at));
    assert_eq!(
        only.reason,
        "the instant 2020-01-01T00:00:00.000Z is not among those recorded"
    );
    let skipped = async |name: &str| status(&deployment, name).await.partitions[0].skipped;
    assert_eq!(
        (skipped("customers").await, skipped("orders").await),
        (1, 1)
    );
}
