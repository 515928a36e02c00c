//! Model of the state that a shop's traffic must result in, kept in memory and compared with what
//! the API returns.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::support::client::Client;

/// State of the shop as it must be read once every write is acknowledged.
#[derive(Debug, Default, Clone)]
pub(super) struct TrafficModel {
    /// Orders as they were sent last, by customer and order id.
    orders: BTreeMap<(String, String), Value>,
    /// Names by customer.
    names: BTreeMap<String, String>,
    /// Count and last time of each activity, by customer and name of the activity.
    activity: BTreeMap<String, BTreeMap<String, (i64, String)>>,
    /// Number of events that each aggregate must have.
    versions: BTreeMap<String, i64>,
}

impl TrafficModel {
    /// Records an order that is new or differs from its last content.
    pub(super) fn record_order(&mut self, order: &Value) {
        let (customer, id) = (
            text_field(order, "customer_id"),
            text_field(order, "order_id"),
        );
        self.count_event(&format!("order/{customer}/{id}"));
        let before = self.orders.insert((customer, id), order.clone());
        assert_ne!(before.as_ref(), Some(order));
    }

    /// Records a name that is new or differs from the customer's last name.
    pub(super) fn record_name(&mut self, customer: &Value) {
        let (id, name) = (
            text_field(customer, "customer_id"),
            text_field(customer, "name"),
        );
        self.count_event(&format!("customer/{id}"));
        let before = self.names.insert(id, name.clone());
        assert_ne!(before, Some(name));
    }

    /// Records a new activity.
    pub(super) fn record_activity(&mut self, event: &Value) {
        let (customer, id) = (
            text_field(event, "customer_id"),
            text_field(event, "event_id"),
        );
        self.count_event(&format!("activity/{customer}/{id}"));
        let facts = self.activity.entry(customer).or_default();
        let (count, last) = facts.entry(text_field(event, "name")).or_default();
        *count += 1;
        *last = text_field(event, "occurred_at").max(last.clone());
    }

    /// Records the request to rebuild a view.
    pub(super) fn record_rebuild_request(&mut self, view: &str) {
        self.count_event(&format!("view/{view}"));
    }

    /// Records the creation of a segment.
    pub(super) fn record_segment_creation(&mut self, id: &str) {
        self.count_event(&format!("segment/{id}"));
    }

    /// Records a change of a customer that is not a change of the name.
    pub(super) fn record_customer_change(&mut self, id: &str) {
        self.count_event(&format!("customer/{id}"));
    }

    /// Adds the state of other customers.
    pub(super) fn merge(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.names.extend(other.names);
        self.activity.extend(other.activity);
        self.versions.extend(other.versions);
    }

    /// Returns the orders recorded so far.
    pub(super) fn orders(&self) -> Vec<Value> {
        self.orders.values().cloned().collect()
    }

    /// Asserts that views and log match the model once the views have caught up.
    pub(super) async fn assert_matches(
        &self,
        api: &Client,
        acknowledged: &HashMap<String, String>,
    ) {
        api.wait_until_caught_up().await;
        self.assert_views(api).await;
        let log = self.compare_log(&api.list("/api/audit", 500).await, acknowledged);
        assert_eq!(log, LogDifferences::default());
    }

    /// Asserts that the orders and customers that the API returns match the model.
    pub(super) async fn assert_views(&self, api: &Client) {
        self.assert_orders(api).await;
        self.assert_customers(api).await;
    }

    async fn assert_orders(&self, api: &Client) {
        let mut read = api.list("/api/orders", 500).await;
        assert_eq!(read.len(), self.orders.len(), "number of orders");
        for order in &mut read {
            let fields = order.as_object_mut().unwrap();
            fields.remove("updated_at");
            fields.retain(|_, value| *value != json!([]));
            let key = (
                text_field(order, "customer_id"),
                text_field(order, "order_id"),
            );
            assert_eq!(Some(&*order), self.orders.get(&key));
        }
    }

    async fn assert_customers(&self, api: &Client) {
        let read = api.list("/api/customers", 500).await;
        let ids: Vec<_> = read.iter().map(|c| text_field(c, "customer_id")).collect();
        assert!(ids.is_sorted(), "customers are sorted by id");
        let mut figures = self.figures();
        for customer in read {
            let id = text_field(&customer, "customer_id");
            let expected = figures.remove(&id).unwrap_or_default().to_json();
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&customer[field], value, "{field} of {id}");
            }
            assert_eq!(
                customer["name"].as_str(),
                self.names.get(&id).map(String::as_str)
            );
            assert_eq!(customer["events"], self.activity_json(&id), "{id}");
        }
        assert!(figures.is_empty(), "missing customers: {figures:?}");
    }

    /// Compares the rows of the audit trail with the model: every event must be there exactly once,
    /// and each acknowledged position must hold the aggregate that was acknowledged there.
    pub(super) fn compare_log(
        &self,
        rows: &[Value],
        acknowledged: &HashMap<String, String>,
    ) -> LogDifferences {
        let mut differences = LogDifferences::default();
        let mut left = self.versions.clone();
        let mut found: BTreeSet<(String, i64)> = BTreeSet::new();
        let mut at: HashMap<String, String> = HashMap::new();
        for row in rows {
            let (aggregate, version) = (
                text_field(row, "aggregate"),
                row["version"].as_i64().unwrap(),
            );
            at.insert(text_field(row, "position"), aggregate.clone());
            let wanted = self.versions.get(&aggregate).copied().unwrap_or_default();
            let is_new = found.insert((aggregate.clone(), version));
            if is_new && (1..=wanted).contains(&version) {
                *left.get_mut(&aggregate).unwrap() -= 1;
            } else {
                let event = format!("event {version} of {wanted} of {aggregate}");
                differences.duplicated.push(event);
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

    /// Computes the figures of every customer from the orders.
    fn figures(&self) -> BTreeMap<String, OrderFigures> {
        let mut all: BTreeMap<String, OrderFigures> = BTreeMap::new();
        for ((customer, _), order) in &self.orders {
            let figures = all.entry(customer.clone()).or_default();
            if order["status"] == "placed" {
                let amount = |field: &str| order[field].as_i64().unwrap();
                figures.spend += amount("amount") - amount("refunded_amount");
                figures.times.push(text_field(order, "placed_at"));
            }
        }
        for customer in self.names.keys().chain(self.activity.keys()) {
            all.entry(customer.clone()).or_default();
        }
        all
    }

    fn activity_json(&self, customer: &str) -> Value {
        let facts = self.activity.get(customer).into_iter().flatten();
        let facts = facts
            .map(|(name, (count, last))| (name.clone(), json!({"count": count, "last_at": last})));
        Value::Object(facts.collect())
    }

    fn count_event(&mut self, aggregate: &str) {
        *self.versions.entry(aggregate.to_owned()).or_default() += 1;
    }
}

/// Differences between the log and the acknowledged writes; each entry describes an event.
#[derive(Debug, Default, PartialEq)]
pub(super) struct LogDifferences {
    pub(super) lost: Vec<String>,
    /// Events beyond those that were sent.
    pub(super) duplicated: Vec<String>,
}

/// Figures of one customer over the orders that count.
#[derive(Debug, Default)]
struct OrderFigures {
    spend: i64,
    times: Vec<String>,
}

impl OrderFigures {
    fn to_json(&self) -> Value {
        let count = self.times.len() as i64;
        json!({
            "total_spend": self.spend,
            "order_count": count,
            // Rounded half up, in whole numbers.
            "average_order_value": (count > 0).then(|| (2 * self.spend + count) / (2 * count)),
            "first_order_at": self.times.iter().min(),
            "last_order_at": self.times.iter().max(),
        })
    }
}

/// Returns a string field. Panics if it is not a string.
pub(super) fn text_field(object: &Value, field: &str) -> String {
    object[field].as_str().expect(field).to_owned()
}
