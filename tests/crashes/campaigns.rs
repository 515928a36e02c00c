//! SIGKILL in the middle of campaigns, of anything that has to do with them.
//!
//! The test prints its seed; `PATRON_TEST_SEED` repeats the same blows.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::killing::seed;
use crate::support::app::App;
use crate::support::campaign::{assert_accounted, completed, launch};
use crate::support::client::try_answer;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::process::run;
use crate::support::vendor_process::VendorProcess;

const CAMPAIGNS: usize = 3;

/// How often each campaign is struck.
const BLOWS: usize = 8;

/// The longest from the launch to the first blow: it is still being found out who is meant.
const EARLY: u64 = 500;

/// The longest from a blow to the next.
const LULL: u64 = 2_500;

const RECIPIENTS: u64 = 600;

/// Slow enough for blows to hit it on the way.
const RATE: u32 = 60;

/// Whom every campaign means.
const RULES: &str = "tags contains \"meant\"";

/// A vendor with whom everything happens that may.
pub(super) const VENDOR: [(&str, &str); 7] = [
    ("PATRON_VENDOR_RECEIPT_DELAY_MS", "100..3000"),
    ("PATRON_VENDOR_RECEIPT_BATCH", "20"),
    ("PATRON_VENDOR_DUPLICATE_RATE", "0.1"),
    ("PATRON_VENDOR_OUT_OF_ORDER_RATE", "0.05"),
    ("PATRON_VENDOR_LOST_ANSWER_RATE", "0.02"),
    ("PATRON_VENDOR_DEFERRED_RATE", "0.05"),
    ("PATRON_VENDOR_IN_DOUBT_RATE", "0.05"),
];

/// Who can be killed.
#[derive(Debug, Clone, Copy)]
enum Part {
    Worker,
    Api,
    Vendor,
    Redis,
    Mongodb,
}

const PARTS: [Part; 5] = [
    Part::Worker,
    Part::Api,
    Part::Vendor,
    Part::Redis,
    Part::Mongodb,
];

/// A deployment of which everything can be killed.
struct Victim {
    engines: OwnEngines,
    vendor: VendorProcess,
    app: App,
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_forgotten_or_written_to_twice_whatever_is_killed() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut victim = Victim::start("killed_campaigns");
    let recorded = customers();
    victim
        .app
        .client
        .accept("/api/data/customers", recorded)
        .await;
    let mut campaigns = Vec::new();
    for number in 0..CAMPAIGNS {
        campaigns.push(victim.survives(number, &mut random).await);
    }
    victim.assert_accounted(&campaigns).await;
}

/// All of whom are meant, and some of whom have unsubscribed.
fn customers() -> Value {
    let customer = |n: u64| {
        json!({
            "customer_id": format!("c-{n}"),
            "name": format!("Customer {n}"),
            "email": format!("c-{n}@example.com"),
            "tags": ["meant"],
            "unsubscribed": n.is_multiple_of(20),
        })
    };
    (0..RECIPIENTS).map(customer).collect()
}

impl Victim {
    /// With two workers, each of which can go on with what the other leaves.
    fn start(name: &str) -> Self {
        block_in_place(|| {
            let dir = test_dir(name);
            let engines = OwnEngines::start(&dir);
            let vendor = VendorProcess::start(dir.join("vendor"), &VENDOR);
            let mut app = App::api_on(&engines);
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

    /// A campaign under blows, from before its launch to its end; its id.
    async fn survives(&mut self, number: usize, random: &mut StdRng) -> String {
        let client = self.app.client.clone();
        let launched = tokio::spawn(async move {
            let key = format!("campaign-{number}");
            launch(&client, &key, RULES, Some(RATE)).await
        });
        // Everybody is struck, in any order.
        let mut parts: Vec<Part> = PARTS.into_iter().cycle().take(BLOWS).collect();
        parts.shuffle(random);
        for (blow, part) in parts.into_iter().enumerate() {
            let longest = if blow == 0 { EARLY } else { LULL };
            let lull = Duration::from_millis(random.random_range(0..longest));
            tokio::time::sleep(lull).await;
            eprintln!("campaign {number}, {part:?}: {}", self.progress().await);
            block_in_place(|| self.strike(part));
        }
        let id = launched.await.unwrap();
        completed(&self.app.client, &id).await;
        id
    }

    /// That everybody got each of these campaigns once, or is known not to.
    async fn assert_accounted(&self, campaigns: &[String]) {
        let client = &self.app.client;
        client.all_well().await;
        let sent = self.vendor.sent().await;
        let suppressed = RECIPIENTS / 20;
        for id in campaigns {
            let accounts = assert_accounted(client, id, &sent).await;
            assert_eq!(accounts["planned"], RECIPIENTS);
            assert_eq!(accounts["suppressed"], suppressed, "they have left");
        }
        let taken = (RECIPIENTS - suppressed) * campaigns.len() as u64;
        assert_eq!(sent.len() as u64, taken);
        let verified = block_in_place(|| run(self.app.patron(["verify"])));
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    }

    /// How far the newest campaign is, to be printed.
    async fn progress(&self) -> String {
        let path = "/api/campaigns?limit=1";
        let request = self.app.client.request(Method::GET, path);
        let Ok(answer) = try_answer(request).await else {
            return "nobody answers".to_owned();
        };
        let newest = &answer.body["items"][0];
        format!("{} {}", newest["status"], newest["statistics"])
    }

    /// Kills a part, and starts it again at once.
    fn strike(&mut self, part: Part) {
        match part {
            Part::Worker => {
                self.app.workers.remove(0).kill();
                self.app.add_worker();
            }
            Part::Api => {
                self.app.api.kill();
                self.app.restart_api();
            }
            Part::Vendor => self.vendor.kill_and_restart(),
            Part::Redis => {
                self.engines.kill_redis();
                self.engines.restart();
            }
            Part::Mongodb => {
                self.engines.kill_mongod();
                self.engines.restart();
            }
        }
    }
}
