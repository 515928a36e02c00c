//! Pages of the audit trail: each examines a limited number of commits, along one index.

use mongodb::bson::{DateTime, Document, doc};
use projections::PageRequest;
use projections::audit::AuditFilter;

use super::project;
use crate::support::deployment::Deployment;
use crate::support::raw_events::append_raw_event;

/// More commits than one page examines.
const COMMITS: i64 = 6_000;

fn first_page() -> PageRequest {
    PageRequest {
        limit: 10,
        cursor: None,
    }
}

fn filter_of(actor: &str, tag: &str) -> AuditFilter {
    AuditFilter {
        actor: Some(actor.to_owned()),
        tag: Some(tag.to_owned()),
        ..AuditFilter::default()
    }
}

/// Returns the document of a commit with one order, recorded later than any commit in the log.
fn later(n: i64) -> Document {
    doc! {
        "_id": format!("0:{}", 1_000 + n), "_partition": 0, "_number": 1_000 + n,
        "first": 1_000 + n, "at": DateTime::from_millis(1_893_456_000_000 + n / 100),
        "actor": "key:other", "types": [{"id": "order_placed.1"}],
        "customers": [{"id": "c-2"}],
    }
}

#[tokio::test]
async fn a_filter_without_an_exact_index_examines_a_limited_number_of_commits() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let at = append_raw_event(&deployment.log, "order/c-1/o-1", "order_placed.1", "{}").await;
    project(&deployment, "audit").await.unwrap();
    let audit = deployment.store.database().collection("audit_g1");
    audit.insert_many((0..COMMITS).map(later)).await.unwrap();
    let (store, log) = (&deployment.store, &deployment.log);
    let filter = filter_of("key:test", "order_placed");
    let mut page = first_page();
    let first = store.audit(log, &filter, &page).await.unwrap();
    assert_eq!(first.items, []);
    page.cursor = first.next_cursor;
    assert!(page.cursor.is_some(), "there are commits left to examine");
    let second = store.audit(log, &filter, &page).await.unwrap();
    let positions: Vec<_> = second.items.iter().map(|row| row.entry.position).collect();
    assert_eq!((positions, second.next_cursor), (vec![at], None));
}

/// An API process can be newer than the workers, and query an index that they have yet to build.
#[tokio::test]
async fn a_query_fails_until_its_index_exists() {
    let deployment = Deployment::fresh().await;
    let (store, log) = (&deployment.store, &deployment.log);
    let database = store.database();
    database.create_collection("audit_g1").await.unwrap();
    let filter = filter_of("key:test", "order_placed");
    let refused = store.audit(log, &filter, &first_page()).await;
    assert!(
        matches!(refused, Err(projections::QueryError::Mongo(_))),
        "{refused:?}"
    );
    store.generations().prepare().await.unwrap();
    let found = store.audit(log, &filter, &first_page()).await.unwrap();
    assert_eq!(found.items, []);
}
