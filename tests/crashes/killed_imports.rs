//! Repeated SIGKILL in the middle of a bulk import.
//!
//! Each test prints its seed; `PATRON_TEST_SEED` repeats the same import with the same kills.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::block_in_place;

use super::seed;
use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::process::run;

/// Number of kills per test.
const KILLS: usize = 3;

/// Deployment on engines of its own. Every process can be killed.
struct KillableDeployment {
    app: App,
    engines: OwnEngines,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_kills_of_the_api() {
    assert_import_survives("killed_api", |deployment| {
        deployment.app.api.kill();
        deployment.app.restart_api();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_kills_of_the_workers() {
    assert_import_survives("killed_workers", |deployment| {
        deployment.kill_workers();
        deployment.app.add_worker();
        deployment.app.add_worker();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_kills_of_redis() {
    assert_import_survives("killed_redis", |deployment| {
        deployment.engines.kill_redis();
        deployment.engines.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_kills_of_mongodb() {
    assert_import_survives("killed_mongodb", |deployment| {
        deployment.engines.kill_mongod();
        deployment.engines.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_kills_of_everything_at_once() {
    assert_import_survives("killed_everything", |deployment| {
        deployment.engines.kill_redis();
        deployment.app.api.kill();
        deployment.engines.kill_mongod();
        deployment.kill_workers();
        deployment.engines.restart();
        deployment.app.restart_api();
        deployment.app.add_worker();
    })
    .await;
}

/// Calls `kill` at random moments of an import, and asserts that every acknowledged write is there
/// exactly once, in the log and in the views.
async fn assert_import_survives(name: &str, kill: fn(&mut KillableDeployment)) {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut deployment = KillableDeployment::start(name);
    let mut import = Traffic::new(seed).start(&deployment.app.client);
    for number in 0..KILLS {
        // Spreads the kills over the import: each waits for a random share of what is left, which
        // is smaller the more kills are to come.
        let share = random.random::<f64>() / (KILLS - number + 1) as f64;
        let delay = Duration::from_millis(random.random_range(0..30));
        import.advance_by(share).await;
        tokio::time::sleep(delay).await;
        eprintln!("kill {number}: {}", import.describe_progress());
        block_in_place(|| kill(&mut deployment));
    }
    let (model, acknowledged) = import.finish().await;
    model
        .assert_matches(&deployment.app.client, &acknowledged)
        .await;
    deployment.app.client.wait_until_ready().await;
    let verified = block_in_place(|| run(deployment.app.patron(["verify"])));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

impl KillableDeployment {
    fn start(name: &str) -> Self {
        block_in_place(|| {
            let engines = OwnEngines::start(&test_dir(name));
            let mut app = App::start_on(&engines);
            app.add_worker();
            Self { app, engines }
        })
    }

    fn kill_workers(&mut self) {
        for mut worker in self.app.workers.drain(..) {
            worker.kill();
        }
    }
}
