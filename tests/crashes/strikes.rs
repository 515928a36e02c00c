//! A deployment of which anything can be killed or stopped, and what is done to it.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use reqwest::Method;
use rustix::process::Signal;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::campaigns::VENDOR;
use crate::support::app::{App, Settings};
use crate::support::client::try_answer;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::mongo_server::ReplicaSet;
use crate::support::vendor_process::VendorProcess;

/// Workers at once.
const WORKERS: usize = 3;

/// Beyond what any recovery takes on a busy machine; a worker gives up on a step after 90 s.
const PATIENCE: Duration = Duration::from_secs(200);

/// What is done to a deployment. What is killed is started again at once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Strike {
    KillApi,
    KillWorker,
    KillVendor,
    KillRedis,
    /// All members of a replica set.
    KillMongodb,
    KillPrimary,
    KillEverything,
    StopWorker(Duration),
    StopRedis(Duration),
    /// The primary of a replica set.
    StopMongodb(Duration),
    StepDown,
}

/// The deployment.
pub(super) struct Struck {
    pub(super) app: App,
    pub(super) vendor: VendorProcess,
    engines: OwnEngines,
    /// In the place of the one `mongod` of `engines`.
    set: Option<ReplicaSet>,
}

impl Strike {
    /// So many strikes in random order: on a replica set a failover first, then everything that
    /// can be done, again and again.
    pub(super) fn draw(count: usize, on_set: bool, random: &mut StdRng) -> Vec<Self> {
        let mut strikes = Vec::new();
        while strikes.len() < count {
            // A worker counts as dead after 6 s.
            let mut stop = |longest: u64| Duration::from_millis(random.random_range(500..longest));
            let mut all = vec![
                Self::KillApi,
                Self::KillWorker,
                Self::KillVendor,
                Self::KillRedis,
                Self::KillMongodb,
                Self::KillEverything,
                Self::StopWorker(stop(9_000)),
                Self::StopRedis(stop(6_000)),
                Self::StopMongodb(stop(6_000)),
            ];
            if on_set {
                let failovers = [
                    Self::KillPrimary,
                    Self::StepDown,
                    Self::StopMongodb(stop(6_000)),
                ];
                strikes.extend(failovers.choose(random));
                all.extend([Self::KillPrimary, Self::StepDown]);
            }
            all.shuffle(random);
            strikes.extend(all);
        }
        strikes.truncate(count);
        strikes
    }
}

impl Struck {
    /// API, workers and vendor on a Redis of its own, with a replica set or a `mongod` alone.
    pub(super) async fn start(name: &str, on_set: bool) -> Self {
        let dir = test_dir(name);
        let set = if on_set {
            Some(ReplicaSet::start(&format!("{name}/set")).await)
        } else {
            None
        };
        block_in_place(|| {
            let engines = match set {
                Some(_) => OwnEngines::redis_alone(&dir),
                None => OwnEngines::start(&dir),
            };
            let uri = set.as_ref().map(ReplicaSet::uri);
            let uri = uri.unwrap_or_else(|| engines.mongodb_uri());
            let vendor = VendorProcess::start(dir.join("vendor"), &VENDOR);
            let mut app = App::with(Settings::fresh(&engines.redis_url(), &uri));
            app.vendor = Some(vendor.url.clone());
            for _ in 0..WORKERS {
                app.add_worker();
            }
            Self {
                app,
                vendor,
                engines,
                set,
            }
        })
    }

    pub(super) async fn strike(&mut self, strike: Strike) {
        match strike {
            Strike::KillApi => block_in_place(|| {
                self.app.api.kill();
                self.app.restart_api();
            }),
            Strike::KillWorker => block_in_place(|| {
                self.app.workers.remove(0).kill();
                self.app.add_worker();
            }),
            Strike::KillVendor => block_in_place(|| self.vendor.kill_and_restart()),
            Strike::KillRedis => block_in_place(|| {
                self.engines.kill_redis();
                self.engines.restart();
            }),
            Strike::KillMongodb => self.kill_mongodb().await,
            Strike::KillPrimary => self.set().kill_primary().await,
            Strike::KillEverything => self.kill_everything().await,
            Strike::StopWorker(time) => {
                let worker = self.app.workers.remove(0);
                worker.signal(Signal::STOP);
                sleep(time).await;
                worker.signal(Signal::CONT);
                self.app.workers.push(worker);
            }
            Strike::StopRedis(time) => {
                self.engines.signal_redis(Signal::STOP);
                sleep(time).await;
                self.engines.signal_redis(Signal::CONT);
            }
            Strike::StopMongodb(time) => match &self.set {
                Some(set) => set.stop_primary(time).await,
                None => {
                    self.engines.signal_mongod(Signal::STOP);
                    sleep(time).await;
                    self.engines.signal_mongod(Signal::CONT);
                }
            },
            Strike::StepDown => self.set().step_down().await,
        }
    }

    /// Waits until the replica set, if there is one, can bear the next failover.
    pub(super) async fn becomes_whole(&mut self) {
        if let Some(set) = &mut self.set {
            set.becomes_whole().await;
        }
    }

    /// Waits until these customers can be read; fails the test, saying how views and workers are, if
    /// one never can.
    pub(super) async fn until_read(&self, customers: &[String]) {
        let deadline = Instant::now() + PATIENCE;
        for customer in customers {
            while self
                .answer(&format!("/api/customers/{customer}"))
                .await
                .is_none()
            {
                assert!(
                    Instant::now() < deadline,
                    "{customer} is never read: {:?} {:?} {:?}",
                    self.answer("/readyz").await,
                    self.answer("/api/admin/workers").await,
                    self.answer("/api/admin/projections").await,
                );
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// What is there, if it can be read.
    async fn answer(&self, path: &str) -> Option<String> {
        let request = self.app.client.request(Method::GET, path);
        let answer = try_answer(request).await.ok()?;
        (answer.status == 200).then_some(answer.text)
    }

    async fn kill_mongodb(&mut self) {
        match &mut self.set {
            Some(set) => set.kill_all().await,
            None => block_in_place(|| {
                self.engines.kill_mongod();
                self.engines.restart();
            }),
        }
    }

    async fn kill_everything(&mut self) {
        block_in_place(|| {
            self.engines.kill_redis();
            self.app.api.kill();
            self.app
                .workers
                .drain(..)
                .for_each(|mut worker| worker.kill());
        });
        self.kill_mongodb().await;
        block_in_place(|| {
            self.engines.restart();
            self.vendor.kill_and_restart();
            self.app.restart_api();
            for _ in 0..WORKERS {
                self.app.add_worker();
            }
        });
    }

    fn set(&mut self) -> &mut ReplicaSet {
        self.set.as_mut().expect("a strike on a replica set")
    }
}
