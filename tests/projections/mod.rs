//! Black-box tests of the read side, on real engines.

mod access_steps;
mod audiences;
mod audit_law;
mod audit_pages;
mod buckets;
mod busy_hours;
mod campaign_steps;
mod campaigns;
mod crowd;
mod daily_figures;
mod days;
mod fold_law;
mod generations;
mod lag;
mod lookalikes;
mod messages;
mod mirrors;
mod missing_data;
mod model;
mod owners;
mod quarantine;
mod quarantine_law;
mod rebuild;
mod rebuild_failures;
mod recipients;
mod recipients_law;
mod rule_indexes;
mod rules_law;
mod spend_brackets;
mod store_facts;
mod verify;
mod waiting;
mod workers;
mod write_concern;

use std::collections::BTreeMap;

use commands::{Commands, user_id};
use domain::{
    AddressCommand, ApiKeyCommand, Channel, DeliveryAttempt, ImportCommand, ImportId, ImportedFile,
    KeyContent, KeySecret, MessageCommand, OrderStatus, Role, SegmentCommand, SegmentId,
    Suppression, UserCommand, UserIdentity, UserRole,
};
use eventlog::Partition;
use futures::TryStreamExt;
use mongodb::bson::{self, doc};
use projections::{
    AnyView, Mode, PageRequest, ProjectError, Projector, RebuildReport, Store, VIEWS, ViewStatus,
    rebuild, view_named,
};

use crate::support::deployment::Deployment;
use crate::support::shop::{
    self, activity, context, customer, email_content, minute, order, order_content, segment, text,
};

/// Raw BSON of documents, by id.
type Documents = BTreeMap<String, Vec<u8>>;

/// Returns all documents of one generation of a view.
async fn documents(store: &Store, view: &str, generation: i32) -> Documents {
    let cursor = store
        .collection(view, generation)
        .find(doc! {})
        .await
        .unwrap();
    let all: Vec<bson::RawDocumentBuf> = cursor.try_collect().await.unwrap();
    let by_id = |document: bson::RawDocumentBuf| {
        let id = document.get_str("_id").unwrap().to_owned();
        (id, document.into_bytes())
    };
    all.into_iter().map(by_id).collect()
}

fn view(name: &str) -> &'static dyn AnyView {
    view_named(name).unwrap()
}

/// Resumes a projector at its checkpoint, as a live worker does.
async fn resume(
    deployment: &Deployment,
    view: &'static dyn AnyView,
    generation: i32,
    partition: Partition,
) -> Result<Projector, ProjectError> {
    let Deployment { log, store, .. } = deployment;
    Projector::resume(store, log, view, generation, partition, Mode::Live).await
}

/// Folds all recorded events into the serving generation of a view. Stops at the first error.
async fn project(deployment: &Deployment, name: &str) -> Result<(), ProjectError> {
    let generation = deployment.store.generations().active(name).await.unwrap();
    for partition in deployment.log.partitions() {
        let mut projector = resume(deployment, view(name), generation, partition).await?;
        while projector.step(1_000).await? > 0 {}
    }
    Ok(())
}

/// Folds all recorded events into the serving generations of all views.
async fn project_all(deployment: &Deployment) {
    for view in VIEWS {
        project(deployment, view.name()).await.unwrap();
    }
}

async fn rebuild_view(deployment: &Deployment, name: &str) -> RebuildReport {
    let Deployment { log, store, .. } = deployment;
    rebuild(store, log, view(name), &|_| {}).await.unwrap()
}

async fn status(deployment: &Deployment, name: &str) -> ViewStatus {
    let all = deployment.store.status(&deployment.log).await.unwrap();
    all.into_iter().find(|status| status.name == name).unwrap()
}

/// Returns the stalled views, each with its reason.
async fn stopped(deployment: &Deployment) -> Vec<(&'static str, String)> {
    deployment.store.stopped().await.unwrap()
}

/// Records one day of a shop: an order of each of 20 customers, one of which is cancelled, profiles
/// and visits of five customers, a segment, a campaign with messages, a user, and an API key.
async fn record_day(commands: &Commands, day: i64) {
    let at = minute(day * 24 * 60);
    let orders = (0..20).map(|n| {
        let mut item = order(&format!("c-{n}"), &format!("o-{day}"), 100 + n);
        item.content = order_content(100 + n, at, OrderStatus::Placed);
        item
    });
    let mut orders: Vec<_> = orders.collect();
    commands
        .record_orders(&context(), orders.clone())
        .await
        .unwrap();
    let mut cancelled = orders.swap_remove((day % 20) as usize);
    cancelled.content.status = OrderStatus::Cancelled;
    commands
        .record_orders(&context(), vec![cancelled])
        .await
        .unwrap();
    let customers = (0..5).map(|n| customer(&format!("c-{n}"), &format!("Name {day}")));
    commands
        .record_customers(&context(), customers.collect())
        .await
        .unwrap();
    let visits = (0..5).map(|n| activity(&format!("c-{n}"), &format!("e-{day}"), "visit", at));
    commands
        .record_activities(&context(), visits.collect())
        .await
        .unwrap();
    let id = SegmentId::try_from(format!("seg_{day}")).unwrap();
    let content = segment(&format!("Day {day}"), "visits > 0 OR total_spend > 110");
    let created = commands
        .execute(&context(), id, SegmentCommand::Create(content))
        .await;
    created.unwrap().unwrap();
    record_campaign(commands, day as u128).await;
    record_access(commands, day as u128).await;
    record_import(commands, day as u128).await;
    record_suppression(commands, day).await;
}

/// Records an address that is put on the suppression list.
async fn record_suppression(commands: &Commands, day: i64) {
    let to = format!("day-{day}@example.com");
    let id = commands
        .address_key()
        .unwrap()
        .recipient(Channel::Email, &to);
    let suppress = AddressCommand::Suppress {
        channel: Channel::Email,
        to: text(&to),
    };
    let listed = commands.execute(&context(), id, suppress).await;
    listed.unwrap().unwrap();
}

/// Records a file that was uploaded.
async fn record_import(commands: &Commands, day: u128) {
    let file = ImportedFile {
        file_name: text("orders.csv"),
        bytes: 1_204,
        sha256: text(&"0".repeat(64)),
    };
    let uploaded = commands
        .execute(&context(), ImportId::from(day), ImportCommand::Upload(file))
        .await;
    uploaded.unwrap().unwrap();
}

/// Records a user who signs in and is given a role, and an API key that is created and used.
async fn record_access(commands: &Commands, day: u128) {
    let context = context();
    let identity = UserIdentity {
        issuer: text("https://accounts.example.com"),
        subject: text(&format!("jo-{day}")),
        email: "jo@example.com".to_owned().try_into().unwrap(),
        name: None,
    };
    let user = user_id(&identity);
    let signed_in = commands
        .sign_in(&context, identity, day.into(), UserRole::Viewer)
        .await;
    signed_in.unwrap().unwrap();
    let given = commands
        .execute(
            &context,
            user,
            UserCommand::GiveRole {
                role: UserRole::Marketer,
            },
        )
        .await;
    given.unwrap().unwrap();
    let secret = KeySecret::new(day, &[7; 32]);
    let content = KeyContent {
        name: text("The shop's server"),
        role: Role::Ingest,
        expires_at: None,
        client: None,
    };
    let created = commands.create_api_key(&context, &secret, content).await;
    created.unwrap().unwrap();
    let used = commands
        .execute(
            &context,
            secret.id().clone(),
            ApiKeyCommand::Use { at: context.now },
        )
        .await;
    used.unwrap().unwrap();
}

/// Records a campaign with a message that is sent, one whose first attempt fails, and one that is
/// suppressed.
async fn record_campaign(commands: &Commands, campaign: u128) {
    let content = shop::campaign(&format!("Campaign {campaign}"), "order_count > 0");
    let created = commands
        .create_campaign(&context(), campaign.into(), content)
        .await;
    created.unwrap().unwrap();
    let [sent, failed, none] = ["c-0", "c-1", "c-2"].map(|id| shop::message_id(campaign, id));
    let attempt = DeliveryAttempt {
        number: 1,
        problem: text("503"),
        retry_at: minute(5),
    };
    let events = vec![
        (
            sent.clone(),
            MessageCommand::Queue(email_content("a@example.com")),
        ),
        (
            failed.clone(),
            MessageCommand::Queue(email_content("b@example.com")),
        ),
        (none, MessageCommand::Suppress(Suppression::NoAddress)),
        (sent, MessageCommand::RecordSent(text("v-1").into())),
        (failed, MessageCommand::RecordAttempt(attempt)),
    ];
    let done = commands
        .execute_on_messages(&context(), events)
        .await
        .unwrap();
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}

/// Number of events that `record_day` records.
const EVENTS_PER_DAY: u64 = 44;

/// Returns what all customers have spent according to the view, in cents.
async fn total_spend(deployment: &Deployment) -> i64 {
    let all = PageRequest {
        limit: 10_000,
        cursor: None,
    };
    let page = deployment.store.customers(None, &all).await.unwrap();
    page.items
        .iter()
        .map(|(_, customer)| customer.total_spend)
        .sum()
}

/// Returns what customers have spent after the first `days` recorded days, in cents.
fn spend_after(days: i64) -> i64 {
    let day = |day: i64| (0..20).map(|n| 100 + n).sum::<i64>() - (100 + day % 20);
    (0..days).map(day).sum()
}
