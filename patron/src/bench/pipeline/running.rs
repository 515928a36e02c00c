//! The API and its workers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::api_process::ApiProcess;
use super::super::http::Connection;
use super::super::process::{Process, computed};
use crate::engines::Engines;

/// How often it is looked how far the views are.
const LOOK: Duration = Duration::from_millis(50);

/// How long views may take to fold everything.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Processes of one build.
pub(super) struct Running<'e> {
    pub(super) engines: &'e Engines,
    pub(super) api: ApiProcess,
    pub(super) workers: Vec<Process>,
    program: PathBuf,
    control: Connection,
}

/// How far a view is, as `GET /api/admin/projections` tells.
#[derive(Deserialize)]
pub(super) struct View {
    pub(super) name: String,
    pub(super) generation: i32,
    pub(super) lag: u64,
    pub(super) partitions: Vec<Partition>,
}

/// How far a partition of it is.
#[derive(Deserialize)]
pub(super) struct Partition {
    pub(super) partition: u16,
    pub(super) number: u64,
}

/// How long each process has computed.
pub(super) type Computed = Vec<(String, Duration)>;

impl<'e> Running<'e> {
    /// Starts the API and one worker.
    pub(super) async fn start(program: PathBuf, engines: &'e Engines) -> anyhow::Result<Self> {
        let api = ApiProcess::start_program(&program, engines).await?;
        let control = Connection::open(&api.address).await?;
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

    /// What the API answers; none if it has nothing of that path.
    pub(super) async fn read(&mut self, path: &str) -> anyhow::Result<Option<Value>> {
        // The server ends connections that stand idle.
        if self.control.is_closed() {
            self.control = Connection::open(&self.api.address).await?;
        }
        self.control.read(path).await
    }

    /// Makes a key that may send data; its secret.
    pub(super) async fn new_key(&mut self, name: &str) -> anyhow::Result<String> {
        let mut connection = Connection::open(&self.api.address).await?;
        let key = json!({"name": name, "role": "ingest"});
        let created = connection.create("/api/keys", &key).await?;
        let secret = created["secret"].as_str().context("a key has a secret")?;
        Ok(secret.to_owned())
    }

    pub(super) async fn views(&mut self) -> anyhow::Result<Vec<View>> {
        let answer = self.read("/api/admin/projections").await?;
        let mut answer = answer.context("the API does not list its views")?;
        Ok(serde_json::from_value(answer["items"].take())?)
    }

    /// How many events the view that is furthest behind has not folded.
    pub(super) async fn lag(&mut self) -> anyhow::Result<u64> {
        let views = self.views().await?;
        Ok(views.iter().map(|view| view.lag).max().unwrap_or_default())
    }

    /// Waits until every view has folded all there is.
    pub(super) async fn caught_up(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.lag().await? > 0 {
            anyhow::ensure!(Instant::now() < deadline, "the views never catch up");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// How long each process has computed until now.
    pub(super) fn computed(&self) -> anyhow::Result<Computed> {
        let name = |n: usize| match n {
            0 => "worker".to_owned(),
            n => format!("worker {}", n + 1),
        };
        let workers = self.workers.iter().enumerate();
        let mut pids = vec![("API".to_owned(), Some(self.api.process.pid))];
        pids.extend(workers.map(|(n, worker)| (name(n), Some(worker.pid))));
        pids.push(("redis-server".to_owned(), self.engines.redis_pid()));
        pids.push(("mongod".to_owned(), self.engines.mongod_pid()));
        let started = pids
            .into_iter()
            .filter_map(|(name, pid)| Some((name, pid?)));
        started
            .map(|(name, pid)| Ok((name, computed(pid)?)))
            .collect()
    }

    /// How long each process has computed since then.
    pub(super) fn computed_since(&self, before: &Computed) -> anyhow::Result<Computed> {
        let both = before.iter().zip(self.computed()?);
        let since = both.map(|((_, before), (name, after))| (name, after.saturating_sub(*before)));
        Ok(since.collect())
    }
}
