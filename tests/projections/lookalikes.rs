//! Similar customers: compared with a direct computation over random customers.

use std::collections::BTreeMap;

use domain::Timestamp;
use projections::Store;
use projections::analytics::{AudienceMean, Feature, Lookalike, Lookalikes};

use super::crowd::{Crowd, Person};
use super::project_all;
use crate::support::deployment::Deployment;
use crate::support::shop::{context, minute, order};

const DAY: i64 = 86_400_000;

/// Returns a customer's recency, frequency, spend and activity, on the scale of the comparison.
fn features(person: &Person, now: Timestamp) -> [f64; 4] {
    let last = person.orders.iter().map(|(_, at)| at.millis()).max();
    let recency = last.map_or(0.0, |at| {
        let days = (now.millis() - at).div_euclid(DAY);
        (-days as f64 / 90.0).exp()
    });
    [
        recency,
        (person.orders.len() as f64).ln_1p(),
        (person.total_spend() as f64).ln_1p(),
        (person.activities.len() as f64).ln_1p(),
    ]
}

fn mean(all: &[[f64; 4]]) -> [f64; 4] {
    std::array::from_fn(|f| all.iter().map(|one| one[f]).sum::<f64>() / all.len() as f64)
}

fn deviation(all: &[[f64; 4]]) -> [f64; 4] {
    let mean = mean(all);
    std::array::from_fn(|f| {
        let squares = all.iter().map(|one| (one[f] - mean[f]).powi(2));
        (squares.sum::<f64>() / all.len() as f64).sqrt()
    })
}

/// Returns all customers but the members, with their distances from the members' mean, nearest
/// first.
fn distances(
    people: &BTreeMap<String, Person>,
    is_member: impl Fn(&Person) -> bool,
    now: Timestamp,
) -> Vec<(f64, String)> {
    let features_of = |person: &Person| features(person, now);
    let all: Vec<_> = people.values().map(features_of).collect();
    let members = people.values().filter(|person| is_member(person));
    let members: Vec<_> = members.map(features_of).collect();
    let (mean, deviation) = (mean(&members), deviation(&all));
    let others = people.iter().filter(|(_, person)| !is_member(person));
    let distance = |person: &Person| {
        let features = features_of(person);
        let squares = (0..4).map(|f| ((features[f] - mean[f]) / deviation[f]).powi(2));
        (squares.sum::<f64>() / 4.0).sqrt()
    };
    let mut all: Vec<_> = others
        .map(|(id, person)| (distance(person), id.clone()))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

async fn find(store: &Store, rules: &str, now: Timestamp, limit: usize) -> Lookalikes {
    let rules = rules.parse().unwrap();
    store.lookalikes(&rules, now, limit).await.unwrap()
}

async fn find_items(
    store: &Store,
    rules: &str,
    now: Timestamp,
    limit: usize,
) -> (AudienceMean, Vec<Lookalike>) {
    match find(store, rules, now, limit).await {
        Lookalikes::Found { audience, items } => (audience, items),
        Lookalikes::NoMembers => panic!("{rules} matches nobody"),
    }
}

fn assert_near(found: f64, expected: f64, what: &str) {
    let off = (found - expected).abs();
    assert!(
        off <= 1e-5 * (1.0 + expected.abs()),
        "{what}: {found}, not {expected}"
    );
}

#[tokio::test]
async fn the_nearest_customers_match_a_direct_computation() {
    let Crowd {
        deployment, people, ..
    } = Crowd::random(300).await;
    let is_member = |person: &Person| person.total_spend() > 5_000;
    // At the time of the last orders, and years later.
    for now in [minute(0), minute(10_000 * 24 * 60)] {
        let expected = distances(&people, is_member, now);
        let (audience, items) = find_items(&deployment.store, "total_spend > 5000", now, 40).await;
        let members = people.values().filter(|person| is_member(person)).count();
        assert_eq!((audience.customers, items.len()), (members as u64, 40));
        let by_id: BTreeMap<_, _> = expected
            .iter()
            .map(|(distance, id)| (id, *distance))
            .collect();
        for (item, (distance, _)) in items.iter().zip(&expected) {
            assert_near(item.distance, *distance, "distance by rank");
            assert_near(item.distance, by_id[&item.id], &item.id);
            assert_explained(item, &people[&item.id], &audience, now);
        }
        let order = |item: &Lookalike| (item.distance, item.id.clone());
        assert!(items.is_sorted_by(|a, b| order(a) <= order(b)));
    }
}

fn assert_explained(item: &Lookalike, person: &Person, audience: &AudienceMean, now: Timestamp) {
    assert_eq!(item.document.total_spend, person.total_spend());
    let last = person.orders.iter().map(|(_, at)| at.millis()).max();
    let squares = item
        .features
        .iter()
        .map(|f| f.difference.powi(2))
        .sum::<f64>();
    assert_near(
        (squares / 4.0).sqrt(),
        item.distance,
        "distance that follows from the differences",
    );
    assert!(item.features.is_sorted_by_key(|f| f.difference.abs()));
    assert_eq!(item.features.len(), 4);
    for likeness in &item.features {
        assert_eq!(likeness.typical, audience.typical[&likeness.feature]);
        let value = match likeness.feature {
            Feature::Recency => last.map(|at| (now.millis() - at) / DAY),
            Feature::Frequency => Some(person.orders.len() as i64),
            Feature::Spend => Some(person.total_spend()),
            Feature::Activity => Some(person.activities.len() as i64),
        };
        assert_eq!(likeness.value, value, "{:?}", likeness.feature);
    }
}

#[tokio::test]
async fn the_same_query_has_the_same_result() {
    let Crowd { deployment, .. } = Crowd::random(60).await;
    let store = &deployment.store;
    let first = find_items(store, "visits > 1", minute(0), 100).await;
    assert_eq!(find_items(store, "visits > 1", minute(0), 100).await, first);
    let (_, few) = find_items(store, "visits > 1", minute(0), 3).await;
    assert_eq!(few[..], first.1[..3]);
    let (_, none) = find_items(store, "visits > 1", minute(0), 0).await;
    assert_eq!(none, []);
}

#[tokio::test]
async fn no_customer_is_similar_without_members_or_without_others() {
    let deployment = Deployment::fresh().await;
    let store = &deployment.store;
    let now = minute(2 * 24 * 60);
    let everybody = "order_count >= 0";
    assert_eq!(find(store, everybody, now, 9).await, Lookalikes::NoMembers);
    let deployment = deployment.prepared().await;
    let store = &deployment.store;
    assert_eq!(find(store, everybody, now, 9).await, Lookalikes::NoMembers);
    let orders = vec![order("c-1", "o-1", 999), order("c-2", "o-1", 999)];
    let recorded = deployment.commands.record_orders(&context(), orders).await;
    recorded.unwrap();
    project_all(&deployment).await;
    assert_eq!(
        find(store, "visits > 0", now, 9).await,
        Lookalikes::NoMembers
    );
    let (audience, others) = find_items(store, everybody, now, 9).await;
    assert_eq!((audience.customers, others), (2, Vec::new()));
    assert_near(audience.typical[&Feature::Recency].unwrap(), 2.0, "days");
    assert_near(audience.typical[&Feature::Spend].unwrap(), 999.0, "cents");
}
