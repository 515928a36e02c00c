//! Random customers with all their orders and activity, kept in memory to compare views with.

use std::collections::{BTreeMap, BTreeSet};

use commands::{ActivityRecord, CustomerRecord, OrderRecord};
use domain::{Change, CustomerChanges, OrderStatus, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::project_all;
use crate::support::deployment::Deployment;
use crate::support::property;
use crate::support::shop::{activity, context, minute, order, order_content, text};

const CITIES: [&str; 6] = ["Köln", "köln", "東京", "São Paulo", "Ålesund", "New York"];
const COUNTRIES: [&str; 3] = ["Germany", "日本", "Côte d'Ivoire"];
const TAGS: [&str; 4] = ["vip", "Größe 39", "😀", "b2b"];
const NAMES: [(&str, &str); 4] = [
    ("visit", "visit"),
    ("click", "click"),
    ("cart", "cart"),
    ("Visit", "visit"),
];

/// Profile, orders and activity of a customer.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) city: Option<&'static str>,
    pub(super) country: Option<&'static str>,
    pub(super) tags: BTreeSet<&'static str>,
    /// Amount in cents and time of each order that counts.
    pub(super) orders: Vec<(i64, Timestamp)>,
    pub(super) activities: Vec<(&'static str, Timestamp)>,
}

/// Random customers by id, and a deployment with their views.
pub(super) struct Crowd {
    pub(super) deployment: Deployment,
    pub(super) people: BTreeMap<String, Person>,
    /// Source of a test's other random choices, from the same seed.
    pub(super) random: StdRng,
}

/// Items to record.
#[derive(Default)]
struct Items {
    customers: Vec<CustomerRecord>,
    orders: Vec<OrderRecord>,
    activities: Vec<ActivityRecord>,
}

impl Person {
    pub(super) fn total_spend(&self) -> i64 {
        self.orders.iter().map(|(cents, _)| cents).sum()
    }

    /// Generates a customer. A third of them have no profile, a third of the orders do not count,
    /// and some customers have no orders or no activity.
    fn random(id: &str, random: &mut StdRng, items: &mut Items) -> Self {
        let mut person = Self::default();
        if random.random_ratio(2, 3) {
            person.city = CITIES.choose(random).copied();
            person.country = COUNTRIES.choose(random).copied();
            person.tags = TAGS
                .into_iter()
                .filter(|_| random.random_ratio(1, 3))
                .collect();
            items.customers.push(person.profile(id));
        }
        person.add_orders(id, random, items);
        person.add_activity(id, random, items);
        // A customer without any event would not be in the views.
        if items.orders.is_empty() && items.activities.is_empty() {
            items.customers.push(person.profile(id));
        }
        person
    }

    fn add_orders(&mut self, id: &str, random: &mut StdRng, items: &mut Items) {
        let scale = 10i64.pow(random.random_range(1..5));
        for number in 0..random.random_range(0..6) {
            let (cents, at) = (random.random_range(0..9) * scale, time(random));
            let status = match random.random_range(0..6) {
                0 => OrderStatus::Cancelled,
                1 => OrderStatus::Refunded,
                _ => OrderStatus::Placed,
            };
            let mut item = order(id, &format!("o-{number}"), 0);
            item.content = order_content(cents, at, status);
            items.orders.push(item);
            if status == OrderStatus::Placed {
                self.orders.push((cents, at));
            }
        }
    }

    fn add_activity(&mut self, id: &str, random: &mut StdRng, items: &mut Items) {
        for number in 0..random.random_range(0..9) {
            let ((sent, folded), at) = (*NAMES.choose(random).unwrap(), time(random));
            let item = activity(id, &format!("e-{number}"), sent, at);
            items.activities.push(item);
            self.activities.push((folded, at));
        }
    }

    fn profile(&self, id: &str) -> CustomerRecord {
        let tags = self.tags.iter().map(|tag| text(tag));
        let set = |value: Option<&str>| match value {
            Some(value) => Change::Set(text(value)),
            None => Change::Keep,
        };
        CustomerRecord {
            customer: id.try_into().unwrap(),
            changes: CustomerChanges {
                city: set(self.city),
                country: set(self.country),
                tags: Change::Set(tags.collect()),
                ..CustomerChanges::default()
            },
        }
    }
}

/// Returns a random minute of the 400 days before minute 0.
fn time(random: &mut StdRng) -> Timestamp {
    minute(-random.random_range(0..400 * 24 * 60))
}

impl Crowd {
    /// Records and folds `count` random customers. Prints the seed, with which a failing test can
    /// be repeated.
    pub(super) async fn random(count: usize) -> Self {
        let seed = property::seed();
        eprintln!("PROPTEST_RNG_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let deployment = Deployment::fresh().await.prepared().await;
        let mut people = BTreeMap::new();
        let mut all = Items::default();
        for number in 0..count {
            let id = format!("c-{number}");
            let mut items = Items::default();
            people.insert(id.clone(), Person::random(&id, &mut random, &mut items));
            all.customers.extend(items.customers);
            all.orders.extend(items.orders);
            all.activities.extend(items.activities);
        }
        all.record(&deployment).await;
        project_all(&deployment).await;
        Self {
            deployment,
            people,
            random,
        }
    }
}

impl Items {
    async fn record(self, deployment: &Deployment) {
        let (commands, context) = (&deployment.commands, context());
        commands
            .record_customers(&context, self.customers)
            .await
            .unwrap();
        commands.record_orders(&context, self.orders).await.unwrap();
        commands
            .record_activities(&context, self.activities)
            .await
            .unwrap();
    }
}
