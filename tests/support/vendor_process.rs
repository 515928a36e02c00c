//! The simulated vendor as a process that a test can kill.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::app::VENDOR_SECRET;
use super::process::{Process, patron};
use super::vendor::{SentMessage, sent};

/// A vendor whose ledger is on disk, so that it keeps accepted messages when it is killed.
pub(crate) struct VendorProcess {
    pub(crate) url: String,
    process: Process,
    dir: PathBuf,
    settings: Vec<(&'static str, &'static str)>,
}

impl VendorProcess {
    /// Starts a vendor with its ledger in `dir`, and with settings as environment variables.
    pub(crate) fn start(dir: PathBuf, settings: &[(&'static str, &'static str)]) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0)).to_string();
        let process = Process::start(command(&any, &dir, settings));
        let line = process.wait_for_line("listening on ");
        let (_, url) = line.split_once("listening on ").unwrap();
        Self {
            url: url.to_owned(),
            process,
            dir,
            settings: settings.to_vec(),
        }
    }

    /// Kills the vendor with SIGKILL and restarts it at the same address; returns once it listens.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill();
        let address = self.url.trim_start_matches("http://");
        self.process = Process::start(command(address, &self.dir, &self.settings));
        self.process.wait_for_line("listening on ");
    }

    /// Returns whether the API has acknowledged every receipt.
    pub(crate) async fn has_posted_all_receipts(&self) -> bool {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let stats = http.get(format!("{}/vendor/stats", self.url));
        let stats: Value = stats.send().await.unwrap().json().await.unwrap();
        stats["ledger"]["receipts_pending"] == 0
    }

    /// Returns all messages that the vendor accepted, by message id.
    pub(crate) async fn sent(&self) -> BTreeMap<String, SentMessage> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        sent(&http, &self.url).await
    }
}

fn command(address: &str, dir: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = patron(["vendor", "--listen", address]);
    command
        .env("PATRON_VENDOR_DATA_DIR", dir)
        .env("PATRON_VENDOR_SECRET", VENDOR_SECRET)
        .envs(settings.iter().copied());
    command
}
