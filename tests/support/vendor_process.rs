//! The simulated vendor as a process, which a test can kill.
//!
//! Its program belongs to another package, and such tests do not build it: the tests' own program
//! is run instead, as a vendor.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vendor::VendorConfig;

use super::app::VENDOR_SECRET;
use super::process::Process;
use super::vendor::{Sent, sent};

/// The test that is the program.
const PROGRAM: &str = "support::vendor_process::is_the_vendor_of_another_test";

/// Says in its environment where the vendor listens.
const LISTEN: &str = "PATRON_VENDOR_LISTEN";

/// Everything is said in the environment, as `patron-vendor` has it.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    config: VendorConfig,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a program for tests that kill the vendor"]
async fn is_the_vendor_of_another_test() {
    let Ok(address) = env::var(LISTEN) else {
        return;
    };
    let listener = TcpListener::bind(address).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let config = Arguments::parse_from(["vendor"]).config;
    let serving = vendor::serve(listener, config, CancellationToken::new());
    serving.await.unwrap();
}

/// A vendor that keeps what it has taken when it is killed, as its ledger is on disk.
pub(crate) struct VendorProcess {
    pub(crate) url: String,
    process: Process,
    dir: PathBuf,
    settings: Vec<(&'static str, &'static str)>,
}

impl VendorProcess {
    /// With its ledger in `dir`, and with these of its settings, by their environment variables.
    pub(crate) fn start(dir: PathBuf, settings: &[(&'static str, &'static str)]) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0)).to_string();
        let process = Process::start(command(&any, &dir, settings));
        let line = process.line_with("listening on ");
        let (_, url) = line.split_once("listening on ").unwrap();
        Self {
            url: url.to_owned(),
            process,
            dir,
            settings: settings.to_vec(),
        }
    }

    /// SIGKILL; returns once it is there again, at the same address.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill();
        let address = self.url.trim_start_matches("http://");
        self.process = Process::start(command(address, &self.dir, &self.settings));
        self.process.line_with("listening on ");
    }

    /// All that it has taken, by the messages' ids.
    pub(crate) async fn sent(&self) -> BTreeMap<String, Sent> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        sent(&http, &self.url).await
    }
}

fn command(address: &str, dir: &PathBuf, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([PROGRAM, "--exact", "--ignored", "--nocapture"])
        .env(LISTEN, address)
        .env("PATRON_VENDOR_DATA_DIR", dir)
        .env("PATRON_VENDOR_SECRET", VENDOR_SECRET)
        .envs(settings.iter().copied());
    command
}
