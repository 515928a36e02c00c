//! Processes that take part in a campaign.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use eventlog::Positions;
use projections::VIEWS;
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::api_process::{ApiProcess, KEY, VENDOR_SECRET};
use crate::deployment::BenchDeployment;
use crate::process::{CpuTimes, Process, cpu_times};
use engines::Engines;

/// Maximum time for the views to catch up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(1_200);

/// Running API and vendor. Workers are started per campaign.
pub(super) struct TestBed<'e> {
    pub(super) engines: &'e Engines,
    pub(super) deployment: BenchDeployment,
    pub(super) api: ApiProcess,
    pub(super) vendor: Process,
    pub(super) vendor_url: String,
    pub(super) http: reqwest::Client,
}

impl<'e> TestBed<'e> {
    /// Starts the API and the vendor. The vendor has the settings of `patron up`: it accepts every
    /// message at once, and posts its receipt 0.2 to 2 s later.
    pub(super) async fn start(engines: &'e Engines, vendor_dir: &Path) -> anyhow::Result<Self> {
        let deployment = BenchDeployment::open(engines).await?;
        let dir = vendor_dir.to_str().context("the directory is not UTF-8")?;
        let env = [
            ("PATRON_VENDOR_DATA_DIR", dir),
            ("PATRON_VENDOR_SECRET", VENDOR_SECRET),
        ];
        let args = ["vendor", "--listen", "127.0.0.1:0"];
        let vendor = Process::start(engines, &args, &env).await?;
        let vendor_url = vendor
            .line
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            engines,
            deployment,
            api: ApiProcess::start(engines).await?,
            vendor,
            vendor_url,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Starts a process with all workers.
    pub(super) async fn start_worker(&self) -> anyhow::Result<Process> {
        let callback = format!("http://{}", self.api.address);
        let env = [
            ("PATRON_VENDOR_URL", &*self.vendor_url),
            ("PATRON_CALLBACK_URL", &*callback),
        ];
        Process::start(self.engines, &["work"], &env).await
    }

    /// Waits until the views have folded the whole log.
    pub(super) async fn wait_until_caught_up(&self) -> anyhow::Result<()> {
        let BenchDeployment { log, store, .. } = &self.deployment;
        let ends: Positions = log.ends().await?.into_iter().collect();
        for view in VIEWS {
            store.wait_for(view.name(), &ends, CATCH_UP_LIMIT).await?;
        }
        Ok(())
    }

    /// Returns the processor time of each process since its start.
    pub(super) fn cpu_times(&self, worker: &Process) -> anyhow::Result<CpuTimes> {
        cpu_times([
            ("workers", Some(worker.pid)),
            ("API", Some(self.api.process.pid)),
            ("vendor", Some(self.vendor.pid)),
            ("redis-server", self.engines.redis_pid()),
            ("mongod", self.engines.mongod_pid()),
        ])
    }

    /// Sends a GET request to the API, and returns the response.
    pub(super) async fn read(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("http://{}{path}", self.api.address);
        self.send(self.http.get(url)).await
    }

    /// Sends a POST request to the API, and returns the response.
    pub(super) async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("http://{}{path}", self.api.address);
        self.send(self.http.post(url).json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = request.bearer_auth(KEY).send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "{status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Reads all pages of a list of the API or the vendor.
    pub(super) async fn list(&self, url: &str) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.http.get(format!("{url}?limit=500{cursor}"));
            let mut page = self.send(page).await?;
            items.append(page["items"].as_array_mut().context("no list")?);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }
}
