//! SIGKILL of every process that takes part in a campaign, while campaigns are sent.
//!
//! The test prints its seed; `PATRON_TEST_SEED` repeats the same kills.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::MessageId;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::seed;
use crate::support::app::App;
use crate::support::campaign::{assert_accounted, launch, wait_for_completion};
use crate::support::client::try_send;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::process::run;
use crate::support::vendor_process::VendorProcess;

const CAMPAIGNS: usize = 3;

/// Number of kills per campaign.
const KILLS: usize = 8;

/// Longest time from the launch to the first kill, in milliseconds: the audience is still being
/// resolved.
const MAX_FIRST_PAUSE_MS: u64 = 500;

/// Longest time from one kill to the next, in milliseconds.
const MAX_PAUSE_MS: u64 = 2_500;

const RECIPIENTS: u64 = 600;

/// Messages per second: slow enough that the kills happen while messages are sent.
const RATE: u32 = 60;

/// Rules of every campaign, which match all customers.
const RULES: &str = "tags contains \"recipient\"";

/// Settings of a vendor that shows every kind of failure.
pub(super) const VENDOR: [(&str, &str); 7] = [
    ("PATRON_VENDOR_RECEIPT_DELAY_MS", "100..3000"),
    ("PATRON_VENDOR_RECEIPT_BATCH", "20"),
    ("PATRON_VENDOR_DUPLICATE_RATE", "0.1"),
    ("PATRON_VENDOR_OUT_OF_ORDER_RATE", "0.05"),
    ("PATRON_VENDOR_LOST_ANSWER_RATE", "0.02"),
    ("PATRON_VENDOR_DEFERRED_RATE", "0.05"),
    ("PATRON_VENDOR_IN_DOUBT_RATE", "0.05"),
];

/// Component that can be killed.
#[derive(Debug, Clone, Copy)]
enum Component {
    Worker,
    Api,
    Vendor,
    Redis,
    Mongodb,
}

const COMPONENTS: [Component; 5] = [
    Component::Worker,
    Component::Api,
    Component::Vendor,
    Component::Redis,
    Component::Mongodb,
];

/// Deployment with a vendor. Every process can be killed.
struct CampaignDeployment {
    engines: OwnEngines,
    vendor: VendorProcess,
    app: App,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_gets_each_campaign_once_whatever_is_killed() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut deployment = CampaignDeployment::start("killed_campaigns");
    let recorded = customers();
    deployment
        .app
        .client
        .post_accepted("/api/data/customers", recorded)
        .await;
    let mut campaigns = Vec::new();
    for number in 0..CAMPAIGNS {
        campaigns.push(deployment.run_campaign(number, &mut random).await);
    }
    deployment.assert_each_recipient_once(&campaigns).await;
}

/// Returns customers who all match [`RULES`]. Of twenty, one has unsubscribed, another one has the
/// same address, and two pairs share an address.
fn customers() -> Value {
    let customer = |n: u64| {
        let address = match n % 20 {
            10 => format!("C-{}@example.com", n - 10),
            2 | 12 => format!("C-{}@example.com", n - 1),
            _ => format!("c-{n}@example.com"),
        };
        json!({
            "customer_id": format!("c-{n}"),
            "name": format!("Customer {n}"),
            "email": address,
            "tags": ["recipient"],
            "unsubscribed": n.is_multiple_of(20),
        })
    };
    (0..RECIPIENTS).map(customer).collect()
}

impl CampaignDeployment {
    /// Starts a deployment with two workers, so that one can continue what the other leaves.
    fn start(name: &str) -> Self {
        block_in_place(|| {
            let dir = test_dir(name);
            let engines = OwnEngines::start(&dir);
            let vendor = VendorProcess::start(dir.join("vendor"), &VENDOR);
            let mut app = App::without_workers_on(&engines);
            app.vendor = Some(vendor.url.clone());
            app.add_worker();
            app.add_worker();
            Self {
                engines,
                vendor,
                app,
            }
        })
    }

    /// Runs a campaign from its launch to its completion while components are killed. Returns its
    /// id.
    async fn run_campaign(&mut self, number: usize, random: &mut StdRng) -> String {
        let client = self.app.client.clone();
        let launched = tokio::spawn(async move {
            let key = format!("campaign-{number}");
            launch(&client, &key, RULES, Some(RATE)).await
        });
        // Every component is killed at least once, in random order.
        let mut components: Vec<Component> = COMPONENTS.into_iter().cycle().take(KILLS).collect();
        components.shuffle(random);
        for (kill, component) in components.into_iter().enumerate() {
            let longest = if kill == 0 {
                MAX_FIRST_PAUSE_MS
            } else {
                MAX_PAUSE_MS
            };
            let pause = Duration::from_millis(random.random_range(0..longest));
            tokio::time::sleep(pause).await;
            let progress = self.describe_progress().await;
            eprintln!("campaign {number}, {component:?}: {progress}");
            block_in_place(|| self.kill_and_restart(component));
        }
        let id = launched.await.unwrap();
        wait_for_completion(&self.app.client, &id).await;
        id
    }

    /// Asserts that every recipient of these campaigns got one message, or none with a recorded
    /// reason.
    async fn assert_each_recipient_once(&self, campaigns: &[String]) {
        let client = &self.app.client;
        client.wait_until_ready().await;
        let sent = self.vendor.sent().await;
        let suppressed = 4 * RECIPIENTS / 20;
        for id in campaigns {
            let accounts = assert_accounted(client, id, &sent).await;
            assert_eq!(accounts["planned"], RECIPIENTS);
            assert_eq!(
                accounts["suppressed"], suppressed,
                "customers who had unsubscribed, or share an address"
            );
            let of_campaign = MessageId::start(&id.as_str().try_into().unwrap());
            let to = sent.iter().filter(|(id, _)| id.starts_with(&of_campaign));
            let to: Vec<String> = to.map(|(_, sent)| sent.to.to_lowercase()).collect();
            let distinct: BTreeSet<&String> = to.iter().collect();
            assert_eq!(distinct.len(), to.len(), "an address got several messages");
        }
        let accepted = (RECIPIENTS - suppressed) * campaigns.len() as u64;
        assert_eq!(sent.len() as u64, accepted);
        let verified = block_in_place(|| run(self.app.patron(["verify"])));
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    }

    /// Describes how far the newest campaign is.
    async fn describe_progress(&self) -> String {
        let path = "/api/campaigns?limit=1";
        let request = self.app.client.request(Method::GET, path);
        let Ok(answer) = try_send(request).await else {
            return "the API does not answer".to_owned();
        };
        let newest = &answer.body["items"][0];
        format!("{} {}", newest["status"], newest["statistics"])
    }

    /// Kills a component, and starts it again at once.
    fn kill_and_restart(&mut self, component: Component) {
        match component {
            Component::Worker => {
                self.app.workers.remove(0).kill();
                self.app.add_worker();
            }
            Component::Api => {
                self.app.api.kill();
                self.app.restart_api();
            }
            Component::Vendor => self.vendor.kill_and_restart(),
            Component::Redis => {
                self.engines.kill_redis();
                self.engines.restart();
            }
            Component::Mongodb => {
                self.engines.kill_mongod();
                self.engines.restart();
            }
        }
    }
}
