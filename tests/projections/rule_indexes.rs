//! Common conditions are counted within an index: MongoDB examines no document, and hardly any key
//! that does not count.

use domain::Timestamp;
use domain::rules::Rules;
use mongodb::bson::{DateTime, Document, doc};
use projections::customers::filter;

use crate::support::deployment::Deployment;

const CUSTOMERS: i64 = 2_000;

const DAY: i64 = 86_400_000;

/// Time at which all rules are evaluated.
fn now() -> Timestamp {
    Timestamp::try_from("2026-11-23T00:00:00Z").unwrap()
}

/// Returns the document of customer `n`. Every tenth has no orders; figures and cities are spread
/// so that each condition alone matches many customers.
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

/// Counts the customers that match the rules. Returns the number of keys and documents that
/// MongoDB examined, and the count.
async fn examined(deployment: &Deployment, rules: &str) -> (i64, i64, i64) {
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
async fn common_conditions_are_counted_within_an_index() {
    let deployment = Deployment::fresh().await.prepared().await;
    let customers = deployment.store.database().collection("customers_g1");
    customers
        .insert_many((0..CUSTOMERS).map(customer))
        .await
        .unwrap();
    // A range on the second field of an index makes MongoDB skip through the values of the first,
    // which costs one key for each value. All other conditions read one contiguous range of keys,
    // and the key after it.
    for (rules, extra_keys) in [
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
        let (keys, documents, counted) = examined(&deployment, rules).await;
        assert!(counted > 0, "{rules} matches nobody");
        assert_eq!(documents, 0, "{rules}");
        assert!(
            keys <= counted + extra_keys,
            "{rules}: {keys} keys for {counted} customers"
        );
    }
    let (_, documents, _) = examined(&deployment, "city = City3 AND order_count >= 8").await;
    let (_, _, in_the_city) = examined(&deployment, "city = City3").await;
    assert!(
        documents <= in_the_city,
        "{documents} of {in_the_city} customers"
    );
}
