//! Whom a launch means is fixed with it: however customers change afterwards, however far the views
//! are, and wherever the reading is interrupted, they are those whom the log up to the launch makes
//! match.

use std::collections::BTreeMap;

use commands::{ActivityItem, Commands, CustomerItem, OrderItem};
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
use super::{project, project_all, rebuilt, resume, view};
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
];

/// What customers do.
#[derive(Debug, Clone)]
enum Happening {
    Customers(Vec<CustomerItem>),
    Orders(Vec<OrderItem>),
    Activities(Vec<ActivityItem>),
    Messages(Vec<(MessageId, MessageCommand)>),
}

/// What happens while somebody reads who is meant.
#[derive(Debug, Clone)]
enum Meanwhile {
    Happens(Happening),
    /// A view folds some events.
    Folds(&'static str, Partition, usize),
    Rebuilt(&'static str),
    /// One more batch is read.
    Read,
    /// The reader dies. Another begins anew.
    Dies,
}

fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        vec(customers(CUSTOMERS), 1..8).prop_map(Happening::Customers),
        vec(orders(CUSTOMERS), 1..8).prop_map(Happening::Orders),
        vec(activities(CUSTOMERS), 1..8).prop_map(Happening::Activities),
        vec(message_steps(), 1..8).prop_map(Happening::Messages),
    ]
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    let views = || select(vec!["customers", "audit"]);
    prop_oneof![
        6 => happenings().prop_map(Meanwhile::Happens),
        6 => (views(), 0..PARTITIONS, 1..9usize)
            .prop_map(|(view, partition, count)| Meanwhile::Folds(view, partition, count)),
        1 => views().prop_map(Meanwhile::Rebuilt),
        8 => Just(Meanwhile::Read),
        2 => Just(Meanwhile::Dies),
    ]
}

#[test]
fn whom_a_launch_means_is_fixed_with_it() {
    let before = vec(happenings(), 1..12);
    let inputs = (before, select(RULES), 1..5usize, vec(meanwhile(), 0..30));
    property::check(24, inputs, async |(before, rules, batch, meanwhile)| {
        let deployment = Deployment::with_partitions(PARTITIONS)
            .await
            .prepared()
            .await;
        for happening in before {
            happen(&deployment.commands, happening).await;
        }
        let launch = launch(&deployment, rules).await;
        let (all, meant) = at_launch(&deployment.log, &launch).await;
        for view in ["customers", "audit"] {
            project(&deployment, view).await.unwrap();
        }
        let mut reading = Reading::of(&deployment, &launch, batch).await;
        for step in meanwhile {
            reading.take(step).await;
        }
        while reading.read().await {}
        assert_eq!(reading.found, meant);
        project_all(&deployment).await;
        reading.begin().await;
        while reading.read().await {}
        assert_eq!(reading.found, meant);
        assert_customers(&deployment, &launch, &all).await;
        deployment.store.database().drop().await.unwrap();
    });
}

async fn happen(commands: &Commands, happening: Happening) {
    let context = context();
    match happening {
        Happening::Customers(items) => {
            commands.record_customers(&context, items).await.unwrap();
        }
        Happening::Orders(items) => {
            commands.record_orders(&context, items).await.unwrap();
        }
        Happening::Activities(items) => {
            commands.record_activities(&context, items).await.unwrap();
        }
        Happening::Messages(items) => {
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

type Known = BTreeMap<CustomerId, CustomerDocument>;

/// All customers as the log up to the launch makes them, and those among them who match.
async fn at_launch(log: &Log, launch: &Launch) -> (Known, Known) {
    let positions: Positions = launch.positions.as_str().parse().unwrap();
    let mut all = Known::new();
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
    let matching = all.iter().filter(|(_, who)| rules.matches(&who.facts()));
    let matching = matching
        .map(|(id, who)| (id.clone(), who.clone()))
        .collect();
    (all, matching)
}

struct Reading<'a> {
    deployment: &'a Deployment,
    launch: &'a Launch,
    batch: usize,
    recipients: Recipients,
    found: Known,
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
            found: Known::new(),
        }
    }

    async fn begin(&mut self) {
        let Deployment { store, log, .. } = self.deployment;
        let recipients = Recipients::of(store, log, self.launch).await.unwrap();
        self.recipients = recipients.in_batches_of(self.batch);
        self.found.clear();
    }

    /// Reads a batch. Returns whether there was one.
    async fn read(&mut self) -> bool {
        let batch = loop {
            match self.recipients.next().await {
                Ok(batch) => break batch,
                // Rebuilt twice.
                Err(ProjectError::CollectionGone(_)) => self.begin().await,
                Err(error) => panic!("{error}"),
            }
        };
        let Some(batch) = batch else {
            return false;
        };
        assert!(!batch.is_empty() && batch.len() <= self.batch);
        for recipient in batch {
            let before = self.found.insert(recipient.customer, recipient.document);
            assert_eq!(before, None, "everybody is read once");
        }
        true
    }

    async fn take(&mut self, step: Meanwhile) {
        match step {
            Meanwhile::Happens(happening) => happen(&self.deployment.commands, happening).await,
            Meanwhile::Folds(name, partition, count) => {
                let generations = self.deployment.store.generations();
                let generation = generations.active(name).await.unwrap();
                let projector = resume(self.deployment, view(name), generation, partition).await;
                projector.unwrap().step(count).await.unwrap();
            }
            Meanwhile::Rebuilt(name) => {
                rebuilt(self.deployment, name).await;
            }
            Meanwhile::Read => {
                self.read().await;
            }
            Meanwhile::Dies => self.begin().await,
        }
    }
}

async fn assert_customers(deployment: &Deployment, launch: &Launch, all: &Known) {
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
