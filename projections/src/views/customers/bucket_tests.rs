//! A customer's document and buckets depend on the events alone, not on batches,
//! crashes or concurrent processes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bson::RawDocumentBuf;
use chrono_tz::Tz;
use domain::{
    ActivityContent, ActivityEvent, Amount, Currency, Event, Metadata, Occurrence, OrderContent,
    OrderEvent, OrderStatus, Subject, Timestamp,
};
use eventlog::Position;
use proptest::collection::vec;
use proptest::prelude::*;

use super::buckets::{BucketDocument, Series, bucket_id};
use super::instants::Instants;
use super::times::{Times, TimesLimits};
use super::view::fold_within;
use super::{CustomerDocument, Customers, Days};
use crate::runtime::documents::placed;
use crate::runtime::parts::{DocumentAfter, DocumentBefore, FoldOutcome, Part, Parts};
use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldInput, InputContent};

/// Limits so small that a few dozen events reach every case.
const SMALL: TimesLimits = TimesLimits {
    end: 4,
    pending: 5,
    bucket: 4,
    changed: 2,
};

const ZONE: Tz = Tz::Europe__Berlin;

/// Report of a shop about one customer. Times are in hours.
#[derive(Debug, Clone)]
enum Report {
    /// An order at a time, with an amount in cents.
    Order(i64, i64),
    /// An update of an order: its new time, and whether it now counts.
    OrderUpdate(usize, i64, bool),
    /// Cancellation of this many orders: of the latest if `true`, else of the
    /// earliest.
    Cancellation(usize, bool),
    /// An activity at a time: `visit` if `true`, else `cart`.
    Activity(bool, i64),
    /// An update of an activity: its new name and time.
    ActivityUpdate(usize, bool, i64),
}

/// Returns reports with times in hours, so that some are equal and the days differ.
fn report() -> impl Strategy<Value = Report> {
    let at = || prop_oneof![3 => 0..400i64, 1 => 100..104i64];
    prop_oneof![
        8 => (at(), 1..99i64).prop_map(|(at, cents)| Report::Order(at, cents)),
        4 => (any::<usize>(), at(), any::<bool>())
            .prop_map(|(which, at, counts)| Report::OrderUpdate(which, at, counts)),
        1 => (1..12usize, any::<bool>())
            .prop_map(|(count, latest)| Report::Cancellation(count, latest)),
        3 => (any::<bool>(), at()).prop_map(|(name, at)| Report::Activity(name, at)),
        2 => (any::<usize>(), any::<bool>(), at())
            .prop_map(|(which, name, at)| Report::ActivityUpdate(which, name, at)),
    ]
}

/// Returns orders in ascending order, as they usually arrive, and then any reports.
fn reports(ascending: usize, random: usize) -> impl Strategy<Value = Vec<Report>> {
    let first = (0..=ascending).prop_map(|count| {
        let order = |at: usize| Report::Order(at as i64 * 2, 5);
        (0..count).map(order).collect::<Vec<_>>()
    });
    (first, vec(report(), 0..random)).prop_map(|(first, rest)| [first, rest].concat())
}

fn hour(at: i64) -> Timestamp {
    Timestamp::from_millis(at * 3_600_000 + 1).unwrap()
}

fn order(at: i64, cents: i64, counts: bool) -> OrderContent {
    OrderContent {
        amount: Amount::try_from(cents).unwrap(),
        // A third was paid back.
        refunded_amount: Amount::try_from(cents / 3).unwrap(),
        currency: Currency::try_from("USD").unwrap(),
        placed_at: hour(at),
        status: match counts {
            true => OrderStatus::Placed,
            false => OrderStatus::Refunded,
        },
        items: Vec::new(),
        updated_at: None,
    }
}

fn activity(name: bool, at: i64) -> ActivityContent {
    let name = if name { "visit" } else { "cart" };
    ActivityContent {
        name: name.to_owned().try_into().unwrap(),
        occurred_at: hour(at),
        properties: Default::default(),
        updated_at: None,
    }
}

/// Current state of the shop, and all events so far.
#[derive(Default)]
struct Shop {
    orders: Vec<OrderContent>,
    activities: Vec<ActivityContent>,
    events: Vec<FoldInput>,
}

impl Shop {
    fn of(reports: Vec<Report>) -> Self {
        let mut shop = Self::default();
        for report in reports {
            shop.record(report);
        }
        shop
    }

    fn record(&mut self, report: Report) {
        match report {
            Report::Order(at, cents) => self.place(order(at, cents, true)),
            Report::OrderUpdate(which, at, counts) if !self.orders.is_empty() => {
                let which = which % self.orders.len();
                let cents = self.orders[which].amount.minor();
                self.update(which, order(at, cents, counts));
            }
            Report::Cancellation(count, latest) => {
                for _ in 0..count {
                    let counted = self.orders.iter().enumerate();
                    let counted = counted.filter(|(_, order)| order.figures().counts());
                    let by_time = |(_, order): &(usize, &OrderContent)| order.placed_at;
                    let one = match latest {
                        true => counted.max_by_key(by_time),
                        false => counted.min_by_key(by_time),
                    };
                    let Some((which, order)) = one else { return };
                    let mut cancelled = order.clone();
                    cancelled.status = OrderStatus::Cancelled;
                    self.update(which, cancelled);
                }
            }
            Report::Activity(name, at) => self.act(activity(name, at)),
            Report::ActivityUpdate(which, name, at) if !self.activities.is_empty() => {
                let which = which % self.activities.len();
                let content = activity(name, at);
                let before = std::mem::replace(&mut self.activities[which], content.clone());
                let previous = Occurrence {
                    name: before.name,
                    occurred_at: before.occurred_at,
                };
                let event = ActivityEvent::Updated { content, previous };
                self.happen(format!("activity/c-1/{which}"), Event::Activity(event));
            }
            Report::OrderUpdate(..) | Report::ActivityUpdate(..) => {}
        }
    }

    fn place(&mut self, content: OrderContent) {
        let key = format!("order/c-1/{}", self.orders.len());
        self.orders.push(content.clone());
        self.happen(key, Event::Order(OrderEvent::Placed(content)));
    }

    fn update(&mut self, which: usize, content: OrderContent) {
        let before = std::mem::replace(&mut self.orders[which], content.clone());
        let previous = before.figures();
        let event = Event::Order(OrderEvent::Updated { content, previous });
        self.happen(format!("order/c-1/{which}"), event);
    }

    fn act(&mut self, content: ActivityContent) {
        let key = format!("activity/c-1/{}", self.activities.len());
        self.activities.push(content.clone());
        self.happen(key, Event::Activity(ActivityEvent::Recorded(content)));
    }

    fn happen(&mut self, key: String, event: Event) {
        let recorded = Recorded {
            position: Position {
                partition: 3,
                // Other customers have the numbers between.
                number: self.events.len() as u64 * 3 + 1,
            },
            subject: Subject::parse(&key).unwrap(),
            version: 1,
            tag: String::new(),
            event,
            metadata: Arc::new(Metadata {
                at: hour(0),
                actor: "key:1".to_owned(),
                request: None,
                cause: None,
                address: None,
            }),
        };
        self.events.push(FoldInput {
            document: "c-1".to_owned(),
            position: recorded.position,
            begins: false,
            content: InputContent::Event(Arc::new(recorded)),
        });
    }

    fn counted(&self) -> impl Iterator<Item = &OrderContent> {
        self.orders.iter().filter(|order| order.figures().counts())
    }

    fn times_of(&self, name: &str) -> Vec<i64> {
        let named = self.activities.iter().filter(|a| a.name.as_str() == name);
        sorted(named.map(|activity| activity.occurred_at.millis()))
    }
}

fn sorted(times: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    times
}

/// The customer's document and buckets in MongoDB, each with its number.
#[derive(Debug, Clone, Default, PartialEq)]
struct Stored {
    root: Option<(i64, RawDocumentBuf)>,
    parts: HashMap<String, (i64, RawDocumentBuf)>,
}

/// Crash of a process during its writes: it has written the first `inserts` new
/// parts, the changed parts in the bit set `updates`, and no document.
#[derive(Debug, Clone, Copy)]
struct Crash {
    inserts: usize,
    updates: u8,
}

#[derive(Debug, PartialEq)]
enum Round {
    /// Some events are left for another round.
    Left,
    Done,
    /// A guard did not hold, or the process crashed.
    Retry,
}

impl Stored {
    /// Runs one round as [`crate::runtime::folding`] does, on a document that was loaded before.
    fn round(
        &mut self,
        limits: &TimesLimits,
        root: Option<(i64, RawDocumentBuf)>,
        events: &[FoldInput],
        crash: Option<Crash>,
    ) -> Round {
        let behind = root.as_ref().map_or(0, |(number, _)| *number);
        let new = events.iter().filter(|e| e.position.number as i64 > behind);
        let new: Vec<&FoldInput> = new.collect();
        if new.is_empty() {
            return Round::Done;
        }
        let Some(after) = self.folded(limits, root.as_ref(), &new) else {
            return Round::Retry;
        };
        assert!(after.events > 0);
        let at = new[after.events - 1].position;
        let place = |id: &str, document: &RawDocumentBuf| {
            placed(id, at.partition, at.number as i64, document).unwrap()
        };
        let is_new = |part: &&crate::runtime::parts::ChangedPart| part.expected.is_none();
        for (index, part) in after.parts.iter().filter(is_new).enumerate() {
            if crash.is_some_and(|crash| index >= crash.inserts) {
                return Round::Retry;
            }
            let document = place(&part.id, &part.document);
            match self.parts.get(&part.id) {
                None => {
                    let part = (part.id.clone(), (at.number as i64, document));
                    self.parts.extend([part]);
                }
                Some((number, there)) if *number == at.number as i64 => {
                    assert_eq!(*there, document);
                }
                Some(_) => return Round::Retry,
            }
        }
        let mut all = true;
        for (index, part) in after.parts.iter().filter(|part| !is_new(part)).enumerate() {
            if crash.is_some_and(|crash| crash.updates >> (index % 8) & 1 == 0) {
                continue;
            }
            let stored = self.parts.get_mut(&part.id).unwrap();
            match Some(stored.0) == part.expected {
                true => *stored = (at.number as i64, place(&part.id, &part.document)),
                false => all = false,
            }
        }
        let guard = root.map(|(number, _)| number);
        if crash.is_some() || !all || guard != self.root.as_ref().map(|(number, _)| *number) {
            return Round::Retry;
        }
        self.root = Some((at.number as i64, place("c-1", &after.document)));
        match after.events == new.len() {
            true => Round::Done,
            false => Round::Left,
        }
    }

    fn folded(
        &self,
        limits: &TimesLimits,
        root: Option<&(i64, RawDocumentBuf)>,
        new: &[&FoldInput],
    ) -> Option<DocumentAfter> {
        let mut parts = Parts::new();
        loop {
            let before = DocumentBefore {
                document: root.map(|(_, document)| &**document),
                parts: &parts,
                zone: ZONE,
            };
            match fold_within(limits, &before, new).unwrap() {
                FoldOutcome::After(after) => return Some(after),
                FoldOutcome::Overtaken => return None,
                FoldOutcome::Needs(ids) => {
                    for id in ids {
                        let part = self.parts.get(&id).map(|(number, document)| Part {
                            number: *number,
                            document: document.clone(),
                        });
                        assert!(parts.insert(id, part).is_none(), "requested twice");
                    }
                }
            }
        }
    }

    fn fold(&mut self, limits: &TimesLimits, events: &[FoldInput]) {
        loop {
            match self.round(limits, self.root.clone(), events, None) {
                Round::Left => {}
                Round::Done => return,
                Round::Retry => panic!("a single process needs no retry"),
            }
        }
    }

    fn document(&self) -> CustomerDocument {
        let (_, document) = self.root.as_ref().unwrap();
        bson::deserialize_from_slice(document.as_bytes()).unwrap()
    }

    /// Returns all times of a series, from the document and the buckets.
    fn times(&self, series: Series<'_>, times: &Times) -> Vec<i64> {
        let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
        for (at, counted) in times.outside_buckets() {
            *counts.entry(at.millis()).or_default() += if counted { 1 } else { -1 };
        }
        for bucket in times.buckets() {
            let (number, document) = &self.parts[&bucket_id("c-1", &series, bucket.index)];
            assert_eq!(*number, bucket.number);
            let document: BucketDocument =
                bson::deserialize_from_slice(document.as_bytes()).unwrap();
            assert_eq!(document.times.len() as i64, bucket.count);
            for (at, count) in document.times.iter() {
                *counts.entry(at.millis()).or_default() += count as i64;
            }
        }
        let repeated = counts
            .into_iter()
            .flat_map(|(at, count)| std::iter::repeat_n(at, usize::try_from(count).unwrap()));
        repeated.collect()
    }

    fn assert_matches(&self, shop: &Shop) {
        let document = self.document();
        let orders = sorted(shop.counted().map(|order| order.placed_at.millis()));
        assert_eq!(self.times(Series::Orders, &document.order_times), orders);
        let mut parts = document.order_times.buckets().len();
        for (name, facts) in &document.events {
            let times = shop.times_of(name);
            assert_eq!(self.times(Series::Events(name), &facts.times), times);
            assert_eq!(facts.count, times.len() as i64);
            let days = facts.days.iter().map(|day| day.count).sum::<i64>();
            assert_eq!(days, facts.count, "no day is dropped");
            parts += facts.times.buckets().len();
        }
        let net = |order: &OrderContent| order.figures().net_amount();
        let spend: i64 = shop.counted().map(net).sum();
        let gross: i64 = shop.counted().map(|order| order.amount.minor()).sum();
        assert_eq!(
            (document.total_spend, document.gross_spend()),
            (spend, gross)
        );
        let of_days = |days: &Days| {
            days.iter()
                .fold((0, 0), |(n, s), d| (n + d.count, s + d.sum))
        };
        assert_eq!(of_days(&document.order_days), (orders.len() as i64, spend));
        assert_eq!((self.parts.len(), document.parts), (parts, parts as i64));
        let mut in_memory: Option<CustomerDocument> = None;
        for event in &shop.events {
            let InputContent::Event(event) = &event.content else {
                panic!()
            };
            in_memory = Some(Customers::fold_in_memory(in_memory, event, ZONE).unwrap());
        }
        let in_memory = in_memory.unwrap();
        assert_eq!(document.facts(), in_memory.facts());
        assert_eq!(document.order_days, in_memory.order_days);
    }
}

/// Folds all events in one batch, without a crash.
fn folded(limits: &TimesLimits, events: &[FoldInput]) -> Stored {
    let mut stored = Stored::default();
    stored.fold(limits, events);
    stored
}

fn crashes() -> impl Strategy<Value = Vec<(usize, Option<Crash>)>> {
    let crash = (0..4usize, any::<u8>()).prop_map(|(inserts, updates)| Crash { inserts, updates });
    vec((1..30usize, prop::option::of(crash)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn batches_and_crashes_change_nothing(reports in reports(60, 120), crashes in crashes()) {
        let shop = Shop::of(reports);
        prop_assume!(!shop.events.is_empty());
        let expected = folded(&SMALL, &shop.events);
        expected.assert_matches(&shop);
        let mut stored = Stored::default();
        let mut checkpoint = 0;
        for (size, crash) in crashes {
            let end = shop.events.len().min(checkpoint + size);
            let batch = &shop.events[checkpoint..end];
            match crash {
                // The process dies in the first round of the batch that changes buckets.
                Some(_) => {
                    while stored.round(&SMALL, stored.root.clone(), batch, crash) == Round::Left {}
                }
                None => {
                    stored.fold(&SMALL, batch);
                    checkpoint = end;
                }
            }
        }
        stored.fold(&SMALL, &shop.events[checkpoint..]);
        prop_assert_eq!(stored, expected);
    }

    #[test]
    fn a_concurrent_process_with_an_older_document_changes_nothing(
        reports in reports(60, 120),
        turns in vec((1..30usize, 0..4usize, 1..60usize), 1..40),
    ) {
        let shop = Shop::of(reports);
        prop_assume!(!shop.events.is_empty());
        let expected = folded(&SMALL, &shop.events);
        let mut stored = Stored::default();
        let mut roots = vec![None];
        let mut checkpoint = 0;
        for (size, age, rival) in turns {
            let end = shop.events.len().min(checkpoint + size);
            while stored.round(&SMALL, stored.root.clone(), &shop.events[checkpoint..end], None)
                == Round::Left
            {
                roots.push(stored.root.clone());
                let old = roots[roots.len().saturating_sub(age + 1)].clone();
                let end = shop.events.len().min(checkpoint + rival);
                stored.round(&SMALL, old, &shop.events[..end], None);
            }
            roots.push(stored.root.clone());
            checkpoint = end;
        }
        stored.fold(&SMALL, &shop.events);
        prop_assert_eq!(stored, expected);
    }
}

#[test]
fn documents_stay_small() {
    // Orders arrive in descending and ascending order, activities in random order.
    let mut shop = Shop::default();
    for n in 0..40_000i64 {
        shop.record(Report::Order(if n % 2 == 0 { n } else { -n }, 7));
        shop.record(Report::Activity(true, n * 7_919 % 40_000));
    }
    let all = 0..shop.orders.len();
    for which in all.step_by(3) {
        shop.record(Report::OrderUpdate(which, 5, false));
    }
    let stored = folded(&TimesLimits::STORED, &shop.events);
    stored.assert_matches_except_days(&shop);
    let root = stored.root.as_ref().unwrap().1.as_bytes().len();
    assert!(root < 48 << 10, "{root} bytes");
    let largest = stored
        .parts
        .values()
        .map(|(_, part)| part.as_bytes().len())
        .max();
    assert!(largest.unwrap() < 160 << 10, "{largest:?} bytes");
    assert!(
        (4..30).contains(&stored.parts.len()),
        "{}",
        stored.parts.len()
    );
}

#[test]
fn a_customer_with_few_orders_has_no_buckets() {
    let mut shop = Shop::default();
    (0..256).for_each(|at| shop.record(Report::Order(at, 7)));
    let stored = folded(&TimesLimits::STORED, &shop.events);
    let document = stored.document();
    assert!(stored.parts.is_empty());
    assert_eq!(document.parts, 0);
    let root = bson::serialize_to_document(&document).unwrap();
    let times = root.get_document("order_times").unwrap();
    assert_eq!(times.keys().collect::<Vec<_>>(), ["newest"]);
}

#[test]
fn times_in_the_format_of_older_programs_are_read() {
    let hours: Vec<Timestamp> = (0..3_000).map(hour).collect();
    let times: Instants = hours.iter().copied().collect();
    let old = bson::doc! {
        "registered": false, "unsubscribed": false, "total_spend": 9_000i64,
        "order_count": 3_000i64, "search": ["c-1"],
        "order_times": bson::serialize_to_bson(&times).unwrap(),
    };
    let old = bson::serialize_to_raw_document_buf(&old).unwrap();
    let mut stored = Stored {
        root: Some((1, placed("c-1", 3, 1, &old).unwrap())),
        ..Stored::default()
    };
    let mut shop = Shop::default();
    (0..10).for_each(|n| shop.record(Report::Order(n, 7)));
    // The first event is skipped: its number is that of the old document.
    stored.fold(&TimesLimits::STORED, &shop.events[1..]);
    let document = stored.document();
    let expected = sorted(
        hours
            .iter()
            .map(|at| at.millis())
            .chain((1..10).map(|n| hour(n).millis())),
    );
    assert_eq!(
        stored.times(Series::Orders, &document.order_times),
        expected
    );
    assert!(!stored.parts.is_empty());
}

impl Stored {
    /// Compares all figures except days, which may have been dropped.
    fn assert_matches_except_days(&self, shop: &Shop) {
        let document = self.document();
        let orders = sorted(shop.counted().map(|order| order.placed_at.millis()));
        let times = self.times(Series::Orders, &document.order_times);
        assert!(times == orders);
        let visits = &document.events["visit"];
        assert!(self.times(Series::Events("visit"), &visits.times) == shop.times_of("visit"));
        let first_and_last = [document.first_order_at, document.last_order_at];
        let expected = [orders.first(), orders.last()].map(|at| at.copied());
        assert_eq!(
            first_and_last.map(|at| at.map(|at| at.timestamp_millis())),
            expected
        );
        assert_eq!(document.order_days.iter().count(), Days::MAX);
    }
}
