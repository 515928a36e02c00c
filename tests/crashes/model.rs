//! What a shop's traffic must have come to, kept in memory and held against the program.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::support::client::Client;

/// The shop as it must be read once everything is acknowledged.
#[derive(Debug, Default, Clone)]
pub(super) struct Model {
    /// By customer and order, as they were sent last.
    orders: BTreeMap<(String, String), Value>,
    names: BTreeMap<String, String>,
    /// By customer: how often each activity, and when last.
    activity: BTreeMap<String, BTreeMap<String, (i64, String)>>,
    /// By aggregate: how many events it must have.
    versions: BTreeMap<String, i64>,
}

impl Model {
    /// An order that is new or differs from what it was.
    pub(super) fn order(&mut self, order: &Value) {
        let (customer, id) = (text(order, "customer_id"), text(order, "order_id"));
        self.count(&format!("order/{customer}/{id}"));
        let before = self.orders.insert((customer, id), order.clone());
        assert_ne!(before.as_ref(), Some(order));
    }

    /// A name that differs from what it was.
    pub(super) fn customer(&mut self, customer: &Value) {
        let (id, name) = (text(customer, "customer_id"), text(customer, "name"));
        self.count(&format!("customer/{id}"));
        let before = self.names.insert(id, name.clone());
        assert_ne!(before, Some(name));
    }

    /// An activity that is new.
    pub(super) fn event(&mut self, event: &Value) {
        let (customer, id) = (text(event, "customer_id"), text(event, "event_id"));
        self.count(&format!("activity/{customer}/{id}"));
        let facts = self.activity.entry(customer).or_default();
        let (count, last) = facts.entry(text(event, "name")).or_default();
        *count += 1;
        *last = text(event, "occurred_at").max(last.clone());
    }

    /// Somebody had a view rebuilt.
    pub(super) fn rebuild_requested(&mut self, view: &str) {
        self.count(&format!("view/{view}"));
    }

    /// Somebody made a segment.
    pub(super) fn segment_created(&mut self, id: &str) {
        self.count(&format!("segment/{id}"));
    }

    /// A customer changed in something that is not a name.
    pub(super) fn customer_changed(&mut self, id: &str) {
        self.count(&format!("customer/{id}"));
    }

    /// Adds what happened elsewhere, to other customers.
    pub(super) fn join(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.names.extend(other.names);
        self.activity.extend(other.activity);
        self.versions.extend(other.versions);
    }

    /// Orders known so far.
    pub(super) fn orders(&self) -> Vec<Value> {
        self.orders.values().cloned().collect()
    }

    /// Holds all that can be read against what must be there.
    pub(super) async fn assert_read(&self, api: &Client, acknowledged: &HashMap<String, String>) {
        api.caught_up().await;
        self.assert_views(api).await;
        let log = self.compare(&api.list("/api/audit", 500).await, acknowledged);
        assert_eq!(log, Differences::default());
    }

    /// Holds orders and customers, as they are read, against what must be there.
    pub(super) async fn assert_views(&self, api: &Client) {
        self.assert_orders(api).await;
        self.assert_customers(api).await;
    }

    async fn assert_orders(&self, api: &Client) {
        let mut read = api.list("/api/orders", 500).await;
        assert_eq!(read.len(), self.orders.len(), "each order once");
        for order in &mut read {
            let fields = order.as_object_mut().unwrap();
            fields.remove("updated_at");
            fields.retain(|_, value| *value != json!([]));
            let key = (text(order, "customer_id"), text(order, "order_id"));
            assert_eq!(Some(&*order), self.orders.get(&key));
        }
    }

    async fn assert_customers(&self, api: &Client) {
        let read = api.list("/api/customers", 500).await;
        let ids: Vec<_> = read.iter().map(|c| text(c, "customer_id")).collect();
        assert!(ids.is_sorted(), "each customer once");
        let mut figures = self.figures();
        for customer in read {
            let id = text(&customer, "customer_id");
            let expected = figures.remove(&id).unwrap_or_default().to_json();
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&customer[field], value, "{field} of {id}");
            }
            assert_eq!(
                customer["name"].as_str(),
                self.names.get(&id).map(String::as_str)
            );
            assert_eq!(customer["events"], self.events(&id), "{id}");
        }
        assert!(figures.is_empty(), "not there: {figures:?}");
    }

    /// Compares the rows of the audit trail with what must be there: every event exactly once, and
    /// what was acknowledged where it was acknowledged.
    pub(super) fn compare(
        &self,
        rows: &[Value],
        acknowledged: &HashMap<String, String>,
    ) -> Differences {
        let mut differences = Differences::default();
        let mut left = self.versions.clone();
        let mut found: BTreeSet<(String, i64)> = BTreeSet::new();
        let mut at: HashMap<String, String> = HashMap::new();
        for row in rows {
            let (aggregate, version) = (text(row, "aggregate"), row["version"].as_i64().unwrap());
            at.insert(text(row, "position"), aggregate.clone());
            let wanted = self.versions.get(&aggregate).copied().unwrap_or_default();
            let is_new = found.insert((aggregate.clone(), version));
            if is_new && (1..=wanted).contains(&version) {
                *left.get_mut(&aggregate).unwrap() -= 1;
            } else {
                let event = format!("event {version} of {wanted} of {aggregate}");
                differences.doubled.push(event);
            }
        }
        for (aggregate, left) in left.into_iter().filter(|(_, left)| *left > 0) {
            let event = format!("{left} events of {aggregate}");
            differences.lost.extend((0..left).map(|_| event.clone()));
        }
        for (position, aggregate) in acknowledged {
            if at.get(position) != Some(aggregate) {
                let event = format!("{aggregate}, acknowledged at {position}");
                differences.lost.push(event);
            }
        }
        differences
    }

    fn figures(&self) -> BTreeMap<String, Figures> {
        let mut all: BTreeMap<String, Figures> = BTreeMap::new();
        for ((customer, _), order) in &self.orders {
            let figures = all.entry(customer.clone()).or_default();
            if order["status"] == "placed" {
                figures.spend += order["amount"].as_i64().unwrap();
                figures.times.push(text(order, "placed_at"));
            }
        }
        for customer in self.names.keys().chain(self.activity.keys()) {
            all.entry(customer.clone()).or_default();
        }
        all
    }

    fn events(&self, customer: &str) -> Value {
        let facts = self.activity.get(customer).into_iter().flatten();
        let facts = facts
            .map(|(name, (count, last))| (name.clone(), json!({"count": count, "last_at": last})));
        Value::Object(facts.collect())
    }

    fn count(&mut self, aggregate: &str) {
        *self.versions.entry(aggregate.to_owned()).or_default() += 1;
    }
}

/// Where the log is not what was acknowledged; each event in words.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Differences {
    pub(super) lost: Vec<String>,
    /// Beyond what was sent.
    pub(super) doubled: Vec<String>,
}

/// What orders add up to.
#[derive(Debug, Default)]
struct Figures {
    spend: i64,
    times: Vec<String>,
}

impl Figures {
    fn to_json(&self) -> Value {
        let count = self.times.len() as i64;
        json!({
            "total_spend": self.spend,
            "order_count": count,
            "average_order_value": (count > 0).then(|| (2 * self.spend + count) / (2 * count)),
            "first_order_at": self.times.iter().min(),
            "last_order_at": self.times.iter().max(),
        })
    }
}

/// A field that is a text.
pub(super) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().expect(field).to_owned()
}
