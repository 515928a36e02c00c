//! API and workers of the measured build.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api_process::ApiProcess;
use crate::http::HttpConnection;
use crate::process::{CpuTimes, Process, cpu_times, cpu_times_between};
use engines::Engines;

/// Interval at which the views' lag is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Maximum time for the views to catch up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(1_800);

/// Running processes of one build.
pub(super) struct RunningBuild<'e> {
    pub(super) engines: &'e Engines,
    pub(super) api: ApiProcess,
    pub(super) workers: Vec<Process>,
    program: PathBuf,
    control: HttpConnection,
}

/// Progress of a view, from `GET /api/admin/projections`.
#[derive(Deserialize)]
pub(super) struct ViewProgress {
    pub(super) name: String,
    pub(super) generation: i32,
    pub(super) lag: u64,
    pub(super) partitions: Vec<PartitionProgress>,
}

/// Progress of a view in one partition.
#[derive(Deserialize)]
pub(super) struct PartitionProgress {
    pub(super) partition: u16,
    pub(super) number: u64,
}

impl<'e> RunningBuild<'e> {
    /// Starts the API and one worker.
    pub(super) async fn start(program: PathBuf, engines: &'e Engines) -> anyhow::Result<Self> {
        let api = ApiProcess::start_program(&program, engines).await?;
        let control = HttpConnection::open(&api.address).await?;
        let mut running = Self {
            engines,
            api,
            workers: Vec::new(),
            program,
            control,
        };
        running.add_worker().await?;
        Ok(running)
    }

    pub(super) async fn add_worker(&mut self) -> anyhow::Result<()> {
        let worker = Process::start_program(&self.program, self.engines, &["work"], &[]);
        self.workers.push(worker.await?);
        Ok(())
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        for worker in self.workers {
            worker.stop().await?;
        }
        self.api.process.stop().await
    }

    /// Sends a GET request to the API, and returns the body; `None` for 404.
    pub(super) async fn read(&mut self, path: &str) -> anyhow::Result<Option<Value>> {
        // The server closes idle connections.
        if self.control.is_closed() {
            self.control = HttpConnection::open(&self.api.address).await?;
        }
        self.control.read(path).await
    }

    /// Creates a key that may ingest data. Returns its secret.
    pub(super) async fn create_key(&mut self, name: &str) -> anyhow::Result<String> {
        let mut connection = HttpConnection::open(&self.api.address).await?;
        let key = json!({"name": name, "role": "ingest"});
        let created = connection.create("/api/keys", &key).await?;
        let secret = created["secret"].as_str().context("a key has a secret")?;
        Ok(secret.to_owned())
    }

    pub(super) async fn views(&mut self) -> anyhow::Result<Vec<ViewProgress>> {
        let answer = self.read("/api/admin/projections").await?;
        let mut answer = answer.context("the API does not list its views")?;
        Ok(serde_json::from_value(answer["items"].take())?)
    }

    /// Returns the largest lag of all views, in events.
    pub(super) async fn lag(&mut self) -> anyhow::Result<u64> {
        let views = self.views().await?;
        Ok(views.iter().map(|view| view.lag).max().unwrap_or_default())
    }

    /// Waits until every view has folded the whole log.
    pub(super) async fn wait_until_caught_up(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + CATCH_UP_LIMIT;
        while self.lag().await? > 0 {
            anyhow::ensure!(
                Instant::now() < deadline,
                "the views did not catch up in time"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Returns the processor time of each process since its start.
    pub(super) fn cpu_times(&self) -> anyhow::Result<CpuTimes> {
        let name = |n: usize| match n {
            0 => "worker".to_owned(),
            n => format!("worker {}", n + 1),
        };
        let workers = self.workers.iter().enumerate();
        let mut pids = vec![("API".to_owned(), Some(self.api.process.pid))];
        pids.extend(workers.map(|(n, worker)| (name(n), Some(worker.pid))));
        pids.push(("redis-server".to_owned(), self.engines.redis_pid()));
        pids.push(("mongod".to_owned(), self.engines.mongod_pid()));
        cpu_times(pids)
    }

    /// Returns the processor time of each process since an earlier measurement.
    pub(super) fn cpu_times_since(&self, before: CpuTimes) -> anyhow::Result<CpuTimes> {
        Ok(cpu_times_between(before, self.cpu_times()?))
    }
}
