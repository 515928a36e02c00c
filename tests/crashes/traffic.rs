//! A shop's import: clients that send batch after batch, repeat what was not acknowledged, and
//! remember what was.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::model::{Model, text};
use crate::support::client::{Client, try_answer};

/// Clients at once; each has customers of its own, so that what it sends has one order.
pub(super) const LANES: usize = 4;
const CUSTOMERS: usize = 60;
const ROUNDS: usize = 15;
const ORDERS: usize = 200;
const CHANGES: usize = 60;

/// How long a batch is repeated: beyond any restart on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// One request.
pub(super) struct Batch {
    pub(super) path: &'static str,
    pub(super) items: Vec<Value>,
}

/// What is to be sent, and what it must come to.
pub(super) struct Traffic {
    lanes: Vec<Vec<Batch>>,
    model: Model,
    pause: Duration,
}

/// Traffic on its way.
pub(super) struct Running {
    lanes: JoinSet<HashMap<String, String>>,
    progress: watch::Receiver<usize>,
    batches: usize,
    model: Model,
}

impl Traffic {
    /// The same for the same seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut model = Model::default();
        let lanes = (0..LANES).map(|lane| {
            let mut of_lane = Model::default();
            let batches = batches(lane, &mut random, &mut of_lane);
            model.join(of_lane);
            batches
        });
        let lanes = lanes.collect();
        Self {
            lanes,
            model,
            pause: Duration::ZERO,
        }
    }

    /// With this pause of each client after each batch.
    pub(super) fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    pub(super) fn start(self, api: &Client) -> Running {
        let (tell, progress) = watch::channel(0);
        let mut running = Running {
            batches: self.lanes.iter().map(Vec::len).sum(),
            lanes: JoinSet::new(),
            progress,
            model: self.model,
        };
        for lane in self.lanes {
            let (api, tell, pause) = (api.clone(), tell.clone(), self.pause);
            running.lanes.spawn(async move {
                let mut acknowledged = HashMap::new();
                for batch in &lane {
                    acknowledged.extend(send(&api, batch).await);
                    tell.send_modify(|done| *done += 1);
                    tokio::time::sleep(pause).await;
                }
                acknowledged
            });
        }
        running
    }
}

impl Running {
    /// Waits until this part of all batches, 0 to 1, is acknowledged.
    pub(super) async fn reaches(&mut self, part: f64) {
        let wanted = (self.batches as f64 * part) as usize;
        // An error means that all has been sent already.
        let _ = self.progress.wait_for(|done| *done >= wanted).await;
    }

    /// Waits until this part, 0 to 1, of what is left now is acknowledged.
    pub(super) async fn goes_on(&mut self, part: f64) {
        let done = *self.progress.borrow() as f64 / self.batches as f64;
        self.reaches(done + (1.0 - done) * part).await;
    }

    /// How far it is, to be printed.
    pub(super) fn acknowledged(&self) -> String {
        let done = *self.progress.borrow();
        format!("{done} of {} batches acknowledged", self.batches)
    }

    /// Waits until everything is acknowledged; what must be there now, and which aggregate was
    /// acknowledged at which position.
    pub(super) async fn finish(mut self) -> (Model, HashMap<String, String>) {
        let mut acknowledged = HashMap::new();
        while let Some(lane) = self.lanes.join_next().await {
            acknowledged.extend(lane.expect("a client goes on to the end"));
        }
        (self.model, acknowledged)
    }
}

/// Sends a batch until it is acknowledged: position by position, which aggregate is there.
pub(super) async fn send(api: &Client, batch: &Batch) -> HashMap<String, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = api.request(Method::POST, batch.path).json(&batch.items);
        match try_answer(request).await {
            Ok(answer) if answer.status == 202 => return acknowledged(batch, &answer.body),
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{answer:?}");
                assert_ne!(answer.header("retry-after"), "");
            }
            Err(_nobody_there) => {}
        }
        assert!(Instant::now() < deadline, "a batch is never acknowledged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn acknowledged(batch: &Batch, body: &Value) -> HashMap<String, String> {
    assert_eq!(body["accepted"], batch.items.len(), "{body}");
    let results = body["results"].as_array().unwrap();
    let pairs = batch.items.iter().zip(results);
    let at = pairs.map(|(item, result)| (text(result, "position"), aggregate(item)));
    at.collect()
}

fn aggregate(item: &Value) -> String {
    let customer = text(item, "customer_id");
    match (item["order_id"].as_str(), item["event_id"].as_str()) {
        (Some(order), _) => format!("order/{customer}/{order}"),
        (_, Some(event)) => format!("activity/{customer}/{event}"),
        _ => format!("customer/{customer}"),
    }
}

fn batches(lane: usize, random: &mut StdRng, model: &mut Model) -> Vec<Batch> {
    let rounds = (0..ROUNDS).flat_map(|round| batches_of(round, lane, random, model));
    rounds.collect()
}

/// What a lane sends in a round: new orders, changes of older ones, and sometimes customers and what
/// they did.
pub(super) fn batches_of(
    round: usize,
    lane: usize,
    random: &mut StdRng,
    model: &mut Model,
) -> Vec<Batch> {
    let mut batches = Vec::new();
    let orders = (0..ORDERS).map(|n| new_order(lane, round * ORDERS + n, random));
    batches.push(orders_of(orders.collect(), model));
    let known = model.orders();
    let changed = known
        .choose_multiple(random, CHANGES)
        .cloned()
        .collect::<Vec<_>>();
    let changes = changed.into_iter().map(|order| change(order, random));
    batches.push(orders_of(changes.collect(), model));
    if round.is_multiple_of(3) {
        batches.push(customers(lane, round, model));
        batches.push(events(lane, round, random, model));
    }
    batches
}

fn orders_of(items: Vec<Value>, model: &mut Model) -> Batch {
    items.iter().for_each(|order| model.order(order));
    let path = "/api/data/orders";
    Batch { path, items }
}

fn new_order(lane: usize, number: usize, random: &mut StdRng) -> Value {
    json!({
        "order_id": format!("o-{number}"),
        "customer_id": customer(lane, random.random_range(0..CUSTOMERS)),
        "amount": random.random_range(0..100_000),
        "currency": "USD",
        "placed_at": time(random),
        "status": "placed",
    })
}

/// Another amount, and perhaps another status and time.
fn change(mut order: Value, random: &mut StdRng) -> Value {
    let amount = order["amount"].as_i64().unwrap();
    order["amount"] = json!(amount + random.random_range(1..1_000));
    let statuses = ["placed", "cancelled", "refunded"];
    order["status"] = json!(statuses[random.random_range(0..3)]);
    if random.random() {
        order["placed_at"] = json!(time(random));
    }
    order
}

fn customers(lane: usize, round: usize, model: &mut Model) -> Batch {
    let ids = (round % CUSTOMERS..CUSTOMERS).map(|number| customer(lane, number));
    let items = ids.map(|id| json!({"customer_id": id, "name": format!("Name {round}")}));
    let items: Vec<_> = items.collect();
    items.iter().for_each(|item| model.customer(item));
    let path = "/api/data/customers";
    Batch { path, items }
}

fn events(lane: usize, round: usize, random: &mut StdRng, model: &mut Model) -> Batch {
    let item = |number: usize| {
        json!({
            "event_id": format!("e-{round}-{number}"),
            "customer_id": customer(lane, random.random_range(0..CUSTOMERS)),
            "name": if number.is_multiple_of(2) { "visit" } else { "search" },
            "occurred_at": time(random),
        })
    };
    let items: Vec<_> = (0..100).map(item).collect();
    items.iter().for_each(|item| model.event(item));
    let path = "/api/data/events";
    Batch { path, items }
}

fn customer(lane: usize, number: usize) -> String {
    format!("c-{lane}-{number}")
}

fn time(random: &mut StdRng) -> String {
    let (day, hour) = (random.random_range(1..29), random.random_range(0..24));
    let minute = random.random_range(0..60);
    format!("2026-02-{day:02}T{hour:02}:{minute:02}:00.000Z")
}
