//! Which units this process does: a fair share, by leases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{Leases, LogError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::unit::{Shared, Unit};

/// A process's share of the units.
pub(crate) struct Share {
    leases: Leases,
    shared: Arc<Shared>,
    units: BTreeMap<String, Unit>,
    running: BTreeMap<String, Running>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Share {
    pub(crate) fn new(leases: Leases, shared: Arc<Shared>, units: Vec<Unit>) -> Self {
        Self {
            leases,
            shared,
            units: units.into_iter().map(|unit| (unit.name(), unit)).collect(),
            running: BTreeMap::new(),
        }
    }

    /// Adjusts the share every `interval` until told to stop, then gives
    /// everything back.
    pub(crate) async fn run(mut self, interval: Duration, stop: &CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.adjust().await {
                tracing::warn!(%error, "leases cannot be renewed, working on");
            }
        }
        self.give_all_back().await;
    }

    async fn adjust(&mut self) -> Result<(), LogError> {
        let alive = self.leases.heartbeat().await?.max(1);
        let fair = self.units.len().div_ceil(alive);
        self.renew().await?;
        self.give_back_beyond(fair).await?;
        self.take_up_to(fair).await
    }

    /// Renews what is held; stops what another process has taken.
    async fn renew(&mut self) -> Result<(), LogError> {
        let mut lost = Vec::new();
        for (name, running) in &self.running {
            if running.task.is_finished() || !self.leases.hold(name).await? {
                lost.push(name.clone());
            }
        }
        for name in lost {
            self.stop(&name).await;
        }
        Ok(())
    }

    async fn give_back_beyond(&mut self, fair: usize) -> Result<(), LogError> {
        while self.running.len() > fair {
            let Some(name) = self.running.keys().next_back().cloned() else {
                break;
            };
            self.stop(&name).await;
            self.leases.release(&name).await?;
        }
        Ok(())
    }

    async fn take_up_to(&mut self, fair: usize) -> Result<(), LogError> {
        let idle: Vec<(String, Unit)> = self
            .units
            .iter()
            .filter(|(name, _)| !self.running.contains_key(*name))
            .map(|(name, unit)| (name.clone(), *unit))
            .collect();
        for (name, unit) in idle {
            if self.running.len() >= fair {
                break;
            }
            if self.leases.hold(&name).await? {
                self.start(name, unit);
            }
        }
        Ok(())
    }

    fn start(&mut self, name: String, unit: Unit) {
        tracing::debug!(unit = name, "taking up");
        let stop = CancellationToken::new();
        let task = tokio::spawn(unit.run(self.shared.clone(), stop.clone()));
        self.running.insert(name, Running { stop, task });
    }

    async fn stop(&mut self, name: &str) {
        if let Some(running) = self.running.remove(name) {
            tracing::debug!(unit = name, "laying down");
            running.finish(name).await;
        }
    }

    async fn give_all_back(mut self) {
        for running in self.running.values() {
            running.stop.cancel();
        }
        for (name, running) in std::mem::take(&mut self.running) {
            running.finish(&name).await;
            self.tell(self.leases.release(&name).await);
        }
        self.tell(self.leases.leave().await);
    }

    fn tell(&self, given_back: Result<(), LogError>) {
        if let Err(error) = given_back {
            tracing::warn!(%error, "a lease could not be given back; it will lapse");
        }
    }
}

impl Running {
    async fn finish(self, name: &str) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(unit = name, %error, "a unit of work broke down");
        }
    }
}
