//! The audit trail is paged through along an index, whatever is asked for: no page looks at more
//! than it shows, or at more than so many rows where no index has just those that are wanted.

use domain::Timestamp;
use mongodb::bson::{DateTime, Document, doc};
use projections::audit::{AuditDocument, AuditFilter};
use projections::{PageRequest, Store};

use crate::support::deployment::Deployment;

const ROWS: i64 = 24_000;

/// How many rows have the same time, as those of one request have.
const AT_ONCE: i64 = 100;

const LIMIT: usize = 500;

/// What a page looks at where no index has just those that are wanted.
const LOOKED_AT: i64 = 5_000;

fn time(n: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + n / AT_ONCE).unwrap()
}

/// Most of it is about one customer, and few rows are of the rare type.
fn row(n: i64) -> AuditDocument {
    let customer = match n % 8 {
        0 => format!("c-{}", n % 40),
        _ => "guest".to_owned(),
    };
    let tag = match n % 3 {
        _ if n % 6_000 == 1 => "customer_registered.1",
        0 => "order_placed.1",
        1 => "activity_recorded.1",
        _ => "customer_updated.1",
    };
    let at = DateTime::from_millis(time(n).millis());
    AuditDocument {
        position: format!("{}:{}", n % 4, n / 4 + 1),
        at,
        occurred_at: at,
        tag: tag.to_owned(),
        aggregate: format!("customer/{customer}"),
        version: n,
        actor: format!("key:{}", n % 2),
        request_id: Some(format!("r-{}", n / 2_000)),
        ip: None,
        customer_id: Some(customer),
    }
}

fn stored(n: i64) -> Document {
    let mut document = doc! {"_id": n, "_partition": (n % 4) as i32, "_number": n / 4 + 1};
    document.extend(mongodb::bson::serialize_to_document(&row(n)).unwrap());
    document
}

/// `field=value`, separated by spaces.
fn filter(text: &str) -> AuditFilter {
    let mut filter = AuditFilter::default();
    for part in text.split_whitespace() {
        let (field, value) = part.split_once('=').unwrap();
        let value = value.to_owned();
        match field {
            "aggregate" => filter.aggregate = Some(value),
            "type" => filter.tag = Some(value),
            "actor" => filter.actor = Some(value),
            "customer_id" => filter.customer_id = Some(value),
            "request_id" => filter.request_id = Some(value),
            "since" => filter.since = Some(time(value.parse().unwrap())),
            "until" => filter.until = Some(time(value.parse().unwrap())),
            other => panic!("{other}"),
        }
    }
    filter
}

/// Whether a row is one of those wanted.
fn matches(filter: &AuditFilter, row: &AuditDocument) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
    let at = Timestamp::from(row.at.to_chrono());
    is(&filter.aggregate, &row.aggregate)
        && (is(&filter.tag, &row.tag) || is(&filter.tag, row.tag.trim_end_matches(".1")))
        && is(&filter.actor, &row.actor)
        && is(&filter.customer_id, row.customer_id.as_deref().unwrap())
        && is(&filter.request_id, row.request_id.as_deref().unwrap())
        && filter.since.is_none_or(|since| at >= since)
        && filter.until.is_none_or(|until| at < until)
}

/// The positions of the rows wanted, in the order of the list.
fn expected(filter: &AuditFilter) -> Vec<String> {
    let place = |n: i64| (time(n), n % 4, n / 4);
    let all = (0..ROWS).filter(|n| matches(filter, &row(*n)));
    let mut wanted: Vec<i64> = all.collect();
    wanted.sort_by_key(|n| std::cmp::Reverse(place(*n)));
    wanted.into_iter().map(|n| row(n).position).collect()
}

/// How many documents a page looks at.
async fn looked_at(store: &Store, filter: &AuditFilter, page: &PageRequest) -> i64 {
    let aggregate = doc! {
        "aggregate": "audit_g1",
        "pipeline": filter.pipeline(page).unwrap(),
        "hint": filter.index(),
        "cursor": {},
    };
    let explain = doc! {"explain": aggregate, "verbosity": "executionStats"};
    let explained = store.database().run_command(explain).await.unwrap();
    let stats = match explained.get_array("stages") {
        Ok(stages) => stages[0].as_document().unwrap().get_document("$cursor"),
        Err(_) => Ok(&explained),
    };
    let stats = stats.unwrap().get_document("executionStats").unwrap();
    stats.get_i32("totalDocsExamined").unwrap().into()
}

/// Goes through a list; its positions, and the most documents that a page looked at.
async fn walk(store: &Store, filter: &AuditFilter) -> (Vec<String>, i64) {
    let mut page = PageRequest {
        limit: LIMIT,
        cursor: None,
    };
    let (mut positions, mut most) = (Vec::new(), 0);
    loop {
        most = most.max(looked_at(store, filter, &page).await);
        let found = store.audit(filter, &page).await.unwrap();
        assert!(found.items.len() <= LIMIT);
        positions.extend(found.items.into_iter().map(|row| row.position));
        if found.next_cursor.is_none() {
            return (positions, most);
        }
        page.cursor = found.next_cursor;
    }
}

async fn filled() -> Deployment {
    let deployment = Deployment::fresh().await.prepared().await;
    let audit = deployment.store.database().collection("audit_g1");
    audit.insert_many((0..ROWS).map(stored)).await.unwrap();
    deployment
}

#[tokio::test]
async fn what_an_index_has_is_all_that_a_page_looks_at() {
    let deployment = filled().await;
    for text in [
        "",
        "aggregate=customer/guest",
        "type=order_placed",
        "type=customer_registered.1",
        "actor=key:1",
        "actor=key:0 type=customer_registered",
        "actor=key:1 type=activity_recorded",
        "customer_id=guest",
        "customer_id=c-16",
        "request_id=r-5",
        "since=3000 until=21000",
        "customer_id=guest since=12000",
        "actor=key:1 type=order_placed until=2000",
        "type=no_such_type",
    ] {
        let filter = filter(text);
        let (positions, most) = walk(&deployment.store, &filter).await;
        assert_eq!(positions, expected(&filter), "{text}");
        assert!(
            most <= LIMIT as i64 + 1 + AT_ONCE,
            "{text}: a page looked at {most}"
        );
    }
}

#[tokio::test]
async fn what_no_index_has_is_looked_for_a_stretch_at_a_time() {
    let deployment = filled().await;
    for text in [
        "customer_id=guest type=customer_registered",
        "customer_id=guest type=order_placed",
        "customer_id=guest type=order_placed actor=key:1",
        "customer_id=guest actor=key:2",
        "aggregate=customer/guest actor=key:0",
        "aggregate=customer/guest customer_id=c-16",
        "request_id=r-7 customer_id=c-16",
        "request_id=r-7 type=customer_updated actor=key:0 since=14500",
    ] {
        let filter = filter(text);
        let (positions, most) = walk(&deployment.store, &filter).await;
        assert_eq!(positions, expected(&filter), "{text}");
        assert!(
            most <= LOOKED_AT + AT_ONCE,
            "{text}: a page looked at {most}"
        );
    }
}

/// An API that is newer than the workers asks for what they have yet to build.
#[tokio::test]
async fn until_its_index_is_there_a_list_is_not_available() {
    let deployment = Deployment::fresh().await;
    let database = deployment.store.database();
    database.create_collection("audit_g1").await.unwrap();
    let page = PageRequest {
        limit: LIMIT,
        cursor: None,
    };
    let filter = filter("customer_id=guest");
    let refused = deployment.store.audit(&filter, &page).await;
    assert!(
        matches!(refused, Err(projections::QueryError::Mongo(_))),
        "{refused:?}"
    );
    deployment.store.generations().prepare().await.unwrap();
    let found = deployment.store.audit(&filter, &page).await.unwrap();
    assert_eq!(found.items, []);
}
