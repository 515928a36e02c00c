//! Load: customers who are merged, and orders that move, while more is sent under the old ids.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};

use super::PeopleDeployment;
use super::check::Tally;
use super::loads::{Expected, Load};
use crate::support::client::Client;
use crate::support::wait::eventually_within;

/// Number of concurrent clients, each with customers of its own.
pub(super) const CLIENTS: usize = 2;

/// Customers of each client. Their ids are spread over the partitions.
const CUSTOMERS: usize = 40;

/// Customers of each client who are left when all others are merged.
const LEFT: usize = 8;

/// Beginning of the ids of these customers.
pub(super) const PREFIX: &str = "m-";

/// Longest pause of a client between two requests, in milliseconds.
const MAX_PAUSE_MS: u64 = 150;

/// Time limit for copying everything on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Day on which all orders are placed.
const DAY: &str = "2026-03-01";

/// Customers of one client, with their orders and visits.
#[derive(Default)]
pub(super) struct Merged {
    /// Customer into whom each merged one was merged.
    into: BTreeMap<String, String>,
    /// Customer under whom each order is sent, and the amount.
    orders: BTreeMap<String, (String, i64)>,
    /// Number of visits sent under each customer.
    visits: BTreeMap<String, usize>,
    customers: Vec<String>,
}

impl Merged {
    pub(super) fn merge(&mut self, other: Self) {
        self.into.extend(other.into);
        self.orders.extend(other.orders);
        self.visits.extend(other.visits);
        self.customers.extend(other.customers);
    }

    /// Returns the customer who has everything that is sent under this id.
    fn owner<'a>(&'a self, id: &'a str) -> &'a str {
        let mut at = id;
        while let Some(next) = self.into.get(at) {
            at = next;
        }
        at
    }

    fn unmerged(&self, random: &mut StdRng) -> String {
        let living = self.customers.iter();
        let living = living.filter(|id| !self.into.contains_key(*id));
        living.choose(random).unwrap().clone()
    }
}

/// Records customers, and changes them until the load is stopped.
pub(super) async fn change_until_stopped(
    load: Load,
    client: usize,
    mut random: StdRng,
) -> Expected {
    let mut all = Merged {
        customers: (0..CUSTOMERS)
            .map(|number| format!("{PREFIX}{client}-{number}"))
            .collect(),
        ..Merged::default()
    };
    let items = all
        .customers
        .iter()
        .map(|id| json!({"customer_id": id, "name": id}));
    post(&load, "/api/data/customers", items.collect()).await;
    while load.pause(&mut random, MAX_PAUSE_MS).await {
        match random.random_range(0..10) {
            0..3 => place(&load, &mut all, client, &mut random).await,
            3..6 => correct(&load, &mut all, &mut random).await,
            6 => visit(&load, &mut all, client, &mut random).await,
            7 => move_one(&load, &mut all, &mut random).await,
            _ => merge(&load, &mut all, &mut random).await,
        }
    }
    Expected {
        merged: all,
        ..Expected::default()
    }
}

/// Sends a new order of any customer, merged or not.
async fn place(load: &Load, all: &mut Merged, client: usize, random: &mut StdRng) {
    let customer = all.customers.iter().choose(random).unwrap().clone();
    let id = format!("o-{client}-{}", all.orders.len());
    let cents = random.random_range(1..10_000);
    send_order(load, &customer, &id, cents, None).await;
    all.orders.insert(id, (customer, cents));
}

/// Sends an order again with another amount, under the id under which it was sent before.
async fn correct(load: &Load, all: &mut Merged, random: &mut StdRng) {
    let Some((id, (customer, cents))) = all.orders.iter_mut().choose(random) else {
        return;
    };
    *cents = random.random_range(1..10_000);
    send_order(load, customer, id, *cents, None).await;
}

async fn visit(load: &Load, all: &mut Merged, client: usize, random: &mut StdRng) {
    let customer = all.customers.iter().choose(random).unwrap().clone();
    let number: usize = all.visits.values().sum();
    let event = json!({"event_id": format!("e-{client}-{number}"), "customer_id": customer,
        "name": "visit", "occurred_at": at()});
    post(load, "/api/data/events", vec![event]).await;
    *all.visits.entry(customer).or_default() += 1;
}

/// Moves an order to any customer. The ids of both may be of merged customers, but not of two who
/// are one by now.
async fn move_one(load: &Load, all: &mut Merged, random: &mut StdRng) {
    let to = all.customers.iter().choose(random).unwrap().clone();
    let owner = all.owner(&to).to_owned();
    let owners = all
        .orders
        .values()
        .map(|(from, _)| all.owner(from) != owner);
    let owners: Vec<bool> = owners.collect();
    let movable = all
        .orders
        .iter_mut()
        .zip(owners)
        .filter(|(_, moves)| *moves);
    let movable = movable.map(|(order, _)| order);
    let Some((id, (customer, cents))) = movable.choose(random) else {
        return;
    };
    send_order(load, &to, id, *cents, Some(customer)).await;
    *customer = to;
}

async fn merge(load: &Load, all: &mut Merged, random: &mut StdRng) {
    if all.customers.len() - all.into.len() <= LEFT {
        return;
    }
    let (customer, into) = (all.unmerged(random), all.unmerged(random));
    if customer == into {
        return;
    }
    let path = format!("/api/customers/{customer}/merge");
    load.send(&[202], |api| {
        api.request(reqwest::Method::POST, &path)
            .json(&json!({"into": into}))
    })
    .await;
    all.into.insert(customer, into);
}

/// Sends a version of an order. What is sent under a merged id is forwarded a moment later, so
/// only the time of a version says which one is the newest.
async fn send_order(load: &Load, customer: &str, id: &str, cents: i64, from: Option<&str>) {
    let mut item = json!({"order_id": id, "customer_id": customer, "amount": cents,
        "currency": "USD", "placed_at": at(), "updated_at": Utc::now().to_rfc3339()});
    if let Some(from) = from {
        item["moved_from"] = json!(from);
    }
    post(load, "/api/data/orders", vec![item]).await;
}

async fn post(load: &Load, path: &str, items: Vec<Value>) {
    let answer = load
        .send(&[202], |api| {
            api.request(reqwest::Method::POST, path).json(&items)
        })
        .await;
    assert_eq!(answer.body["rejected"], 0, "{answer:?}");
}

fn at() -> String {
    format!("{DAY}T12:00:00Z")
}

/// Waits until nothing is left to copy: what arrives at a customer may have to go on to another.
async fn wait_until_copied(client: &Client, all: &Merged) {
    let settled = async || {
        client.wait_until_caught_up().await;
        let events = client.get("/api/admin/projections").await;
        for id in &all.customers {
            let customer = client.read(&format!("/api/customers/{id}")).await;
            if !customer["merging"].is_null() {
                return None;
            }
        }
        let ends = |body: &Value| -> Vec<Value> {
            let views = body["items"].as_array().unwrap().iter();
            views.map(|view| view["positions"].clone()).collect()
        };
        let again = client.get("/api/admin/projections").await;
        (ends(&events.body) == ends(&again.body)).then_some(())
    };
    eventually_within(LONG, "everything is copied", settled).await;
}

/// Everything is with the customer who is left, exactly once, and the sums are right.
pub(super) async fn check(deployment: &PeopleDeployment, all: &Merged, tally: &mut Tally) {
    let client = &deployment.app.client;
    let begun: DateTime<Utc> = Utc::now();
    wait_until_copied(client, all).await;
    eprintln!(
        "{} merges were copied within {} ms",
        all.into.len(),
        (Utc::now() - begun).num_milliseconds()
    );
    let mut wanted: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for (customer, cents) in all.orders.values() {
        let sums = wanted.entry(all.owner(customer)).or_default();
        sums.0 += cents;
        sums.1 += 1;
    }
    for (customer, visits) in &all.visits {
        wanted.entry(all.owner(customer)).or_default().2 += *visits as i64;
    }
    for id in &all.customers {
        let customer = client.read(&format!("/api/customers/{id}")).await;
        let number = |value: &Value| value.as_i64().unwrap_or_default();
        let found = (
            number(&customer["total_spend"]),
            number(&customer["order_count"]),
            number(&customer["events"]["visit"]["count"]),
        );
        let into = customer["merged_into"].as_str();
        tally.compare(
            &format!("merge of {id}"),
            into,
            all.into.get(id).map(String::as_str),
        );
        if into.is_some() {
            tally.compare(&format!("orders of {id}"), (found.0, found.1), (0, 0));
        } else {
            let sums = wanted.get(id.as_str()).copied().unwrap_or_default();
            tally.compare(&format!("figures of {id}"), found, sums);
        }
    }
    let listed = client.list("/api/orders", 500).await;
    let mut listed: Vec<(&str, Option<i64>)> = listed
        .iter()
        .map(|order| {
            (
                order["order_id"].as_str().unwrap(),
                order["amount"].as_i64(),
            )
        })
        .collect();
    listed.sort_unstable();
    let sent = all.orders.iter();
    let mut sent: Vec<_> = sent
        .map(|(id, (_, cents))| (id.as_str(), Some(*cents)))
        .collect();
    sent.sort_unstable();
    tally.compare("orders", listed, sent);
    let report = client
        .read(&format!("/api/reports/daily?since={DAY}&until={DAY}"))
        .await;
    let revenue: i64 = all.orders.values().map(|(_, cents)| cents).sum();
    let visits: usize = all.visits.values().sum();
    let totals = &report["totals"];
    tally.compare("revenue", totals["revenue"].as_i64(), Some(revenue));
    tally.compare(
        "orders of the day",
        totals["orders"].as_i64(),
        Some(all.orders.len() as i64),
    );
    tally.compare(
        "activity of the day",
        totals["activity"].as_i64(),
        Some(visits as i64),
    );
}
