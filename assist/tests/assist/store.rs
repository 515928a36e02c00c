//! Store and requests from the files in `tests/ai`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use assist::{Bracket, CampaignResults, Facts, Measure};
use domain::rules::Rules;
use domain::{Currency, Name};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    store: Store,
    request: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    currency: String,
    cities: Vec<String>,
    countries: Vec<String>,
    tags: Vec<String>,
    activities: Vec<String>,
    quantiles: Quantiles,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quantiles {
    total_spend: [i64; 9],
    order_count: [i64; 9],
    average_order_value: [i64; 9],
    visits: [i64; 9],
}

/// Request, with its expected result.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) prompt: String,
    /// Expected rules.
    rules: Option<String>,
    /// Words that must be quoted in the rejection.
    pub(crate) refused: Option<Vec<String>>,
}

impl Request {
    pub(crate) fn rules(&self) -> Option<Rules> {
        let parse = |text: &String| text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        self.rules.as_ref().map(parse)
    }
}

pub(crate) fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/ai")
        .join(file);
    fs::read_to_string(path).unwrap()
}

fn data() -> Data {
    toml::from_str(&read("nl.toml")).unwrap()
}

pub(crate) fn requests() -> Vec<Request> {
    data().request
}

/// Facts of the store in the test data.
pub(crate) static FACTS: LazyLock<Facts> = LazyLock::new(facts);

/// Results of a campaign.
pub(crate) static FIGURES: LazyLock<CampaignResults> = LazyLock::new(|| CampaignResults {
    name: "Diwali 50".to_owned(),
    currency: Currency::try_from("INR").unwrap(),
    audience: 1_300,
    sent: 1_284,
    delivered: 1_140,
    failed: 144,
    suppressed: 16,
    pending: 0,
    brackets: vec![Bracket {
        above: Some(1_000_000),
        up_to: None,
        sent: 200,
        delivered: 190,
    }],
});

/// Gives each name a number of customers.
fn named(names: Vec<String>) -> BTreeMap<String, u64> {
    names.into_iter().zip(100..).collect()
}

fn facts() -> Facts {
    let store = data().store;
    let quantiles = store.quantiles;
    Facts {
        currency: Currency::try_from(store.currency).unwrap(),
        quantiles: BTreeMap::from([
            (Measure::TotalSpend, quantiles.total_spend),
            (Measure::OrderCount, quantiles.order_count),
            (Measure::AverageOrderValue, quantiles.average_order_value),
            (Measure::Visits, quantiles.visits),
        ]),
        cities: named(store.cities),
        countries: named(store.countries),
        tags: named(store.tags),
        activities: named(store.activities)
            .into_iter()
            .map(|(name, count)| (Name::try_from(name).unwrap(), count))
            .collect(),
    }
}
