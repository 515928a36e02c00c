//! Figures of a store, compared with a direct computation.

use std::collections::BTreeMap;

use projections::analytics::StoreFacts;

use super::crowd::{Crowd, Person};
use super::project_all;
use crate::support::deployment::Deployment;
use crate::support::shop::{activity, context, customer, minute, order, text};

/// Returns the deciles of the positive values by nearest rank, or `None` for fewer than ten values.
fn deciles(values: impl Iterator<Item = i64>) -> Option<[i64; 9]> {
    let values: Vec<i64> = values.filter(|value| *value > 0).collect();
    let covers = |most: i64, tenths: usize| {
        let covered = values.iter().filter(|value| **value <= most).count();
        covered * 10 >= tenths * values.len()
    };
    let smallest = |tenths| {
        let covering = values.iter().filter(|value| covers(**value, tenths));
        *covering.min().unwrap()
    };
    (values.len() >= 10).then(|| std::array::from_fn(|index| smallest(index + 1)))
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.to_owned()).or_insert(0) += 1;
    }
    counts
}

fn average(person: &Person) -> i64 {
    let (total, count) = (person.total_spend(), person.orders.len() as i64);
    (total * 2 + count).checked_div(count * 2).unwrap_or(0)
}

fn visits(person: &Person) -> i64 {
    let visits = person
        .activities
        .iter()
        .filter(|(name, _)| *name == "visit");
    visits.count() as i64
}

#[tokio::test]
async fn store_facts_match_a_direct_computation() {
    let Crowd {
        deployment, people, ..
    } = Crowd::random(400).await;
    let all = || people.values();
    let measures = [
        ("total_spend", deciles(all().map(Person::total_spend))),
        (
            "order_count",
            deciles(all().map(|person| person.orders.len() as i64)),
        ),
        ("average_order_value", deciles(all().map(average))),
        ("visits", deciles(all().map(visits))),
    ];
    let activity_names = |person: &Person| {
        let names = person.activities.iter().map(|(name, _)| *name);
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let expected = StoreFacts {
        customers: 400,
        deciles: measures
            .into_iter()
            .map(|(field, deciles)| (field, deciles.unwrap()))
            .collect(),
        cities: counted(all().filter_map(|person| person.city)),
        countries: counted(all().filter_map(|person| person.country)),
        tags: counted(all().flat_map(|person| person.tags.iter().copied())),
        activities: counted(all().flat_map(activity_names)),
    };
    assert_eq!(expected.cities.len(), 6, "Köln and köln are two cities");
    assert_eq!(deployment.store.store_facts().await.unwrap(), expected);
}

#[tokio::test]
async fn an_empty_store_has_no_facts() {
    let deployment = Deployment::fresh().await;
    let nothing = StoreFacts::default();
    assert_eq!(deployment.store.store_facts().await.unwrap(), nothing);
    let deployment = deployment.prepared().await;
    assert_eq!(deployment.store.store_facts().await.unwrap(), nothing);
}

#[tokio::test]
async fn few_values_have_no_deciles_and_replaced_activities_do_not_count() {
    let deployment = Deployment::fresh().await.prepared().await;
    let orders = (0..9).map(|n| order(&format!("c-{n}"), "o-1", 100));
    let (commands, context) = (&deployment.commands, context());
    let recorded = commands.record_orders(&context, orders.collect()).await;
    recorded.unwrap();
    for name in ["visit", "click"] {
        let again = vec![activity("c-1", "e-1", name, minute(0))];
        commands.record_activities(&context, again).await.unwrap();
    }
    project_all(&deployment).await;
    let expected = StoreFacts {
        customers: 9,
        activities: BTreeMap::from([("click".to_owned(), 1)]),
        ..StoreFacts::default()
    };
    assert_eq!(deployment.store.store_facts().await.unwrap(), expected);
}

#[tokio::test]
async fn the_most_common_cities_are_kept_and_ties_go_to_the_first() {
    let deployment = Deployment::fresh().await.prepared().await;
    let resident = |n: usize| {
        let mut item = customer(&format!("c-{n}"), "Ada");
        let city = format!("City {:03}", n.min(304));
        item.changes.city = domain::Change::Set(text(&city));
        item
    };
    let customers = (0..306).map(resident).collect();
    let recorded = deployment
        .commands
        .record_customers(&context(), customers)
        .await;
    recorded.unwrap();
    project_all(&deployment).await;
    let cities = deployment.store.store_facts().await.unwrap().cities;
    let first = (0..299).map(|n| (format!("City {n:03}"), 1));
    let expected: BTreeMap<_, _> = first.chain([("City 304".to_owned(), 2)]).collect();
    assert_eq!(cities, expected);
}
