//! Load: customers who share addresses. They get new names, move to another address of their
//! household, opt out and opt in.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::loads::{Expected, Load};
use super::quiet::QuietPeriods;
use crate::crashes::continuous_traffic::AcknowledgedWrites;
use crate::crashes::traffic::IngestBatch;

/// Number of concurrent clients, each with households of its own.
pub(super) const CLIENTS: usize = 4;

/// Households of each client.
const HOUSEHOLDS: usize = 20;

/// Customers of a household. Their ids are spread over the partitions.
const MEMBERS: usize = 3;

/// Addresses of a household.
const ADDRESSES: usize = 2;

/// Number of all customers.
pub(super) const CUSTOMERS: usize = CLIENTS * HOUSEHOLDS * MEMBERS;

/// Tag of all customers.
pub(super) const TAG: &str = "person";

/// Longest pause of a client between two requests, in milliseconds.
const MAX_PAUSE_MS: u64 = 100;

/// Times are recorded in milliseconds, so a consent of the same one would not be later.
const LATER: TimeDelta = TimeDelta::milliseconds(2);

/// Customer as the API must return it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub(super) name: String,
    /// Address in its comparable form.
    pub(super) address: String,
    pub(super) unsubscribed: bool,
}

/// Change of one customer. Each makes exactly one event of the customer.
enum PersonChange {
    Rename,
    Move,
    OptOut,
    OptIn,
}

/// Households of one client.
pub(super) struct Households {
    client: usize,
    random: StdRng,
    writes: AcknowledgedWrites,
    people: BTreeMap<String, Person>,
    opted_out: BTreeMap<String, BTreeSet<String>>,
    quiet: QuietPeriods,
    /// Number of requests so far, part of every new name.
    requests: usize,
}

impl Households {
    /// Records all customers of a client.
    pub(super) async fn record(load: &Load, client: usize, random: StdRng) -> Self {
        let mut all = Self {
            client,
            random,
            writes: AcknowledgedWrites::default(),
            people: BTreeMap::new(),
            opted_out: BTreeMap::new(),
            quiet: QuietPeriods::default(),
            requests: 0,
        };
        let mut items = Vec::new();
        for household in 0..HOUSEHOLDS {
            for member in 0..MEMBERS {
                let person = Person {
                    name: "New".to_owned(),
                    address: address(client, household, 0),
                    unsubscribed: false,
                };
                let id = customer_id(client, household, member);
                let mut item = json!({"customer_id": id, "name": person.name, "tags": [TAG]});
                set_address(&mut item, &person.address, &mut all.random);
                items.push(item);
                all.people.insert(id, person);
            }
        }
        all.send(load, items).await;
        all
    }

    /// Changes customers, one household at a time, until the load is stopped.
    pub(super) async fn change_until_stopped(mut self, load: Load) -> Expected {
        while load.pause(&mut self.random, MAX_PAUSE_MS).await {
            let household = self.random.random_range(0..HOUSEHOLDS);
            self.change(&load, household).await;
        }
        Expected {
            writes: self.writes,
            people: self.people,
            opted_out: self.opted_out,
            quiet: vec![self.quiet],
            ..Expected::default()
        }
    }

    /// Changes one or more customers of a household in one request.
    async fn change(&mut self, load: &Load, household: usize) {
        self.requests += 1;
        let members: Vec<usize> = (0..MEMBERS).collect();
        let count = self.random.random_range(1..=MEMBERS);
        let chosen: Vec<usize> = members
            .choose_multiple(&mut self.random, count)
            .copied()
            .collect();
        let mut items = Vec::new();
        for member in chosen {
            items.push(self.change_person(household, member));
        }
        self.send(load, items).await;
        // The response is here, so these addresses must be quiet from now on.
        for number in 0..ADDRESSES {
            let address = address(self.client, household, number);
            let is_out = self.opted_out.get(&address);
            if is_out.is_some_and(|customers| !customers.is_empty()) {
                self.quiet.begin(&address);
            }
        }
    }

    /// Changes a customer in the model. Returns the item to send.
    fn change_person(&mut self, household: usize, member: usize) -> Value {
        let id = customer_id(self.client, household, member);
        let person = self.people.get_mut(&id).unwrap();
        let mut item = json!({"customer_id": id});
        match choose(person, &mut self.random) {
            PersonChange::Rename => {
                person.name = format!("Name {}", self.requests);
                item["name"] = json!(person.name);
            }
            PersonChange::Move => {
                let other = (0..ADDRESSES).map(|number| address(self.client, household, number));
                let mut other = other.filter(|address| *address != person.address);
                person.address = other.next().unwrap();
                set_address(&mut item, &person.address, &mut self.random);
                // The former address stays on the list: that opt-out was never lifted.
                if person.unsubscribed {
                    let list = self.opted_out.entry(person.address.clone()).or_default();
                    list.insert(id);
                }
            }
            PersonChange::OptOut => {
                person.unsubscribed = true;
                item["unsubscribed"] = json!(true);
                let list = self.opted_out.entry(person.address.clone()).or_default();
                list.insert(id);
            }
            PersonChange::OptIn => {
                person.unsubscribed = false;
                item["unsubscribed"] = json!(false);
                // Only a later consent lifts an opt-out, which was acknowledged before now.
                item["consent_at"] = json!((Utc::now() + LATER).to_rfc3339());
                let list = self.opted_out.entry(person.address.clone()).or_default();
                list.remove(&id);
                // Even if somebody else opts out in the same request: it may be recorded later.
                self.quiet.end(&person.address);
            }
        }
        item
    }

    async fn send(&mut self, load: &Load, items: Vec<Value>) {
        for item in &items {
            let id = item["customer_id"].as_str().unwrap();
            self.writes.model.record_customer_change(id);
        }
        let path = "/api/data/customers";
        let batch = IngestBatch { path, items };
        self.writes.send(&load.api, &batch).await;
        load.count();
    }
}

fn choose(person: &Person, random: &mut StdRng) -> PersonChange {
    match (random.random_range(0..10), person.unsubscribed) {
        (0..2, false) | (0, true) => PersonChange::Move,
        // Few are out at a time: each silences a household, and an address that was left meanwhile
        // stays silent until somebody comes back and opts in.
        (2, false) => PersonChange::OptOut,
        (1..7, true) => PersonChange::OptIn,
        _ => PersonChange::Rename,
    }
}

fn customer_id(client: usize, household: usize, member: usize) -> String {
    format!("p-{client}-{household}-{member}")
}

/// Returns an address in its comparable form: every other household has phone numbers.
fn address(client: usize, household: usize, number: usize) -> String {
    if household.is_multiple_of(2) {
        format!("home-{client}-{household}-{number}@example.com")
    } else {
        let last = (client * HOUSEHOLDS + household) * ADDRESSES + number;
        format!("+442079460{last:03}")
    }
}

/// Sets the address in one of its spellings.
fn set_address(item: &mut Value, address: &str, random: &mut StdRng) {
    if !address.contains('@') {
        item["phone"] = json!(address);
    } else if random.random() {
        item["email"] = json!(address.to_uppercase());
    } else {
        item["email"] = json!(address);
    }
}
