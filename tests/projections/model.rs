//! Naive model of the views of customers and orders: the current state of a shop.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use commands::{ActivityRecord, CustomerRecord, OrderRecord};
use domain::{ActivityContent, Change, CustomerChanges, OrderContent, OrderStatus, Timestamp};
use mongodb::bson;
use projections::customers::CustomerDocument;
use projections::daily_figures::DayFigures;

use crate::support::shop::minute;

/// Current state of all customers of a shop.
#[derive(Debug, Default)]
pub(super) struct ShopModel {
    pub(super) customers: BTreeMap<String, Customer>,
}

#[derive(Debug, Default)]
pub(super) struct Customer {
    registered: bool,
    name: Option<String>,
    tags: BTreeSet<String>,
    unsubscribed: bool,
    /// Time of the opt-out, or of a consent that had one.
    consent_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    pub(super) orders: BTreeMap<String, OrderContent>,
    activities: BTreeMap<String, ActivityContent>,
}

impl Customer {
    /// Records what data says about consent: opt-outs count in stale data too, unless a later
    /// consent is recorded, and only a later consent lifts them.
    fn record_consent(&mut self, changes: &CustomerChanges) {
        let given = changes.consent.as_ref().and_then(|consent| consent.at);
        let is_stale = is_older(changes.updated_at, self.updated_at);
        match changes.unsubscribed {
            Change::Keep => {}
            Change::Set(true) => {
                let time = given.or(changes.updated_at);
                if self.unsubscribed {
                    self.consent_at = self.consent_at.max(given);
                } else if time.is_none() || time >= self.consent_at {
                    self.unsubscribed = true;
                    self.consent_at = self.consent_at.max(Some(given.unwrap_or(minute(0))));
                }
            }
            Change::Set(false) | Change::Clear if is_stale => {}
            Change::Set(false) | Change::Clear => {
                if !self.unsubscribed || (given.is_some() && given > self.consent_at) {
                    self.unsubscribed = false;
                    self.consent_at = self.consent_at.max(given);
                }
            }
        }
    }
}

impl ShopModel {
    pub(super) fn record_customer(&mut self, item: &CustomerRecord) {
        let customer = self.customer(item.customer.as_str());
        let changes = item.changes.clone();
        customer.record_consent(&changes);
        if is_older(changes.updated_at, customer.updated_at) {
            return;
        }
        customer.updated_at = changes.updated_at.or(customer.updated_at);
        customer.registered = true;
        let name = changes.profile.name.or(customer
            .name
            .take()
            .map(|name| crate::support::shop::text(&name)));
        customer.name = name.map(String::from);
        match changes.tags {
            Change::Keep => {}
            Change::Clear => customer.tags.clear(),
            Change::Set(tags) => customer.tags = tags.into_iter().map(String::from).collect(),
        }
    }

    pub(super) fn record_order(&mut self, item: &OrderRecord) {
        let customer = self.customer(item.customer.as_str());
        let recorded = customer.orders.get(item.order.as_str());
        let recorded = recorded.and_then(|order| order.updated_at);
        if !is_older(item.content.updated_at, recorded) {
            let content = OrderContent {
                updated_at: item.content.updated_at.or(recorded),
                ..item.content.clone()
            };
            customer.orders.insert(item.order.to_string(), content);
        }
    }

    pub(super) fn record_activity(&mut self, item: &ActivityRecord) {
        let customer = self.customer(item.customer.as_str());
        let recorded = customer.activities.get(item.activity.as_str());
        let recorded = recorded.and_then(|activity| activity.updated_at);
        if !is_older(item.content.updated_at, recorded) {
            let content = ActivityContent {
                updated_at: item.content.updated_at.or(recorded),
                ..item.content.clone()
            };
            customer
                .activities
                .insert(item.activity.to_string(), content);
        }
    }

    /// Returns the figures of each day in UTC on which something happened. Customers registered at
    /// minute 0, when all commands are executed.
    pub(super) fn days(&self) -> BTreeMap<NaiveDate, DayFigures> {
        let mut days: BTreeMap<NaiveDate, DayFigures> = BTreeMap::new();
        let mut day = |at: Timestamp, change: DayFigures| {
            let figures = days
                .entry(DateTime::<Utc>::from(at).date_naive())
                .or_default();
            *figures = figures.plus(&change).unwrap();
        };
        let none = DayFigures::default();
        for customer in self.customers.values() {
            if customer.registered {
                day(
                    minute(0),
                    DayFigures {
                        customers: 1,
                        ..none
                    },
                );
            }
            let orders = customer.orders.values();
            for order in orders.filter(|order| order.status == OrderStatus::Placed) {
                let refunded = order.refunded_amount.minor();
                let revenue = order.amount.minor() - refunded;
                day(
                    order.placed_at,
                    DayFigures {
                        orders: 1,
                        revenue,
                        refunded,
                        ..none
                    },
                );
            }
            for activity in customer.activities.values() {
                day(
                    activity.occurred_at,
                    DayFigures {
                        activity: 1,
                        ..none
                    },
                );
            }
        }
        days
    }

    fn customer(&mut self, id: &str) -> &mut Customer {
        self.customers.entry(id.to_owned()).or_default()
    }
}

/// Returns whether an item of this time is older than what is recorded.
fn is_older(given: Option<Timestamp>, recorded: Option<Timestamp>) -> bool {
    given
        .zip(recorded)
        .is_some_and(|(given, recorded)| given < recorded)
}

/// Figures of a customer that are compared with the view.
#[derive(Debug, PartialEq)]
pub(super) struct CustomerSummary {
    registered: bool,
    name: Option<String>,
    tags: Vec<String>,
    unsubscribed: bool,
    total_spend: i64,
    gross_spend: i64,
    order_count: i64,
    average: Option<i64>,
    /// Times of the first and last order, ms since 1970.
    first_and_last: Option<(i64, i64)>,
    /// Count and last time (ms since 1970) of each kind of activity, by name.
    events: BTreeMap<String, (i64, i64)>,
}

impl Customer {
    pub(super) fn summary(&self) -> CustomerSummary {
        let placed = self
            .orders
            .values()
            .filter(|o| o.status == OrderStatus::Placed);
        let gross: i64 = placed.clone().map(|order| order.amount.minor()).sum();
        let refunded = |order: &OrderContent| order.refunded_amount.minor();
        let refunded: i64 = placed.clone().map(refunded).sum();
        let times: Vec<i64> = placed.map(|order| order.placed_at.millis()).collect();
        let (total, count) = (gross - refunded, times.len() as i64);
        let mut events: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for activity in self.activities.values() {
            let at = activity.occurred_at.millis();
            let facts = events
                .entry(activity.name.as_str().to_owned())
                .or_insert((0, at));
            *facts = (facts.0 + 1, facts.1.max(at));
        }
        CustomerSummary {
            registered: self.registered,
            name: self.name.clone(),
            tags: self.tags.iter().cloned().collect(),
            unsubscribed: self.unsubscribed,
            total_spend: total,
            gross_spend: gross,
            order_count: count,
            average: (count > 0).then(|| (total as f64 / count as f64).round() as i64),
            first_and_last: times.iter().min().copied().zip(times.iter().max().copied()),
            events,
        }
    }
}

impl From<CustomerDocument> for CustomerSummary {
    fn from(document: CustomerDocument) -> Self {
        let millis = |time: Option<bson::DateTime>| time.map(bson::DateTime::timestamp_millis);
        let gross_spend = document.gross_spend();
        let events = document
            .events
            .into_iter()
            .filter(|(_, facts)| facts.count > 0);
        let first = millis(document.first_order_at);
        Self {
            registered: document.registered,
            name: document.name,
            tags: document.tags,
            unsubscribed: document.unsubscribed,
            total_spend: document.total_spend,
            gross_spend,
            order_count: document.order_count,
            average: document.average_order_value,
            first_and_last: first.zip(millis(document.last_order_at)),
            events: events
                .map(|(name, facts)| (name, (facts.count, millis(facts.last_at).unwrap())))
                .collect(),
        }
    }
}
