//! A page of the audit trail looks at a limited number of commits, along an index.

use mongodb::bson::{DateTime, Document, doc};
use projections::PageRequest;
use projections::audit::AuditFilter;

use super::project;
use crate::support::by_hand::append_by_hand;
use crate::support::deployment::Deployment;

/// More than a page looks at.
const COMMITS: i64 = 6_000;

fn all() -> PageRequest {
    PageRequest {
        limit: 10,
        cursor: None,
    }
}

fn of(actor: &str, tag: &str) -> AuditFilter {
    AuditFilter {
        actor: Some(actor.to_owned()),
        tag: Some(tag.to_owned()),
        ..AuditFilter::default()
    }
}

/// A commit of one order, recorded later than any in the log.
fn later(n: i64) -> Document {
    doc! {
        "_id": format!("0:{}", 1_000 + n), "_partition": 0, "_number": 1_000 + n,
        "first": 1_000 + n, "at": DateTime::from_millis(1_893_456_000_000 + n / 100),
        "actor": "key:other", "types": [{"id": "order_placed.1"}],
        "customers": [{"id": "c-2"}],
    }
}

#[tokio::test]
async fn what_no_index_has_is_looked_for_a_stretch_at_a_time() {
    let deployment = Deployment::with_partitions(1).await.prepared().await;
    let at = append_by_hand(&deployment.log, "order/c-1/o-1", "order_placed.1", "{}").await;
    project(&deployment, "audit").await.unwrap();
    let audit = deployment.store.database().collection("audit_g1");
    audit.insert_many((0..COMMITS).map(later)).await.unwrap();
    let (store, log) = (&deployment.store, &deployment.log);
    let filter = of("key:test", "order_placed");
    let mut page = all();
    let first = store.audit(log, &filter, &page).await.unwrap();
    assert_eq!(first.items, []);
    page.cursor = first.next_cursor;
    assert!(page.cursor.is_some(), "there are commits left to look at");
    let second = store.audit(log, &filter, &page).await.unwrap();
    let positions: Vec<_> = second.items.iter().map(|row| row.entry.position).collect();
    assert_eq!((positions, second.next_cursor), (vec![at], None));
}

/// An API that is newer than the workers asks for what they have yet to build.
#[tokio::test]
async fn until_its_index_is_there_a_list_is_not_available() {
    let deployment = Deployment::fresh().await;
    let (store, log) = (&deployment.store, &deployment.log);
    let database = store.database();
    database.create_collection("audit_g1").await.unwrap();
    let filter = of("key:test", "order_placed");
    let refused = store.audit(log, &filter, &all()).await;
    assert!(
        matches!(refused, Err(projections::QueryError::Mongo(_))),
        "{refused:?}"
    );
    store.generations().prepare().await.unwrap();
    let found = store.audit(log, &filter, &all()).await.unwrap();
    assert_eq!(found.items, []);
}
