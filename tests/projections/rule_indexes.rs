//! What rules commonly ask is counted within an index: no document is looked at, and hardly a key
//! that does not count.

use domain::Timestamp;
use domain::rules::Rules;
use mongodb::bson::{DateTime, Document, doc};
use projections::customers::filter;

use crate::support::deployment::Deployment;

const CUSTOMERS: i64 = 2_000;

const DAY: i64 = 86_400_000;

/// The instant that all rules are asked at.
fn now() -> Timestamp {
    Timestamp::try_from("2026-11-23T00:00:00Z").unwrap()
}

/// Every tenth has no orders; figures and places are spread so that a condition alone finds many.
fn customer(n: i64) -> Document {
    let orders = n % 10;
    let mut customer = doc! {
        "_id": format!("c-{n}"),
        "_partition": 0,
        "_number": n,
        "city": format!("City{}", n % 7),
        "tags": [if n % 50 == 0 { "vip" } else { "none" }],
        "attributes": {"tier": if n % 3 == 0 { "gold" } else { "silver" }},
        "registered_at": DateTime::from_millis(now().millis() - n * DAY),
        "total_spend": orders * (n * 7_919 % 1_000),
        "order_count": orders,
        "events": {"visit": {"count": (n + n / 10 * 7) % 20}},
    };
    if orders > 0 {
        let last = now().millis() - n * 17 % 400 * DAY;
        customer.insert("last_order_at", DateTime::from_millis(last));
    }
    customer
}

/// What counting with these rules looked at: keys, documents, and how many counted.
async fn looked_at(deployment: &Deployment, rules: &str) -> (i64, i64, i64) {
    let rules: Rules = rules.parse().unwrap();
    let query = filter(&rules.at(now()));
    let count = doc! {"count": "customers_g1", "query": query.clone()};
    let explain = doc! {"explain": count, "verbosity": "executionStats"};
    let database = deployment.store.database();
    let explained = database.run_command(explain).await.unwrap();
    let stats = explained.get_document("executionStats").unwrap();
    let number = |name: &str| i64::from(stats.get_i32(name).unwrap());
    let counted = database
        .run_command(doc! {"count": "customers_g1", "query": query})
        .await;
    let counted = i64::from(counted.unwrap().get_i32("n").unwrap());
    (
        number("totalKeysExamined"),
        number("totalDocsExamined"),
        counted,
    )
}

#[tokio::test]
async fn what_rules_commonly_ask_is_counted_within_an_index() {
    let deployment = Deployment::fresh().await.prepared().await;
    let customers = deployment.store.database().collection("customers_g1");
    customers
        .insert_many((0..CUSTOMERS).map(customer))
        .await
        .unwrap();
    // For a range of the second field of an index, the first is skipped through: a key more for
    // each of its values. Everything else is one stretch of keys, and the key after it.
    for (rules, in_vain) in [
        ("total_spend > 5000", 1),
        ("total_spend between 2000 AND 3000", 1),
        ("order_count >= 8", 1),
        ("NOT (order_count < 8)", 1),
        ("city = City3", 1),
        ("days_since_last_order > 300", 1),
        ("last_order_at < 2026-01-01", 1),
        ("tags contains vip", 1),
        ("registered_at >= 2026-11-01", 1),
        ("visits >= 15", 1),
        ("attributes.tier = gold", 1),
        ("order_count = 0 AND registered_at >= 2026-01-01", 1),
        ("order_count = 0 AND visits >= 15", 1),
        ("total_spend > 3000 AND order_count < 8", 10),
        ("total_spend > 7500 AND days_since_last_order > 200", 60),
    ] {
        let (keys, documents, counted) = looked_at(&deployment, rules).await;
        assert!(counted > 0, "{rules} is about somebody");
        assert_eq!(documents, 0, "{rules}");
        assert!(
            keys <= counted + in_vain,
            "{rules}: {keys} keys for {counted} customers"
        );
    }
    let (_, documents, _) = looked_at(&deployment, "city = City3 AND order_count >= 8").await;
    let (_, _, in_the_city) = looked_at(&deployment, "city = City3").await;
    assert!(
        documents <= in_the_city,
        "{documents} of {in_the_city} customers"
    );
}
