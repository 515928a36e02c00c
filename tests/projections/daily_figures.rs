//! Figures by day: the shop's current orders and activity, and what happened to messages.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::{
    Change, LogPosition, MessageCommand, OrderStatus, QuarantineCommand, QuarantineDecision,
    Suppression, Timestamp, ViewName,
};
use eventlog::Position;
use mongodb::bson::{DateTime, Document, doc};
use projections::daily_figures::DayFigures;
use projections::{QueryError, VIEWS, verify_documents};

use super::workers::Worker;
use super::{documents, project, rebuild_view, resume, status, view};
use crate::support::deployment::Deployment;
use crate::support::raw_events::append_raw_event;
use crate::support::shop::{
    activity, context, customer, email_content, message_id, minute, order, order_content, receipt,
    text,
};
use crate::support::wait::until;

const NAME: &str = "daily_figures";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(time: &str) -> Timestamp {
    Timestamp::try_from(time).unwrap()
}

/// Returns the figures of all days that have a document.
pub(super) async fn all_days(deployment: &Deployment) -> BTreeMap<NaiveDate, DayFigures> {
    let all = (date("1900-01-01"), date("9999-12-31"));
    let found = deployment.store.daily_figures(all.0, all.1).await.unwrap();
    assert!(!found.is_incomplete);
    found.days
}

/// Returns the days' orders and revenue, without days that have neither.
async fn orders_by_day(deployment: &Deployment) -> Vec<(String, i64, i64)> {
    let days = all_days(deployment).await.into_iter();
    let some = days.filter(|(_, figures)| (figures.orders, figures.revenue) != (0, 0));
    some.map(|(day, figures)| (day.to_string(), figures.orders, figures.revenue))
        .collect()
}

async fn record_order(
    deployment: &Deployment,
    id: &str,
    cents: i64,
    time: &str,
    status: OrderStatus,
) {
    let (customer, order_id) = id.split_once('/').unwrap();
    let mut item = order(customer, order_id, 0);
    item.content = order_content(cents, at(time), status);
    let commands = &deployment.commands;
    commands
        .record_orders(&context(), vec![item])
        .await
        .unwrap();
}

/// Asserts that the view agrees with the log, and that a rebuild gives the same documents.
async fn assert_sound(deployment: &Deployment) {
    let Deployment { store, log, .. } = deployment;
    let generation = status(deployment, NAME).await.generation;
    let report = verify_documents(store, log, view(NAME), generation)
        .await
        .unwrap();
    assert_eq!(report.differences, [""; 0]);
    assert_eq!(report.compared, report.documents);
    let before = documents(store, NAME, generation).await;
    let rebuilt = rebuild_view(deployment, NAME).await;
    assert!(before == documents(store, NAME, rebuilt.generation).await);
}

#[tokio::test]
async fn orders_count_as_they_are_now_on_the_day_they_were_placed() {
    use OrderStatus::{Cancelled, Placed, Refunded};
    let deployment = Deployment::fresh().await.prepared().await;
    let record = async |id, cents, time, status| {
        record_order(&deployment, id, cents, time, status).await;
        project(&deployment, NAME).await.unwrap();
        orders_by_day(&deployment).await
    };
    let day = |day: &str, orders, revenue| (day.to_owned(), orders, revenue);
    record("c-1/o-1", 100, "2026-03-01T10:00:00Z", Placed).await;
    record("c-2/o-1", 20, "2026-03-01T11:00:00Z", Placed).await;
    let two = record("c-3/o-1", 3, "2026-03-02T11:00:00Z", Placed).await;
    assert_eq!(two, [day("2026-03-01", 2, 120), day("2026-03-02", 1, 3)]);
    // Sent again, the order is unchanged.
    assert_eq!(
        record("c-2/o-1", 20, "2026-03-01T11:00:00Z", Placed).await,
        two
    );
    let refunded = record("c-1/o-1", 100, "2026-03-01T10:00:00Z", Refunded).await;
    assert_eq!(
        refunded,
        [day("2026-03-01", 1, 20), day("2026-03-02", 1, 3)]
    );
    let moved = record("c-2/o-1", 25, "2026-03-04T11:00:00Z", Placed).await;
    assert_eq!(moved, [day("2026-03-02", 1, 3), day("2026-03-04", 1, 25)]);
    let cancelled = record("c-2/o-1", 25, "2026-03-05T11:00:00Z", Cancelled).await;
    assert_eq!(cancelled, [day("2026-03-02", 1, 3)]);
    let back = record("c-1/o-1", 90, "2026-03-01T10:00:00Z", Placed).await;
    assert_eq!(back, [day("2026-03-01", 1, 90), day("2026-03-02", 1, 3)]);
    assert_sound(&deployment).await;

    let store = &deployment.store;
    let found = store
        .daily_figures(date("2026-03-02"), date("2026-03-03"))
        .await
        .unwrap();
    assert_eq!(
        found.days.len(),
        1,
        "both ends are included, and no other day"
    );
    let found = store
        .daily_figures(date("2026-03-01"), date("2026-03-02"))
        .await
        .unwrap();
    assert_eq!(found.days.len(), 2);
}

#[tokio::test]
async fn customers_count_once_and_days_follow_the_time_zone() {
    let mut deployment = Deployment::fresh().await.prepared().await;
    deployment.store = deployment.store.clone().in_zone(Tz::America__New_York);
    let commands = &deployment.commands;
    // Known from an order alone at first.
    record_order(
        &deployment,
        "c-1/o-1",
        5,
        "2026-02-01T04:59:00Z",
        OrderStatus::Placed,
    )
    .await;
    let registered = |id: &str, time: &str| {
        let mut item = customer(id, "Ada");
        item.changes.registered_at = Change::Set(at(time));
        item
    };
    let profiles = vec![
        registered("c-1", "2026-01-15T12:00:00Z"),
        registered("c-2", "2026-01-15T03:00:00Z"),
        registered("c-3", "2026-01-15T00:00:00Z"),
        // Recorded at 2026-01-01T00:00Z, which is an instant and no date.
        customer("c-4", "Bob"),
    ];
    commands
        .record_customers(&context(), profiles)
        .await
        .unwrap();
    let moved = vec![registered("c-1", "2026-01-20T12:00:00Z")];
    commands.record_customers(&context(), moved).await.unwrap();
    let visits = vec![
        activity("c-5", "e-1", "visit", at("2026-02-01T05:00:00Z")),
        activity("c-5", "e-2", "visit", at("2026-02-01T04:00:00Z")),
    ];
    commands
        .record_activities(&context(), visits)
        .await
        .unwrap();
    let earlier = vec![activity("c-5", "e-2", "click", at("2026-01-15T12:00:00Z"))];
    commands
        .record_activities(&context(), earlier)
        .await
        .unwrap();
    project(&deployment, NAME).await.unwrap();
    let days = all_days(&deployment).await;
    let shown = days.iter().map(|(day, figures)| {
        (
            day.to_string(),
            figures.customers,
            figures.orders,
            figures.activity,
        )
    });
    let expected = [
        ("2025-12-31", 1, 0, 0),
        ("2026-01-14", 1, 0, 0),
        ("2026-01-15", 2, 0, 1),
        ("2026-01-31", 0, 1, 0),
        ("2026-02-01", 0, 0, 1),
    ];
    let expected = expected.map(|(day, a, b, c)| (day.to_owned(), a, b, c));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    assert_sound(&deployment).await;
}

#[tokio::test]
async fn messages_count_when_something_happens_to_them() {
    let deployment = Deployment::fresh().await.prepared().await;
    let receipt = |arrived: bool, occurred_at| {
        let failure = Some("mailbox_full").filter(|_| !arrived);
        MessageCommand::RecordReceipt(receipt("v-1", failure, occurred_at))
    };
    let [sent, early, given_up, none] = ["c-1", "c-2", "c-3", "c-4"].map(|id| message_id(1, id));
    let queue = || MessageCommand::Queue(email_content("a@example.com"));
    let day = |day: i64| minute(day * 24 * 60 + 30);
    let steps = vec![
        (sent.clone(), queue()),
        (early.clone(), queue()),
        (given_up.clone(), queue()),
        (none, MessageCommand::Suppress(Suppression::NoAddress)),
        (sent.clone(), MessageCommand::RecordSent(text("v-1").into())),
        (given_up.clone(), MessageCommand::GiveUp(text("too often"))),
        (sent.clone(), receipt(false, day(1))),
        // A repetition, a correction, and an older receipt that comes late.
        (sent.clone(), receipt(false, day(1))),
        (sent.clone(), receipt(true, day(2))),
        (sent, receipt(false, day(1))),
        // A receipt before the acceptance is recorded, and the record of it.
        (early.clone(), receipt(true, day(3))),
        (early, MessageCommand::RecordSent(text("v-2").into())),
        (given_up, MessageCommand::Requeue),
    ];
    let commands = &deployment.commands;
    for (id, step) in steps {
        let done = commands
            .execute_on_messages(&context(), vec![(id, step)])
            .await;
        assert!(done.unwrap()[0].is_ok());
    }
    project(&deployment, NAME).await.unwrap();
    let days = all_days(&deployment).await;
    let shown = days.iter().map(|(day, figures)| {
        let DayFigures {
            sent,
            delivered,
            failed,
            suppressed,
            ..
        } = *figures;
        (day.to_string(), [sent, delivered, failed, suppressed])
    });
    let expected = [
        ("2026-01-01", [1, 0, 1, 1]),
        ("2026-01-02", [0, 0, 1, 0]),
        ("2026-01-03", [0, 1, 0, 0]),
        ("2026-01-04", [1, 1, 0, 0]),
    ];
    let expected = expected.map(|(day, figures)| (day.to_owned(), figures));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    assert_sound(&deployment).await;
}

/// A batch of one day is one document per partition, however many orders it has.
#[tokio::test]
async fn a_bulk_of_orders_of_one_day_is_one_document_per_partition() {
    let deployment = Deployment::with_partitions(2).await.prepared().await;
    let orders = (0..1_000).map(|n| order(&format!("c-{n}"), "o-1", 1));
    let commands = &deployment.commands;
    commands
        .record_orders(&context(), orders.collect())
        .await
        .unwrap();
    for partition in deployment.log.partitions() {
        let mut projector = resume(&deployment, view(NAME), 1, partition).await.unwrap();
        assert!(projector.step(10_000).await.unwrap() > 300);
    }
    let ids: Vec<String> = documents(&deployment.store, NAME, 1)
        .await
        .into_keys()
        .collect();
    assert_eq!(ids, ["2026-01-01/0", "2026-01-01/1"]);
    assert_eq!(
        orders_by_day(&deployment).await,
        [("2026-01-01".to_owned(), 1_000, 1_000)]
    );
}

async fn decide(deployment: &Deployment, event: Position, is_skip: bool) {
    let decision = QuarantineDecision {
        views: vec![ViewName::try_from(NAME).unwrap()],
        reason: text("a reason"),
    };
    let decision = match is_skip {
        true => QuarantineCommand::Skip(decision),
        false => QuarantineCommand::Retry(decision),
    };
    let event = LogPosition::new(event.partition, event.number);
    let (commands, context) = (&deployment.commands, context());
    let decided = commands.execute(&context, event, decision);
    decided.await.unwrap().unwrap();
    project(deployment, NAME).await.unwrap();
}

#[tokio::test]
async fn an_unreadable_event_makes_every_report_incomplete_until_it_is_skipped() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_order(
        &deployment,
        "c-1/o-1",
        5,
        "2026-03-01T10:00:00Z",
        OrderStatus::Placed,
    )
    .await;
    let broken = append_raw_event(&deployment.log, "order/c-1/o-2", "order_placed.1", "{}").await;
    record_order(
        &deployment,
        "c-1/o-3",
        7,
        "2026-03-01T10:00:00Z",
        OrderStatus::Placed,
    )
    .await;
    project(&deployment, NAME).await.unwrap();
    let store = &deployment.store;
    let is_incomplete = async |day: &str| {
        let found = store.daily_figures(date(day), date(day)).await.unwrap();
        found.is_incomplete
    };
    assert!(is_incomplete("2026-03-01").await && is_incomplete("2026-04-01").await);
    decide(&deployment, broken, false).await;
    assert!(is_incomplete("2026-03-01").await, "it still cannot be read");
    decide(&deployment, broken, true).await;
    assert!(!is_incomplete("2026-03-01").await);
    assert_eq!(
        orders_by_day(&deployment).await,
        [("2026-03-01".to_owned(), 2, 12)]
    );
    assert_sound(&deployment).await;
}

/// The event that moves an order is in the documents of both days, or in neither.
#[tokio::test]
async fn decisions_about_an_event_concern_both_days_that_it_touches() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let record = async |id, cents, time| {
        record_order(&deployment, id, cents, time, OrderStatus::Placed).await;
        deployment.log.last(0).await.unwrap()
    };
    let orders = async || {
        project(&deployment, NAME).await.unwrap();
        let days = deployment
            .store
            .daily_figures(date("2026-03-01"), date("2026-03-02"))
            .await;
        let days = days.unwrap().days;
        ["2026-03-01", "2026-03-02"].map(|day| days.get(&date(day)).map_or(0, |day| day.orders))
    };
    record("c-1/o-1", 5, "2026-03-01T10:00:00Z").await;
    record("c-1/o-2", 6, "2026-03-01T10:00:00Z").await;
    record("c-1/o-3", 7, "2026-03-02T10:00:00Z").await;
    project(&deployment, NAME).await.unwrap();
    // Simulates an older program that left the event out.
    let moved = record("c-1/o-2", 6, "2026-03-02T10:00:00Z").await;
    let note = doc! {
        "_id": format!("{NAME}_g1/{moved}"), "view": NAME, "generation": 1, "partition": 0,
        "number": moved.number as i64, "document": "unknown/0", "is_left_out": true,
        "reason": "the older program", "since": DateTime::now(),
    };
    let notes = deployment.store.database().collection("quarantine");
    notes.insert_one(note).await.unwrap();
    assert_eq!(orders().await, [2, 1]);
    decide(&deployment, moved, false).await;
    assert_eq!(orders().await, [1, 2]);
    assert_sound(&deployment).await;
    decide(&deployment, moved, true).await;
    assert_eq!(orders().await, [2, 1]);
    assert_sound(&deployment).await;
}

/// Simulates an upgrade of a deployment that has no such view.
#[tokio::test]
async fn an_existing_deployment_folds_the_view_from_its_log() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    record_order(
        &deployment,
        "c-1/o-1",
        5,
        "2026-03-01T10:00:00Z",
        OrderStatus::Placed,
    )
    .await;
    project(&deployment, "orders").await.unwrap();
    let store = &deployment.store;
    let pointers = store.database().collection::<Document>("generations");
    pointers.delete_one(doc! {"_id": NAME}).await.unwrap();
    store.collection(NAME, 1).drop().await.unwrap();
    let not_prepared = store
        .daily_figures(date("2026-03-01"), date("2026-03-01"))
        .await;
    assert!(
        matches!(not_prepared, Err(QueryError::NotBuilt(_))),
        "{not_prepared:?}"
    );
    store.generations().prepare().await.unwrap();
    let day = date("2026-03-01");
    let not_built = store.daily_figures(day, day).await.unwrap_err();
    assert!(matches!(not_built, QueryError::NotBuilt(_)), "{not_built}");
    let reached = status(&deployment, NAME).await;
    assert_eq!(
        (reached.generation, reached.building.map(|built| built.done)),
        (0, Some(0))
    );
    assert_eq!(store.unbuilt().await.unwrap(), [NAME]);
    let views = VIEWS
        .iter()
        .map(|view| view.name())
        .filter(|name| *name != NAME);
    for name in views {
        project(&deployment, name).await.unwrap();
    }
    let lag = store.unfolded(&deployment.log).await.unwrap();
    assert_eq!(lag, None, "a view that does not serve yet does not lag");

    let worker = Worker::start(&deployment, "w-1").await;
    until("the new view serves", async || {
        store.daily_figures(day, day).await.is_ok()
    })
    .await;
    worker.stop().await;
    assert_eq!(
        orders_by_day(&deployment).await,
        [("2026-03-01".to_owned(), 1, 5)]
    );
    assert_eq!(store.unbuilt().await.unwrap(), [""; 0]);
}
