//! Property: a launch fixes its recipients. However customers change afterwards, however far the
//! views are, and wherever reading is interrupted, the recipients are the customers that match in
//! the state that the log up to the launch makes.

use std::collections::BTreeMap;

use commands::{ActivityRecord, Commands, CustomerRecord, OrderRecord};
use domain::{CustomerId, Launch, MessageCommand, MessageId, Template};
use eventlog::{Log, Partition, Position, Positions};
use projections::customers::{CustomerDocument, Customers};
use projections::recipients::{PastCustomer, Recipients, customer_at};
use projections::{EntryReader, ProjectError, View};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::campaign_steps::message_steps;
use super::fold_law::{activities, customers, orders};
use super::{project, project_all, rebuild_view, resume, view};
use crate::support::deployment::Deployment;
use crate::support::property;
use crate::support::shop::{context, minute, text};

const PARTITIONS: u16 = 3;

const CUSTOMERS: u8 = 12;

const RULES: &[&str] = &[
    "total_spend > 500",
    "visits < 2",
    "visits > 0 AND NOT (order_count > 1)",
    "order_count > 0 AND last_order_at >= 2026-01-01T00:02:00Z",
    "name = \"Name 1\" OR tags contains a",
    "unsubscribed = false",
    "average_order_value null",
    "days_since_last_order < 1",
    "attributes.address.city = Rome",
    "attributes.home notNull AND attributes.home.geo.lat null",
    "events.click.count > 1",
];

/// Commands on customers and messages.
#[derive(Debug, Clone)]
enum Recording {
    Customers(Vec<CustomerRecord>),
    Orders(Vec<OrderRecord>),
    Activities(Vec<ActivityRecord>),
    Messages(Vec<(MessageId, MessageCommand)>),
}

/// Step that is interleaved with reading the recipients.
#[derive(Debug, Clone)]
enum Step {
    Record(Recording),
    /// Folds some events into a view.
    Fold(&'static str, Partition, usize),
    Rebuild(&'static str),
    /// Reads one more batch.
    Read,
    /// Crashes the reader; another one starts from the beginning.
    Crash,
}

fn recordings() -> impl Strategy<Value = Recording> {
    prop_oneof![
        vec(customers(CUSTOMERS), 1..8).prop_map(Recording::Customers),
        vec(orders(CUSTOMERS), 1..8).prop_map(Recording::Orders),
        vec(activities(CUSTOMERS), 1..8).prop_map(Recording::Activities),
        vec(message_steps(), 1..8).prop_map(Recording::Messages),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let views = || select(vec!["customers", "audit"]);
    prop_oneof![
        6 => recordings().prop_map(Step::Record),
        6 => (views(), 0..PARTITIONS, 1..9usize)
            .prop_map(|(view, partition, count)| Step::Fold(view, partition, count)),
        1 => views().prop_map(Step::Rebuild),
        8 => Just(Step::Read),
        2 => Just(Step::Crash),
    ]
}

#[test]
fn recipients_are_fixed_by_the_launch() {
    let before = vec(recordings(), 1..12);
    let inputs = (before, select(RULES), 1..5usize, vec(steps(), 0..30));
    property::check(24, inputs, async |(before, rules, batch, steps)| {
        let deployment = Deployment::with_partitions(PARTITIONS)
            .await
            .prepared()
            .await;
        for recording in before {
            record(&deployment.commands, recording).await;
        }
        let launch = launch(&deployment, rules).await;
        let (all, expected) = customers_at_launch(&deployment.log, &launch).await;
        for view in ["customers", "audit"] {
            project(&deployment, view).await.unwrap();
        }
        let mut reading = Reading::of(&deployment, &launch, batch).await;
        for step in steps {
            reading.apply(step).await;
        }
        while reading.read_batch().await {}
        assert_eq!(reading.found, expected);
        project_all(&deployment).await;
        reading.restart().await;
        while reading.read_batch().await {}
        assert_eq!(reading.found, expected);
        assert_customers(&deployment, &launch, &all).await;
        deployment.store.database().drop().await.unwrap();
    });
}

async fn record(commands: &Commands, recording: Recording) {
    let context = context();
    match recording {
        Recording::Customers(items) => {
            commands.record_customers(&context, items).await.unwrap();
        }
        Recording::Orders(items) => {
            commands.record_orders(&context, items).await.unwrap();
        }
        Recording::Activities(items) => {
            commands.record_activities(&context, items).await.unwrap();
        }
        Recording::Messages(items) => {
            commands.execute_on_messages(&context, items).await.unwrap();
        }
    }
}

pub(super) async fn launch(deployment: &Deployment, rules: &str) -> Launch {
    let ends: Positions = deployment.log.ends().await.unwrap().into_iter().collect();
    Launch {
        rules: rules.parse().unwrap(),
        template: Template::try_from("Hi".to_owned()).unwrap().identity(),
        positions: text(&ends.to_string()),
        clock: minute(3),
        key: None,
    }
}

type CustomersById = BTreeMap<CustomerId, CustomerDocument>;

/// Folds all customers from the log up to the launch. Returns all of them, and those that match.
async fn customers_at_launch(log: &Log, launch: &Launch) -> (CustomersById, CustomersById) {
    let positions: Positions = launch.positions.as_str().parse().unwrap();
    let mut all = CustomersById::new();
    for end in positions.iter() {
        let start = Position { number: 0, ..end };
        let mut reader = EntryReader::default();
        for entry in log.read(start, end.number as usize).await.unwrap() {
            let event = reader.read(entry).unwrap();
            if Customers::document_of(&event.subject, event.position).is_some() {
                let customer = event.subject.customer().unwrap().clone();
                let folded = Customers::fold(all.remove(&customer), &event);
                all.insert(customer, folded.unwrap());
            }
        }
    }
    let rules = launch.rules.at(launch.clock);
    let matching = all
        .iter()
        .filter(|(_, customer)| rules.matches(&customer.facts()));
    let matching = matching
        .map(|(id, customer)| (id.clone(), customer.clone()))
        .collect();
    (all, matching)
}

/// Reader of a launch's recipients, and what it has found since it last started.
struct Reading<'a> {
    deployment: &'a Deployment,
    launch: &'a Launch,
    batch: usize,
    recipients: Recipients,
    found: CustomersById,
}

impl<'a> Reading<'a> {
    async fn of(deployment: &'a Deployment, launch: &'a Launch, batch: usize) -> Self {
        let Deployment { store, log, .. } = deployment;
        let recipients = Recipients::of(store, log, launch).await.unwrap();
        Self {
            deployment,
            launch,
            batch,
            recipients: recipients.in_batches_of(batch),
            found: CustomersById::new(),
        }
    }

    /// Starts from the beginning, as a worker does after a crash.
    async fn restart(&mut self) {
        let Deployment { store, log, .. } = self.deployment;
        let recipients = Recipients::of(store, log, self.launch).await.unwrap();
        self.recipients = recipients.in_batches_of(self.batch);
        self.found.clear();
    }

    /// Reads a batch. Returns `false` if there are no more.
    async fn read_batch(&mut self) -> bool {
        let batch = loop {
            match self.recipients.next().await {
                Ok(batch) => break batch,
                // The view was rebuilt twice, which dropped the generation that was read.
                Err(ProjectError::CollectionGone(_)) => self.restart().await,
                Err(error) => panic!("{error}"),
            }
        };
        let Some(batch) = batch else {
            return false;
        };
        assert!(!batch.is_empty() && batch.len() <= self.batch);
        for recipient in batch {
            let before = self.found.insert(recipient.customer, recipient.document);
            assert_eq!(before, None, "a recipient is read twice");
        }
        true
    }

    async fn apply(&mut self, step: Step) {
        match step {
            Step::Record(recording) => record(&self.deployment.commands, recording).await,
            Step::Fold(name, partition, count) => {
                let generations = self.deployment.store.generations();
                let generation = generations.active(name).await.unwrap();
                let projector = resume(self.deployment, view(name), generation, partition).await;
                projector.unwrap().step(count).await.unwrap();
            }
            Step::Rebuild(name) => {
                rebuild_view(self.deployment, name).await;
            }
            Step::Read => {
                self.read_batch().await;
            }
            Step::Crash => self.restart().await,
        }
    }
}

async fn assert_customers(deployment: &Deployment, launch: &Launch, all: &CustomersById) {
    let positions: Positions = launch.positions.as_str().parse().unwrap();
    let Deployment { store, log, .. } = deployment;
    for n in 0..CUSTOMERS {
        let customer: CustomerId = format!("c-{n}").try_into().unwrap();
        let found = customer_at(store, log, &customer, &positions).await;
        let known = all.get(&customer).cloned();
        let expected = known.map_or(PastCustomer::Unknown, |document| {
            PastCustomer::Known(Box::new(document))
        });
        assert_eq!(found.unwrap(), expected, "{customer}");
    }
}
