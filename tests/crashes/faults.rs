//! Fault injection: a deployment whose processes can be killed, stopped or failed over.

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
use crate::support::client::try_send;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::mongo_server::ReplicaSet;
use crate::support::vendor_process::VendorProcess;

/// Number of worker processes.
const WORKERS: usize = 3;

/// Time within which reads must work again: more than any recovery takes on a busy machine, where a
/// worker gives up on a step after 90 s.
const PATIENCE: Duration = Duration::from_secs(200);

/// Fault to inject. A killed process is started again at once; a stopped one continues after the
/// given time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    KillApi,
    KillWorker,
    KillVendor,
    KillRedis,
    /// Kills the `mongod`, or all members of the replica set.
    KillMongodb,
    KillPrimary,
    KillEverything,
    StopWorker(Duration),
    StopRedis(Duration),
    /// Stops the `mongod`, or the primary of the replica set.
    StopMongodb(Duration),
    StepDown,
}

/// Deployment into which faults are injected.
pub(super) struct FaultyDeployment {
    pub(super) app: App,
    pub(super) vendor: VendorProcess,
    engines: OwnEngines,
    /// Replica set that takes the place of the `mongod` of `engines`.
    replica_set: Option<ReplicaSet>,
}

impl Fault {
    /// Draws `count` faults. All kinds take turns, each time in random order; on a replica set
    /// every turn begins with a failover.
    pub(super) fn draw(count: usize, on_set: bool, random: &mut StdRng) -> Vec<Self> {
        let mut faults = Vec::new();
        while faults.len() < count {
            // A worker counts as dead after 6 s, so only some stops make others take its
            // partitions.
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
                faults.extend(failovers.choose(random));
                all.extend([Self::KillPrimary, Self::StepDown]);
            }
            all.shuffle(random);
            faults.extend(all);
        }
        faults.truncate(count);
        faults
    }
}

impl FaultyDeployment {
    /// Starts API, workers and vendor on a Redis of their own, with a replica set or a single
    /// `mongod`.
    pub(super) async fn start(name: &str, on_set: bool) -> Self {
        let dir = test_dir(name);
        let replica_set = if on_set {
            Some(ReplicaSet::start(&format!("{name}/set")).await)
        } else {
            None
        };
        block_in_place(|| {
            let engines = match replica_set {
                Some(_) => OwnEngines::start_redis_only(&dir),
                None => OwnEngines::start(&dir),
            };
            let uri = replica_set.as_ref().map(ReplicaSet::uri);
            let uri = uri.unwrap_or_else(|| engines.mongodb_uri());
            let vendor = VendorProcess::start(dir.join("vendor"), &VENDOR);
            let mut app = App::with_settings(Settings::fresh(&engines.redis_url(), &uri));
            app.vendor = Some(vendor.url.clone());
            for _ in 0..WORKERS {
                app.add_worker();
            }
            Self {
                app,
                vendor,
                engines,
                replica_set,
            }
        })
    }

    /// Injects a fault, and returns once the process is started again or continues.
    pub(super) async fn inject(&mut self, fault: Fault) {
        match fault {
            Fault::KillApi => block_in_place(|| {
                self.app.api.kill();
                self.app.restart_api();
            }),
            Fault::KillWorker => block_in_place(|| {
                self.app.workers.remove(0).kill();
                self.app.add_worker();
            }),
            Fault::KillVendor => block_in_place(|| self.vendor.kill_and_restart()),
            Fault::KillRedis => block_in_place(|| {
                self.engines.kill_redis();
                self.engines.restart();
            }),
            Fault::KillMongodb => self.kill_mongodb().await,
            Fault::KillPrimary => self.replica_set().kill_primary().await,
            Fault::KillEverything => self.kill_everything().await,
            Fault::StopWorker(time) => {
                let worker = self.app.workers.remove(0);
                worker.signal(Signal::STOP);
                sleep(time).await;
                worker.signal(Signal::CONT);
                self.app.workers.push(worker);
            }
            Fault::StopRedis(time) => {
                self.engines.signal_redis(Signal::STOP);
                sleep(time).await;
                self.engines.signal_redis(Signal::CONT);
            }
            Fault::StopMongodb(time) => match &self.replica_set {
                Some(set) => set.suspend_primary(time).await,
                None => {
                    self.engines.signal_mongod(Signal::STOP);
                    sleep(time).await;
                    self.engines.signal_mongod(Signal::CONT);
                }
            },
            Fault::StepDown => self.replica_set().step_down().await,
        }
    }

    /// Waits until the replica set, if there is one, can survive the next failover.
    pub(super) async fn recover_replica_set(&mut self) {
        if let Some(set) = &mut self.replica_set {
            set.recover().await;
        }
    }

    /// Waits until these customers can be read. Panics with the status of views and workers if one
    /// of them cannot be read within [`PATIENCE`].
    pub(super) async fn until_readable(&self, customers: &[String]) {
        let deadline = Instant::now() + PATIENCE;
        for customer in customers {
            while self
                .read(&format!("/api/customers/{customer}"))
                .await
                .is_none()
            {
                assert!(
                    Instant::now() < deadline,
                    "{customer} cannot be read: {:?} {:?} {:?}",
                    self.read("/readyz").await,
                    self.read("/api/admin/workers").await,
                    self.read("/api/admin/projections").await,
                );
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Returns the body of a 200 response; `None` for any other outcome.
    async fn read(&self, path: &str) -> Option<String> {
        let request = self.app.client.request(Method::GET, path);
        let answer = try_send(request).await.ok()?;
        (answer.status == 200).then_some(answer.text)
    }

    async fn kill_mongodb(&mut self) {
        match &mut self.replica_set {
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

    fn replica_set(&mut self) -> &mut ReplicaSet {
        self.replica_set
            .as_mut()
            .expect("the fault needs a replica set")
    }
}
