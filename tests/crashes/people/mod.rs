//! SIGKILL of servers and workers while customers who share addresses change, opt out and in,
//! campaigns are sent to them, messages come back, and other customers are merged.
//!
//! `PATRON_PEOPLE_KILLS` sets the number of kills. The test prints its seed, and `PATRON_TEST_SEED`
//! repeats the same kills and the same choices of every load.

mod check;
mod households;
mod loads;
mod mailings;
mod merges;
mod quiet;
mod returned;

use std::env;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::block_in_place;

use super::campaigns::VENDOR;
use super::seed;
use crate::support::app::App;
use crate::support::engines::{ScratchDir, test_dir};
use crate::support::vendor_process::VendorProcess;
use check::Tally;
use loads::Loads;

/// Number of kills unless `PATRON_PEOPLE_KILLS` is set.
const DEFAULT_KILLS: usize = 6;

/// Number of kills after which everything is checked, and the next ones hit a new deployment.
const KILLS_PER_DEPLOYMENT: usize = 20;

/// Longest time from a restart to the next kill, in milliseconds. Others take over from a killed
/// worker after 6 s, so campaigns go on between some kills and hardly begin between others.
const MAX_PAUSE_MS: u64 = 5_000;

/// Number of worker processes, so that one can continue what another one leaves.
const WORKERS: usize = 3;

/// Processes to kill at the same moment.
#[derive(Debug, Clone, Copy)]
enum Kill {
    Api,
    Worker,
    AllWorkers,
    ApiAndWorker,
}

const KILLS: [Kill; 4] = [
    Kill::Api,
    Kill::Worker,
    Kill::AllWorkers,
    Kill::ApiAndWorker,
];

/// Deployment whose servers and workers are killed. The vendor stays, since its list shows who got
/// a message, and when.
struct PeopleDeployment {
    app: App,
    vendor: VendorProcess,
    /// Last field: removed after the processes have ended.
    _dir: ScratchDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_an_opt_out_or_sends_an_address_two_messages() {
    let mut random = StdRng::seed_from_u64(seed());
    let kills = kills();
    let mut tally = Tally::default();
    let deployments = kills.div_ceil(KILLS_PER_DEPLOYMENT);
    for number in 0..deployments {
        let count = kills / deployments + usize::from(number < kills % deployments);
        let mut deployment = PeopleDeployment::start(&format!("people_{number}")).await;
        let loads = Loads::start(&deployment.app.client, &deployment.vendor, random.random()).await;
        for _ in 0..count {
            let pause = Duration::from_millis(random.random_range(0..MAX_PAUSE_MS));
            tokio::time::sleep(pause).await;
            let kill = KILLS[random.random_range(0..KILLS.len())];
            eprintln!("kill {}: {kill:?} after {loads}", tally.kills);
            deployment.kill_and_restart(kill);
            tally.kills += 1;
        }
        let expected = loads.finish().await;
        check::check(&deployment, expected, &mut tally).await;
    }
}

fn kills() -> usize {
    let given = env::var("PATRON_PEOPLE_KILLS").ok();
    given.map_or(DEFAULT_KILLS, |kills| {
        kills.parse().expect("PATRON_PEOPLE_KILLS is a number")
    })
}

impl PeopleDeployment {
    async fn start(name: &str) -> Self {
        let dir = test_dir(name);
        let vendor = block_in_place(|| VendorProcess::start(dir.join("vendor"), &VENDOR));
        let mut app = App::without_workers().await;
        app.vendor = Some(vendor.url.clone());
        block_in_place(|| (0..WORKERS).for_each(|_| app.add_worker()));
        Self {
            app,
            vendor,
            _dir: ScratchDir(dir),
        }
    }

    fn kill_and_restart(&mut self, kill: Kill) {
        let (kills_api, workers) = match kill {
            Kill::Api => (true, 0),
            Kill::Worker => (false, 1),
            Kill::AllWorkers => (false, WORKERS),
            Kill::ApiAndWorker => (true, 1),
        };
        block_in_place(|| {
            if kills_api {
                self.app.api.kill();
            }
            for mut worker in self.app.workers.drain(..workers) {
                worker.kill();
            }
            if kills_api {
                self.app.restart_api();
            }
            for _ in 0..workers {
                self.app.add_worker();
            }
        });
    }
}
