//! Property: the audit trail answers as if every event had a row, for any commits, wherever the
//! projector's batches cut them, and however often it starts again.

use std::collections::BTreeMap;

use domain::{Event, Metadata, Subject, Timestamp};
use eventlog::{Append, Appended, Entry, Key, Log, NewEvent, NewHead, Partition, Position};
use mongodb::bson::{Document, doc};
use projections::audit::{AuditFilter, AuditRow};
use projections::{PageRequest, verify_documents};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::value::RawValue;

use super::{documents, project, rebuild_view, resume, view};
use crate::support::deployment::Deployment;
use crate::support::property::check;

/// Key, type and data of an event, including events that this program cannot read or does not know.
type EventParts = (&'static str, &'static str, &'static str);

const ORDER: &str =
    r#"{"amount":500,"currency":"USD","placed_at":"2020-01-01T00:00:00.000Z","status":"placed"}"#;

const EVENTS: [EventParts; 12] = [
    ("customer/c-1", "customer_registered.1", "{}"),
    ("customer/c-2", "customer_updated.1", "{}"),
    ("order/c-1/o-1", "order_placed.1", ORDER),
    ("order/c-1/o-2", "order_placed.1", ORDER),
    ("order/c-2/o-1", "order_placed.1", ORDER),
    ("order/c-3/o-1", "order_placed.1", "17"),
    ("order/c-3/o-1", "order_teleported.1", "{}"),
    ("ghost/g-1", "ghost_seen.1", "{}"),
    ("refusals/2026-01-01", "request_refused.1", "{}"),
    ("refusals/2026-01-02", "request_refused.1", "{}"),
    ("assistance/2026-01-01", "assistance_given.1", "{}"),
    ("segment/seg_1", "segment_archived.1", "{}"),
];

#[derive(Debug, Clone)]
struct Batch {
    at: i64,
    actor: &'static str,
    request: Option<&'static str>,
    events: Vec<EventParts>,
}

#[derive(Debug, Clone)]
struct AuditQuery {
    filter: AuditFilter,
    limit: usize,
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (
        0..20i64,
        select(vec!["key:1", "key:2", "user:1"]),
        option::of(select(vec!["r-1", "r-2"])),
        vec(select(EVENTS.to_vec()), 1..16),
    );
    let batch = batch.prop_map(|(at, actor, request, events)| Batch {
        at,
        actor,
        request,
        events,
    });
    vec(batch, 1..16)
}

fn audit_query() -> impl Strategy<Value = AuditQuery> {
    let keys: Vec<&str> = EVENTS.iter().map(|(key, _, _)| *key).collect();
    let types = vec![
        "order_placed",
        "order_placed.1",
        "order_teleported.1",
        "ghost_seen.1",
        "request_refused",
        "assistance_given",
        "customer_registered",
        "no_such_type",
    ];
    let rarely = |texts: Vec<&'static str>| option::weighted(0.3, select(texts));
    let filter = (
        rarely([keys, vec!["customer/c-9", "nonsense"]].concat()),
        rarely(types),
        rarely(vec!["key:1", "user:1", "key:9"]),
        rarely(vec!["c-1", "c-2", "c-3", "c-9"]),
        rarely(vec!["r-1", "r-2", "r-9"]),
        option::weighted(0.2, 0..20i64),
        option::weighted(0.2, 0..20i64),
    );
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let filter = filter.prop_map(
        move |(aggregate, tag, actor, customer, request, since, until)| AuditFilter {
            aggregate: owned(aggregate),
            tag: owned(tag),
            actor: owned(actor),
            customer_id: owned(customer),
            request_id: owned(request),
            since: since.map(time),
            until: until.map(time),
        },
    );
    (filter, 1..9usize).prop_map(|(filter, limit)| AuditQuery { filter, limit })
}

/// Returns a time, `n` ms after a fixed start. There are few distinct ones, so that commits of
/// several partitions have the same time.
fn time(n: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + n).unwrap()
}

#[test]
fn the_audit_trail_answers_as_if_every_event_had_a_row() {
    let steps = vec((1..24usize, any::<bool>()), 1..12);
    let inputs = (batches(), steps, vec(audit_query(), 24));
    check(12, inputs, async |(batches, steps, queries)| {
        let deployment = Deployment::fresh().await.prepared().await;
        for batch in &batches {
            append(&deployment.log, batch).await;
        }
        fold(&deployment, &steps).await;
        let all = all_entries(&deployment.log).await;
        for AuditQuery { filter, limit } in &queries {
            let rows = read_all_pages(&deployment, filter, *limit).await;
            let found: Vec<String> = rows.iter().map(render_row).collect();
            assert_eq!(found, expected(&all, filter), "{filter:?}");
        }
        for customer in ["c-1", "c-2", "c-3", "c-9"] {
            assert_timeline(&deployment, &all, customer).await;
        }
        let Deployment { store, log, .. } = &deployment;
        let verified = verify_documents(store, log, view("audit"), 1)
            .await
            .unwrap();
        assert_eq!(verified.differences, [""; 0]);
        rebuild_view(&deployment, "audit").await;
        assert_eq!(
            documents(store, "audit", 1).await,
            documents(store, "audit", 2).await
        );
    });
}

/// Appends a commit to each partition that the batch has events for.
async fn append(log: &Log, batch: &Batch) {
    let metadata = Metadata {
        at: time(batch.at),
        actor: batch.actor.to_owned(),
        request: batch.request.map(str::to_owned),
        cause: None,
        address: None,
    };
    let meta = serde_json::to_string(&metadata).unwrap();
    let mut by_key: BTreeMap<&str, Vec<NewEvent>> = BTreeMap::new();
    for &(key, tag, data) in &batch.events {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        by_key.entry(key).or_default().push(NewEvent { tag, data });
    }
    let mut by_partition: BTreeMap<Partition, Vec<Append>> = BTreeMap::new();
    for (text, events) in by_key {
        let key: Key = log
            .layout()
            .key(text.to_owned(), text.split('/').nth(1).unwrap());
        let head = log.heads(key.partition, &[&key]).await.unwrap().remove(0);
        let head = (!is_headless(text)).then(|| NewHead {
            expected: head.as_ref().map_or(0, |head| head.version),
            last: head.map_or(0, |head| head.last),
            fold: 0,
            state: "null".to_owned(),
        });
        let appends = by_partition.entry(key.partition).or_default();
        appends.push(Append { key, head, events });
    }
    for (partition, appends) in by_partition {
        let appended = log.append(partition, meta.as_str().into(), appends).await;
        let is_appended = |appended: &Appended| matches!(appended, Appended::At(_));
        assert!(appended.unwrap().iter().all(is_appended));
    }
}

fn is_headless(key: &str) -> bool {
    key.starts_with("refusals/") || key.starts_with("assistance/")
}

/// Folds in steps that cut commits, each with a new projector. After some steps the checkpoint is
/// lost, so that the next projector starts at the beginning.
async fn fold(deployment: &Deployment, steps: &[(usize, bool)]) {
    let checkpoints = deployment
        .store
        .database()
        .collection::<Document>("checkpoints");
    for partition in deployment.log.partitions() {
        for (count, is_lost) in steps {
            let projector = resume(deployment, view("audit"), 1, partition).await;
            projector.unwrap().step(*count).await.unwrap();
            if *is_lost {
                let id = doc! {"_id": format!("audit_g1/{partition}")};
                checkpoints.delete_one(id).await.unwrap();
            }
        }
    }
    project(deployment, "audit").await.unwrap();
}

async fn all_entries(log: &Log) -> Vec<Entry> {
    let mut all = Vec::new();
    for partition in log.partitions() {
        let start = Position {
            partition,
            number: 0,
        };
        all.extend(log.read(start, 10_000).await.unwrap());
    }
    all
}

async fn read_all_pages(
    deployment: &Deployment,
    filter: &AuditFilter,
    limit: usize,
) -> Vec<AuditRow> {
    let mut page = PageRequest {
        limit,
        cursor: None,
    };
    let mut rows = Vec::new();
    loop {
        let found = deployment.store.audit(&deployment.log, filter, &page).await;
        let found = found.unwrap();
        assert!(found.items.len() <= limit);
        rows.extend(found.items);
        if found.next_cursor.is_none() {
            return rows;
        }
        page.cursor = found.next_cursor;
    }
}

async fn assert_timeline(deployment: &Deployment, all: &[Entry], customer: &str) {
    let id = customer.try_into().unwrap();
    let mut page = PageRequest {
        limit: 3,
        cursor: None,
    };
    let mut positions = Vec::new();
    loop {
        let found = deployment.store.timeline(&deployment.log, &id, &page).await;
        let found = found.unwrap();
        positions.extend(found.items.iter().map(|row| row.entry.position));
        if found.next_cursor.is_none() {
            break;
        }
        page.cursor = found.next_cursor;
    }
    let of_customer = all
        .iter()
        .filter(|entry| customer_of(entry).as_deref() == Some(customer));
    let mut expected: Vec<Position> = of_customer.map(|entry| entry.position).collect();
    expected.reverse();
    assert_eq!(positions, expected, "{customer}");
}

fn render_row(row: &AuditRow) -> String {
    let customer = row.customer.as_ref().map(ToString::to_string);
    render(
        &row.entry,
        &row.metadata,
        row.occurred_at,
        customer.as_deref(),
    )
}

fn render(entry: &Entry, metadata: &Metadata, at: Timestamp, customer: Option<&str>) -> String {
    let Entry {
        position,
        tag,
        key,
        version,
        ..
    } = entry;
    format!("{position} {at:?} {tag} {key} {version} {metadata:?} {customer:?}")
}

fn metadata(entry: &Entry) -> Metadata {
    serde_json::from_str(&entry.meta).unwrap()
}

fn customer_of(entry: &Entry) -> Option<String> {
    let subject = Subject::parse(&entry.key).ok()?;
    subject.customer().map(ToString::to_string)
}

/// Returns the rows that a trail with a row per event would answer with.
fn expected(all: &[Entry], filter: &AuditFilter) -> Vec<String> {
    let is = |wanted: &Option<String>, value: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
    };
    let is_wanted = |entry: &&Entry| {
        let metadata = metadata(entry);
        let name = entry.tag.trim_end_matches(".1");
        is(&filter.aggregate, Some(&entry.key))
            && (is(&filter.tag, Some(&entry.tag)) || is(&filter.tag, Some(name)))
            && is(&filter.actor, Some(&metadata.actor))
            && is(&filter.customer_id, customer_of(entry).as_deref())
            && is(&filter.request_id, metadata.request.as_deref())
            && filter.since.is_none_or(|since| metadata.at >= since)
            && filter.until.is_none_or(|until| metadata.at < until)
    };
    let mut wanted: Vec<&Entry> = all.iter().filter(is_wanted).collect();
    let by_version = filter
        .aggregate
        .as_deref()
        .is_some_and(|key| !is_headless(key));
    wanted.sort_by_key(|entry| {
        let at = if by_version {
            time(0)
        } else {
            metadata(entry).at
        };
        std::cmp::Reverse((at, entry.position))
    });
    let row = |entry: &Entry| {
        let metadata = metadata(entry);
        let subject = Subject::parse(&entry.key).ok();
        let event =
            subject.and_then(|subject| Event::decode(&subject, &entry.tag, &entry.data).ok());
        let occurred_at = match event {
            Some(Event::Order(happened)) => happened.content().placed_at,
            _ => metadata.at,
        };
        render(entry, &metadata, occurred_at, customer_of(entry).as_deref())
    };
    wanted.into_iter().map(row).collect()
}
