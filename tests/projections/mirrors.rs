//! Lists of orders for clients that mirror them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    LogPosition, OrderStatus, QuarantineCommand, QuarantineDecision, Timestamp, ViewName,
};
use mongodb::bson::{DateTime, doc};
use projections::orders::{OrderDocument, OrderFilter};
use projections::{Page, PageRequest, QueryError};

use super::{project, rebuild_view};
use crate::support::deployment::Deployment;
use crate::support::shop::{context, minute, order, order_content, text};

type OrderKey = (String, String);

fn request(limit: usize, cursor: Option<String>) -> PageRequest {
    PageRequest { limit, cursor }
}

fn keys(orders: &[OrderDocument]) -> Vec<OrderKey> {
    let key = |order: &OrderDocument| (order.customer_id.clone(), order.order_id.clone());
    orders.iter().map(key).collect()
}

async fn recorded_page(deployment: &Deployment, page: &PageRequest) -> Page<OrderDocument> {
    let all = OrderFilter::default();
    deployment
        .store
        .orders_as_recorded(&all, page)
        .await
        .unwrap()
}

/// Returns all orders as recorded, page by page.
pub(super) async fn recorded_orders(deployment: &Deployment, limit: usize) -> Vec<OrderKey> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = recorded_page(deployment, &request(limit, cursor)).await;
        all.extend(keys(&page.items));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

/// Returns all changes after a cursor, page by page, and the cursor of later ones.
async fn changes_after(
    deployment: &Deployment,
    limit: usize,
    mut cursor: Option<String>,
) -> (Vec<OrderDocument>, Option<String>) {
    let Deployment { store, log, .. } = deployment;
    let (filter, mut all) = (OrderFilter::default(), Vec::new());
    loop {
        let page = request(limit, cursor);
        let changed = store.orders_as_changed(log, &filter, &page).await.unwrap();
        assert!(changed.page.items.len() <= limit);
        all.extend(changed.page.items);
        match changed.page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return (all, changed.resume_cursor),
        }
    }
}

/// Returns all orders in the order of change, page by page.
pub(super) async fn changed_orders(deployment: &Deployment, limit: usize) -> Vec<OrderKey> {
    keys(&changes_after(deployment, limit, None).await.0)
}

/// Records the current state of an order.
async fn send(deployment: &Deployment, customer: u32, id: u32, cents: i64, placed_at: Timestamp) {
    let mut item = order(&format!("c-{customer}"), &format!("o-{id}"), 0);
    item.content = order_content(cents, placed_at, OrderStatus::Placed);
    let context = context();
    let recorded = deployment.commands.record_orders(&context, vec![item]);
    recorded.await.unwrap().remove(0).unwrap();
}

async fn with_orders(count: u32) -> Deployment {
    let deployment = Deployment::fresh().await.prepared().await;
    for n in 0..count {
        send(&deployment, n % 7, n, n.into(), minute((n % 3).into())).await;
    }
    project(&deployment, "orders").await.unwrap();
    deployment
}

fn distinct(keys: &[OrderKey]) -> BTreeSet<OrderKey> {
    keys.iter().cloned().collect()
}

#[tokio::test]
async fn orders_that_change_between_pages_are_neither_missed_nor_repeated() {
    let deployment = with_orders(60).await;
    for rebuilt_before in [None, Some(2)] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = recorded_page(&deployment, &request(9, cursor)).await;
            seen.extend(keys(&page.items));
            pages += 1;
            let Some(next) = page.next_cursor else { break };
            cursor = Some(next);
            // An order that was seen moves behind all others, and another before them.
            for (id, at) in [
                (pages * 7 % 60, minute(9_000)),
                (pages * 11 % 60, minute(-9_000)),
            ] {
                send(&deployment, id % 7, id, 1_000 + i64::from(pages), at).await;
            }
            project(&deployment, "orders").await.unwrap();
            if rebuilt_before == Some(pages) {
                rebuild_view(&deployment, "orders").await;
            }
        }
        assert_eq!((seen.len(), distinct(&seen).len()), (60, 60));
        assert!(pages > 5);
    }
}

#[tokio::test]
async fn a_mirror_that_follows_changes_becomes_equal() {
    let deployment = with_orders(40).await;
    let mut mirror = BTreeMap::new();
    let mut cursor = None;
    for round in 0..6u32 {
        for id in [round * 5 % 40, 40 + round, round * 9 % 40] {
            send(
                &deployment,
                id % 7,
                id,
                5_000 + i64::from(round),
                minute(round.into()),
            )
            .await;
        }
        project(&deployment, "orders").await.unwrap();
        if round == 3 {
            rebuild_view(&deployment, "orders").await;
        }
        let (changes, resume) = changes_after(&deployment, 4, cursor).await;
        if round > 0 {
            assert!((1..=3).contains(&changes.len()), "{}", changes.len());
        }
        for change in changes {
            mirror.insert(
                (change.customer_id.clone(), change.order_id.clone()),
                change,
            );
        }
        cursor = resume;
    }
    let all = request(500, None);
    let orders = deployment.store.orders(&OrderFilter::default(), &all).await;
    let orders = orders.unwrap().items;
    assert_eq!(orders.len(), mirror.len());
    for order in orders {
        let key = (order.customer_id.clone(), order.order_id.clone());
        assert_eq!(mirror[&key], order);
    }
    let (nothing, same) = changes_after(&deployment, 4, cursor.clone()).await;
    assert_eq!((nothing.len(), same), (0, cursor));
}

#[tokio::test]
async fn many_changes_of_one_customer_do_not_hold_back_others() {
    let deployment = with_orders(40).await;
    let (_, cursor) = changes_after(&deployment, 500, None).await;
    for id in 0..30 {
        send(&deployment, 0, 1_000 + id, 1, minute(0)).await;
    }
    let other = (1..7).find(|customer| {
        let partition = |id: u32| deployment.log.layout().partition_of(&format!("c-{id}"));
        partition(*customer) != partition(0)
    });
    let other = other.unwrap();
    send(&deployment, other, 2_000, 1, minute(0)).await;
    project(&deployment, "orders").await.unwrap();
    let Deployment { store, log, .. } = &deployment;
    let (all, mut cursor, mut seen) = (OrderFilter::default(), cursor, Vec::new());
    for _ in 0..2 {
        let page = request(5, cursor);
        let changed = store.orders_as_changed(log, &all, &page).await.unwrap();
        let changed = changed.page;
        seen.extend(keys(&changed.items));
        cursor = changed.next_cursor;
    }
    assert!(
        seen.contains(&(format!("c-{other}"), "o-2000".to_owned())),
        "{seen:?}"
    );
}

/// An order that waited in quarantine is folded behind the cursors of its partition.
#[tokio::test]
async fn an_order_that_leaves_the_quarantine_is_a_change() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    send(&deployment, 1, 1, 100, minute(0)).await;
    project(&deployment, "orders").await.unwrap();
    send(&deployment, 1, 1, 200, minute(0)).await;
    let at = deployment.log.last(0).await.unwrap();
    // As an older program would have noted it.
    let note = doc! {
        "_id": "orders_g1/c-1/o-1", "view": "orders", "generation": 1, "partition": 0,
        "number": at.number as i64, "document": "c-1/o-1", "is_left_out": false,
        "reason": "the older program", "since": DateTime::now(),
    };
    let notes = deployment.store.database().collection("quarantine");
    notes.insert_one(note).await.unwrap();
    send(&deployment, 2, 2, 100, minute(0)).await;
    project(&deployment, "orders").await.unwrap();
    let (before, cursor) = changes_after(&deployment, 10, None).await;
    assert_eq!(before.len(), 2);

    let retry = QuarantineCommand::Retry(QuarantineDecision {
        views: [ViewName::try_from("orders").unwrap()].into(),
        reason: text("the program can read it now"),
    });
    let event = LogPosition::new(at.partition, at.number);
    let context = context();
    let retried = deployment.commands.execute(&context, event, retry);
    retried.await.unwrap().unwrap();
    project(&deployment, "orders").await.unwrap();
    let (released, cursor) = changes_after(&deployment, 10, cursor).await;
    assert_eq!(keys(&released), [("c-1".to_owned(), "o-1".to_owned())]);
    assert_eq!(released[0].amount, 200);
    assert_eq!(changes_after(&deployment, 10, cursor).await.0, []);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_and_its_log() {
    let deployment = with_orders(20).await;
    let Deployment { store, log, .. } = &deployment;
    let all = OrderFilter::default();
    let first = request(3, None);
    let newest = store.orders(&all, &first).await.unwrap().next_cursor;
    let recorded = store
        .orders_as_recorded(&all, &first)
        .await
        .unwrap()
        .next_cursor;
    let changed = store.orders_as_changed(log, &all, &first).await.unwrap();
    let changed = changed.page.next_cursor;
    assert!(newest.is_some() && recorded.is_some() && changed.is_some());
    let is_refused = |result: Result<(), QueryError>| matches!(result, Err(QueryError::Page(_)));
    for foreign in [&recorded, &changed] {
        let page = request(3, foreign.clone());
        assert!(is_refused(store.orders(&all, &page).await.map(drop)));
    }
    for foreign in [&newest, &changed] {
        let page = request(3, foreign.clone());
        assert!(is_refused(
            store.orders_as_recorded(&all, &page).await.map(drop)
        ));
    }
    for foreign in [&newest, &recorded] {
        let page = request(3, foreign.clone());
        assert!(is_refused(
            store.orders_as_changed(log, &all, &page).await.map(drop)
        ));
    }
    // The numbers of another log belong to other events.
    let known = store
        .database()
        .collection::<mongodb::bson::Document>("log");
    let other = doc! {"$set": {"epoch": "00000000-0000-4000-8000-000000000000", "created": true}};
    let options = known.update_one(doc! {"_id": "log"}, other).upsert(true);
    options.await.unwrap();
    let page = request(3, recorded);
    assert!(is_refused(
        store.orders_as_recorded(&all, &page).await.map(drop)
    ));
}

#[tokio::test]
async fn twins_are_found_by_their_id() {
    let deployment = with_orders(20).await;
    send(&deployment, 6, 3, 700, minute(0)).await;
    project(&deployment, "orders").await.unwrap();
    let twins = OrderFilter {
        order: Some("o-3".to_owned()),
        ..OrderFilter::default()
    };
    let Deployment { store, log, .. } = &deployment;
    let page = request(10, None);
    let found = [
        store.orders(&twins, &page).await.unwrap().items,
        store.orders_as_recorded(&twins, &page).await.unwrap().items,
        store
            .orders_as_changed(log, &twins, &page)
            .await
            .unwrap()
            .page
            .items,
    ];
    for found in found {
        let customers: BTreeSet<_> = found.iter().map(|order| &*order.customer_id).collect();
        assert_eq!(
            (found.len(), customers),
            (2, BTreeSet::from(["c-3", "c-6"]))
        );
    }
}
