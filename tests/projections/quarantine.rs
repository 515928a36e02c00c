//! Quarantine: events that cannot be folded.

use domain::{
    CampaignId, LogPosition, MessageCommand, QuarantineCommand, QuarantineDecision, ViewName,
};
use eventlog::Position;
use mongodb::bson::{DateTime, doc};
use projections::{ProjectError, RebuildError, VIEWS, rebuild, verify_documents};

use super::{
    documents, project, project_all, rebuild_view, record_campaign, record_day, resume, status,
    stopped, total_spend, view,
};
use crate::support::deployment::Deployment;
use crate::support::raw_events::append_raw_event;
use crate::support::shop::{self, context, minute, order, text};

#[tokio::test]
async fn unknown_events_are_skipped_and_counted() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let before =
        append_raw_event(&deployment.log, "order/c-1/o-x", "order_teleported.1", "{}").await;
    append_raw_event(&deployment.log, "ghost/g-1", "ghost_seen.1", "{}").await;
    record_day(&deployment.commands, 1).await;
    for name in VIEWS.map(|view| view.name()) {
        project(&deployment, name).await.unwrap();
        let status = status(&deployment, name).await;
        // The audit trail reads no event's data, so it also contains unknown events.
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
async fn unknown_events_fail_a_rebuild_and_the_old_generation_keeps_serving() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let at = append_raw_event(&deployment.log, "order/c-1/o-x", "order_teleported.1", "{}").await;
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
    record_day(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
}

const BROKEN: &str = r#"{"amount":-5,"currency":"USD","placed_at":"2026-01-01T00:00:00Z"}"#;

/// Appends an order that no view can read.
async fn append_broken_order(deployment: &Deployment, key: &str) -> Position {
    append_raw_event(&deployment.log, key, "order_placed.1", BROKEN).await
}

/// Records the decision to skip or to retry an event in some views.
async fn decide(deployment: &Deployment, event: Position, views: &[&str], is_skip: bool) {
    let decision = QuarantineDecision {
        views: views
            .iter()
            .map(|view| ViewName::try_from(*view).unwrap())
            .collect(),
        reason: text("checked with the shop"),
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

/// Returns what is withheld from the serving generations: position, view and document.
async fn withheld(deployment: &Deployment) -> Vec<(Position, String, String)> {
    let withheld = deployment.store.withheld(100).await.unwrap();
    withheld
        .into_iter()
        .map(|one| (one.position(), one.view, one.document))
        .collect()
}

async fn order_count(deployment: &Deployment, customer: &str) -> i64 {
    let found = deployment.store.customer(customer).await.unwrap();
    found.map_or(0, |found| found.order_count)
}

/// Asserts that no view is stalled, that all agree with the log, and that rebuilds give the same
/// documents.
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
        let rebuilt = rebuild_view(deployment, view.name()).await;
        assert!(before == documents(store, view.name(), rebuilt.generation).await);
    }
}

#[tokio::test]
async fn a_malformed_event_sets_aside_only_the_documents_that_it_touches() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let at = append_broken_order(&deployment, "order/c-5/o-x").await;
    record_day(&deployment.commands, 1).await;
    project_all(&deployment).await;
    let customers = status(&deployment, "customers").await;
    assert_eq!((customers.lag(), customers.partitions[0].skipped), (0, 0));
    assert_eq!(
        order_count(&deployment, "c-5").await,
        1,
        "the later order waits"
    );
    assert_eq!(order_count(&deployment, "c-2").await, 2);
    let expected = [
        (at, "customers".to_owned(), "c-5".to_owned()),
        (at, "daily_figures".to_owned(), "unknown/0".to_owned()),
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
async fn documents_continue_after_an_event_that_is_skipped() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let at = append_broken_order(&deployment, "order/c-5/o-x").await;
    record_day(&deployment.commands, 1).await;
    project_all(&deployment).await;
    decide(&deployment, at, &["customers"], true).await;
    record_day(&deployment.commands, 2).await;
    project_all(&deployment).await;
    assert_eq!(order_count(&deployment, "c-5").await, 3);
    let left = [
        (at, "daily_figures".to_owned(), "unknown/0".to_owned()),
        (at, "orders".to_owned(), "c-5/o-x".to_owned()),
    ];
    assert_eq!(
        withheld(&deployment).await,
        left,
        "the decision covers one view only"
    );
    decide(&deployment, at, &["daily_figures", "orders"], true).await;
    project_all(&deployment).await;
    assert_eq!(withheld(&deployment).await, []);
    assert_sound(&deployment).await;
    assert_eq!(order_count(&deployment, "c-5").await, 3);
}

/// A suspended process that reads an event and the decision to skip it at once removes the note that
/// another process has written meanwhile.
#[tokio::test]
async fn a_decision_is_carried_out_by_a_process_that_did_not_withhold_the_event() {
    for (name, count) in [
        ("customers", 1),
        ("orders", 1),
        ("campaign_stats", 1),
        ("daily_figures", 2),
    ] {
        let deployment = Deployment::with_partitions(1).await.prepared().await;
        record_day(&deployment.commands, 0).await;
        record_campaign(&deployment.commands, 1).await;
        let mut suspended = resume(&deployment, view(name), 1, 0).await.unwrap();
        suspended.step(1_000).await.unwrap();

        let order = append_broken_order(&deployment, "order/c-5/o-x").await;
        let log = &deployment.log;
        let key = "message/c-5/cmp_1";
        let message = append_raw_event(log, key, "message_delivered.1", "{}").await;
        project(&deployment, name).await.unwrap();
        assert_eq!(withheld(&deployment).await.len(), count, "{name}");
        for event in [order, message] {
            decide(&deployment, event, &[name], true).await;
        }
        suspended.step(1_000).await.unwrap();
        project(&deployment, name).await.unwrap();
        assert_eq!(withheld(&deployment).await, [], "{name}");
    }
}

#[tokio::test]
async fn an_event_that_still_cannot_be_folded_returns_to_the_quarantine() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let first = append_broken_order(&deployment, "order/c-5/o-x").await;
    record_day(&deployment.commands, 0).await;
    let second = append_broken_order(&deployment, "order/c-5/o-y").await;
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
    assert_eq!(
        of_customers().await,
        [second],
        "the fold continues up to the next broken event"
    );
    assert_eq!(order_count(&deployment, "c-5").await, 1);
    decide(&deployment, second, &["customers"], true).await;
    record_day(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(of_customers().await, []);
    assert_eq!(order_count(&deployment, "c-5").await, 2);
    assert_sound(&deployment).await;
}

/// Simulates an upgrade to a program that can fold an event that its predecessor could not.
#[tokio::test]
async fn a_retried_event_is_folded_by_a_program_that_can_fold_it() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let before = deployment.log.last(0).await.unwrap();
    record_day(&deployment.commands, 1).await;
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
    assert_eq!(order_count(&deployment, "c-5").await, 1);
    decide(&deployment, at, &["customers"], false).await;
    project_all(&deployment).await;
    assert_eq!(order_count(&deployment, "c-5").await, 2);
    assert_eq!(withheld(&deployment).await, []);
    assert_sound(&deployment).await;
}

#[tokio::test]
async fn campaign_stats_leave_an_event_out_until_it_is_retried() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_campaign(&deployment.commands, 1).await;
    let campaign = CampaignId::from(1);
    let key = format!("message/c-0/{campaign}");
    let at = append_raw_event(&deployment.log, &key, "message_delivered.1", "{}").await;
    project_all(&deployment).await;
    let figures = async || {
        let figures = deployment.store.campaign_stats(&[&campaign]).await.unwrap();
        let figures = figures[&campaign].clone();
        (figures.sent(), figures.delivered(), figures.audience())
    };
    assert_eq!(figures().await, (1, 0, 3), "the other messages count");
    let found = deployment.store.withheld_at(at).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| (&*one.view, one.is_left_out))
        .collect();
    let views = ["campaign_stats", "daily_figures", "messages"];
    assert_eq!(
        found,
        [(views[0], true), (views[1], true), (views[2], false)]
    );
    decide(&deployment, at, &views, false).await;
    project_all(&deployment).await;
    assert_eq!(
        withheld(&deployment).await.len(),
        3,
        "the event still cannot be read"
    );
    decide(&deployment, at, &views, true).await;
    project_all(&deployment).await;
    assert_eq!(withheld(&deployment).await, []);
    assert_eq!(figures().await, (1, 0, 3));
    assert_sound(&deployment).await;

    // Simulates an older program that left out a receipt which this one can read.
    let arrived = shop::receipt("v-1", None, minute(9));
    let receipt = (
        shop::message_id(1, "c-0"),
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

/// An unreadable key names no document that could be set aside, so every view notes the event and
/// continues.
#[tokio::test]
async fn an_event_with_an_unreadable_key_blocks_no_document() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_day(&deployment.commands, 0).await;
    let at = append_raw_event(&deployment.log, "refusals/2026-99-99", "refused.1", "{}").await;
    record_day(&deployment.commands, 1).await;
    project_all(&deployment).await;
    assert_eq!(total_spend(&deployment).await, super::spend_after(2));
    let noted = withheld(&deployment).await;
    assert!(
        noted.iter().all(|(position, _, document)| {
            *position == at && document == "refusals/2026-99-99"
        })
    );
    assert_eq!(
        noted.len(),
        VIEWS.len() - 1,
        "all views but the audit trail"
    );
    assert_sound(&deployment).await;
}

/// An update of an order that was never placed contradicts only the figures of its customer.
#[tokio::test]
async fn an_event_that_contradicts_a_document_sets_aside_only_that_document() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    deployment
        .commands
        .record_orders(&context(), vec![order("c-1", "o-1", 7)])
        .await
        .unwrap();
    let figures =
        r#"{"amount":5,"currency":"USD","placed_at":"2020-01-01T00:00:00Z","status":"placed"}"#;
    let update = format!(r#"{{"content":{figures},"previous":{figures}}}"#);
    let at = append_raw_event(&deployment.log, "order/c-1/o-x", "order_updated.1", &update).await;
    append_raw_event(&deployment.log, "order/c-1/o-y", "order_teleported.1", "{}").await;
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

#[tokio::test]
async fn the_decisions_about_a_view_are_found_within_an_index() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let epoch = deployment.log.epoch();
    for filter in [
        doc! {"view": "orders", "epoch": &*epoch, "partition": 0, "is_skip": true},
        doc! {"view": "orders", "epoch": &*epoch},
    ] {
        let find = doc! {"find": "quarantine_decisions", "filter": filter};
        let explain = doc! {"explain": find, "verbosity": "queryPlanner"};
        let explained = deployment.store.database().run_command(explain).await;
        let plan = explained.unwrap().to_string();
        assert!(plan.contains("IXSCAN"), "{plan}");
    }
}
