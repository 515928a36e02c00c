//! Property: a view depends on its events alone, whether they are folded in batches of any size,
//! interrupted, repeated, by two projectors at once, or from zero.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use commands::{ActivityRecord, Commands, CustomerRecord, OrderRecord};
use domain::{
    Amount, AttributeChanges, Change, ConsentRecord, CustomerChanges, MessageCommand, MessageId,
    OrderStatus, SegmentCommand, Timestamp,
};
use eventlog::{Partition, Position};
use mongodb::bson::{Document, doc};
use projections::audit::AuditFilter;
use projections::daily_figures::DayFigures;
use projections::orders::OrderFilter;
use projections::{PageRequest, Projector, VIEWS};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::access_steps::{KeyStep, UserStep, key_steps, run_key_step, run_user_step, user_steps};
use super::campaign_steps::{
    CampaignStep, assert_campaigns, campaign_steps, message_steps, run_campaign_step,
};
use super::daily_figures::all_days;
use super::mirrors::{changed_orders, recorded_orders};
use super::model::{CustomerSummary, ShopModel};
use super::{documents, project_all, rebuild_view, resume};
use crate::support::deployment::Deployment;
use crate::support::property;
use crate::support::shop::{activity, context, minute, order, order_content, segment, text};

const PARTITIONS: u16 = 2;

#[derive(Debug, Clone)]
enum Step {
    Customers(Vec<CustomerRecord>),
    Orders(Vec<OrderRecord>),
    Activities(Vec<ActivityRecord>),
    /// Command on one of few segments, which may refuse it.
    Segment(u8, SegmentCommand),
    /// Command on one of few campaigns, which may refuse it.
    Campaign(u128, CampaignStep),
    /// Commands on few messages, which may refuse them.
    Messages(Vec<(MessageId, MessageCommand)>),
    /// Command on one of few users, which may refuse it.
    User((u8, i64, UserStep)),
    /// Command on one of few API keys, which may refuse it.
    Key((u128, i64, KeyStep)),
    /// Folds some events with one of two projectors.
    Fold(Slot, usize),
    /// Folds some events with both projectors at the same time.
    FoldBoth(Slot, usize, usize),
    /// Stops a projector, which resumes when it is next needed.
    Restart(Slot),
    /// Crashes a projector after it wrote this many events, before it moves its checkpoint.
    Crash(Slot, u64),
}

/// Index of a view, a partition, and which of two projectors.
type Slot = (usize, Partition, bool);

fn change<T: Clone + Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Change<T>> {
    prop_oneof![
        Just(Change::Keep),
        Just(Change::Clear),
        values.prop_map(Change::Set),
    ]
}

/// Generates changes to the profiles of this many customers, `c-0` and up.
pub(super) fn customers(count: u8) -> impl Strategy<Value = CustomerRecord> {
    let name = change((0..3u8).prop_map(|n| text(&format!("Name {n}"))));
    let tags = change(btree_set("[abc]".prop_map(|tag| text(&tag)), 0..3));
    let unsubscribed = change(any::<bool>());
    let consent = updates().prop_map(|at| ConsentRecord {
        at,
        ..ConsentRecord::default()
    });
    let unsubscribed = (unsubscribed, option::of(consent));
    let attributes = change(attributes());
    let all = (0..count, name, tags, unsubscribed, attributes, updates());
    all.prop_map(|(id, name, tags, consent, attributes, updated_at)| {
        let (unsubscribed, consent) = consent;
        let mut changes = CustomerChanges {
            tags,
            unsubscribed,
            consent,
            updated_at,
            ..CustomerChanges::default()
        };
        changes.profile.name = name;
        changes.profile.attributes = attributes;
        CustomerRecord {
            customer: format!("c-{id}").try_into().unwrap(),
            changes,
        }
    })
}

/// Generates changes of attributes, some of them objects.
fn attributes() -> impl Strategy<Value = AttributeChanges> {
    let attribute = select(vec![
        json!(null),
        json!("Rome"),
        json!({"city": "Rome"}),
        json!({"city": "Milan", "geo": {"lat": 45.5}}),
    ]);
    let keys = select(vec!["address", "home"]);
    let changes = btree_map(keys, attribute, 0..3);
    changes.prop_map(|changes| serde_json::from_value(json!(changes)).unwrap())
}

/// Generates orders of this many customers, `c-0` and up.
pub(super) fn orders(count: u8) -> impl Strategy<Value = OrderRecord> {
    let status = prop_oneof![
        3 => Just(OrderStatus::Placed),
        1 => Just(OrderStatus::Cancelled),
        1 => Just(OrderStatus::Refunded),
    ];
    // Few distinct values, so that orders are updated, moved and repeated, also within a day and
    // from one day to another.
    let all = (
        0..count,
        0..3u8,
        0..4i64,
        0..=3i64,
        times(),
        status,
        updates(),
    );
    all.prop_map(|(customer, id, cents, refunded, at, status, updated_at)| {
        let mut item = order(&format!("c-{customer}"), &format!("o-{id}"), 0);
        item.content = order_content(cents * 333, at, status);
        item.content.refunded_amount = Amount::try_from(cents * 111 * refunded).unwrap();
        item.content.updated_at = updated_at;
        item
    })
}

/// Generates activity of this many customers, `c-0` and up.
pub(super) fn activities(count: u8) -> impl Strategy<Value = ActivityRecord> {
    let names = prop_oneof![Just("visit"), Just("click")];
    let all = (0..count, 0..3u8, names, times(), updates());
    all.prop_map(|(customer, id, name, at, updated_at)| {
        let mut item = activity(&format!("c-{customer}"), &format!("e-{id}"), name, at);
        item.content.updated_at = updated_at;
        item
    })
}

/// Generates one of four times, of three days.
fn times() -> impl Strategy<Value = Timestamp> {
    (0..4i64).prop_map(|n| minute(n * 1_000))
}

/// Generates the time of a version: none, or one of few, so that versions arrive in any order.
fn updates() -> impl Strategy<Value = Option<Timestamp>> {
    let times = (0..5i64).prop_map(|n| Some(minute(n)));
    prop_oneof![2 => Just(None), 3 => times]
}

fn segment_commands() -> impl Strategy<Value = SegmentCommand> {
    let content = || (0..2u8).prop_map(|n| segment(&format!("Name {n}"), "visits > 3"));
    let holder = || "cmp_[12]".prop_map(|id| id.try_into().unwrap());
    prop_oneof![
        2 => content().prop_map(SegmentCommand::Create),
        2 => content().prop_map(SegmentCommand::Update),
        1 => Just(SegmentCommand::Archive),
        1 => holder().prop_map(SegmentCommand::Hold),
        1 => holder().prop_map(SegmentCommand::Release),
    ]
}

async fn run_segment_command(commands: &Commands, id: u8, command: SegmentCommand) {
    let (context, id) = (context(), format!("seg_{id}").try_into().unwrap());
    let done = match command {
        SegmentCommand::Create(content) => {
            commands
                .execute(&context, id, SegmentCommand::Create(content))
                .await
        }
        SegmentCommand::Update(content) => {
            commands
                .execute(&context, id, SegmentCommand::Update(content))
                .await
        }
        SegmentCommand::Archive => commands.archive_segment(&context, id).await,
        SegmentCommand::Hold(holder) => {
            commands
                .execute(&context, id, SegmentCommand::Hold(holder))
                .await
        }
        SegmentCommand::Release(holder) => {
            commands
                .execute(&context, id, SegmentCommand::Release(holder))
                .await
        }
    };
    // A refused command records no event, so there is nothing to fold.
    let _ = done.unwrap();
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let slot = || (0..VIEWS.len(), 0..PARTITIONS, any::<bool>());
    let step = prop_oneof![
        2 => vec(customers(4), 1..5).prop_map(Step::Customers),
        4 => vec(orders(4), 1..10).prop_map(Step::Orders),
        2 => vec(activities(4), 1..8).prop_map(Step::Activities),
        4 => (0..3u8, segment_commands()).prop_map(|(id, command)| Step::Segment(id, command)),
        4 => campaign_steps().prop_map(|(id, step)| Step::Campaign(id, step)),
        4 => vec(message_steps(), 1..12).prop_map(Step::Messages),
        4 => user_steps().prop_map(Step::User),
        3 => key_steps().prop_map(Step::Key),
        6 => (slot(), 1..9usize).prop_map(|(slot, count)| Step::Fold(slot, count)),
        3 => (slot(), 1..9usize, 1..9usize).prop_map(|(slot, a, b)| Step::FoldBoth(slot, a, b)),
        2 => slot().prop_map(Step::Restart),
        2 => (slot(), 1..9u64).prop_map(|(slot, events)| Step::Crash(slot, events)),
    ];
    vec(step, 1..50)
}

#[test]
fn an_incremental_view_equals_the_view_folded_from_zero() {
    property::check(12, steps(), async |steps| {
        let deployment = Deployment::with_partitions(PARTITIONS)
            .await
            .prepared()
            .await;
        let mut run = Run {
            deployment: &deployment,
            projectors: BTreeMap::new(),
        };
        let mut shop = ShopModel::default();
        for step in steps {
            run.apply(step, &mut shop).await;
        }
        project_all(&deployment).await;
        assert_shop(&deployment, &shop).await;
        assert_lists(&deployment, &shop).await;
        assert_days(&deployment, &shop).await;
        assert_campaigns(&deployment).await;
        for view in VIEWS {
            let incremental = documents(&deployment.store, view.name(), 1).await;
            let report = rebuild_view(&deployment, view.name()).await;
            let from_zero = documents(&deployment.store, view.name(), report.generation).await;
            assert!(incremental == from_zero, "{}: {incremental:?}", view.name());
        }
        deployment.store.database().drop().await.unwrap();
    });
}

/// Deployment of one run, and the projectors that are running.
struct Run<'a> {
    deployment: &'a Deployment,
    projectors: BTreeMap<Slot, Projector>,
}

impl Run<'_> {
    async fn apply(&mut self, step: Step, shop: &mut ShopModel) {
        let commands = &self.deployment.commands;
        match step {
            Step::Customers(items) => {
                items.iter().for_each(|item| shop.record_customer(item));
                commands.record_customers(&context(), items).await.unwrap();
            }
            Step::Orders(items) => {
                items.iter().for_each(|item| shop.record_order(item));
                commands.record_orders(&context(), items).await.unwrap();
            }
            Step::Activities(items) => {
                items.iter().for_each(|item| shop.record_activity(item));
                commands.record_activities(&context(), items).await.unwrap();
            }
            Step::Segment(id, command) => run_segment_command(commands, id, command).await,
            Step::Campaign(id, step) => run_campaign_step(commands, id, step).await,
            Step::Messages(steps) => {
                // A refused command records no event, so there is nothing to fold.
                commands
                    .execute_on_messages(&context(), steps)
                    .await
                    .unwrap();
            }
            Step::User(step) => run_user_step(commands, step).await,
            Step::Key(step) => run_key_step(commands, step).await,
            Step::Fold(slot, count) => {
                let mut projector = self.take_projector(slot).await;
                projector.step(count).await.unwrap();
                self.projectors.insert(slot, projector);
            }
            Step::FoldBoth((view, partition, _), count_a, count_b) => {
                let (a, b) = ((view, partition, false), (view, partition, true));
                let (mut left, mut right) =
                    (self.take_projector(a).await, self.take_projector(b).await);
                let both = tokio::join!(left.step(count_a), right.step(count_b));
                both.0.and(both.1).unwrap();
                self.projectors.extend([(a, left), (b, right)]);
            }
            Step::Restart(slot) => drop(self.projectors.remove(&slot)),
            Step::Crash(slot, events) => self.crash(slot, events).await,
        }
    }

    /// Removes a projector from those that are running, or resumes it if it is not among them.
    async fn take_projector(&mut self, slot: Slot) -> Projector {
        match self.projectors.remove(&slot) {
            Some(projector) => projector,
            None => resume(self.deployment, VIEWS[slot.0], 1, slot.1)
                .await
                .unwrap(),
        }
    }

    /// Stops a projector and moves its checkpoint back by `events`, as if a crash had kept the
    /// checkpoint from moving.
    async fn crash(&mut self, slot: Slot, events: u64) {
        let (view, partition, _) = slot;
        self.projectors.remove(&slot);
        let store = &self.deployment.store;
        let checkpoints = store.database().collection::<Document>("checkpoints");
        let id = doc! {"_id": format!("{}_g1/{partition}", VIEWS[view].name())};
        let Some(checkpoint) = checkpoints.find_one(id.clone()).await.unwrap() else {
            return;
        };
        let number = checkpoint
            .get_i64("number")
            .unwrap()
            .saturating_sub_unsigned(events);
        if number <= 0 {
            checkpoints.delete_one(id).await.unwrap();
            return;
        }
        let at = Position {
            partition,
            number: number as u64,
        };
        let entry = self
            .deployment
            .log
            .entries(&[at])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        // With the fingerprint of another event, the log would seem to have been rolled back.
        let back = doc! {"$set": {"number": number, "fingerprint": entry.fingerprint()}};
        checkpoints.update_one(id, back).await.unwrap();
    }
}

/// Asserts that the figures by day are those of the shop's current state, and that every message
/// that was sent or suppressed counts once.
async fn assert_days(deployment: &Deployment, shop: &ShopModel) {
    let figures = all_days(deployment).await;
    let mut of_shop = figures.clone();
    for figures in of_shop.values_mut() {
        let none = DayFigures::default();
        let DayFigures {
            sent,
            delivered,
            failed,
            suppressed,
            ..
        } = none;
        *figures = DayFigures {
            sent,
            delivered,
            failed,
            suppressed,
            ..*figures
        };
    }
    of_shop.retain(|_, figures| *figures != DayFigures::default());
    assert_eq!(of_shop, shop.days());

    let total = figures
        .values()
        .try_fold(DayFigures::default(), |sum, day| sum.plus(day));
    let total = total.unwrap();
    let messages = deployment.store.collection("messages", 1);
    let count = async |statuses: &[&str]| {
        let filter = doc! {"status": {"$in": statuses}};
        messages.count_documents(filter).await.unwrap() as i64
    };
    let accepted = ["sent", "delivered", "failed", "bounced", "unconfirmed"];
    assert_eq!(total.sent, count(&accepted).await);
    assert!(total.suppressed >= count(&["suppressed"]).await);
    assert!(total.delivered >= count(&["delivered"]).await);
    let failed = ["failed", "bounced", "rejected", "undeliverable"];
    assert!(total.failed >= count(&failed).await);
}

/// Asserts that the list of orders as recorded has each order once, and the list of changes each
/// at least once, and that both agree after a rebuild.
async fn assert_lists(deployment: &Deployment, shop: &ShopModel) {
    let of_customer = |(id, customer): (&String, &super::model::Customer)| {
        let orders: Vec<_> = customer.orders.keys().cloned().collect();
        orders
            .into_iter()
            .map(|order| (id.clone(), order))
            .collect::<Vec<_>>()
    };
    let expected: BTreeSet<_> = shop.customers.iter().flat_map(of_customer).collect();
    let recorded = recorded_orders(deployment, 3).await;
    assert_eq!(recorded.len(), expected.len());
    assert_eq!(recorded.iter().cloned().collect::<BTreeSet<_>>(), expected);
    let changed = changed_orders(deployment, 3).await;
    assert_eq!(changed.len(), expected.len(), "nothing changes meanwhile");
    assert_eq!(changed.iter().cloned().collect::<BTreeSet<_>>(), expected);
}

async fn assert_shop(deployment: &Deployment, shop: &ShopModel) {
    let all = PageRequest {
        limit: 1_000,
        cursor: None,
    };
    let store = &deployment.store;
    let found = store.customers(None, &all).await.unwrap().items;
    assert_eq!(found.len(), shop.customers.len());
    for (id, document) in found {
        let customer = &shop.customers[&id];
        assert_eq!(CustomerSummary::from(document), customer.summary(), "{id}");
        let of_customer = OrderFilter {
            customer: Some(id.clone()),
            order: None,
        };
        let orders = store.orders(&of_customer, &all).await.unwrap().items;
        assert_eq!(orders.len(), customer.orders.len());
        for order in orders {
            let content = &customer.orders[&order.order_id];
            let found = (
                order.amount,
                order.refunded_amount,
                order.placed_at.timestamp_millis(),
                &*order.status,
            );
            let (amount, refunded) = (content.amount.minor(), content.refunded_amount.minor());
            let (at, status) = (content.placed_at.millis(), content.status.as_str());
            assert_eq!(found, (amount, refunded, at, status));
        }
    }
    let ends = deployment.log.ends().await.unwrap();
    let events: u64 = ends.iter().map(|end| end.number).sum();
    let everything = AuditFilter::default();
    let trail = store.audit(&deployment.log, &everything, &all).await;
    let shown = trail.unwrap().items.len() as u64;
    assert_eq!(shown, events.min(all.limit as u64));
}
