//! A campaign to high-spending repeat customers of CDNOW, from the import to completion.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::cdnow::{CUSTOMERS, import};
use crate::support::app::App;
use crate::support::campaign::{assert_accounted, launch, wait_for_completion};
use crate::support::process::run;
use crate::support::vendor::Vendor;

const RULES: &str = "total_spend > 10000 AND order_count >= 3";

/// Number of customers whom [`RULES`] match.
const PLANNED: usize = 5_258;

/// Number of customers without an email address.
const WITHOUT_ADDRESS: usize = 100;

/// Customers per request.
const BATCH: usize = 1_000;

/// Seed of the generated profiles, which are the same in every run.
const SEED: u64 = 1_997;

const NAMES: [&str; 6] = ["Ada", "Björn", "Chidi", "Dolores", "Emre", "Fumiko"];

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_is_accounted_for() {
    let vendor = Vendor::start().await;
    vendor.configure(json!({"lost_rate": 0.0})).await;
    let mut app = App::without_workers().await;
    app.vendor = Some(vendor.url.clone());
    app.add_worker();
    let imported = import(&app, "campaign.patron-import");
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    app.client.wait_until_caught_up().await;
    let suppressed = record_profiles(&app).await;

    let id = launch(&app.client, "cdnow", RULES, None).await;
    wait_for_completion(&app.client, &id).await;
    let accounts = assert_accounted(&app.client, &id, &vendor.sent().await).await;
    let count = |name: &str| accounts[name].as_u64().unwrap() as usize;
    assert_eq!(count("planned"), PLANNED);
    assert_eq!(
        count("suppressed"),
        suppressed,
        "all recipients without an address"
    );
    let accepted = count("sent") + count("failed");
    let delivered = count("delivered") * 100 / accepted;
    assert!((85..95).contains(&delivered), "{delivered} % delivered");
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

/// Records a name for every customer, and an address for all but [`WITHOUT_ADDRESS`]. Returns how
/// many of the customers without an address are recipients.
async fn record_profiles(app: &App) -> usize {
    let mut random = StdRng::seed_from_u64(SEED);
    let customers = app.client.list("/api/customers", 500).await;
    assert_eq!(customers.len(), CUSTOMERS);
    let unreachable: BTreeSet<&str> = customers
        .choose_multiple(&mut random, WITHOUT_ADDRESS)
        .map(id)
        .collect();
    let profiles: Vec<Value> = customers
        .iter()
        .map(|customer| profile(id(customer), &unreachable, &mut random))
        .collect();
    for batch in profiles.chunks(BATCH) {
        app.client
            .post_accepted("/api/data/customers", batch.into())
            .await;
    }
    let recipients = customers.iter().filter(|customer| is_recipient(customer));
    recipients
        .filter(|customer| unreachable.contains(id(customer)))
        .count()
}

fn profile(id: &str, unreachable: &BTreeSet<&str>, random: &mut StdRng) -> Value {
    let name = NAMES.choose(random).unwrap();
    let mut profile = json!({"customer_id": id, "name": name});
    if !unreachable.contains(id) {
        profile["email"] = json!(format!("{id}@example.com"));
    }
    profile
}

/// Evaluates [`RULES`] independently of the program.
fn is_recipient(customer: &Value) -> bool {
    customer["total_spend"].as_i64().unwrap() > 10_000
        && customer["order_count"].as_u64().unwrap() >= 3
}

fn id(customer: &Value) -> &str {
    customer["customer_id"].as_str().unwrap()
}
