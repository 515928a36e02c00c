//! A shop's import: concurrent clients send batches, repeat each until it is acknowledged, and
//! record the acknowledged positions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::model::{TrafficModel, text_field};
use crate::support::client::{Client, try_send};

/// Number of concurrent clients. Each has customers of its own, so that all writes about a customer
/// are sent in one sequence.
pub(super) const CLIENTS: usize = 4;
/// Customers of each client.
const CUSTOMERS: usize = 60;
const ROUNDS: usize = 15;
/// New orders of a client per round.
const ORDERS: usize = 200;
/// Changed orders of a client per round.
const CHANGES: usize = 60;

/// Time for which a batch is repeated: longer than any restart takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Items of one request.
pub(super) struct IngestBatch {
    pub(super) path: &'static str,
    pub(super) items: Vec<Value>,
}

/// Batches to send, and the state that they must result in.
pub(super) struct Traffic {
    /// Batches of each client, in the order in which it sends them.
    batches: Vec<Vec<IngestBatch>>,
    model: TrafficModel,
    pause: Duration,
}

/// Traffic that is being sent.
pub(super) struct RunningTraffic {
    clients: JoinSet<HashMap<String, String>>,
    acknowledged: watch::Receiver<usize>,
    total: usize,
    model: TrafficModel,
}

impl Traffic {
    /// Makes traffic that is the same for the same seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut model = TrafficModel::default();
        let batches = (0..CLIENTS).map(|client| {
            let mut of_client = TrafficModel::default();
            let batches = (0..ROUNDS)
                .flat_map(|round| batches_of_round(round, client, &mut random, &mut of_client));
            let batches = batches.collect();
            model.merge(of_client);
            batches
        });
        let batches = batches.collect();
        Self {
            batches,
            model,
            pause: Duration::ZERO,
        }
    }

    /// Lets each client pause for this long after each batch.
    pub(super) fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    pub(super) fn start(self, api: &Client) -> RunningTraffic {
        let (progress, acknowledged) = watch::channel(0);
        let mut running = RunningTraffic {
            total: self.batches.iter().map(Vec::len).sum(),
            clients: JoinSet::new(),
            acknowledged,
            model: self.model,
        };
        for batches in self.batches {
            let (api, progress, pause) = (api.clone(), progress.clone(), self.pause);
            running.clients.spawn(async move {
                let mut acknowledged = HashMap::new();
                for batch in &batches {
                    acknowledged.extend(send_until_acknowledged(&api, batch).await);
                    progress.send_modify(|done| *done += 1);
                    tokio::time::sleep(pause).await;
                }
                acknowledged
            });
        }
        running
    }
}

impl RunningTraffic {
    /// Waits until this share of all batches, 0 to 1, is acknowledged.
    pub(super) async fn until_acknowledged(&mut self, share: f64) {
        let wanted = (self.total as f64 * share) as usize;
        // The only error is that the channel is closed: then all clients have finished.
        let _ = self.acknowledged.wait_for(|done| *done >= wanted).await;
    }

    /// Waits until this share, 0 to 1, of the batches that are left now is acknowledged.
    pub(super) async fn advance_by(&mut self, share: f64) {
        let done = *self.acknowledged.borrow() as f64 / self.total as f64;
        self.until_acknowledged(done + (1.0 - done) * share).await;
    }

    /// Describes how many batches are acknowledged.
    pub(super) fn describe_progress(&self) -> String {
        let done = *self.acknowledged.borrow();
        format!("{done} of {} batches acknowledged", self.total)
    }

    /// Waits until every batch is acknowledged. Returns the state that must be there now, and the
    /// aggregate that was acknowledged at each position.
    pub(super) async fn finish(mut self) -> (TrafficModel, HashMap<String, String>) {
        let mut acknowledged = HashMap::new();
        while let Some(client) = self.clients.join_next().await {
            acknowledged.extend(client.expect("a client sends all its batches"));
        }
        (self.model, acknowledged)
    }
}

/// Sends a batch until it is acknowledged. Returns the aggregate that was acknowledged at each
/// position.
pub(super) async fn send_until_acknowledged(
    api: &Client,
    batch: &IngestBatch,
) -> HashMap<String, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = api.request(Method::POST, batch.path).json(&batch.items);
        match try_send(request).await {
            Ok(answer) if answer.status == 202 => {
                return acknowledged_positions(batch, &answer.body);
            }
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{answer:?}");
                assert_ne!(answer.header("retry-after"), "");
            }
            // The API may have been killed, with the batch appended or not: only a repetition
            // tells.
            Err(_no_response) => {}
        }
        assert!(Instant::now() < deadline, "a batch is never acknowledged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn acknowledged_positions(batch: &IngestBatch, body: &Value) -> HashMap<String, String> {
    assert_eq!(body["accepted"], batch.items.len(), "{body}");
    let results = body["results"].as_array().unwrap();
    let pairs = batch.items.iter().zip(results);
    let aggregates =
        pairs.map(|(item, result)| (text_field(result, "position"), aggregate_key(item)));
    aggregates.collect()
}

fn aggregate_key(item: &Value) -> String {
    let customer = text_field(item, "customer_id");
    match (item["order_id"].as_str(), item["event_id"].as_str()) {
        (Some(order), _) => format!("order/{customer}/{order}"),
        (_, Some(event)) => format!("activity/{customer}/{event}"),
        _ => format!("customer/{customer}"),
    }
}

/// Makes the batches that a client sends in a round: new orders, changes of known orders, and in
/// every third round customers and activity.
pub(super) fn batches_of_round(
    round: usize,
    client: usize,
    random: &mut StdRng,
    model: &mut TrafficModel,
) -> Vec<IngestBatch> {
    let mut batches = Vec::new();
    let orders = (0..ORDERS).map(|n| new_order(client, round * ORDERS + n, random));
    batches.push(order_batch(orders.collect(), model));
    let known = model.orders();
    let changed = known
        .choose_multiple(random, CHANGES)
        .cloned()
        .collect::<Vec<_>>();
    let changes = changed
        .into_iter()
        .map(|order| changed_order(order, random));
    batches.push(order_batch(changes.collect(), model));
    if round.is_multiple_of(3) {
        batches.push(customer_batch(client, round, model));
        batches.push(activity_batch(client, round, random, model));
    }
    batches
}

fn order_batch(items: Vec<Value>, model: &mut TrafficModel) -> IngestBatch {
    items.iter().for_each(|order| model.record_order(order));
    let path = "/api/data/orders";
    IngestBatch { path, items }
}

fn new_order(client: usize, number: usize, random: &mut StdRng) -> Value {
    json!({
        "order_id": format!("o-{number}"),
        "customer_id": customer_id(client, random.random_range(0..CUSTOMERS)),
        "amount": random.random_range(0..100_000),
        "refunded_amount": 0,
        "currency": "USD",
        "placed_at": random_time(random),
        "status": "placed",
    })
}

/// Returns the order with another amount, of which a part was paid back, and perhaps another status
/// and time.
fn changed_order(mut order: Value, random: &mut StdRng) -> Value {
    let amount = order["amount"].as_i64().unwrap();
    let amount = amount + random.random_range(1..1_000);
    order["amount"] = json!(amount);
    order["refunded_amount"] = json!(random.random_range(0..=amount));
    let statuses = ["placed", "cancelled", "refunded"];
    order["status"] = json!(statuses[random.random_range(0..3)]);
    if random.random() {
        order["placed_at"] = json!(random_time(random));
    }
    order
}

fn customer_batch(client: usize, round: usize, model: &mut TrafficModel) -> IngestBatch {
    let ids = (round % CUSTOMERS..CUSTOMERS).map(|number| customer_id(client, number));
    let items = ids.map(|id| json!({"customer_id": id, "name": format!("Name {round}")}));
    let items: Vec<_> = items.collect();
    items.iter().for_each(|item| model.record_name(item));
    let path = "/api/data/customers";
    IngestBatch { path, items }
}

fn activity_batch(
    client: usize,
    round: usize,
    random: &mut StdRng,
    model: &mut TrafficModel,
) -> IngestBatch {
    let item = |number: usize| {
        json!({
            "event_id": format!("e-{round}-{number}"),
            "customer_id": customer_id(client, random.random_range(0..CUSTOMERS)),
            "name": if number.is_multiple_of(2) { "visit" } else { "search" },
            "occurred_at": random_time(random),
        })
    };
    let items: Vec<_> = (0..100).map(item).collect();
    items.iter().for_each(|item| model.record_activity(item));
    let path = "/api/data/events";
    IngestBatch { path, items }
}

fn customer_id(client: usize, number: usize) -> String {
    format!("c-{client}-{number}")
}

fn random_time(random: &mut StdRng) -> String {
    let (day, hour) = (random.random_range(1..29), random.random_range(0..24));
    let minute = random.random_range(0..60);
    format!("2026-02-{day:02}T{hour:02}:{minute:02}:00.000Z")
}
