//! SIGKILL in the middle of a bulk import, again and again.
//!
//! Each test prints its seed; `PATRON_TEST_SEED` repeats the same import with the same blows.

use std::env;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::block_in_place;

use super::traffic::Traffic;
use crate::support::app::App;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::process::run;

/// How often each test strikes.
const BLOWS: usize = 3;

/// A deployment on engines of its own, all of which can be killed.
struct Victim {
    app: App,
    engines: OwnEngines,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api() {
    survives("killed_api", |victim| {
        victim.app.api.kill();
        victim.app.restart_api();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers() {
    survives("killed_workers", |victim| {
        victim.kill_workers();
        victim.app.add_worker();
        victim.app.add_worker();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    survives("killed_redis", |victim| {
        victim.engines.kill_redis();
        victim.engines.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mongodb() {
    survives("killed_mongodb", |victim| {
        victim.engines.kill_mongod();
        victim.engines.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once() {
    survives("killed_everything", |victim| {
        victim.engines.kill_redis();
        victim.app.api.kill();
        victim.engines.kill_mongod();
        victim.kill_workers();
        victim.engines.restart();
        victim.app.restart_api();
        victim.app.add_worker();
    })
    .await;
}

/// Strikes in the middle of an import and asserts on all that it was about.
async fn survives(name: &str, strike: fn(&mut Victim)) {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut victim = Victim::start(name);
    let mut import = Traffic::new(seed).start(&victim.app.client);
    for blow in 0..BLOWS {
        let part = random.random::<f64>() / (BLOWS - blow + 1) as f64;
        let moment = Duration::from_millis(random.random_range(0..30));
        import.goes_on(part).await;
        tokio::time::sleep(moment).await;
        eprintln!("blow {blow}: {}", import.acknowledged());
        block_in_place(|| strike(&mut victim));
    }
    let (model, acknowledged) = import.finish().await;
    model.assert_read(&victim.app.client, &acknowledged).await;
    victim.app.client.all_well().await;
    let verified = block_in_place(|| run(victim.app.patron(["verify"])));
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

pub(super) fn seed() -> u64 {
    let given = env::var("PATRON_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    eprintln!("PATRON_TEST_SEED={seed}");
    seed
}

impl Victim {
    fn start(name: &str) -> Self {
        block_in_place(|| {
            let engines = OwnEngines::start(&test_dir(name));
            let mut app = App::on(&engines);
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
